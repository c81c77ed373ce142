//! With which words a failure says that it comes from the world outside, or from the clock: of no change here.

use super::says;

/// With which words a line says that the world outside is the cause: no change here is, unless it brought in what is named.
#[rustfmt::skip]
const OUTSIDE: &[&str] = &[
    "spot instance", "spot node", "spot vm", "preempted", "preemption", "reclaimed by", "maintenance window",
    "under maintenance", "scheduled maintenance", "planned maintenance", "mirror sync", "hash sum mismatch",
    "file has unexpected size", "toomanyrequests", "too many requests", "too_many_requests", "rate limit", "rate limited",
    "ratelimit", "rate exceeded", "throttled", "throttling", "quota exceeded", "exceeded quota", "limit exhausted",
    "is exhausted", "monthly limit", "daily limit", "billing account", "payment required", "subscription is disabled",
    "license has expired", "licence has expired", "license expired", "evaluation period", "a license is now required", "trial period", "temporary failure in name resolution", "eai_again",
    "servfail", "server misbehaving", "no servers could be reached", "read udp", "dns server failure", "insufficient capacity",
    "do not have sufficient", "does not have sufficient", "not enough capacity", "capacity is not available",
    "insufficientinstancecapacity", "out of capacity",
    "an outage", "degraded performance", "temporarily unavailable", "temporarily overloaded", "is overloaded",
    "is not currently available", "currently unavailable", "retry the connection later", "try again later",
    "please retry later",
    // A service in a state that somebody else must end.
    "is sealed", "is in recovery mode", "in read-only mode", "failover in progress", "database system is starting up",
    "encountered an internal error", "internalfailure", "internalservererror", "serviceunavailable",
    "flood-stage", "flood stage", "disk watermark", "read-only-allow-delete", "no space left on device",
    "not enough space on the disk", "insufficient disk space", "could not extend", "filegroup is full",
    "transaction log for database", "another operation is in progress", "another operation (install/upgrade/rollback)",
    "unable to extend", "disk quota exceeded", "enospc", "misconf redis", "redis is loading the dataset", "clusterdown",
    "notwritableprimary", "not enough in-sync replicas", "no leader", "election in progress", "maintenance mode",
    "read-only file system", "input/output error", "diskpressure", "memorypressure", "nodenotready", "was evicted",
    "lost communication with", "received a shutdown signal", "went offline",
    // More was asked for than somebody sells or gives away.
    "resource_exhausted", "requestlimitexceeded", "throttlingexception", "slowdown", "http 429", "error: 429", "status 429",
    "code 429", "limit exceeded",
    "too many certificates already issued", "zonalallocationfailed", "allocationfailed", "skunotavailable",
    "overconstrainedallocationrequest", "no available capacity", "exceeding approved", "greylisted", "trial has ended",
    "expkeysig", "release file is not valid yet",
    // A lock that somebody else holds.
    "another deployment is in progress", "operationinprogress", "operation in progress", "concurrentmodification",
    "being modified by another", "update_in_progress", "already locked", "is currently locked", "database is locked",
    "resource is locked", "pending-upgrade",
    "due to lock timeout", "lock wait timeout", "lock request time out", "locknotavailable", "could not obtain lock on",
    "resource busy and acquire with nowait", "ora-00054", "ora-00060", "sqlcode=-911", "sqlcode=-913", "sqlcode = -911",
    "sqlcode = -913", "is in use by another user", "data set is in use", "waiting for exclusive lock",
    "deadlock victim", "deadlock found", "deadlock detected", "could not serialize access",
    "could not get lock", "unable to acquire the dpkg", "error acquiring the state lock", "error locking state",
    "is held by process", "held by another", "lock is already held", "waiting for changelog lock",
    // A way that broke while it was in use.
    "connection reset", "forcibly closed", "network name is no longer available", "unexpected network error",
    "broken pipe", "early eof", "unexpected disconnect", "rpc failed", "semaphore timeout period",
    "connection was aborted", "connection aborted", "lost connection to", "server closed the connection",
    "connection was closed unexpectedly", "transport-level error",
];

/// What stands for none of these though it holds their words: a program's own patience.
const NOT_OUTSIDE: &[&str] =
    &["retry limit exceeded", "retries limit exceeded", "time limit exceeded", "recursion limit exceeded"];

/// Hosts that serve the whole world. What they answer comes of no change here,
#[rustfmt::skip]
const PUBLIC: &[&str] = &[
    "github.com", "githubusercontent.com", "gitlab.com", "bitbucket.org", "ghcr.io", "docker.io", "docker.com",
    "quay.io", "gcr.io", "mcr.microsoft.com", "nuget.org", "npmjs.org", "pypi.org", "pythonhosted.org", "maven.org",
    "maven.apache.org", "rubygems.org", "crates.io", "golang.org", "hashicorp.com", "terraform.io", "debian.org",
    "ubuntu.com", "letsencrypt.org", "sigstore.dev", "slack.com", "pagerduty.com", "datadoghq.com", "sentry.io",
    "snyk.io", "sonarcloud.io", "codecov.io",
];
/// where they answer that they are in trouble themselves.
#[rustfmt::skip]
const IN_TROUBLE: &[&str] = &[
    "500", "502", "503", "504", "bad gateway", "service unavailable", "gateway timeout", "gateway time-out",
    "internal server error",
];
/// Words of whoever fetches what others made: the trouble of that place is none of ours either.
#[rustfmt::skip]
const FETCHING: &[&str] = &[
    "could not get resource", "could not resolve all", "could not transfer artifact", "remote source", "source index",
    "package source", "load the service index", "findpackagesbyidasync", "failed to retrieve information", "index.json",
    "failed to download", "failed to fetch", "error fetching", "error downloading", "unable to download", "registry",
    "repodata", "failed to pull", "manifest unknown", "simple index", "fetch-metadata", "npm error", "npm err!", "pip",
    "maven2", "rubygems", "bundler", "proxy.golang", "artifactory", "nexus", "restore",
];

/// With which words a line says that something ended by the clock.
#[rustfmt::skip]
const EXPIRED: &[&str] = &[
    "has expired", "have expired", "is expired", "certificate expired", "cert_has_expired", "token expired", "expired on",
    "expired at", "expired token", "expiredtoken", "invalid_client", "secret expired", "keys expired", "nottimevalid",
    "err_cert_date_invalid", "validity period", "past its expiration", "lease expired", "token's ttl", "token has been revoked",
    "jwt expired",
    "signed expiry time", "not valid in the specified time frame", "aadsts7000222", "certificate is not valid: expired",
];

/// Signs in lines of what was just deployed itself: that it is in trouble may well come of a change;
#[rustfmt::skip]
const OURS: &[&str] = &["localhost", "127.0.0.1", "health", "healthz", "ready", "readiness", "probe", "upstream"];
/// and signs of it in what a step is called.
#[rustfmt::skip]
const LOOKS_AT_OURS: &[&str] = &[
    "health", "ready", "smoke", "check", "verify", "warm", "wait", "test", "tests", "deploy", "start", "restart", "switch",
    "promote", "roll",
];

/// Whether one of `lines`, in lower case, says that the world outside is the cause of what failed in `steps`.
pub(super) fn is_outside(lines: &[String], steps: &[String]) -> bool {
    let spared = |line: &String| NOT_OUTSIDE.iter().fold(line.clone(), |line, words| line.replace(words, ""));
    let lines: Vec<String> = lines.iter().map(spared).collect();
    let any = |words: &[&str]| words.iter().any(|word| lines.iter().any(|line| says(line, word)));
    let in_trouble = |line: &&String| IN_TROUBLE.iter().any(|word| says(line, word));
    let mut troubles = lines.iter().filter(in_trouble);
    // A bare 500 may be a number of anything.
    let is_down = IN_TROUBLE.iter().filter(|word| **word != "500").any(|word| any(&[word]));
    let looks_at_ours = || LOOKS_AT_OURS.iter().any(|word| steps.iter().any(|step| says(step, word)));
    let is_ours = || any(OURS) || looks_at_ours();
    any(OUTSIDE)
        || is_down && (any(FETCHING) || !is_ours())
        || troubles.any(|line| PUBLIC.iter().any(|host| line.contains(host)))
}

/// Whether one of `lines`, in lower case, says that something ended by the clock.
pub(super) fn is_expired(lines: &[String]) -> bool {
    EXPIRED.iter().any(|word| lines.iter().any(|line| says(line, word)))
}

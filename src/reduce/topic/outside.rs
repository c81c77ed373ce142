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
    "input/output error", "diskpressure", "memorypressure", "nodenotready", "was evicted",
    "lost communication with", "received a shutdown signal", "went offline",
    // More was asked for than somebody sells or gives away.
    "resource_exhausted", "requestlimitexceeded", "slowdown", "http 429", "error: 429", "status 429",
    "code 429", "limit exceeded",
    "too many certificates already issued", "zonalallocationfailed", "allocationfailed", "skunotavailable",
    "overconstrainedallocationrequest", "no available capacity", "exceeding approved", "greylisted", "trial has ended",
    "expkeysig", "release file is not valid yet",
    // A lock that somebody else holds.
    "another deployment is in progress", "operationinprogress", "operation in progress", "concurrentmodification",
    "being modified by another", "update_in_progress", "already locked", "is currently locked", "database is locked",
    "resource is locked", "pending-upgrade", "change log lock",
    "due to lock timeout", "lock wait timeout", "lock request time out", "locknotavailable", "could not obtain lock on",
    "resource busy and acquire with nowait", "ora-00054", "ora-00060", "sqlcode=-911", "sqlcode=-913", "sqlcode = -911",
    "sqlcode = -913", "is in use by another user", "data set is in use", "waiting for exclusive lock",
    "deadlock victim", "deadlock found", "deadlock detected", "could not serialize access",
    "could not get lock", "unable to acquire the dpkg", "error acquiring the state lock", "error locking state",
    "is held by process", "held by another", "lock is already held", "waiting for changelog lock",
    // Programs that somebody else may use.
    "license check", "no floating license",
    "no more licenses available", "all licenses are in use",
    // More locks.
    "backup or file manipulation", "current backup", "backup is in progress", "resource busy and acquire",
    "exclusive access could not be obtained", "database is in use", "currently locked by", "locked by another",
    "held by pid", "held by session", "another migration is in progress", "waiting for cache lock",
    "dpkg frontend lock", "lock-frontend", "unattended-upgr", "another installation is in progress",
    "another installation is already in progress", "exit code 1618", "state blob is already locked",
    "workspace already locked", "another user is editing", "configuration database locked",
    "there is currently a lease", "leaseidmissing", "leasealreadypresent", "another git process seems to be running",
    "rollback_in_progress state", "update_in_progress state", "create_in_progress state", "is being upgraded", "being updated",
    "operation is already in progress", "another operation", "is currently upgrading", "is currently operating",
    // Servers that are coming up, going down, or do not agree who leads.
    "ora-01033", "ora-01034", "ora-12528", "ora-03113", "database system is in recovery mode",
    "database system is shutting down", "server is shutting down",
    "terminating connection due to administrator command", "node is recovering", "primarysteppeddown",
    "leader_not_available", "no cluster leader", "no leader elected", "lost quorum", "no quorum",
    "master not discovered yet", "master_not_discovered", "not enough replicas available", "resource alarm",
    "cluster health is red", "vault is sealed", "vault is in standby mode", "database is offline",
    "in the middle of a restore", "code 40613", "etcdserver: request timed out", "etcdserver: leader changed",
    "the server is currently unable to handle the request",
    // Disks.
    "disk full", "disk is full", "filesystem full", "file system is full", "out of disk space",
    "not enough free space", "not enough disk space", "0x80070070", "ora-01653", "ora-01654", "ora-01652",
    "ora-19809", "ora-00257", "could not extend file", "could not allocate space for object",
    "could not allocate a new page", "log file is full", "insufficient storage", "write error: no space", "no inodes",
    "disk-pressure", "low on resource", "stale nfs file handle", "stale file handle",
    "transport endpoint is not connected", "disk i/o error", "buffer i/o error",
    // Too much at once, or too much this month.
    "pull rate limit", "secondary rate limit", "status code 429", "request rate is large",
    "provisionedthroughputexceeded", "throttling: rate exceeded", "too many new orders", "too many concurrent",
    "monthly quota", "daily quota", "overloaded_error", "server is overloaded", "undergoing maintenance",
    "down for maintenance", "we are experiencing", "major outage", "service outage", "partial outage",
    "incident in progress",
    // Nothing left to sell.
    "insufficientcapacity", "no spot capacity", "zone_resource_pool_exhausted",
    "does not have enough resources available", "stockout", "out of host capacity", "no capacity available",
    // An account that somebody closed.
    "account is disabled",
    "account has been disabled", "aadsts50053", "credentials have been revoked", "mfa is required",
    "multi-factor authentication is required", "conditional access",
    // Mail that is to come later.
    "greylisting", "451 4.7.1", "mailbox full", "552 5.2.2", "4.3.2 service not available",
    // The way there.
    "error 521", "error 522", "error 523", "err_network_changed", "err_internet_disconnected", "ssl_error_syscall",
    "remote: internal server error", "hung up unexpectedly", "tls handshake timeout", "conflict with recovery",
    // Who is asked says to come again.
    "try again in", "retry in a few", "retry again later", "ratelimited", "abuse detection", "server is busy", "serverbusy", "server busy",
    "service busy", "internal error encountered", "experiencing high", "high demand", "experiencing issues", "scheduled downtime",
    "planned downtime", "in maintenance", "known incident", "status page",
    // Nothing is left of what was bought, or a bill was not paid.
    "quota reached", "quotaexceeded", "quotaexhausted", "vcpulimitexceeded", "insufficientfreeaddressesinsubnet", "countlimitreached",
    "usage limit", "spending limit", "spend limit", "credit limit", "out of credits", "insufficient credits", "insufficient funds",
    "account suspended", "has been suspended", "is suspended", "locationnotavailableforresourcetype", "insufficient free addresses",
    // Somebody else is at it.
    "update is in progress", "anotheroperationinprogress", "anotheroperation", "currently in progress", "system shutdown is in progress",
    "reboot is pending", "pending reboot", "restart is pending", "another program is being installed", "locked by user", "checked out by",
    "exclusively locked", "locked for editing", "currently in use by", "in use by another", "being restored", "restore in progress",
    "backup in progress", "single-user mode", "index.lock",
    "leader not available", "not master", "kafka_storage_error", "coordinator_not_available", "node is not ready", "node not ready",
    "out of inodes", "medium error", "timestamp server", "timestamping server", "transient error", "transient failure", "q_full", "queue is full", "queue full", "mailbox is full", "all mirrors", "oom command not allowed", "waited for this lock", "exceeded lock_timeout",
    "no more mirrors", "overall status: invalid", "required agreement", "agreement is missing", "terms of service", "license agreement",
    "changed by someone else", "modified by another", "saved outside",
];

/// With which words it says that a way broke while it was in use: of no change, unless it leads to ourselves.
#[rustfmt::skip]
const BROKEN: &[&str] = &[
    "connection reset", "forcibly closed", "network name is no longer available", "unexpected network error",
    "broken pipe", "early eof", "unexpected disconnect", "rpc failed", "semaphore timeout period",
    "connection was aborted", "connection aborted", "lost connection to", "server closed the connection",
    "connection was closed unexpectedly", "transport-level error",
];
/// Signs that a line is of what runs here.
#[rustfmt::skip]
const HERE: &[&str] = &[
    "localhost", "127.0.0.1", "svc.cluster.local", "health", "healthz", "readiness", "probe", "upstream", "smoke", "pod/",
];

/// What stands for none of these though it holds their words: a program's own patience.
const NOT_OUTSIDE: &[&str] = &[
    "stdout: broken pipe",
    "write error: broken pipe",
    "retry limit exceeded",
    "retries limit exceeded",
    "time limit exceeded",
    "recursion limit exceeded",
    "java.util.concurrentmodification",
];

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
    "jwt expired", "is after 20", "certificateexpired", "validity check failed",
    "signed expiry time", "not valid in the specified time frame", "aadsts7000222", "certificate is not valid: expired",
];

const NOT_EXPIRED: &[&str] = &["has expired, or", "or has expired", "or expired", "expired or "];

/// Signs in lines of what was just deployed itself: that it is in trouble may well come of a change;
#[rustfmt::skip]
const OURS: &[&str] = &[
    "localhost", "127.0.0.1", "health", "healthz", "ready", "readiness", "probe", "upstream", "servlet.service", "nosuchmethoderror",
    "nullpointerexception", "nullreferenceexception", "typeerror", "svc.cluster.local", "unhandled exception has occurred while executing the request",
];
/// and signs of it in what a step is called.
#[rustfmt::skip]
const LOOKS_AT_OURS: &[&str] = &[
    "health", "ready", "smoke", "check", "verify", "warm", "wait", "test", "tests", "deploy", "start", "restart", "switch",
    "promote", "roll",
];

/// Whether one of `lines`, in lower case, says that the world outside is the cause of what failed in `steps`.
pub(super) fn is_outside(lines: &[String], steps: &[String]) -> bool {
    let spared = |line: &String| {
        let line = NOT_OUTSIDE.iter().fold(line.clone(), |line, words| line.replace(words, ""));
        // `ThrottlingException` is called by its cause.
        line.replace("exception", " exception")
    };
    let lines: Vec<String> = lines.iter().map(spared).collect();
    let any = |words: &[&str]| words.iter().any(|word| lines.iter().any(|line| says(line, word)));
    let in_trouble = |line: &&String| IN_TROUBLE.iter().any(|word| says(line, word));
    let mut troubles = lines.iter().filter(in_trouble);
    // A bare 500 may be a number of anything.
    let is_down = IN_TROUBLE.iter().filter(|word| **word != "500").any(|word| any(&[word]));
    let looks_at_ours = || LOOKS_AT_OURS.iter().any(|word| steps.iter().any(|step| says(step, word)));
    let is_ours = || any(OURS) || looks_at_ours();
    let is_here = || any(HERE) || HERE.iter().any(|word| steps.iter().any(|step| says(step, word)));
    any(OUTSIDE)
        || any(BROKEN) && !is_here()
        || is_down && (any(FETCHING) || !is_ours())
        || troubles.any(|line| PUBLIC.iter().any(|host| line.contains(host)))
}

/// Whether one of `lines`, in lower case, says that who keeps what others made is in trouble itself.
pub(super) fn is_down(lines: &[String]) -> bool {
    let any = |words: &[&str]| words.iter().any(|word| lines.iter().any(|line| says(line, word)));
    any(FETCHING) && IN_TROUBLE.iter().filter(|word| **word != "500").any(|word| any(&[word]))
}

/// Whether one of `lines`, in lower case, says that somebody else holds what is needed.
pub(super) fn is_held(lines: &[String]) -> bool {
    const HELD: &[&str] = &["lock", "locks", "locked", "busy", "held by", "in use", "serialized", "lease"];
    HELD.iter().any(|word| lines.iter().any(|line| says(line, word)))
}

/// Whether one of `lines`, in lower case, says that something ended by the clock.
pub(super) fn is_expired(lines: &[String]) -> bool {
    // What may have expired among other things may as well be wrong.
    let is_one_of = |line: &String| NOT_EXPIRED.iter().any(|word| line.contains(word));
    let lines: Vec<String> = lines.iter().map(|line| line.replace("exception", " exception")).collect();
    EXPIRED.iter().any(|word| lines.iter().any(|line| says(line, word) && !is_one_of(line)))
}

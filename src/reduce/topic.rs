//! What a failure is about, by the words of its lines, and which changes such a failure comes of: a table of what somebody on call
//! knows, for failures that no signature knows as well as for those that one does.

use super::affinity::holds;
use crate::model::{Change, ChangeKind};

/// A subject that failures have in common.
struct Topic {
    /// Kinds of signatures that are about it.
    kinds: &'static [&'static str],
    /// With which words a line says that the failure is about it. Lower case.
    says: &'static [&'static str],
    causes: &'static [Cause],
}

/// A sort of change that such a failure comes of.
struct Cause {
    changes: &'static [ChangeKind],
    /// Of which the change must hold one in its title or values; none needed where empty.
    words: &'static [&'static str],
    /// Which way a number must have gone.
    way: Way,
    /// How much that alone speaks for it; over 0.3 it accuses without a word in common.
    weight: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Any,
    /// A limit does harm when it is lowered,
    Down,
    /// and a load when it is raised.
    Up,
}

use ChangeKind::{Commit, Event, Package, Process, Target, Variable, Worker};

const fn cause(changes: &'static [ChangeKind], words: &'static [&'static str], weight: f64) -> Cause {
    Cause { changes, words, way: Way::Any, weight }
}

/// Names of what says where something is reached.
#[rustfmt::skip]
const ADDRESS: &[&str] = &[
    "host", "hosts", "hostname", "url", "uri", "endpoint", "address", "server", "servers", "port", "broker",
    "brokers", "bootstrap", "upstream", "connectionstring", "dsn", "gateway",
];
/// What leads traffic from here to there.
const ROUTE: &[&str] = &["firewall", "network", "route", "subnet", "vpn", "dns", "proxy", "nsg", "egress", "tunnel"];
const LOADS: &[&str] = &["workers", "threads", "parallelism", "concurrency", "batch", "replicas", "instances", "pool"];
const RUNS_IN: &[&str] = &["image", "container", "runtime", "framework", "sdk", "language", "shell", "platform"];

#[rustfmt::skip]
const TOPICS: &[Topic] = &[
    // A program that is told to go through a proxy reaches nothing without it.
    Topic {
        kinds: &["proxy"],
        says: &["proxy error", "proxyerror", "to proxy", "by proxy", "via proxy", "proxy authentication", "from proxy"],
        causes: &[cause(&[Variable, Event, Process], &["proxy"], 0.45)],
    },
    // What is refused for its size met a limit, not the content.
    Topic {
        kinds: &[],
        says: &[
            "too large", "too long", "too big", "too many bytes", "exceeds the maximum", "exceeded the maximum",
            "larger than", "exceeds the limit", "maximum request length", "message length", "max_allowed_packet",
        ],
        causes: &[Cause {
            changes: &[Variable, Process],
            words: &["max", "maximum", "limit", "limits", "size", "body", "length", "buffer", "bytes", "payload"],
            way: Way::Down,
            weight: 0.42,
        }],
    },
    // What took too long was given less time, or more to do.
    Topic {
        kinds: &["timeout"],
        says: &["timed out", "timeout", "deadline exceeded", "took too long", "time limit", "gave up after"],
        causes: &[
            Cause {
                changes: &[Variable, Process],
                words: &[
                    "timeout", "timeouts", "deadline", "wait", "seconds", "minutes", "interval", "duration",
                    "retries", "attempts", "grace", "limit",
                ],
                way: Way::Down,
                weight: 0.36,
            },
            Cause { changes: &[Variable, Process], words: LOADS, way: Way::Up, weight: 0.15 },
        ],
    },
    Topic {
        kinds: &["out-of-memory"],
        says: &["out of memory", "outofmemory", "oomkilled", "heap space", "cannot allocate memory"],
        causes: &[
            Cause {
                changes: &[Variable, Process],
                words: &["memory", "mem", "heap", "xmx", "limit", "limits"],
                way: Way::Down,
                weight: 0.36,
            },
            Cause { changes: &[Variable, Process], words: LOADS, way: Way::Up, weight: 0.3 },
        ],
    },
    // The other side was not reached: it moved, it was stopped, or the way is closed. Addresses accuse only with more beside them,
    // for everything has some.
    Topic {
        kinds: &["connection", "dns"],
        says: &[
            "connection refused", "econnrefused", "could not connect", "unable to connect", "cannot connect",
            "failed to connect", "no route to host", "unreachable", "actively refused", "etimedout", "ehostunreach",
            "could not resolve", "name or service not known", "no such host", "enotfound", "nxdomain",
            // As clients of databases, caches, brokers and directories put it.
            "were reachable", "not reachable", "could not be reached", "could not open connection",
            "connection attempt failed", "no connection could be made", "failed to establish a new connection",
            "communications link failure", "not possible to connect", "network-related or instance-specific error",
            "no suitable servers", "serverselectiontimeouterror", "nobrokersavailable", "no brokers available",
            "no living connections", "server is not operational", "rpc server is unavailable",
            "server has gone away", "socket hang up",
        ],
        causes: &[
            cause(&[Variable], ADDRESS, 0.2),
            cause(&[Variable, Event, Process], ROUTE, 0.22),
            cause(&[Process], STOPS, 0.2),
        ],
    },
    Topic {
        kinds: &["tls-certificate"],
        says: &[
            "certificate verify failed", "x509", "ssl handshake", "tls handshake", "handshake failed",
            "ssl routines", "self-signed certificate", "self signed certificate",
            "unable to get local issuer",
        ],
        causes: &[cause(
            &[Variable, Process],
            &[
                "certificate", "cert", "thumbprint", "pfx", "pem", "tls", "ssl", "ca", "cipher", "protocol",
                "truststore", "keystore",
            ],
            0.4,
        )],
    },
    // One side speaks TLS and the other does not: a matter of protocols and ports, not of certificates.
    Topic {
        kinds: &[],
        says: PLAIN_AND_TLS,
        causes: &[cause(&[Variable, Process], &["protocol", "scheme", "tls", "ssl", "encrypt", "security", "url", "port"], 0.42)],
    },
    // What a system offers to programs goes with its next version: libraries, old ciphers, where packages may be put.
    Topic {
        kinds: &[],
        says: &[
            "externally-managed-environment", "externally managed", "error while loading shared libraries",
            "cannot open shared object file", "unable to locate package", "has no installation candidate",
            "unsafe legacy renegotiation", "key too small", "md too weak", "illegal instruction", "no longer supported",
            "is no longer available", "command not found",
        ],
        causes: &[cause(&[Worker], &[], 0.4), cause(&[Process], &["image", "container", "pool"], 0.36), cause(&[Target], &["new"], 0.2)],
    },
    // What a program runs in is older or other than it asks for.
    Topic {
        kinds: &["version-mismatch", "dependency-conflict"],
        says: &[
            "unsupported version", "unsupported class file", "does not support", "requires version",
            "requires python", "requires node", "minimum version", "incompatible", "glibc_", "exec format error",
        ],
        causes: &[cause(&[Process], RUNS_IN, 0.4), cause(&[Worker], &[], 0.36), cause(&[Variable], RUNS_IN, 0.34)],
    },
    // A program was called as another version of it, or another program, wants to be called.
    Topic {
        kinds: &[],
        says: &[
            "unknown flag", "unknown option", "unrecognized option", "unrecognized argument",
            "unrecognized arguments", "invalid option", "no such option", "unknown command", "unknown argument",
            "unexpected argument", "parameter cannot be found",
        ],
        causes: &[cause(&[Process], &["script", "image", "container", "template"], 0.3), cause(&[Worker], &[], 0.3)],
    },
    // A script that its reader does not understand: another language, another shell, or a slip.
    Topic {
        kinds: &["script-error"],
        says: &[
            "syntax error", "parseerror", "parsererror", "unexpected token", "bad substitution", "bad interpreter",
            "command not found", "is not recognized as", "missing the terminator", "unexpected end of file",
        ],
        causes: &[
            cause(&[Process], &["script", "language", "syntax", "shell", "image", "container"], 0.34),
            cause(&[Worker], &[], 0.3),
        ],
    },
    // What is missing was not made, not brought, or is looked for elsewhere.
    Topic {
        kinds: &[],
        says: &[
            "no such file", "doesn't exist", "does not exist", "cannot find path", "could not find file", "enoent",
            "cannot find the path", "could not find a part of the path", "file not found", "cannot open",
        ],
        causes: &[
            cause(&[Process], &["skipped", "removed", "order", "state", "condition", "folder", "directory"], 0.22),
            cause(&[Variable], &["path", "folder", "directory", "dir", "root", "file", "drive", "share", "mount"], 0.2),
        ],
    },
    // Two clocks do not agree.
    Topic {
        kinds: &[],
        says: &["clock skew", "clock", "not yet valid", "time is too skewed", "requesttimetooskewed"],
        causes: &[
            cause(&[Target, Worker], &["health", "new", "clock", "time", "ntp"], 0.34),
            cause(&[Variable, Event, Process], &["ntp", "clock", "time"], 0.3),
        ],
    },
    Topic {
        kinds: &[],
        says: &["region", "availability zone", "location"],
        causes: &[cause(&[Variable], &["region", "location", "zone"], 0.34)],
    },
    // A value that its reader cannot take.
    Topic {
        kinds: &["configuration"],
        says: &[
            "invalid value", "cannot parse", "could not parse", "not a valid", "failed to convert",
            "could not convert",
        ],
        causes: &[cause(&[Variable], &[], 0.18)],
    },
    // A setting that is gone.
    Topic {
        kinds: &["missing-variable"],
        says: &["is not set", "is not defined", "unbound variable", "must be set", "no value for"],
        causes: &[cause(&[Variable], &["removed", "scope"], 0.34)],
    },
    // Another version of a program has lost what a caller wants of it.
    Topic {
        kinds: &[],
        says: &[
            "method not found", "missingmethodexception", "nosuchmethod", "typeloadexception", "has no attribute",
            "no module named", "classnotfound", "noclassdeffound", "could not load file or assembly",
            "cannot find module",
        ],
        causes: &[cause(&[Package, Commit], &["package", "bump", "upgrade", "update", "downgrade"], 0.2)],
    },
];

/// With which words a client says that the other side does not speak TLS, or does where it is not expected.
#[rustfmt::skip]
pub(super) const PLAIN_AND_TLS: &[&str] = &[
    "wrong version number", "unknown protocol", "not an ssl/tls record", "unrecognized ssl message",
    "does not look like a tls handshake", "plain http request was sent to https port", "plaintext connection",
    "gave http response to https client", "packet length too long", "frame size may be larger",
    "disconnected before handshake", "not a tls packet", "unexpected packet format", "invalid tls record",
];

/// Signs of what takes away what others need.
const STOPS: &[&str] = &["new", "removed", "skipped", "order"];

/// With which words a line says that the world outside is the cause: no change here is, unless it brought in what is named.
#[rustfmt::skip]
const OUTSIDE: &[&str] = &[
    "spot instance", "spot node", "spot vm", "preempted", "preemption", "reclaimed by", "maintenance window",
    "under maintenance", "scheduled maintenance", "mirror sync", "hash sum mismatch", "file has unexpected size",
    "toomanyrequests", "too many requests", "rate limit", "rate limited", "throttled", "throttling",
    "quota exceeded", "exceeded quota", "license has expired", "licence has expired", "license expired",
    "temporary failure in name resolution", "eai_again", "servfail", "server misbehaving", "insufficient capacity",
    // A service in a state that somebody else must end.
    "is sealed", "is in recovery mode", "in read-only mode", "failover in progress", "database system is starting up",
];

/// Hosts that serve the whole world. What they answer comes of no change here,
#[rustfmt::skip]
const PUBLIC: &[&str] = &[
    "github.com", "githubusercontent.com", "gitlab.com", "bitbucket.org", "ghcr.io", "docker.io", "docker.com",
    "quay.io", "gcr.io", "mcr.microsoft.com", "nuget.org", "npmjs.org", "pypi.org", "pythonhosted.org", "maven.org",
    "maven.apache.org", "rubygems.org", "crates.io", "golang.org", "hashicorp.com", "terraform.io", "debian.org",
    "ubuntu.com", "letsencrypt.org",
];
/// where they answer that they are in trouble themselves.
#[rustfmt::skip]
const IN_TROUBLE: &[&str] = &[
    "500", "502", "503", "504", "bad gateway", "service unavailable", "gateway timeout", "gateway time-out",
    "internal server error",
];

/// Sorts of services, each by the names it goes by: a `Queue:Host` is where the broker is that a client does not reach.
#[rustfmt::skip]
const SERVICES: &[&[&str]] = &[
    &[
        "queue", "rabbitmq", "rabbit", "amqp", "kafka", "broker", "brokers", "servicebus", "messaging", "nats",
        "sqs", "mq",
    ],
    &[
        "database", "db", "sql", "postgres", "postgresql", "npgsql", "mysql", "mariadb", "mssql", "oracle", "mongo",
        "mongodb", "jdbc", "sqlexception", "cassandra",
    ],
    &["cache", "redis", "memcached", "valkey"],
    &["mail", "smtp", "imap", "mailer", "sendgrid"],
    &["storage", "blob", "bucket", "s3", "minio", "gcs"],
    &["search", "elasticsearch", "opensearch", "solr", "elastic"],
    &["ldap", "directory", "ad", "kerberos", "domain"],
    &["oauth", "oidc", "saml", "sso", "keycloak", "identity", "idp", "okta"],
    &["ftp", "sftp", "ftps"],
    &["vault", "keyvault", "secretsmanager"],
    &["kubernetes", "kubectl", "k8s", "kube", "cluster", "aks", "eks", "gke", "helm"],
    &["git", "github", "gitlab", "bitbucket"],
    &["npm", "node", "yarn", "pnpm"],
    &["nuget", "dotnet"],
    &["pip", "pypi", "python"],
    &["docker", "registry", "image", "acr", "ecr", "ghcr", "harbor"],
    &["nginx", "apache", "iis", "haproxy", "traefik", "ingress"],
    &["terraform", "tf", "opentofu"],
];

/// With which words a line says that something ended by the clock.
#[rustfmt::skip]
const EXPIRED: &[&str] = &[
    "has expired", "is expired", "certificate expired", "cert_has_expired", "token expired", "expired on",
    "nottimevalid", "err_cert_date_invalid", "validity period",
];

/// What the lines and the signature of a failure say that it is about.
pub(super) struct Topics {
    /// The topics, and how surely they are meant.
    about: Vec<(&'static Topic, f64)>,
    /// Whether the world outside is said to be the cause.
    pub(super) outside: bool,
    /// Whether something ended by the clock.
    pub(super) expired: bool,
    /// The sorts of services that the lines name.
    services: Vec<&'static [&'static str]>,
}

/// How surely words in a line mean a topic, next to a signature that says so.
const BY_WORDS: f64 = 0.9;

impl Topics {
    /// The topics of a failure with these `lines`, of the kind that its signature says.
    pub(super) fn of<'a>(lines: impl Iterator<Item = &'a str>, kind: Option<&str>) -> Self {
        let lines: Vec<String> =
            lines.map(|line| line.get(..line.floor_char_boundary(2_000)).unwrap_or(line).to_lowercase()).collect();
        let says = |words: &[&str]| words.iter().any(|word| lines.iter().any(|line| self::says(line, word)));
        let sure = |topic: &Topic| {
            if kind.is_some_and(|kind| topic.kinds.contains(&kind)) {
                1.0
            } else if says(topic.says) {
                BY_WORDS
            } else {
                0.0
            }
        };
        let about: Vec<(&Topic, f64)> =
            TOPICS.iter().map(|topic| (topic, sure(topic))).filter(|(_, sure)| *sure > 0.0).collect();
        let trouble = |line: &String| {
            PUBLIC.iter().any(|host| line.contains(host)) && IN_TROUBLE.iter().any(|word| self::says(line, word))
        };
        let named = |service: &&&[&str]| service.iter().any(|name| lines.iter().any(|line| self::says(line, name)));
        let services = SERVICES.iter().filter(named).copied().collect();
        let outside = says(OUTSIDE) || lines.iter().any(trouble);
        Self { about, outside, expired: says(EXPIRED), services }
    }

    /// Whether `change` is about a sort of service that the lines name.
    pub(super) fn share_a_service(&self, change: &Change) -> bool {
        self.services.iter().any(|service| holds(change, service))
    }

    /// How much speaks for `change` as what a failure about this comes of, from 0 to 1.
    pub(super) fn towards(&self, change: &Change) -> f64 {
        let fits = |cause: &&Cause| {
            cause.changes.contains(&change.kind)
                && (cause.words.is_empty() || holds(change, cause.words))
                && (cause.way == Way::Any || moved(change).is_none_or(|way| way == cause.way))
        };
        let best = |topic: &Topic| topic.causes.iter().filter(fits).map(|cause| cause.weight).fold(0.0, f64::max);
        self.about.iter().map(|(topic, sure)| best(topic) * sure).fold(0.0, f64::max)
    }
}

/// Whether `line` holds `words`, not as a part of others. Both in lower case.
pub(super) fn says(line: &str, words: &str) -> bool {
    let goes_on = |one: Option<char>, other: Option<char>| {
        one.is_some_and(char::is_alphanumeric) && other.is_some_and(char::is_alphanumeric)
    };
    line.match_indices(words).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + words.len()..).and_then(|text| text.chars().next());
        !goes_on(before, words.chars().next()) && !goes_on(words.chars().next_back(), after)
    })
}

/// Which way a number went that a change is of.
fn moved(change: &Change) -> Option<Way> {
    let (before, after) = (amount(change.before.as_deref()?)?, amount(change.after.as_deref()?)?);
    Some(if after < before { Way::Down } else { Way::Up })
}

/// A number with its unit, as `512Mi`, `1g`, `30s` or `00:05:00`.
fn amount(text: &str) -> Option<f64> {
    let text = text.trim();
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 1 {
        let parts: Option<Vec<f64>> = parts.iter().map(|part| part.parse().ok()).collect();
        return parts.map(|parts| parts.iter().fold(0.0, |all, part| all * 60.0 + part));
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text.get(..end)?.parse().ok()?;
    let unit = match text.get(end..)?.trim().to_lowercase().as_str() {
        "" | "s" | "b" | "sec" | "seconds" | "bytes" => 1.0,
        "ms" => 0.001,
        "m" | "mb" | "mi" | "mib" => 1e6,
        "min" | "minutes" => 60.0,
        "h" | "hours" => 3_600.0,
        "k" | "kb" | "ki" | "kib" => 1e3,
        "g" | "gb" | "gi" | "gib" => 1e9,
        _ => return None,
    };
    Some(number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::Catalogue;

    fn check(line: &str, kind: ChangeKind, title: &str, values: Option<(&str, &str)>, expected: bool) {
        let change = Change {
            kind,
            title: title.to_owned(),
            before: values.map(|(before, _)| before.to_owned()),
            after: values.map(|(_, after)| after.to_owned()),
            details: None,
            step: None,
            who: None,
            when: None,
            url: None,
        };
        let topics = Topics::of([line].into_iter(), None);
        assert_eq!(topics.towards(&change) > 0.3, expected, "{line}: {title}");
    }

    #[test]
    fn a_failure_comes_of_what_it_is_about() {
        check("Tunnel: cannot connect to proxy.", Variable, "variable Http:Proxy", Some(("a", "b")), true);
        check("the body is too large", Variable, "variable Web:MaxBody", Some(("20m", "1m")), true);
        check("No match for platform in manifest", Variable, "variable Web:MaxBody", Some(("20m", "1m")), false);
        check("bash: syntax error near `fi'", Process, "script language of step Tidy", Some(("a", "b")), true);
        check("bash: syntax error near `fi'", Process, "time limit in minutes of step Tidy", Some(("3", "4")), false);
    }

    #[test]
    fn words_are_whole_words() {
        for (line, words, expected) in [
            ("it timed out", "timed out", true),
            ("it overtimed out", "timed out", false),
            ("it timed outside", "timed out", false),
            ("version `glibc_2.34' not found", "glibc_", true),
        ] {
            assert_eq!(says(line, words), expected, "{line}");
        }
    }

    #[test]
    fn a_limit_does_harm_when_it_is_lowered_and_a_load_when_it_is_raised() {
        let memory = "java.lang.OutOfMemoryError: Java heap space";
        check(memory, Variable, "variable Heap", Some(("2g", "512m")), true);
        check(memory, Variable, "variable Heap", Some(("512m", "2g")), false);
        check("the call timed out", Variable, "variable Api:Timeout", Some(("00:05:00", "00:00:30")), true);
        check("the call timed out", Variable, "variable Api:Timeout", Some(("30", "60")), false);
    }

    #[test]
    fn a_service_goes_by_many_names() {
        let broker = "amqp client: none of the specified endpoints were reachable";
        let change = |title: &str| Change {
            kind: Variable,
            title: title.to_owned(),
            before: None,
            after: None,
            details: None,
            step: None,
            who: None,
            when: None,
            url: None,
        };
        let topics = Topics::of([broker].into_iter(), None);
        assert!(topics.share_a_service(&change("variable Queue:Host")));
        assert!(!topics.share_a_service(&change("variable Smtp:Host")));
    }

    #[test]
    fn what_the_world_outside_says_of_itself_is_heard() {
        for (line, expected) in [
            ("node was preempted", true),
            ("HTTP 429 Too Many Requests", true),
            ("no rate limits are set", false),
            ("connection refused", false),
            ("GET https://api.github.com/repos answered 503 Service Unavailable", true),
            ("GET https://shop.example/health answered 503 Service Unavailable", false),
        ] {
            assert_eq!(Topics::of([line].into_iter(), None).outside, expected, "{line}");
        }
    }

    #[test]
    fn every_kind_of_the_table_is_one_of_the_catalogue() {
        let catalogue = Catalogue::builtin();
        let known: Vec<&str> = catalogue.signatures().iter().map(|signature| signature.kind.as_str()).collect();
        for kind in TOPICS.iter().flat_map(|topic| topic.kinds) {
            assert!(known.contains(kind), "{kind}");
        }
    }
}

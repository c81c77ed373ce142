//! The table of topics: by which words a failure is about one, and which changes such a failure comes of.

use super::{Cause, Topic, Way};
use crate::model::ChangeKind::{self, Commit, Event, Package, Process, Target, Variable, Worker};

const fn cause(changes: &'static [ChangeKind], words: &'static [&'static str], weight: f64) -> Cause {
    Cause { changes, words, way: Way::Any, weight }
}

const fn moved(changes: &'static [ChangeKind], words: &'static [&'static str], way: Way, weight: f64) -> Cause {
    Cause { changes, words, way, weight }
}

/// Names of what says where something is reached, and values that look like it.
#[rustfmt::skip]
const ADDRESS: &[&str] = &[
    "host", "hosts", "hostname", "url", "uri", "endpoint", "address", "server", "servers", "port", "broker",
    "brokers", "bootstrap", "upstream", "connectionstring", "dsn", "gateway", "relay", "<address>",
];
/// What leads traffic from here to there.
const ROUTE: &[&str] = &["firewall", "network", "route", "subnet", "vpn", "dns", "proxy", "nsg", "egress", "tunnel"];
/// What the server says of a machine whose software is another than before.
const UPGRADED: &[&str] = &["<upgraded>", "new"];
const LOADS: &[&str] = &["workers", "threads", "parallelism", "concurrency", "batch", "replicas", "instances", "pool"];
const RUNS_IN: &[&str] = &["image", "container", "runtime", "framework", "sdk", "language", "shell", "platform"];
/// What decides whether and when a step runs.
const WHETHER: &[&str] = &["skipped", "removed", "order", "state", "condition", "start"];
/// Signs of what takes away what others need.
const STOPS: &[&str] = &["new", "removed", "skipped", "order"];
/// What a commit says that takes something away or puts it elsewhere.
#[rustfmt::skip]
pub(super) const TAKES_AWAY: &[&str] = &[
    "remove", "removes", "removed", "delete", "deletes", "deleted", "drop", "drops", "move", "moves", "moved", "rename",
    "renames", "renamed", "ignore", "ignored", "exclude", "excluded", "replace", "replaces", "replaced", "clean", "tidy",
    "split", "instead", "dockerignore", "gitignore", "slim", "slimmer", "smaller", "without", "no",
];
/// What a commit says of a database.
#[rustfmt::skip]
const SCHEMA: &[&str] = &[
    "migration", "migrations", "migrate", "schema", "column", "columns", "table", "tables", "index", "indexes", "unique",
    "constraint", "nullable", "rename", "drop", "sql", "entity", "database", "foreign", "view", "procedure", "trigger",
    "one", "only", "mandatory", "required", "must", "mapping", "type", "keyword", "field", "fields", "flyway", "liquibase",
];
/// What a commit says of files that programs read.
#[rustfmt::skip]
const CONFIGURATION: &[&str] = &[
    "config", "configuration", "yml", "yaml", "json", "xml", "toml", "ini", "settings", "appsettings", "values", "chart",
    "manifest", "template", "conf", "properties", "env", "helm", "ingress", "xdt", "transform",
];
/// What a process says of how values get into files.
const SUBSTITUTION: &[&str] =
    &["configuration", "transform", "transforms", "variables", "substitution", "structured", "features", "targets"];
/// What a commit says of the libraries that it takes.
#[rustfmt::skip]
const LIBRARIES: &[&str] = &[
    "bump", "upgrade", "upgraded", "update", "downgrade", "needs", "need", "requires", "require", "dependency",
    "dependencies", "library", "package", "packages", "version", "pin", "unpin", "lock", "lockfile", "switch", "add",
    "net", "node", "python", "java", "php", "ruby", "go",
];

#[rustfmt::skip]
pub(super) const TOPICS: &[Topic] = &[
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
            "over the limit",
        ],
        causes: &[moved(
            &[Variable, Process],
            &["max", "maximum", "limit", "limits", "size", "body", "length", "buffer", "bytes", "payload"],
            Way::Down,
            0.42,
        )],
    },
    // What took too long was given less time, or more to do.
    Topic {
        kinds: &["timeout"],
        says: &[
            "timed out", "timeout", "timeout expired", "deadline exceeded", "took too long", "time limit", "gave up after",
            "canceling statement due to",
        ],
        causes: &[
            moved(
                &[Variable, Process],
                &[
                    "timeout", "timeouts", "deadline", "wait", "seconds", "minutes", "interval", "duration", "retries",
                    "attempts", "grace", "limit", "delay", "period", "millis", "ms",
                ],
                Way::Down,
                0.36,
            ),
            moved(&[Variable, Process], LOADS, Way::Up, 0.15),
        ],
    },
    Topic {
        kinds: &["out-of-memory"],
        says: &["out of memory", "outofmemory", "oomkilled", "heap space", "cannot allocate memory", "exit code 137"],
        causes: &[
            moved(&[Variable, Process], &["memory", "mem", "heap", "xmx", "limit", "limits"], Way::Down, 0.36),
            moved(&[Variable, Process], LOADS, Way::Up, 0.3),
        ],
    },
    // More is asked for than a share allows.
    Topic {
        kinds: &["quota", "scheduling"],
        says: &[
            "exceeded quota", "quota exceeded", "insufficient memory", "insufficient cpu", "exceeds the available",
            "maximum memory usage per", "maximum cpu usage per",
        ],
        causes: &[
            moved(
                &[Variable, Process],
                &["memory", "mem", "cpu", "replicas", "count", "instances", "size", "request", "requests", "limit", "limits", "nodes"],
                Way::Up,
                0.42,
            ),
            moved(&[Commit], &["memory", "cpu", "replicas", "resources", "requests", "limits"], Way::Up, 0.2),
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
            "server has gone away", "socket hang up", "getaddrinfo", "unknown host", "unknownhostexception",
            "name does not resolve", "no address associated", "nodename nor servname", "host not found",
            "remote name could not be resolved", "could not be resolved", "connecterror", "connectexception",
            "bootstrap broker", "disconnected", "all connection attempts failed",
        ],
        causes: &[
            cause(&[Variable], ADDRESS, 0.2),
            cause(&[Variable, Event, Process], ROUTE, 0.22),
            cause(&[Process], STOPS, 0.2),
            cause(&[Process], &["<stops>"], 0.38),
            cause(&[Process], SUBSTITUTION, 0.25),
            cause(&[Process], &["worker", "tags", "pool"], 0.2),
        ],
    },
    Topic {
        kinds: &["tls-certificate"],
        says: &[
            "certificate verify failed", "x509", "ssl handshake", "tls handshake", "handshake failed",
            "ssl routines", "self-signed certificate", "self signed certificate", "unable to get local issuer",
            "alternative certificate subject name", "pkix path building failed", "certificate chain", "untrusted root",
            "remote certificate is invalid", "certificate name mismatch", "sslhandshakeexception", "bad certificate",
            "unknown ca", "no matching certificate", "find certificate", "certificate with thumbprint", "with thumbprint",
            "certificate not found", "private key", "could not establish trust",
        ],
        causes: &[cause(
            &[Variable, Process, Event],
            &[
                "certificate", "cert", "thumbprint", "pfx", "pem", "tls", "ssl", "ca", "cipher", "protocol",
                "truststore", "keystore",
            ],
            0.4,
        ), cause(&[Commit, Package], LIBRARIES, 0.12)],
    },
    // One side speaks TLS and the other does not: a matter of protocols and ports, not of certificates.
    Topic {
        kinds: &[],
        says: super::PLAIN_AND_TLS,
        causes: &[cause(&[Variable, Process], &["protocol", "scheme", "tls", "ssl", "encrypt", "security", "url", "port"], 0.42)],
    },
    // What a system offers to programs goes with its next version: libraries, old ciphers, where packages may be put.
    Topic {
        kinds: &[],
        says: &[
            "externally-managed-environment", "externally managed", "error while loading shared libraries",
            "cannot open shared object file", "unable to locate package", "has no installation candidate",
            "unsafe legacy renegotiation", "key too small", "md too weak", "illegal instruction", "no longer supported",
            "is no longer available", "command not found", "is not recognized as", "executable file not found",
            "no valid module file was found", "was not loaded because no valid module", "is not installed",
            "not installed on", "not recognized by the system", "err_ossl", "digital envelope routines", "unrecognized vm option",
            "could not create the java virtual machine", "no longer supports", "node_module_version", "was compiled against a different",
            "invalid elf header", "wrong elf class", "cannot execute binary file", "not a valid win32 application", "sdk was not found",
            "unsupported protocol", "unsupported_protocol", "no matching cipher", "no matching host key type",
            "no matching key exchange", "no mutual signature", "dh key too small", "is no longer enabled", "has been removed from", "missing from your system", "requires php extension",
            "make sure the corresponding", "could not find the program", "spawn enoent", "no such command",
        ],
        causes: &[
            cause(&[Worker], &[], 0.5),
            cause(&[Process], &["image", "container", "pool", "worker", "tags"], 0.45),
            cause(&[Target], UPGRADED, 0.48),
            cause(&[Event], &["pool"], 0.2),
        ],
    },
    // What a program runs in is older or other than it asks for.
    Topic {
        kinds: &["version-mismatch", "dependency-conflict"],
        says: &[
            "unsupported version", "unsupported class file", "does not support", "requires version",
            "requires python", "requires node", "minimum version", "incompatible", "glibc_", "exec format error",
            "is too old", "is too new", "minimum supported", "no longer supports", "not supported by", "upgrade your client",
            "or newer is required", "or later is required", "or higher is required", "requires at least", "upgrade to version",
            "unsupported engine", "is not compatible", "you must install or update .net", "framework version",
        ],
        causes: &[cause(&[Process], RUNS_IN, 0.4), cause(&[Worker], &[], 0.36), cause(&[Target], UPGRADED, 0.45), cause(&[Variable], RUNS_IN, 0.34)],
    },
    // A program was called as another version of it, or another program, wants to be called.
    Topic {
        kinds: &[],
        says: &[
            "unknown flag", "unknown option", "unrecognized option", "unrecognized argument",
            "unrecognized arguments", "invalid option", "no such option", "unknown command", "unknown argument",
            "unexpected argument", "parameter cannot be found", "unknown shorthand flag", "positional parameter cannot",
            "unknown switch", "is not a valid option", "unexpected option",
        ],
        causes: &[
            cause(&[Process], &["script", "image", "container", "template"], 0.3),
            cause(&[Worker], &[], 0.3),
            cause(&[Package, Commit], LIBRARIES, 0.12),
        ],
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
    // A place that is too deep.
    Topic {
        kinds: &[],
        says: &["path too long", "path is too long", "260 characters", "filename or extension is too long", "file name too long"],
        causes: &[cause(&[Variable], &["<path>", "path", "folder", "directory"], 0.45), cause(&[Commit], TAKES_AWAY, 0.2)],
    },
    // A machine that is another than the one that was known.
    Topic {
        kinds: &["ssh-key"],
        says: &["host key verification failed", "remote host identification has changed", "fingerprint", "known_hosts"],
        causes: &[cause(&[Target], &["new"], 0.42), cause(&[Variable, Event], &["host", "fingerprint", "machine", "known"], 0.36)],
    },
    // No machine is of the sort that is asked for.
    Topic {
        kinds: &["scheduling"],
        says: &["didn't match pod's node affinity", "node affinity/selector", "untolerated taint", "didn't tolerate", "no nodes available"],
        causes: &[cause(
            &[Variable, Process, Commit],
            &["node", "nodes", "nodepool", "selector", "affinity", "toleration", "taint", "pool", "zone", "arch"],
            0.4,
        )],
    },
    // Lines that end as on another system.
    Topic {
        kinds: &[],
        says: &["\\r': command not found", "$'\\r'", "^m: bad interpreter", "\\r: no such file", "invalid byte sequence", "byte order mark"],
        causes: &[cause(
            &[Commit, Process, Variable],
            &["line", "ends", "endings", "crlf", "lf", "eol", "gitattributes", "editorconfig", "windows", "encoding", "utf", "bom", "charset"],
            0.45,
        )],
    },
    // A file that its reader does not understand, or settings that do not fit their program.
    Topic {
        kinds: &["configuration"],
        says: &[
            "yaml syntax error", "yaml:", "did not find expected", "mapping values are not allowed", "invalid json",
            "json parse", "not valid json", "unexpected character", "parse error", "error parsing", "failed to parse",
            "malformed", "not well-formed", "cannot unmarshal", "root element is missing", "error converting yaml",
            "unknown field", "unknown key", "unknown directive", "unknown property", "configuration error",
            "invalid configuration", "configurationerror", "unsupported argument", "schema validation",
            "nil pointer evaluating", "template:", "error rendering", "unable to build kubernetes objects", "error validating data",
            "validationerror", "failed to transform", "in the source document", "unknown section", "unexpected key",
        ],
        causes: &[
            cause(&[Commit], CONFIGURATION, 0.26),
            cause(&[Commit, Package], LIBRARIES, 0.2),
            cause(&[Process], SUBSTITUTION, 0.3),
            cause(&[Variable], &["<structure>"], 0.36),
        ],
    },
    // What is missing was not made, not brought, or is looked for elsewhere.
    Topic {
        kinds: &["resource-not-found"],
        says: &[
            "no such file", "doesn't exist", "does not exist", "cannot find path", "could not find file", "enoent",
            "cannot find the path", "could not find a part of the path", "file not found", "cannot open",
            "not found", "could not be found", "filenotfoundexception", "missing file", "were missing", "is missing",
            "unknown_topic_or_partition", "unknown topic", "no such topic", "no such table", "no such queue", "no queue", "pre-created",
            "no such container", "no such image", "no such volume", "no such network", "no such bucket", "nosuchbucket", "no such service", "no such key", "nosuchkey",
        ],
        causes: &[
            cause(&[Process], &["skipped", "removed", "order", "state", "condition", "folder", "directory", "worker", "tags", "pool"], 0.25),
            cause(&[Variable], &["path", "folder", "directory", "dir", "root", "file", "drive", "share", "mount", "<path>"], 0.2),
            cause(&[Commit], TAKES_AWAY, 0.25),
        ],
    },
    // Somebody else has it open: it was not stopped, or not before.
    Topic {
        kinds: &["file-locked"],
        says: &[
            "used by another process", "being used by", "text file busy", "device or resource busy", "file is in use",
            "sharing violation", "is locked by",
        ],
        causes: &[
            cause(&[Process], STOPS, 0.48),
            cause(&[Process], WHETHER, 0.36),
            cause(&[Process, Event, Commit], &["stop", "service", "parallel"], 0.15),
        ],
    },
    // What is made is there already: it is looked for elsewhere, or made twice.
    Topic {
        kinds: &["resource-conflict"],
        says: &["already exists", "alreadyexists", "already in use", "already taken", "already owned", "duplicate name"],
        causes: &[
            cause(&[Variable], &["state", "key", "name", "prefix", "suffix", "stack", "workspace", "namespace", "backend", "id"], 0.3),
            cause(&[Process], &["retries", "order", "new"], 0.2),
        ],
    },
    Topic {
        kinds: &["port-in-use"],
        says: &["address already in use", "eaddrinuse", "port is already allocated", "only one usage of each socket address"],
        causes: &[cause(&[Variable], &["port", "ports", "listen", "bind", "urls"], 0.36), cause(&[Process], STOPS, 0.22)],
    },
    // A database that does not take what is done to it.
    Topic {
        kinds: &["database-migration"],
        says: &[
            "duplicate key", "unique constraint", "unique index", "violates", "foreign key constraint", "conflicted with the",
            "cannot be null", "cannot insert the value null", "null value in column", "would be truncated",
            "data truncated", "invalid column name", "invalid object name", "unknown column", "no such column",
            "no such table", "already an object named", "duplicate column", "undefined table", "undefinedtable",
            "undefined column", "integrityerror", "cannot drop", "cannot be changed from type", "mapper_parsing_exception",
            "different type", "cannot be cast", "cannot alter", "multiple head revisions", "checksum mismatch", "out of order",
            "pending model changes", "validation failed: migration", "data loss", "base table or view",
        ],
        causes: &[
            cause(&[Commit], SCHEMA, 0.36),
            cause(&[Package], &[], 0.1),
            cause(&[Process], WHETHER, 0.3),
        ],
    },
    // Whoever asks whether it lives is not answered: it is slow to start, or answers elsewhere.
    Topic {
        kinds: &["probe-failure"],
        says: &[
            "probe failed", "health check failed", "healthcheck failed", "unhealthy", "not healthy", "is not ready", "did not become",
            "health checks failed", "failed container health checks",
        ],
        causes: &[
            cause(
                &[Commit, Variable, Process],
                &["health", "healthz", "probe", "probes", "readiness", "liveness", "startup", "ready", "warm", "port"],
                0.28,
            ),
            cause(&[Commit, Package], &[], 0.1),
        ],
    },
    // Two that work at once stood in each other's way: more work at once than before.
    Topic {
        kinds: &["database-deadlock"],
        says: &["deadlock victim", "deadlock found", "deadlock detected", "could not serialize access", "lock wait timeout"],
        causes: &[moved(&[Variable, Process], LOADS, Way::Up, 0.36)],
    },
    // A program that runs wrong: what it was made from.
    Topic {
        kinds: &["crash", "test-failure", "compile-error"],
        says: &[
            "nullreferenceexception", "object reference not set", "nullpointerexception", "indexoutofrange",
            "keynotfoundexception", "invalidoperationexception", "invalidcastexception", "typeerror", "attributeerror",
            "nameerror", "segmentation fault", "nil pointer dereference", "unhandled exception", "undefined is not",
            "cannot read properties of", "nomethoderror", "panic:", "stackoverflow", "unable to resolve service for type",
            "error while validating the service descriptor", "nosuchbeandefinition", "unsatisfieddependency",
        ],
        causes: &[cause(&[Commit, Package], &[], 0.15)],
    },
    // Who asks may not: the role or the account is another.
    Topic {
        kinds: &["cloud-permission", "kubernetes-rbac"],
        says: &[
            "is not authorized to perform", "accessdenied", "access denied", "does not have permission", "does not have authorization",
            "authorizationfailed", "insufficient privileges", "insufficient permissions", "permission denied for", "must be owner of",
            "not authorized", "forbidden", "privilege", "not have permissions", "send as this sender", "sender address rejected",
            "sender not allowed",
        ],
        causes: &[
            cause(&[Event], &["account", "role", "team", "user", "identity", "principal"], 0.36),
            cause(&[Variable], &["account", "role", "user", "login", "identity", "principal", "subscription", "tenant", "from", "sender"], 0.3),
            cause(&[Process], &["account", "user"], 0.3),
        ],
    },
    // Who asks did not log in: the step that does it is another, or is gone.
    Topic {
        kinds: &["authentication", "image-pull"],
        says: &[
            "unauthorized", "unauthenticated", "authentication required", "not logged in", "please run", "login required",
            "must be logged in", "no basic auth credentials", "could not find default credentials", "unable to locate credentials",
            "no credentials", "access denied", "401",
        ],
        causes: &[cause(&[Process], &["<logs in>"], 0.36)],
    },
    // A value's place is still there: what puts values into files did not.
    Topic {
        kinds: &[],
        says: &["#{"],
        causes: &[cause(&[Process], SUBSTITUTION, 0.75), cause(&[Variable], &["removed", "scope"], 0.5), cause(&[Worker], &[], 0.1)],
    },
    // A machine does not let its user do that: it was set up otherwise.
    Topic {
        kinds: &["file-permission"],
        says: &[
            "password is required", "no tty present", "not in the sudoers", "requires elevation", "operation not permitted",
            "must be run as", "are you root", "run as administrator", "unauthorizedaccessexception", "eacces",
        ],
        causes: &[
            cause(&[Target, Worker], &["new", "state"], 0.34),
            cause(&[Process], &["image", "container", "user", "pool"], 0.28),
            cause(&[Variable], &["user", "owner", "account", "group", "<path>"], 0.25),
            cause(&[Commit], &["user", "root", "rights", "chmod", "chown", "owner", "permissions"], 0.2),
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
            "could not convert", "failed to bind", "illegalargumentexception", "numberformatexception",
            "input string was not in a correct format", "formatexception", "invalid literal for", "invalid format",
            "must be one of", "expected one of", "unsupported value", "unknown value", "is out of range", "invalid argument",
            "is not recognized as a valid", "cannot be converted", "valueerror", "not a number", "cannot convert",
        ],
        causes: &[cause(&[Variable], &[], 0.2)],
    },
    // A setting that is gone, or is found no more.
    Topic {
        kinds: &["missing-variable"],
        says: &[
            "is not set", "is not defined", "unbound variable", "must be set", "no value for", "missing url",
            "bad/illegal format", "no host in", "no host specified", "invalid uri", "hostname could not be parsed",
            "must not be empty", "cannot be empty", "is empty", "null or empty", "empty string", "may not be null",
            "argumentnullexception", "value cannot be null", "required key", "missing required", "keyerror",
            "no default value", "was not provided", "must be provided", "is required", "should not be blank", "must not be blank", "options validation", "relative uri", "unsupported protocol scheme",
        ],
        causes: &[
            cause(&[Variable], &["removed", "scope", "<emptied>"], 0.36),
            cause(&[Variable], ADDRESS, 0.1),
            cause(&[Process], SUBSTITUTION, 0.34),
            cause(&[Commit], &["variable", "setting", "settings", "option", "options", "required", "environment", "parameter", "config"], 0.25),
        ],
    },
    // Another version of a program has lost what a caller wants of it.
    Topic {
        kinds: &[],
        says: &[
            "method not found", "missingmethodexception", "nosuchmethod", "typeloadexception", "has no attribute",
            "no module named", "classnotfound", "classnotfoundexception", "noclassdeffound", "noclassdeffounderror",
            "could not load file or assembly", "cannot find module", "cannot find database driver", "no suitable driver",
            "cannot import name", "undefined method", "is not a function", "is not a constructor", "cannot load such file",
            "class not found", "undefined symbol", "unresolved reference",
        ],
        causes: &[
            cause(&[Package], &[], 0.2),
            cause(&[Package, Commit], LIBRARIES, 0.2),
            cause(&[Commit], TAKES_AWAY, 0.34),
        ],
    },
    // What is asked for and what was written down of it do not agree.
    Topic {
        kinds: &["dependency-conflict"],
        says: &[
            "lockfile", "lock file", "package-lock.json", "composer.lock", "poetry.lock", "gemfile.lock", "go.sum",
            "packages.lock.json", "frozen", "eresolve", "conflicting dependencies", "version conflict",
            "could not resolve dependency", "no matching version", "unmet peer",
        ],
        causes: &[cause(&[Commit], LIBRARIES, 0.22)],
    },
    // Another program than expected answers, in a version that does not know what is asked of it.
    Topic {
        kinds: &[],
        says: &[
            "err unknown command", "unknown function", "no matches for kind", "no kind is registered", "ensure crds are installed",
            "unknown collation", "unsupported api version", "api version", "not implemented",
        ],
        causes: &[cause(&[Commit, Package], &[], 0.12), cause(&[Target, Event], &["upgraded", "version", "cluster"], 0.25)],
    },
];

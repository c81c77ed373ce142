//! What settings, events and commits have power over, by the words of their titles.

/// A setting of a step that has power over nothing but some failures of that step.
pub(super) struct Setting {
    /// How the title of its change begins.
    pub(super) title: &'static str,
    /// Kinds of failures, or words of their lines, that it can make.
    pub(super) makes: &'static [&'static str],
}

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    Setting { title: "time limit", makes: &["timeout", "timed out", "time limit", "cancelled", "canceled"] },
    Setting { title: "number of retries", makes: &["timeout", "timed out", "already exists", "duplicate", "conflict"] },
    Setting { title: "pause between retries", makes: &["timeout", "timed out", "too many requests"] },
    // They say who may do what with the step, or what it is called.
    Setting { title: "name of step", makes: &[] },
    Setting { title: "permission to skip", makes: &[] },
];

/// Of what sort of failure an event about such a thing can be the cause.
pub(super) struct About {
    /// How its title begins.
    pub(super) title: &'static str,
    pub(super) makes: &'static [&'static str],
}

const TLS: &str = "tls-certificate";
#[rustfmt::skip]
pub(super) const EVENTS: &[About] = &[
    About {
        title: "certificate ",
        makes: &[
            TLS, "certificate", "certificates", "cert", "tls", "ssl", "x509", "handshake", "thumbprint", "signature", "pfx", "signtool", "signersign", "signing", "private key", "pem", "keystore", "truststore", "identity check", "dns identity",
        ],
    },
    About {
        title: "feed ",
        makes: &[
            "image-pull", "package-not-found", "package-download", "dependency-conflict", "version-mismatch",
            "authentication", "feed", "package", "pull", "manifest", "download", "chart", "repository", "index",
            "registry",
        ],
    },
    About {
        title: "proxy ",
        makes: &["proxy", "connection", "dns", "timeout", "package-download", "timed out", "connect", "unreachable"],
    },
    // They say how things are grouped and looked at, not how they work.
    About { title: "environment ", makes: &[] },
    About { title: "project ", makes: &[] },
    About { title: "tenant ", makes: &["tenant"] },
    About { title: "machine policy ", makes: &["agent-failure", "tentacle", "health", "unhealthy", "calamari"] },
    About { title: "step template ", makes: &["template", "script-error"] },
];

/// What a commit says at its beginning that changes what people read and not what programs do.
#[rustfmt::skip]
pub(super) const WORDS_ONLY: &[&str] =
    &["docs", "doc", "document", "readme", "changelog", "format", "reformat", "typo", "style", "comment", "spelling", "translate", "editorconfig",
    "codeowners", "lint", "rubocop", "eslint", "tslint", "tflint", "phpstan", "spotless", "prettier", "storybook", "javadoc", "whitespace", "wording", "copyright",];

/// What the server calls the step in which it fetches all packages.
pub(super) const ACQUISITION: &str = "acquire packages";

/// How the message of a merge begins.
pub(super) const MERGES: &[&str] =
    &["merge pull request", "merge branch", "merge remote", "merged in", "merged pr", "merge tag", "merge commit"];

/// With which words a failure says that two who did not know of each other changed the same.
pub(super) const MERGED: &[&str] = &[
    "conflicting migrations",
    "multiple leaf nodes",
    "multiple head revisions",
    "<<<<<<<",
    "merge conflict",
    "multiple heads",
];

/// Kinds of failures that another version of a library makes, and words with which they show.
#[rustfmt::skip]
pub(super) const OF_LIBRARIES: &[&str] = &[
    "package-not-found", "dependency-conflict", "version-mismatch", "compile-error", "test-failure", "crash",
    "missing method", "method not found", "no attribute", "not load", "cannot find module", "no module named",
    "checksum", "unsupported argument", "unsupported attribute", "unsupported block", "not expected here", "unknown option",
    "unknown flag", "has been removed", "eresolve", "classnotfoundexception", "noclassdeffounderror", "no such method",
    "nosuchmethoderror", "nosuchfielderror", "abstractmethoderror", "incompatibleclasschangeerror", "linkageerror",
    "missingmethodexception", "typeloadexception", "cannot import name", "importerror", "modulenotfounderror", "attributeerror",
    "deprecated", "incompatible", "undefined", "executable doesn't exist", "unsupportedversionexception", "unsupported version", "just updated to", "just installed or updated", "no parameter named", "not a function", "typeerror", "unexpected keyword",
];

/// Kinds of failures that come of how long something takes, and words with which they show.
#[rustfmt::skip]
pub(super) const OF_TIME: &[&str] = &[
    "timeout", "timed out", "time out", "time limit", "deadline", "took too long", "cancelled", "canceled", "canceling", "gave up",
    "not ready", "retries", "attempts", "unhealthy", "probe-failure", "connection", "expired", "lock", "waiting", "slow", "duration",
];

/// Words of trouble on the way to where libraries come from: then it is not their version.
#[rustfmt::skip]
pub(super) const ON_THE_WAY: &[&str] =
    &["proxyerror", "connection broken", "connection refused", "timed out", "connection reset", "name resolution", "enotfound", "getaddrinfo", "could not resolve host", "econnrefused", "etimedout", "econnreset", "unreachable"];

/// Kinds of failures that another machine decides: the tools of the worker that asked have little to do with them.
#[rustfmt::skip]
pub(super) const ELSEWHERE: &[&str] = &[
    "authentication", "cloud-permission", "kubernetes-rbac", "credential-expired", "database-migration", "database-deadlock",
];

/// With which words a line says that more was asked for than is allowed.
pub(super) const OVER_LIMIT: &[&str] =
    &["maximum", "exceeded", "exceeds", "quota", "too large", "out of range", "at most", "limit"];

/// What is about certificates.
pub(super) const CERTIFICATES: &[&str] =
    &["certificate", "cert", "thumbprint", "pfx", "pem", "ca", "keystore", "truststore"];

//! Which sort of failure comes of which sort of change, as a table: what one knows before reading a word of either.

use super::form::holds;
use super::names::says;
use crate::model::{Change, ChangeKind, Domain};

/// A failure of one of these kinds may come of a change of one of these.
struct Row {
    /// Kinds of signatures.
    failures: &'static [&'static str],
    /// Kinds of changes.
    changes: &'static [ChangeKind],
    /// Of which the change must hold one, in its title or values; none needed where empty. Lower case.
    words: &'static [&'static str],
    /// How much that alone speaks for it; over 0.3 it accuses without a word in common.
    weight: f64,
}

const ACCESS: &[&str] =
    &["authentication", "credential-expired", "cloud-permission", "ssh-key", "kubernetes-rbac", "file-permission"];
const DOWNLOAD: &[&str] =
    &["image-pull", "package-not-found", "package-download", "dependency-conflict", "version-mismatch"];
const NETWORK: &[&str] = &["timeout", "connection", "dns", "proxy", "agent-failure", "scheduling", "service-control"];
const MEMORY: &[&str] = &["out-of-memory", "disk-full", "crash", "port-in-use", "storage", "probe-failure"];
const DATABASE: &[&str] = &["database-migration", "database-deadlock"];
const SETTINGS: &[&str] = &["missing-variable", "configuration"];
const TESTS: &[&str] = &["test-failure", "compile-error"];

/// What opens doors, and who goes through them.
const KEYS: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "key",
    "apikey",
    "credential",
    "credentials",
    "certificate",
    "keytab",
];
const WHO: &[&str] = &["account", "login", "user", "role", "permission", "identity", "principal", "team"];

/// What programs are made for and run with.
const RUNTIMES: &[&str] = &[
    "java",
    "jdk",
    "jre",
    "jvm",
    "node",
    "nodejs",
    "dotnet",
    "net",
    "framework",
    "runtime",
    "python",
    "php",
    "ruby",
    "golang",
    "sdk",
    "compiler",
    "target",
];

/// With which words a line says that somebody was not let in, for failures that no signature knows.
#[rustfmt::skip]
const NOT_LET_IN: &[&str] = &[
    "unauthorized", "unauthorised", "not authorized", "not authorised", "not authenticated", "unable to authenticate",
    "could not authenticate", "failed to authenticate", "authentication token", "authentication failed",
    "authentication failure", "authentication required", "login failed", "logon failure", "logon failed", "access token",
    "invalid token", "bad token", "bad credentials", "invalid credentials", "wrong password", "wrongpass",
    "invalid password", "password may be incorrect", "password is incorrect", "may be incorrect", "incorrect password",
    "user name or password", "username or password", "bad username", "access denied for user", "invalid key",
    "invalid signature", "invalidsignature", "signature does not match", "signaturedoesnotmatch", "invalidaccesskeyid",
    "invalid api", "api key", "apikey", "401", "403 forbidden", "authentication unsuccessful", "sasl authentication",
    "535", "noauth", "invalid_client", "invalid_grant", "bad decrypt", "mac check failed", "incorrect passphrase",
    "decryption failed", "failed to decrypt", "could not decrypt", "cannot decrypt", "unable to decrypt", "wrong passphrase",
    "bad passphrase", "password was incorrect", "wrong final block length", "padding is invalid", "access key id", "bad signature",
    "signature verification failed", "invalid_api_key", "hmac", "password is not correct", "network password", "incorrect pin", "wrong pin",
    "passphrase is", "invalid passphrase", "failure to login", "invalidtoken", "loginexception", "preauthentication", "kerberosauthexception", "authenticationexception", "error code 49", "data 52e", "decryption failed for",
];
/// How much less such words say than a signature.
const GUESSED: f64 = 0.9;

const ROWS: &[Row] = &[
    Row { failures: ACCESS, changes: &[ChangeKind::Variable], words: KEYS, weight: 0.42 },
    Row { failures: ACCESS, changes: &[ChangeKind::Event], words: KEYS, weight: 0.36 },
    Row { failures: ACCESS, changes: &[ChangeKind::Event], words: WHO, weight: 0.45 },
    Row { failures: ACCESS, changes: &[ChangeKind::Variable], words: WHO, weight: 0.2 },
    Row {
        failures: &["tls-certificate"],
        changes: &[ChangeKind::Variable, ChangeKind::Event, ChangeKind::Target, ChangeKind::Worker],
        words: &["certificate", "cert", "thumbprint", "pfx", "tls", "ssl", "ca"],
        weight: 0.45,
    },
    Row { failures: DOWNLOAD, changes: &[ChangeKind::Package], words: &[], weight: 0.2 },
    Row {
        failures: &["image-pull", "package-not-found", "package-download"],
        changes: &[ChangeKind::Event, ChangeKind::Process],
        words: &["feed"],
        weight: 0.35,
    },
    Row {
        failures: DOWNLOAD,
        changes: &[ChangeKind::Process],
        words: &["image", "container", "package"],
        weight: 0.25,
    },
    Row {
        failures: DOWNLOAD,
        changes: &[ChangeKind::Commit],
        words: &["lock", "csproj", "requirements", "dockerfile", "pom", "gradle", "package", "bump"],
        weight: 0.25,
    },
    // Where it is looked for.
    Row {
        failures: &["image-pull", "package-not-found", "package-download"],
        changes: &[ChangeKind::Variable],
        words: &[
            "feed",
            "registry",
            "index",
            "source",
            "sources",
            "repository",
            "repo",
            "mirror",
            "nexus",
            "artifactory",
            "channel",
        ],
        weight: 0.4,
    },
    // What a program finds where it runs: another image has other libraries.
    Row {
        failures: &["dependency-conflict", "version-mismatch"],
        changes: &[ChangeKind::Worker],
        words: &[],
        weight: 0.36,
    },
    Row {
        failures: &["version-mismatch"],
        changes: &[ChangeKind::Commit, ChangeKind::Process, ChangeKind::Variable],
        words: RUNTIMES,
        weight: 0.34,
    },
    Row { failures: NETWORK, changes: &[ChangeKind::Target, ChangeKind::Worker], words: &[], weight: 0.25 },
    Row {
        failures: NETWORK,
        changes: &[ChangeKind::Event, ChangeKind::Process],
        words: &["upgrade", "upgraded", "firewall", "network", "proxy", "timeout", "limit"],
        weight: 0.26,
    },
    Row { failures: MEMORY, changes: &[ChangeKind::Target, ChangeKind::Worker], words: &[], weight: 0.2 },
    Row {
        failures: MEMORY,
        changes: &[ChangeKind::Variable, ChangeKind::Process],
        words: &["memory", "heap", "limit", "limits", "cache", "disk", "size", "port", "probe", "health"],
        weight: 0.26,
    },
    Row {
        failures: DATABASE,
        changes: &[ChangeKind::Commit, ChangeKind::Process],
        words: &["migration", "migrations", "migrate", "sql", "schema", "column", "index"],
        weight: 0.38,
    },
    Row { failures: DATABASE, changes: &[ChangeKind::Package], words: &[], weight: 0.15 },
    Row { failures: SETTINGS, changes: &[ChangeKind::Variable], words: &[], weight: 0.2 },
    Row {
        failures: &[
            "crash",
            "probe-failure",
            "script-error",
            "missing-variable",
            "configuration",
            "resource-not-found",
        ],
        changes: &[ChangeKind::Package, ChangeKind::Commit],
        words: &[],
        weight: 0.1,
    },
    Row { failures: &["script-error"], changes: &[ChangeKind::Process, ChangeKind::Worker], words: &[], weight: 0.15 },
    Row {
        failures: TESTS,
        changes: &[ChangeKind::Commit, ChangeKind::Package, ChangeKind::Worker],
        words: &[],
        weight: 0.2,
    },
];

/// Failures that come of the world outside: no change is to blame for one unless it names what failed.
const OUTSIDE: &[&str] = &["rate-limit", "throttling", "quota", "state-lock", "release-locked", "cancelled"];

/// Failures that come with time: the step that meets one is not to blame for it.
const EXPIRED: &[&str] = &["credential-expired"];

/// What a failure of a kind that no row names may come of.
const fn of_domain(domain: Domain) -> &'static [ChangeKind] {
    match domain {
        Domain::Code => &[ChangeKind::Commit, ChangeKind::Package],
        Domain::Configuration => &[ChangeKind::Variable, ChangeKind::Process],
        Domain::Infrastructure => &[ChangeKind::Target, ChangeKind::Worker],
        Domain::Dependency => &[ChangeKind::Package],
        Domain::Platform => &[ChangeKind::Worker, ChangeKind::Event],
        Domain::Access => &[ChangeKind::Variable, ChangeKind::Event],
    }
}

/// Whether failures of this kind come from outside.
pub(super) fn is_outside(failure: &str) -> bool {
    OUTSIDE.contains(&failure)
}

/// Whether the step where such a failure shows has nothing to do with it.
pub(super) fn spares_the_step(failure: &str) -> bool {
    is_outside(failure) || EXPIRED.contains(&failure)
}

/// How much speaks for `change` where a line of the failure that no signature knows says that somebody was not let in.
pub(super) fn to_a_door(line: &str, change: &Change) -> f64 {
    let line = line.get(..line.floor_char_boundary(2_000)).unwrap_or(line).to_lowercase();
    if NOT_LET_IN.iter().any(|word| says(&line, word)) {
        between("authentication", Domain::Access, change) * GUESSED
    } else {
        0.0
    }
}

/// How much speaks for `change` as what a failure of this kind and domain comes of, from 0 to 1.
pub(super) fn between(failure: &str, domain: Domain, change: &Change) -> f64 {
    if is_outside(failure) {
        return 0.0;
    }
    let mut rows = ROWS.iter().filter(|row| row.failures.contains(&failure)).peekable();
    if rows.peek().is_none() {
        return if of_domain(domain).contains(&change.kind) { 0.1 } else { 0.0 };
    }
    // A value that may not be shown opens a door.
    let sealed = change.kind == ChangeKind::Variable && change.before.is_none() && change.after.is_none();
    let fits = |row: &&Row| {
        let is_named = || row.words.is_empty() || sealed && row.words == KEYS || holds(change, row.words);
        row.changes.contains(&change.kind) && is_named()
    };
    rows.filter(fits).map(|row| row.weight).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::Catalogue;

    fn check(failure: &str, kind: ChangeKind, title: &str, value: Option<&str>, expected: bool) {
        let change = Change {
            kind,
            title: title.to_owned(),
            before: value.map(str::to_owned),
            after: None,
            details: None,
            step: None,
            who: None,
            when: None,
            url: None,
        };
        assert_eq!(between(failure, Domain::Code, &change) > 0.3, expected, "{failure} {title}");
    }

    #[test]
    fn doors_that_close_come_of_keys_that_changed() {
        check("authentication", ChangeKind::Variable, "variable Database.Password", Some("x"), true);
        check("authentication", ChangeKind::Variable, "variable Feature:X", None, true);
        check("authentication", ChangeKind::Variable, "variable Feature:X", Some("on"), false);
        check("authentication", ChangeKind::Variable, "variable ServiceApiKey", Some("x"), true);
        check("authentication", ChangeKind::Variable, "variable Storage.Account", Some("x"), false);
        check("authentication", ChangeKind::Event, "account Storage was edited", None, true);
        check("tls-certificate", ChangeKind::Event, "certificate shop.example replaced", None, true);
        check("authentication", ChangeKind::Package, "package Password.Reset", Some("1.0"), false);
    }

    #[test]
    fn a_line_that_no_signature_knows_may_speak_of_a_door() {
        let token = Change {
            kind: ChangeKind::Variable,
            title: "variable Cdn:ApiToken".to_owned(),
            before: None,
            after: None,
            details: None,
            step: None,
            who: None,
            when: None,
            url: None,
        };
        for (line, expected) in [
            ("{\"message\":\"Invalid access token\"}", true),
            ("GET /orders answered 401", true),
            ("401k rows were copied", false),
            ("order 14012 was refused", false),
        ] {
            assert_eq!(to_a_door(line, &token) > 0.3, expected, "{line}");
        }
        let other = Change { kind: ChangeKind::Package, ..token };
        assert!(to_a_door("GET /orders answered 401", &other) <= 0.0);
    }

    #[test]
    fn what_comes_from_outside_comes_of_no_change() {
        check("rate-limit", ChangeKind::Variable, "variable Registry.Token", None, false);
    }

    #[test]
    fn every_kind_of_the_table_is_one_of_the_catalogue() {
        let catalogue = Catalogue::builtin();
        let known: Vec<&str> = catalogue.signatures().iter().map(|signature| signature.kind.as_str()).collect();
        for kind in ROWS.iter().flat_map(|row| row.failures).chain(OUTSIDE).chain(EXPIRED) {
            assert!(known.contains(kind), "{kind}");
        }
    }
}

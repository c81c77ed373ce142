//! What a failure is about, by the words of its lines, and which changes such a failure comes of: a table of what somebody on call
//! knows, for failures that no signature knows as well as for those that one does.

use std::collections::HashSet;

use super::edit::{Way, moved};
use super::form::{holds_any, words};
use super::names::says;
use crate::model::{Change, Step};

mod outside;
mod table;

use outside::{is_down, is_expired, is_held, is_outside, is_refused, is_said_to_be_outside, is_sold_out};
use table::{Cause, TOPICS, Topic};

/// With which words a client says that the other side does not speak TLS, or does where it is not expected.
#[rustfmt::skip]
pub(super) const PLAIN_AND_TLS: &[&str] = &[
    "wrong version number", "unknown protocol", "not an ssl/tls record", "unrecognized ssl message",
    "does not look like a tls handshake", "plain http request was sent to https port", "plaintext connection",
    "gave http response to https client", "packet length too long", "frame size may be larger",
    "disconnected before handshake", "not a tls packet", "unexpected packet format", "invalid tls record",
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
    &[
        "aws", "eks", "ecr", "amazon", "amazonaws", "sts", "iam", "getcalleridentity", "cloudformation", "lambda", "ecs", "dynamodb", "arn",
    ],
    &["azure", "aks", "acr", "azurerm", "az", "aad", "entra", "microsoftonline", "arm"],
    &["gcp", "gke", "gcloud", "google", "googleapis"],
];

/// What the lines say of the world outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outside {
    /// Nothing,
    Spared,
    /// that it is the cause,
    Blamed,
    /// that who keeps what others made is in trouble,
    Down,
    /// or that somebody else holds what is needed.
    Held,
}

/// What the lines and the signature of a failure say that it is about.
pub(super) struct Topics {
    /// The topics, and how surely they are meant.
    about: Vec<(&'static Topic, f64)>,
    /// Whether and how the world outside is said to be the cause.
    pub(super) outside: Outside,
    /// Whether it refuses what is too much.
    pub(super) refused: bool,
    /// Whether nothing is left to be had, however much is asked for.
    pub(super) sold_out: bool,
    /// Whether something ended by the clock.
    pub(super) expired: bool,
    /// The sorts of services that the lines name.
    services: Vec<&'static [&'static str]>,
    /// The words of the lines, in lower case.
    words: HashSet<String>,
}

/// Words of lines that speak of who is let in, and by what.
#[rustfmt::skip]
const DOORS: &[&str] = &[
    "password", "passwords", "passphrase", "credential", "credentials", "secret", "apikey", "signature", "decrypt", "decryption", "denied",
    "forbidden", "unauthorized", "unauthorised", "unauthenticated", "login", "logon", "401", "403", "authentication", "auth", "bearer",
    "authenticationexception", "52e", "keytab", "kinit", "invalidtoken", "fernet", "kerberos", "loginexception", "kerberosauthexception",
];

/// Kinds of failures that happen on the machine itself, whatever else their lines say.
const HERE: &[&str] = &["port-in-use", "compile-error", "missing-variable"];

/// How much more a cause says of which the lines name the very word.
const SAID: f64 = 1.15;

/// How surely words in a line mean a topic, next to a signature that says so.
const BY_WORDS: f64 = 0.9;

impl Topics {
    /// The topics of a failure with these `lines`, and `quiet` ones beside them, of the kind that its signature says, in `steps`.
    pub(super) fn of<'a>(
        lines: impl Iterator<Item = &'a str>,
        quiet: impl Iterator<Item = &'a str>,
        kind: Option<&str>,
        steps: &[Step],
    ) -> Self {
        let lines: Vec<String> =
            lines.map(|line| without_options(line.get(..line.floor_char_boundary(2_000)).unwrap_or(line))).collect();
        let sure = |topic: &Topic| {
            if kind.is_some_and(|kind| topic.kinds.iter().any(|one| one == kind)) {
                1.0
            } else if topic.is_said(&lines) {
                BY_WORDS
            } else {
                0.0
            }
        };
        let about: Vec<(&'static Topic, f64)> =
            TOPICS.iter().map(|topic| (topic, sure(topic))).filter(|(_, sure)| *sure > 0.0).collect();
        let named = |service: &&&[&str]| service.iter().any(|name| lines.iter().any(|line| says(line, name)));
        let services = SERVICES.iter().filter(named).copied().collect();
        let failed = steps.iter().filter(|step| step.culprit).map(|step| step.name.to_lowercase());
        // Whoever holds a file or a port open is here.
        let is_here = kind.is_some_and(|kind| HERE.contains(&kind));
        let is_told = |is: fn(&Topic) -> bool| about.iter().any(|(topic, _)| is(topic));
        // Where nothing is known of what complains, what stands beside it may say why.
        let is_beside = || {
            let quiet: Vec<String> = quiet.map(str::to_lowercase).collect();
            kind.is_none() && about.is_empty() && is_said_to_be_outside(&quiet)
        };
        let outside = !is_here && is_outside(&lines, &failed.collect::<Vec<_>>())
            || is_told(|topic| topic.outside)
            || is_beside();
        let expired = is_expired(&lines) || is_told(|topic| topic.expired);
        let outside = match outside {
            false => Outside::Spared,
            true if is_down(&lines) => Outside::Down,
            true if is_held(&lines) => Outside::Held,
            true => Outside::Blamed,
        };
        let parts = lines.iter().flat_map(|line| line.split(|c: char| !c.is_alphanumeric()));
        let words = parts.filter(|part| part.len() > 2).map(str::to_owned).collect();
        let refused = outside != Outside::Spared && is_refused(&lines);
        let sold_out = outside != Outside::Spared && is_sold_out(&lines);
        Self { about, outside, refused, sold_out, expired, services, words }
    }

    /// Whether something is missing.
    pub(super) fn is_missing(&self) -> bool {
        let is_one = |kind: &String| matches!(&**kind, "resource-not-found" | "missing-variable");
        self.about.iter().any(|(topic, _)| topic.kinds.iter().any(is_one))
    }

    /// Whether somebody was not let in, or may not do what was asked.
    pub(super) fn is_access(&self) -> bool {
        const KINDS: &[&str] = &["authentication", "cloud-permission", "kubernetes-rbac", "file-permission"];
        self.about.iter().any(|(topic, _)| topic.kinds.iter().any(|kind| KINDS.contains(&kind.as_str())))
    }

    /// Whether the lines speak of who is let in.
    pub(super) fn is_of_doors(&self) -> bool {
        DOORS.iter().any(|word| self.words.contains(*word))
    }

    /// Whether a commit says that it takes something away.
    pub(super) fn takes_away(change: &Change) -> bool {
        holds_any(&words(change), &table::LISTS.takes_away)
    }

    /// Whether it is known what such failures come of.
    pub(super) fn are_known(&self) -> bool {
        !self.about.is_empty()
    }

    /// Whether `change` is about a sort of service that the lines name.
    pub(super) fn share_a_service(&self, change: &Change) -> bool {
        !self.services.is_empty() && is_about(&self.services, &words(change))
    }

    /// Whether `change` is about sorts of services, and the lines about others.
    pub(super) fn is_about_another(&self, change: &Change) -> bool {
        if self.services.is_empty() {
            return false;
        }
        let words = words(change);
        !is_about(&self.services, &words) && is_about(SERVICES, &words)
    }

    /// How much speaks for `change` as what a failure about this comes of, from 0 to 1.
    pub(super) fn towards(&self, change: &Change) -> f64 {
        let fits = |way: Option<Way>, cause: &Cause| {
            matches!(cause.way, Way::Any | Way::Either) || way.is_none_or(|way| way == cause.way)
        };
        self.best(change, fits)
    }

    /// How much speaks for `change` where the world outside refuses what is too much: an amount must have gone that way.
    pub(super) fn by_amount(&self, change: &Change) -> f64 {
        self.best(change, |way, cause| cause.way == Way::Either || way == Some(cause.way))
    }

    fn best(&self, change: &Change, fits: impl Fn(Option<Way>, &Cause) -> bool) -> f64 {
        let (way, words) = (moved(change), words(change));
        let is_one = |cause: &&Cause| {
            cause.changes.contains(&change.kind)
                && fits(way, cause)
                && (way.is_some() || !cause.words.is_empty() || !matches!(cause.way, Way::Down | Way::Up))
                && (cause.words.is_empty() || holds_any(&words, &cause.words))
        };
        // Of two limits it is the one that the lines speak of.
        let is_said = |cause: &Cause| cause.words.iter().any(|word| words.contains(word) && self.words.contains(word));
        let weight = |cause: &Cause| if is_said(cause) { (cause.weight * SAID).min(1.0) } else { cause.weight };
        let best = |topic: &Topic| topic.causes.iter().filter(is_one).map(weight).fold(0.0, f64::max);
        self.about.iter().map(|(topic, sure)| best(topic) * sure).fold(0.0, f64::max)
    }
}

/// A line in lower case without the options of the commands that it tells: `--timeout 5m` says of no failure that it took too long.
pub(super) fn without_options(line: &str) -> String {
    if !line.contains("--") {
        return line.to_lowercase();
    }
    let is_option =
        |word: &&str| word.strip_prefix("--").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    let words: Vec<&str> = line.split(' ').filter(|word| !is_option(word)).collect();
    words.join(" ").to_lowercase()
}

/// Whether `words` hold a name of one of `services`.
fn is_about(services: &[&[&str]], words: &HashSet<String>) -> bool {
    services.iter().any(|service| service.iter().any(|name| words.contains(*name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ChangeKind::{self, Process, Variable};
    use crate::signature::Catalogue;

    fn topics(line: &str) -> Topics {
        Topics::of([line].into_iter(), [].into_iter(), None, &[])
    }

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
        let topics = topics(line);
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
        let topics = topics(broker);
        assert!(topics.share_a_service(&change("variable Queue:Host")));
        assert!(!topics.share_a_service(&change("variable Smtp:Host")));
    }

    #[test]
    fn what_the_world_outside_says_of_itself_is_heard() {
        for (line, expected) in [
            ("node was preempted", true),
            ("canceling statement due to lock timeout", true),
            ("ERROR: RETRY LIMIT EXCEEDED.", false),
            ("ERROR: API LIMIT EXCEEDED.", true),
            ("HTTP 429 Too Many Requests", true),
            ("no rate limits are set", false),
            ("connection refused", false),
            ("GET https://api.github.com/repos answered 503 Service Unavailable", true),
            ("ProvisionedThroughputExceededException: slow down", true),
            ("java.util.ConcurrentModificationException: null", false),
            ("curl: (56) Recv failure: Connection reset by peer", true),
            ("http://pay.svc.cluster.local:8080: Connection reset by peer", false),
            ("GET https://shop.example/health answered 503 Service Unavailable", false),
            ("10.61.4.11:502 i/o timeout", false),
            ("the gateway answered 502", true),
        ] {
            assert_eq!(topics(line).outside != Outside::Spared, expected, "{line}");
        }
    }

    #[test]
    fn what_stands_beside_tells_of_the_world_outside_where_what_complains_says_nothing() {
        for (line, expected) in [("the job did not start in time", true), ("connection refused", false)] {
            let quiet = ["5512087 PENDING Reserved for maintenance"];
            let topics = Topics::of([line].into_iter(), quiet.into_iter(), None, &[]);
            assert_eq!(topics.outside != Outside::Spared, expected, "{line}");
        }
    }

    #[test]
    fn nothing_is_left_however_much_is_asked_for() {
        assert!(topics("InsufficientInstanceCapacity: we do not have sufficient g5.12xlarge capacity").sold_out);
        assert!(!topics("the quota of cpus is exceeded").sold_out);
        assert!(topics("429 urn:ietf:params:acme:error:rateLimited").refused);
    }

    #[test]
    fn options_of_a_command_say_nothing_of_a_failure() {
        check("helm upgrade shop --timeout 8m0s", Variable, "variable Helm:Timeout", Some(("8m", "5m")), false);
        check("helm upgrade shop: timed out", Variable, "variable Helm:Timeout", Some(("8m", "5m")), true);
        assert_eq!(without_options("Unknown flag: --Atomic -- x"), "unknown flag: -- x");
    }

    #[test]
    fn lines_speak_of_who_is_let_in_or_of_other_things() {
        for (line, expected) in [
            ("the password is not correct", true),
            ("GET /x: 403 Forbidden", true),
            ("checksum mismatch for version 2.31", false),
            ("unexpected token } in JSON", false),
        ] {
            assert_eq!(topics(line).is_of_doors(), expected, "{line}");
        }
    }

    #[test]
    fn every_kind_of_the_table_is_one_of_the_catalogue() {
        let catalogue = Catalogue::builtin();
        let known: Vec<&str> = catalogue.signatures().iter().map(|signature| signature.kind.as_str()).collect();
        for kind in TOPICS.iter().flat_map(|topic| &topic.kinds) {
            assert!(known.contains(&kind.as_str()), "{kind}");
        }
    }
}

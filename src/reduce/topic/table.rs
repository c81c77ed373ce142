//! The table of topics: by which words a failure is about one, and which changes such a failure comes of.

use super::{Cause, Topic, Way};
use crate::model::ChangeKind;

mod amount;
mod data;
mod network;
mod program;

pub(super) const fn cause(changes: &'static [ChangeKind], words: &'static [&'static str], weight: f64) -> Cause {
    Cause { changes, words, way: Way::Any, weight }
}

pub(super) const fn moved(
    changes: &'static [ChangeKind],
    words: &'static [&'static str],
    way: Way,
    weight: f64,
) -> Cause {
    Cause { changes, words, way, weight }
}

/// Names of what says where something is reached, and values that look like it.
#[rustfmt::skip]
pub(super) const ADDRESS: &[&str] = &[
    "host", "hosts", "hostname", "url", "uri", "endpoint", "address", "server", "servers", "port", "broker",
    "brokers", "bootstrap", "upstream", "connectionstring", "dsn", "gateway", "relay", "<address>",
];
/// What leads traffic from here to there.
pub(super) const ROUTE: &[&str] =
    &["firewall", "network", "route", "subnet", "vpn", "dns", "proxy", "nsg", "egress", "tunnel"];
/// What the server says of a machine whose software is another than before.
pub(super) const UPGRADED: &[&str] = &["<upgraded>", "new"];
pub(super) const LOADS: &[&str] =
    &["workers", "threads", "parallelism", "concurrency", "batch", "replicas", "instances", "pool"];
pub(super) const RUNS_IN: &[&str] =
    &["image", "container", "runtime", "framework", "sdk", "language", "shell", "platform"];
/// What decides whether and when a step runs.
pub(super) const WHETHER: &[&str] = &["skipped", "removed", "order", "state", "condition", "start"];
/// Signs of what takes away what others need.
pub(super) const STOPS: &[&str] = &["new", "removed", "skipped", "order"];
/// What a commit says that takes something away or puts it elsewhere.
#[rustfmt::skip]
pub(super) const TAKES_AWAY: &[&str] = &[
    "remove", "removes", "removed", "delete", "deletes", "deleted", "drop", "drops", "move", "moves", "moved", "rename",
    "renames", "renamed", "ignore", "ignored", "exclude", "excluded", "replace", "replaces", "replaced", "clean", "tidy",
    "split", "instead", "dockerignore", "gitignore", "slim", "slimmer", "smaller", "without", "no",
];
/// What a commit says of a database.
#[rustfmt::skip]
pub(super) const SCHEMA: &[&str] = &[
    "migration", "migrations", "migrate", "schema", "column", "columns", "table", "tables", "index", "indexes", "unique",
    "constraint", "nullable", "rename", "drop", "sql", "entity", "database", "foreign", "view", "procedure", "trigger",
    "one", "only", "mandatory", "required", "must", "mapping", "merge", "type", "keyword", "field", "fields", "flyway", "liquibase",
];
/// What a commit says of files that programs read.
#[rustfmt::skip]
pub(super) const CONFIGURATION: &[&str] = &[
    "config", "configuration", "yml", "yaml", "json", "xml", "toml", "ini", "settings", "appsettings", "values", "chart",
    "manifest", "template", "conf", "properties", "env", "helm", "ingress", "xdt", "transform",
];
/// What a process says of how values get into files.
pub(super) const SUBSTITUTION: &[&str] = &[
    "configuration",
    "transform",
    "transforms",
    "variables",
    "substitution",
    "substitute",
    "structured",
    "features",
    "targets",
    "replacement",
];
/// What a commit says of the libraries that it takes.
#[rustfmt::skip]
pub(super) const LIBRARIES: &[&str] = &[
    "bump", "upgrade", "upgraded", "update", "downgrade", "needs", "need", "requires", "require", "dependency",
    "dependencies", "library", "package", "packages", "version", "pin", "unpin", "lock", "lockfile", "switch", "add",
    "net", "node", "python", "java", "php", "ruby", "go",
];

/// All topics, by their sense.
pub(super) const TOPICS: [&[Topic]; 4] = [network::TOPICS, amount::TOPICS, program::TOPICS, data::TOPICS];

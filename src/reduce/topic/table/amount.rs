//! Limits: of size, of time, of memory, of what is shared.

use super::super::{Topic, Way};
use super::{LOADS, STOPS, cause, moved};
use crate::model::ChangeKind::{Commit, Package, Process, Variable};

#[rustfmt::skip]
pub(super) const TOPICS: &[Topic] = &[
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
    Topic {
        kinds: &["port-in-use"],
        says: &["address already in use", "eaddrinuse", "port is already allocated", "only one usage of each socket address"],
        causes: &[cause(&[Variable], &["port", "ports", "listen", "bind", "urls"], 0.36), cause(&[Process], STOPS, 0.22)],
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
];

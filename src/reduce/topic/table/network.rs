//! Ways between machines, and who may go them: proxies, connections, TLS, logins, rights.

use super::super::{PLAIN_AND_TLS, Topic};
use super::{ADDRESS, LIBRARIES, ROUTE, STOPS, SUBSTITUTION, cause};
use crate::model::ChangeKind::{Commit, Event, Package, Process, Target, Variable, Worker};

#[rustfmt::skip]
pub(super) const TOPICS: &[Topic] = &[
    // A program that is told to go through a proxy reaches nothing without it.
    Topic {
        kinds: &["proxy"],
        says: &["proxy error", "proxyerror", "to proxy", "by proxy", "via proxy", "proxy authentication", "from proxy"],
        causes: &[cause(&[Variable, Event, Process], &["proxy"], 0.45)],
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
            "certificate not found", "private key", "could not establish trust", "certificate add failed", "hasprivatekey",
            "bind the certificate", "no ssl certificate", "certificate chain is not", "keyset does not exist",
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
        says: PLAIN_AND_TLS,
        causes: &[cause(&[Variable, Process], &["protocol", "scheme", "tls", "ssl", "encrypt", "security", "url", "port"], 0.42)],
    },
    // A machine that is another than the one that was known.
    Topic {
        kinds: &["ssh-key"],
        says: &["host key verification failed", "remote host identification has changed", "fingerprint", "known_hosts"],
        causes: &[cause(&[Target], &["new"], 0.42), cause(&[Variable, Event], &["host", "fingerprint", "machine", "known"], 0.36)],
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
];

//! Programs: what they are made from and run in, and how they are called.

use super::super::Topic;
use super::{LIBRARIES, RUNS_IN, TAKES_AWAY, UPGRADED, cause};
use crate::model::ChangeKind::{Commit, Event, Package, Process, Target, Variable, Worker};

#[rustfmt::skip]
pub(super) const TOPICS: &[Topic] = &[
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
            cause(&[Package], &["<major>"], 0.36),
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
            cause(&[Package], &["<major>"], 0.36),
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

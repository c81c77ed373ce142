//! Files, values and databases: what is missing, in the way, or not understood.

use super::super::Topic;
use super::{ADDRESS, CONFIGURATION, LIBRARIES, SCHEMA, STOPS, SUBSTITUTION, TAKES_AWAY, WHETHER, cause};
use crate::model::ChangeKind::{Commit, Event, Package, Process, Variable, Worker};

#[rustfmt::skip]
pub(super) const TOPICS: &[Topic] = &[
    // A place that is too deep.
    Topic {
        kinds: &[],
        says: &["path too long", "path is too long", "260 characters", "filename or extension is too long", "file name too long"],
        causes: &[cause(&[Variable], &["<path>", "path", "folder", "directory"], 0.45), cause(&[Commit], TAKES_AWAY, 0.2)],
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
            // It is looked for where somebody logged in since.
            cause(&[Process], &["<logs in>"], 0.3),
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
            "pending model changes", "conflicting migrations", "multiple leaf nodes", "indexoptionsconflict", "different options", "validation failed: migration", "data loss", "base table or view",
        ],
        causes: &[
            cause(&[Commit], SCHEMA, 0.36),
            cause(&[Package], &[], 0.1),
            cause(&[Process], WHETHER, 0.3),
        ],
    },
    // A value's place is still there: what puts values into files did not.
    Topic {
        kinds: &[],
        says: &["#{"],
        causes: &[cause(&[Process], SUBSTITUTION, 0.75), cause(&[Variable], &["removed", "scope"], 0.5), cause(&[Worker], &[], 0.1)],
    },
    // What stands in a file until a deployment puts a value there.
    Topic {
        kinds: &[],
        says: &[
            "format of the initialization string", "placeholder", "changeme", "change_me", "replace_me", "set_by_deploy",
            "to_be_replaced", "replaced by", "unresolved variable", "could not resolve placeholder",
        ],
        causes: &[cause(&[Process], SUBSTITUTION, 0.5), cause(&[Variable], &["removed", "scope"], 0.4)],
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
            "is not set", "is not defined", "unbound variable", "parameter not set", "has not been set", "must be set", "no value for", "missing url",
            "bad/illegal format", "no host in", "no host specified", "invalid uri", "hostname could not be parsed",
            "must not be empty", "cannot be empty", "is empty", "null or empty", "empty string", "may not be null",
            "argumentnullexception", "value cannot be null", "required key", "missing required", "keyerror",
            "no default value", "was not provided", "must be provided", "is required", "should not be blank", "must not be blank", "options validation", "relative uri", "unsupported protocol scheme",
        ],
        causes: &[
            cause(&[Variable], &["removed", "scope", "<emptied>"], 0.36),
            cause(&[Variable], ADDRESS, 0.1),
            cause(&[Process], SUBSTITUTION, 0.34),
            cause(&[Process], &["<stricter>"], 0.5),
            cause(&[Commit], &["variable", "setting", "settings", "option", "options", "required", "environment", "parameter", "config"], 0.25),
        ],
    },
];

//! What a change looks like, whatever it names: the forms of its values, how far a version went, what a commit says beside its
//! files.

use std::collections::HashSet;

use super::edit::{self, Way, moved};
use super::names;
use crate::model::{Change, ChangeKind};

/// How files end that are no hosts.
#[rustfmt::skip]
const ENDINGS: &[&str] = &[
    "json", "xml", "yml", "yaml", "toml", "ini", "conf", "config", "txt", "md", "log", "sh", "ps1", "cmd", "bat", "py", "js",
    "ts", "cs", "dll", "exe", "jar", "war", "zip", "gz", "tgz", "nupkg", "sql", "html", "css", "svg", "png", "jpg", "pem",
    "pfx", "crt", "key", "tf", "tfvars", "tfstate", "csv", "pdf",
];

/// Files of a commit that are read for what it is about.
const FILES: usize = 8;

/// The forms of a change's values, each in angles.
pub(super) fn of(change: &Change) -> Vec<&'static str> {
    if change.kind == ChangeKind::Process {
        let mut forms = if stops(change) { vec!["<stops>"] } else { Vec::new() };
        if logs_in(change) {
            forms.push("<logs in>");
        }
        if is_stricter(change) {
            forms.push("<stricter>");
        }
        forms.extend(switched(change));
        return forms;
    }
    if change.kind == ChangeKind::Commit {
        let base = changes_base(change).then_some("<base>");
        return switched(change).chain(base).collect();
    }
    if change.kind == ChangeKind::Target {
        let mut told = [change.after.as_deref(), change.details.as_deref()].into_iter().flatten();
        let is_upgraded = change.title.contains(" of target ") && change.before.as_deref().is_some_and(is_version)
            || told.any(is_upgraded);
        return if is_upgraded { vec!["<upgraded>"] } else { Vec::new() };
    }
    if change.kind == ChangeKind::Package {
        let versions = change.before.as_deref().zip(change.after.as_deref());
        let is_major = versions.is_some_and(|(before, after)| is_major(before, after));
        return if is_major { vec!["<major>"] } else { Vec::new() };
    }
    if change.kind != ChangeKind::Variable {
        return Vec::new();
    }
    let (before, after) = (change.before.as_deref().map(str::trim), change.after.as_deref().map(str::trim));
    let values = [before, after];
    let any = |is: fn(&str) -> bool| values.into_iter().flatten().any(is);
    let mut forms = Vec::new();
    if any(is_address) {
        forms.push("<address>");
    }
    if before.zip(after).is_some_and(|(before, after)| is_other_scheme(before, after)) {
        forms.push("<scheme>");
    }
    if any(is_path) {
        forms.push("<path>");
    }
    if values.into_iter().flatten().any(|text| text.starts_with(['{', '[', '<']) && text.len() > 2) {
        forms.push("<structure>");
    }
    if before.is_some_and(|text| !text.is_empty()) && after == Some("") {
        forms.push("<emptied>");
    }
    let is_spaced = |text: &str| text.contains(' ');
    if before.is_some_and(|text| !is_spaced(text)) && after.is_some_and(is_spaced) {
        forms.push("<spaced>");
    }
    forms.extend(switched(change));
    forms
}

/// Whether a commit changes what a program is made for and runs in: the image below its own, the framework.
pub(super) fn changes_base(change: &Change) -> bool {
    const SIGNS: &[&str] =
        &["FROM ", "<TargetFramework", "<java.version>", "<maven.compiler", "sourceCompatibility", "python_requires"];
    let added = change.details.as_deref().unwrap_or_default().lines().filter_map(|line| line.strip_prefix('+'));
    change.kind == ChangeKind::Commit
        && added.map(str::trim_start).any(|line| SIGNS.iter().any(|sign| line.starts_with(sign)))
}

/// Whether a commit of which that is known changes nothing but what people read, or nothing but tests.
pub(super) fn is_beside(change: &Change) -> bool {
    const READ: &[&str] = &["md", "txt", "png", "svg", "jpg", "css", "scss", "adoc", "rst"];
    let names = change.details.as_deref().unwrap_or_default().lines().filter_map(|line| line.strip_prefix("+++ b/"));
    let is_beside = |name: &str| {
        let file = name.rsplit('/').next().unwrap_or(name);
        let end = file.rsplit_once('.').map_or("", |(_, end)| end);
        let is_test = name.split('/').any(|part| matches!(part, "test" | "tests" | "spec" | "__tests__"))
            || file.contains(".test.")
            || file.contains(".spec.")
            || file.rsplit_once('.').is_some_and(|(stem, _)| stem.ends_with("Tests") || stem.ends_with("Test"));
        READ.contains(&end) && !matches!(file, "requirements.txt" | "CMakeLists.txt" | "constraints.txt") || is_test
    };
    let mut names = names.peekable();
    change.kind == ChangeKind::Commit && names.peek().is_some() && names.all(is_beside)
}

/// Whether something was switched off or on: `true` became `false`, or a line came that ends so.
fn switched(change: &Change) -> impl Iterator<Item = &'static str> {
    const OFF: &[&str] = &["false", "off", "no", "none", "disabled", "disable", "deny", "never"];
    const ON: &[&str] =
        &["true", "on", "yes", "always", "enabled", "enable", "required", "require", "strict", "enforce", "enforced"];
    let edits = edit::of(change);
    let ends = |words: &[&str]| {
        edits.iter().any(|edit| {
            let last = |text: &str| {
                let text = text.trim_end_matches(|c: char| !c.is_alphanumeric());
                text.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase()
            };
            let after = edit.after.map(last).unwrap_or_default();
            words.contains(&&*after) && edit.before.map(last).as_ref() != Some(&after)
        })
    };
    let (off, on) = (ends(OFF), ends(ON));
    [off.then_some("<off>"), on.then_some("<on>")].into_iter().flatten()
}

/// Whether a change's title, values or edits hold one of `terms`.
pub(super) fn holds(change: &Change, terms: &[&str]) -> bool {
    let words = words(change);
    terms.iter().any(|term| words.contains(*term))
}

/// Whether `words` hold one of `terms`; with `+` all parts of it.
pub(super) fn holds_any(words: &HashSet<String>, terms: &[String]) -> bool {
    terms.iter().any(|term| term.split('+').all(|part| words.contains(part)))
}

/// The words that a change holds in its title, its values and what was edited, in lower case, parts of names such as `ApiKey` by
/// themselves too; and the forms of its values, in angles.
pub(super) fn words(change: &Change) -> HashSet<String> {
    // A set of variables names in its details what may have changed in it; a commit says more there than in its first line, and a
    // new step what it does.
    let is_new = change.kind == ChangeKind::Process && change.title.starts_with("new step ");
    let details = match change.kind {
        ChangeKind::Variable => change.details.as_deref(),
        ChangeKind::Commit => change.details.as_deref().map(message),
        ChangeKind::Process if is_new => change.details.as_deref(),
        _ => None,
    };
    // What a step is called says what it is for, not what was changed of it.
    let title = match change.kind {
        ChangeKind::Process if change.title.starts_with("new step ") => "new step",
        ChangeKind::Process => change.title.split(" of step ").next().unwrap_or_default(),
        _ => change.title.as_str(),
    };
    // Of a script it is what was edited in it, of a commit also in which files.
    let is_script = change.kind == ChangeKind::Process && title.starts_with("script");
    let is_commit = change.kind == ChangeKind::Commit;
    let edits = if is_script || is_commit { edit::of(change) } else { Vec::new() };
    let files = files(change).filter(|_| is_commit);
    let edited = edits.iter().flat_map(|edit| [Some(edit.name.as_str()), edit.before, edit.after]);
    let values = [change.before.as_deref(), change.after.as_deref(), details].map(|text| text.filter(|_| !is_script));
    let mut all: HashSet<String> = of(change).into_iter().map(str::to_owned).collect();
    for text in [Some(title)].into_iter().chain(values).chain(edited).flatten().chain(files) {
        // What a long text is about is said before that.
        let text = text.get(..text.floor_char_boundary(2_000)).unwrap_or(text);
        for part in text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()) {
            all.insert(part.to_lowercase());
            all.extend(names::humps(part).map(str::to_lowercase));
            // `Xmx6g` is an `xmx`.
            if let Some(digit) = part.find(|c: char| c.is_ascii_digit()).filter(|digit| *digit > 1) {
                all.extend(part.get(..digit).map(str::to_lowercase));
            }
        }
    }
    all
}

/// The first files that a commit's details list.
fn files(change: &Change) -> impl Iterator<Item = &str> {
    let details = change.details.as_deref().unwrap_or_default();
    let list = details.split_once("Files:\n").map_or("", |(_, list)| list);
    let lines = list.lines().take_while(|line| !line.trim().is_empty()).take(FILES);
    lines.map(|line| line.split(" +").next().unwrap_or(line))
}

/// Whether a step that is gone, or lines of a script that were changed, log in somewhere.
fn logs_in(change: &Change) -> bool {
    const SIGNS: &[&str] = &[
        "log in",
        "login",
        "log on",
        "logon",
        "sign in",
        "authenticat",
        "connect-",
        "assume-role",
        "get-credentials",
        "update-kubeconfig",
        "use-context",
        "kinit",
        "kubeconfig",
        "gcloud auth",
        "credential",
    ];
    let details = change.details.as_deref().unwrap_or_default();
    let is_edit = details.lines().any(|line| line.starts_with("@@"));
    let lines = details.lines().filter(|line| !is_edit || line.starts_with(['+', '-']));
    let is_step = !change.title.contains(" of step ");
    let texts = lines.chain([change.before.as_deref(), change.after.as_deref()].into_iter().flatten());
    let mut texts = texts.chain(Some(change.title.as_str()).filter(|_| is_step));
    texts.any(|text| SIGNS.iter().any(|sign| text.to_lowercase().contains(sign)))
}

/// Whether a step that is new, or runs when it did not, or new lines of a script stop something that runs.
fn stops(change: &Change) -> bool {
    const VERBS: &[&str] = &["stop", "disable", "kill", "down", "uninstall", "drain", "pause"];
    let verb = |word: &str| VERBS.contains(&word.to_ascii_lowercase().split('-').next().unwrap_or_default());
    let stops = |line: &str| line.split_whitespace().take(3).any(verb);
    let details = change.details.as_deref().unwrap_or_default();
    let is_edit = details.lines().any(|line| line.starts_with("@@"));
    !change.title.starts_with("removed ")
        && details.lines().any(|line| match line.strip_prefix('+') {
            Some(line) => stops(line),
            None => !is_edit && stops(line),
        })
}

/// Whether new lines of a script make it end where it went on before.
fn is_stricter(change: &Change) -> bool {
    const SIGNS: &[&str] = &[
        "set -e",
        "set -u",
        "set -o",
        "pipefail",
        "strictmode",
        "erroractionpreference",
        "errexit",
        "nounset",
        "use strict",
    ];
    let details = change.details.as_deref().unwrap_or_default();
    details.lines().filter_map(|line| line.strip_prefix('+')).any(|line| {
        let line = line.to_lowercase();
        SIGNS.iter().any(|sign| line.contains(sign))
    })
}

/// Whether a step that is new, or lines that came to a script, forbid what the machine allowed.
pub(super) fn hardens(change: &Change) -> bool {
    #[rustfmt::skip]
    const SIGNS: &[&str] = &[
        "harden", "baseline", "crypto-policies", "crypto policy", "noexec", "nosuid", "schannel", "setenforce", "apparmor", "cis benchmark",
        "sysctl -w", "secedit", "disable-tls", "protocols\\tls", "umask 0", "ulimit", "auditpol", "lgpo", "disa stig",
    ];
    let is_new = change.title.starts_with("new step ");
    let is_one = is_new || change.title.starts_with("script of step ");
    let details = change.details.as_deref().unwrap_or_default();
    let lines = details.lines().filter_map(|line| if is_new { Some(line) } else { line.strip_prefix('+') });
    let mut texts = lines.chain(Some(change.title.as_str()).filter(|_| is_new));
    change.kind == ChangeKind::Process
        && is_one
        && texts.any(|text| SIGNS.iter().any(|sign| text.to_lowercase().contains(sign)))
}

fn is_version(word: &str) -> bool {
    word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether what is told of a machine's health says that its software went from one version to another.
fn is_upgraded(text: &str) -> bool {
    text.split_once(" -> ").is_some_and(|(before, after)| {
        before.split_whitespace().next_back().is_some_and(is_version)
            && after.split_whitespace().next().is_some_and(is_version)
    })
}

/// Whether `text` says where something is reached: an address with a scheme, a host, a connection string.
fn is_address(text: &str) -> bool {
    text.split([',', ';', ' ', '=']).any(|part| part.contains("://") || is_host(part))
}

/// Whether an address goes by another protocol than before: `redis://` and `rediss://`.
fn is_other_scheme(before: &str, after: &str) -> bool {
    let scheme = |text: &str| text.split_once("://").map(|(scheme, _)| scheme.to_lowercase());
    scheme(before).zip(scheme(after)).is_some_and(|(before, after)| before != after)
}

fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    let parts: Vec<&str> = name.split('.').collect();
    let is_part = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let last = parts.last().copied().unwrap_or_default();
    let is_number = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    parts.iter().all(is_part)
        && port.bytes().all(|b| b.is_ascii_digit())
        && if is_number {
            parts.len() == 4
        } else {
            parts.len() > 1
                && last.len() > 1
                && last.bytes().all(|b| b.is_ascii_alphabetic())
                && !ENDINGS.contains(&&*last.to_lowercase())
        }
}

/// Whether `text` is a place in a tree of files.
fn is_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_drive = matches!(bytes, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    !text.contains("://")
        && !text.contains(char::is_whitespace)
        && (is_drive || text.starts_with(['/', '\\', '~', '.']) || text.split(['/', '\\']).count() > 1)
        && text.contains(['/', '\\'])
}

/// Names of how long something may take, or how often it is tried.
#[rustfmt::skip]
const PATIENCE: &[&str] = &[
    "timeout", "timeouts", "deadline", "retries", "retry", "attempts", "wait", "patience", "grace", "maxwait", "sleep",
];

/// Whether a change is of how long something may take.
pub(super) fn is_patience(change: &Change) -> bool {
    let is_script = || change.kind == ChangeKind::Process && change.title.starts_with("script of step ");
    (change.kind == ChangeKind::Variable || is_script()) && moved(change).is_some() && holds(change, PATIENCE)
}

/// Whether a change gives something more time, or more tries.
pub(super) fn is_eased(change: &Change) -> bool {
    matches!(change.kind, ChangeKind::Variable | ChangeKind::Process)
        && moved(change) == Some(Way::Up)
        && holds(change, PATIENCE)
}

/// Whether a change is of a mere number.
pub(super) fn is_amount(change: &Change) -> bool {
    // `v1.24` is a version.
    let is_version = change.after.as_deref().is_some_and(|text| text.trim().starts_with(['v', 'V']));
    change.kind == ChangeKind::Variable && !is_version && moved(change).is_some()
}

/// What somebody wrote of a commit, before its files and its diff.
pub(super) fn message(details: &str) -> &str {
    let end = ["\nFiles:", "\ndiff ", "\n--- ", "\n@@ "].iter().filter_map(|mark| details.find(mark)).min();
    let message = details.get(..end.unwrap_or(details.len())).unwrap_or(details);
    let message = if message.starts_with("Files:") { "" } else { message };
    // What it went into is told last.
    let (rest, last) = message.trim_end().rsplit_once('\n').unwrap_or(("", message));
    if last.starts_with("package ") { rest } else { message }
}

/// The numbers of a version.
fn numbers(text: &str) -> Vec<u64> {
    let text = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    text.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
}

/// Whether `one` is an older version than `other`.
pub(super) fn is_older(one: &str, other: &str) -> bool {
    let (one, other) = (numbers(one), numbers(other));
    one.len() > 1 && other.len() > 1 && one < other
}

/// Whether the first number of a version went on.
fn is_major(before: &str, after: &str) -> bool {
    let (before, after) = (numbers(before), numbers(after));
    before.len() > 1 && after.len() > 1 && before.first() < after.first()
}

/// How much more likely than others another version breaks something, by which of its numbers went on.
pub(super) fn leap(before: &str, after: &str) -> f64 {
    let (old, new) = (numbers(before), numbers(after));
    if old.len() < 2 || new.len() < 2 {
        return 1.0;
    }
    match old.iter().zip(&new).position(|(old, new)| old != new) {
        Some(0) => 1.0,
        Some(1) => 0.85,
        _ => 0.7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_by_their_form() {
        let of = |before: Option<&str>, after: Option<&str>| {
            super::of(&Change {
                kind: ChangeKind::Variable,
                title: "variable X".to_owned(),
                before: before.map(str::to_owned),
                after: after.map(str::to_owned),
                details: None,
                step: None,
                who: None,
                when: None,
                url: None,
            })
        };
        for address in
            ["https://api.example.com/v1", "db-1.example.net:5432", "10.0.0.7", "Server=sql.example.com;Database=x"]
        {
            assert_eq!(of(None, Some(address)).first(), Some(&"<address>"), "{address}");
        }
        for other in ["1.4.2", "en,de", "appsettings.json", "half-up", "15", "teal"] {
            assert!(of(None, Some(other)).is_empty(), "{other}");
        }
        assert_eq!(of(None, Some("D:\\Services\\Shop")), ["<path>"]);
        assert_eq!(of(None, Some("/srv/shop")), ["<path>"]);
        assert_eq!(of(Some("on"), Some("")), ["<emptied>"]);
        assert_eq!(of(Some("true"), Some("false")), ["<off>"]);
        assert_eq!(of(Some("Optional"), Some("Required")), ["<on>"]);
        assert_eq!(of(Some("on"), Some("on the way")), ["<spaced>"]);
    }

    #[test]
    fn a_step_that_makes_a_machine_stricter_is_told_from_others() {
        for (title, details, expected) in [
            ("new step Tidy", "update-crypto-policies --set FUTURE", true),
            ("new step Host baseline", "./apply.sh", true),
            ("new step Tidy", "rm -rf /tmp/x", false),
            ("new step Tidy", "./investigate --who francis x", false),
            ("script of step Mount", "@@ -1 +1 @@\n-mount /tmp\n+mount -o remount,noexec /tmp", true),
            ("script of step Mount", "@@ -1 +1 @@\n-mount -o remount,noexec /tmp\n+mount /tmp", false),
            ("variable Harden", "harden", false),
        ] {
            let change = Change {
                kind: if title.starts_with("variable ") { ChangeKind::Variable } else { ChangeKind::Process },
                title: title.to_owned(),
                before: None,
                after: None,
                details: Some(details.to_owned()),
                step: None,
                who: None,
                when: None,
                url: None,
            };
            assert_eq!(hardens(&change), expected, "{title}: {details}");
        }
    }

    #[test]
    fn a_message_ends_before_files_and_package() {
        assert_eq!(message("Why\n\npackage Shop.Web 1.2").trim(), "Why");
        assert_eq!(message("package Shop.Web 1.2"), "");
        assert_eq!(message("Why\n\nFiles:\nsrc/a.cs").trim(), "Why");
        assert_eq!(message("Files:\nsrc/a.cs"), "");
    }

    #[test]
    fn versions_are_older_and_newer_by_their_numbers() {
        for (before, after, older, major) in [
            ("1.10.0", "1.9.9", true, false),
            ("2.14.0", "3.0.1", false, true),
            ("1.9", "1.10", false, false),
            ("a", "b", false, false),
        ] {
            assert_eq!((is_older(after, before), is_major(before, after)), (older, major), "{before} {after}");
        }
    }

    #[test]
    fn a_patch_breaks_less_than_a_new_major_version() {
        assert!(leap("4.31.1", "5.0.1") > leap("4.30.1", "4.31.0"));
        assert!(leap("4.30.1", "4.31.0") > leap("4.30.1", "4.30.2"));
        assert!(leap("abc", "def") > 0.9);
    }
}

//! The words that reports use for values of the model, and untrusted text made fit to show.
//! In one place, so that all formats say the same.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::model::{
    Author, ChangeKind, Confidence, Domain, FixKind, Level, Outcome, Retry, Role, Setting, Stage, Usage,
};

/// How a step or a run ended.
#[must_use]
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::Canceled => "canceled",
        Outcome::Skipped => "skipped",
        Outcome::Running => "running",
        Outcome::Unknown => "unknown",
    }
}

/// The level of a line.
#[must_use]
pub fn level(level: Level) -> &'static str {
    match level {
        Level::Verbose => "verbose",
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
        Level::Fatal => "fatal",
    }
}

/// Whose door to knock at.
#[must_use]
pub fn domain(domain: Domain) -> &'static str {
    match domain {
        Domain::Code => "code",
        Domain::Configuration => "configuration",
        Domain::Infrastructure => "infrastructure",
        Domain::Dependency => "dependency",
        Domain::Platform => "platform",
        Domain::Access => "access",
    }
}

/// How sure a diagnosis is, in one word for machines.
#[must_use]
pub fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::None => "none",
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    }
}

/// How sure a diagnosis is, for people.
#[must_use]
pub fn confidence_in_words(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::None => "None: the cause is unknown",
        Confidence::Low => "Low: this is a guess",
        Confidence::Medium => "Medium: it fits, but something else might too",
        Confidence::High => "High: the failed step’s own lines say it",
    }
}

/// Whether trying again can help, in one word for machines.
#[must_use]
pub fn retry(retry: Retry) -> &'static str {
    match retry {
        Retry::Helps => "yes",
        Retry::Maybe => "maybe",
        Retry::No => "no",
    }
}

/// Whether trying again can help, for people.
#[must_use]
pub fn retry_in_words(retry: Option<Retry>) -> &'static str {
    match retry {
        Some(Retry::Helps) => "Yes, a retry after a pause can help",
        Some(Retry::Maybe) => "Maybe, it depends on what is behind it",
        Some(Retry::No) => "No, the same input will fail again",
        None => "Unknown",
    }
}

/// What a known failure's lines say.
#[must_use]
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Cause => "cause",
        Role::Symptom => "symptom",
    }
}

/// What sort of thing a fix is, in one word for machines.
#[must_use]
pub fn fix_kind(kind: FixKind) -> &'static str {
    match kind {
        FixKind::Setting => "setting",
        FixKind::Script => "script",
        FixKind::Repository => "repository",
        FixKind::Command => "command",
        FixKind::Person => "person",
    }
}

/// What sort of thing a fix is, for people.
#[must_use]
pub fn fix_kind_in_words(kind: FixKind) -> &'static str {
    match kind {
        FixKind::Setting => "Change a setting",
        FixKind::Script => "Change the script",
        FixKind::Repository => "Change a file",
        FixKind::Command => "Run a command",
        FixKind::Person => "Do by hand or ask",
    }
}

/// A setting's value as it is and as it should be, in a line.
#[must_use]
pub fn setting(setting: &Setting) -> String {
    let Setting { name, now, then } = setting;
    let now = now.as_ref().map(|now| format!("{} → ", one_line(now))).unwrap_or_default();
    format!("{}: {now}{}", one_line(name), one_line(then))
}

/// What a question to a model took, in a line.
#[must_use]
pub fn took(usage: &Usage) -> String {
    let Usage { provider, model, tokens_in, tokens_out, seconds, price } = usage;
    let price = price.map_or_else(|| "its price is not known".to_owned(), |price| format!("about ${price:.4}"));
    let (model, provider) = (one_line(model), one_line(provider));
    format!("Asked {model} at {provider}: {tokens_in} tokens in, {tokens_out} out, {seconds:.1} s, {price}")
}

/// What sort of thing a change is, in one word for machines.
#[must_use]
pub fn change_kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Package => "package",
        ChangeKind::Commit => "commit",
        ChangeKind::WorkItem => "work-item",
        ChangeKind::Process => "process",
        ChangeKind::Variable => "variable",
        ChangeKind::Target => "target",
        ChangeKind::Worker => "worker",
        ChangeKind::Event => "event",
    }
}

/// The part of the pipeline a note comes from.
#[must_use]
pub fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Settings => "settings",
        Stage::Collect => "collect",
        Stage::Reduce => "reduce",
        Stage::Diagnose => "diagnose",
        Stage::Publish => "publish",
    }
}

/// Who made a diagnosis, for people.
#[must_use]
pub fn author_in_words(author: &Author) -> String {
    match author {
        Author::Rules => "Diagnosed by the catalogue of known failures, without a language model".to_owned(),
        Author::Llm { provider, model } => {
            format!(
                "Diagnosed by the language model {} ({}), held to the evidence",
                one_line(model),
                one_line(provider)
            )
        }
    }
}

/// A count and its noun, such as `1 line` or `5,230 lines`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A span of time, such as `3 min 6 s`.
#[must_use]
pub fn duration(seconds: i64) -> String {
    let two = |large: i64, unit: &str, small: i64, fine: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {fine}"),
    };
    match seconds {
        ..=0 => "under 1 s".to_owned(),
        1..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86400, "d", seconds % 86400 / 3600, "h"),
    }
}

/// A day and time to the second.
#[must_use]
pub fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A time of day.
#[must_use]
pub fn clock(time: Timestamp) -> String {
    time.strftime("%H:%M:%S").to_string()
}

/// Whether a character acts on what shows it instead of being seen: control characters, and those that turn the
/// direction of text, with which a line can be made to read as another.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// Text of several lines, without hidden characters.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().filter(|&c| matches!(c, '\n' | '\t') || !is_hidden(c)).collect()
}

/// A log line as it was, without hidden characters.
#[must_use]
pub fn log_line(text: &str) -> String {
    text.chars().filter(|&c| c == '\t' || !is_hidden(c)).collect()
}

/// Prose in one line, single spaces between its words.
#[must_use]
pub fn one_line(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Prose in one line of at most `longest` characters, its middle left out where it is longer.
#[must_use]
pub fn shortened(text: &str, longest: usize) -> String {
    let line = one_line(text);
    let count = line.chars().count();
    if count <= longest {
        return line;
    }
    let start: String = line.chars().take(longest * 2 / 3).collect();
    let end: String = line.chars().skip(count - longest / 3).collect();
    format!("{start}…{end}")
}

/// Prose in one line of at most `longest` characters that ends as a sentence does.
#[must_use]
pub fn sentence(text: &str, longest: usize) -> String {
    let line = one_line(text);
    if line.chars().count() > longest {
        let cut: String = line.chars().take(longest.saturating_sub(1)).collect();
        let whole = cut.rsplit_once(' ').map_or(&*cut, |(head, _)| head);
        return format!("{whole}…");
    }
    if line.ends_with(['.', '!', '?', '…']) { line } else { format!("{line}.") }
}

/// The first sentence of a prose text and what follows it, each in one line.
#[must_use]
pub fn split_sentence(text: &str) -> (String, String) {
    let line = one_line(text);
    let words: Vec<&str> = line.split(' ').collect();
    for (index, pair) in words.windows(2).enumerate() {
        let [word, next] = pair else { continue };
        // `e.g.` and an initial end in a full stop too.
        let ends =
            word.ends_with(['.', '!', '?']) && word.chars().count() > 2 && !word.trim_end_matches('.').contains('.')
                || word.ends_with(").");
        if ends && next.chars().next().is_some_and(char::is_uppercase) {
            let split = index + 1;
            let part = |words: Option<&[&str]>| words.unwrap_or_default().join(" ");
            return (part(words.get(..split)), part(words.get(split..)));
        }
    }
    (line, String::new())
}

/// An address that may become a link: `http` or `https`, normal form, nothing in it that ends a Markdown link or an
/// attribute.
#[must_use]
pub fn link(address: &str) -> Option<String> {
    let url = url::Url::parse(address.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let mut safe = String::new();
    for c in url.as_str().chars() {
        match c {
            '`' | '|' | '<' | '>' | '"' | '\'' | '\\' | '(' | ')' | '[' | ']' | '*' => {
                let _ = write!(safe, "%{:02X}", u32::from(c));
            }
            _ => safe.push(c),
        }
    }
    Some(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let check = |seconds, expected: &str| assert_eq!(duration(seconds), expected);
        check(-5, "under 1 s");
        check(59, "59 s");
        check(186, "3 min 6 s");
        check(3600, "1 h");
        check(90_000, "1 d 1 h");
    }

    #[test]
    fn counts_are_grouped() {
        let check = |number, expected: &str| assert_eq!(count(number, "line"), expected);
        check(1, "1 line");
        check(120, "120 lines");
        check(1_234_567, "1,234,567 lines");
    }

    #[test]
    fn a_sentence_ends_where_the_next_begins() {
        let check = |text: &str, first: &str, rest: &str| {
            assert_eq!(split_sentence(text), (first.to_owned(), rest.to_owned()), "{text}");
        };
        check("It broke. Mend it.", "It broke.", "Mend it.");
        check("Use ghcr.io, e.g. Trivy from v1.2. Then wait", "Use ghcr.io, e.g. Trivy from v1.2. Then wait", "");
        check("It broke\n(twice). Mend it.", "It broke (twice).", "Mend it.");
        check("", "", "");
    }

    #[test]
    fn only_web_addresses_become_links() {
        let check = |address: &str, expected: Option<&str>| assert_eq!(link(address).as_deref(), expected, "{address}");
        check("https://octopus.example/app#/Spaces-1", Some("https://octopus.example/app#/Spaces-1"));
        check("javascript:alert(1)", None);
        check(" JAVASCRIPT:alert(1)", None);
        check("java\nscript:alert(1)", None);
        check("data:text/html,<script>", None);
        check("file:///etc/passwd", None);
        check("/relative", None);
        check("https://x.example/a)[b](c`\"'", Some("https://x.example/a%29%5Bb%5D%28c%60%22%27"));
    }

    #[test]
    fn hidden_characters_are_dropped() {
        let check = |text: &str, expected: &str| assert_eq!(log_line(text), expected);
        check("a\u{1b}[31mb\u{202e}c\u{9b}d\te\u{7}\n", "a[31mbcd\te");
    }

    #[test]
    fn a_long_sentence_is_cut_between_words() {
        assert_eq!(sentence("one two three", 9), "one two…");
        assert_eq!(sentence("one two", 9), "one two.");
    }
}

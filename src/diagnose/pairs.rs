//! Whether brackets, quotes, comments and here-strings of a PowerShell script pair up: what breaks off or forgets a brace does not.
//!
//! No parser: it sees nothing else. PowerShell itself is asked where it is; this is for machines without it. The rules are those of
//! `about_Quoting_Rules` and `about_Comments`; `#{…}` is Octopus's, and stands for a value.

/// What is open, and what closes it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Bracket(char),
    /// A text in double quotes, in which `$(` begins code again.
    Text,
    /// `@"`, which ends with `"@` at the beginning of a line.
    Here,
}

/// The line, from 1, at which a bracket closes what is not open, or at which something opens that is never closed.
pub(super) fn unpaired(text: &str) -> Option<usize> {
    let at = fault(text)?;
    Some(1 + text.get(..at).unwrap_or_default().matches('\n').count())
}

/// The byte at which that is.
fn fault(text: &str) -> Option<usize> {
    let mut open: Vec<(Open, usize)> = Vec::new();
    let (mut at, mut before) = (0, '\n');
    while let Some(rest) = text.get(at..)
        && let Some(next) = rest.chars().next()
    {
        let step = match open.last() {
            Some((Open::Text, _)) => in_text(rest, next),
            Some((Open::Here, _)) => in_here(rest, next, before),
            _ => in_code(rest, next, before),
        };
        let length = match step {
            Step::Over(length) => length,
            Step::Opens(what, length) => {
                open.push((what, at));
                length
            }
            Step::Closes(what, length) => {
                if open.pop().is_none_or(|(opened, _)| opened != what) {
                    return Some(at);
                }
                length
            }
            Step::NeverEnds => return Some(at),
        };
        before = rest.get(..length).and_then(|passed| passed.chars().next_back()).unwrap_or(next);
        at += length;
    }
    open.last().map(|(_, at)| *at)
}

/// What stands next, and its length in bytes.
enum Step {
    Over(usize),
    Opens(Open, usize),
    Closes(Open, usize),
    NeverEnds,
}

/// Past the first `end` of `rest` after `from` bytes.
fn past(rest: &str, from: usize, end: &str) -> Step {
    let at = rest.get(from..).and_then(|after| after.find(end));
    at.map_or(Step::NeverEnds, |at| Step::Over(from + at + end.len()))
}

/// A backtick takes the meaning from what follows.
fn escaped(rest: &str) -> Step {
    Step::Over(1 + rest.chars().nth(1).map_or(0, char::len_utf8))
}

fn in_code(rest: &str, next: char, before: char) -> Step {
    let begins_word = before.is_whitespace() || "(){}[];,|&=".contains(before);
    match next {
        '`' => escaped(rest),
        '#' if rest.starts_with("#{") => past(rest, 2, "}"),
        '<' if rest.starts_with("<#") => past(rest, 2, "#>"),
        '#' if begins_word => Step::Over(rest.find('\n').unwrap_or(rest.len())),
        '@' if here(rest, '\'') => past(rest, 2, "\n'@"),
        '@' if here(rest, '"') => Step::Opens(Open::Here, 2),
        '\'' => past(rest, 1, "'"),
        '"' => Step::Opens(Open::Text, 1),
        '(' => Step::Opens(Open::Bracket(')'), 1),
        '{' => Step::Opens(Open::Bracket('}'), 1),
        '[' => Step::Opens(Open::Bracket(']'), 1),
        ')' | '}' | ']' => Step::Closes(Open::Bracket(next), 1),
        _ => Step::Over(next.len_utf8()),
    }
}

fn in_text(rest: &str, next: char) -> Step {
    match next {
        '`' => escaped(rest),
        '"' if rest.starts_with("\"\"") => Step::Over(2),
        '"' => Step::Closes(Open::Text, 1),
        '$' if rest.starts_with("$(") => Step::Opens(Open::Bracket(')'), 2),
        _ => Step::Over(next.len_utf8()),
    }
}

fn in_here(rest: &str, next: char, before: char) -> Step {
    match next {
        '"' if before == '\n' && rest.starts_with("\"@") => Step::Closes(Open::Here, 2),
        '`' => escaped(rest),
        '$' if rest.starts_with("$(") => Step::Opens(Open::Bracket(')'), 2),
        _ => Step::Over(next.len_utf8()),
    }
}

/// Whether `@` and `quote` end this line, as those of a here-string do.
fn here(rest: &str, quote: char) -> bool {
    let line = rest.lines().next().unwrap_or_default();
    line.strip_prefix('@').and_then(|line| line.strip_prefix(quote)).is_some_and(|after| after.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pairs_up_is_whole() {
        for text in [
            "",
            "foreach ($größe in 1..4) { docker run x; if ($LASTEXITCODE -eq 0) { break } }\n",
            "$a = @{ b = @(1, 2); c = \"it's $(Get-It -For \"x)\") }\" } # a ) in a comment\n<# { #>\nWrite-Host 'it''s (' `}\n",
            "$x = @'\n{ \"( ' \n'@\n$y = @\"\n{ \"( $(f { }) `$(\n\"@\nf\n",
            "$v = '#{Octopus.Action.Name}'; $w = #{Count}; if ($a#b -eq 1) { }\n",
            "\"a `\" ( b\" ; \"\"\"{\"",
        ] {
            assert_eq!(unpaired(text), None, "{text}");
        }
    }

    #[test]
    fn what_breaks_off_or_closes_too_much_is_told_by_its_line() {
        let check = |text: &str, line: usize| assert_eq!(unpaired(text), Some(line), "{text}");
        check("foreach ($a in { \n", 1);
        check("f\nif ($x {\n g\n}\n", 2);
        check("f\nif ($x {\n g\n)\n}\n", 4);
        check("f\n}\n", 2);
        check("a\nb \"c\n d\n", 2);
        check("a\n'b\n", 2);
        check("<# a\n", 1);
        check("f {\n $x = @\"\n }\n \"@\n}\n", 2);
        check("f \"$(g\" \n", 1);
    }
}

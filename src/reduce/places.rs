//! Lines of files that the evidence names, and whether a change's diff touches one of them.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use super::names;
use super::said::is_warning;
use crate::model::Log;

/// A line of the evidence that names a line of a file, such as `Totals.cs:line 42`.
pub(super) struct Place<'a> {
    line: usize,
    file: &'a str,
    number: usize,
    text: &'a str,
}

/// The lines of files that the evidence names, in the lines that explain most first.
pub(super) fn of<'a>(log: &'a Log, weights: &BTreeMap<usize, f64>) -> Vec<Place<'a>> {
    // Where a warning points is seldom what failed.
    let warns = |line: &usize| is_warning(log.line(*line));
    let mut lines: Vec<(usize, f64)> =
        weights.iter().filter(|(line, _)| !warns(line)).map(|(line, weight)| (*line, *weight)).collect();
    lines.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut places = Vec::new();
    for (line, _) in lines {
        let text = log.line(line);
        names::each(text, |file, _| {
            if file.contains('.') {
                places.extend(place(line, text, file));
            }
        });
    }
    places
}

/// The number that follows `file` in `text` as one of a line does.
fn place<'a>(line: usize, text: &'a str, file: &'a str) -> Option<Place<'a>> {
    let start = text.find(file)?;
    let after = text.get(start + file.len()..)?;
    let gap = after.find(|c: char| c.is_ascii_digit()).filter(|gap| (1..10).contains(gap))?;
    let between = after.get(..gap)?;
    if between.contains(char::is_alphabetic) && !between.contains("line") {
        return None;
    }
    let digits = after.get(gap..)?.bytes().take_while(u8::is_ascii_digit).count();
    let end = gap + digits;
    let number = after.get(gap..end)?.parse().ok()?;
    Some(Place { line, file, number, text: text.get(start..start + file.len() + end)? })
}

/// The place in the evidence that a change's diff touches.
pub(super) fn in_diff(places: &[Place<'_>], details: &str) -> Option<(usize, String)> {
    let mut hunks: HashMap<String, Vec<RangeInclusive<usize>>> = HashMap::new();
    if places.is_empty() {
        return None;
    }
    for (file, lines) in hunks_of(details) {
        hunks.entry(file).or_default().push(lines);
    }
    let touched = |place: &&Place<'_>| {
        hunks.get(place.file).is_some_and(|hunks| hunks.iter().any(|lines| lines.contains(&place.number)))
    };
    places.iter().find(touched).map(|place| (place.line, place.text.to_owned()))
}

/// The file names and line ranges that a unified diff's new side touches.
fn hunks_of(details: &str) -> Vec<(String, RangeInclusive<usize>)> {
    let mut all = Vec::new();
    let mut file = None;
    for line in details.lines() {
        if let Some(path) = line.strip_prefix("+++ ") {
            let name = path.split('\t').next().and_then(|path| path.rsplit(['/', '\\']).next()).unwrap_or_default();
            file = Some(name.trim().to_owned()).filter(|name| name.contains('.'));
        } else if let (Some(file), Some(rest)) = (&file, line.strip_prefix("@@ ")) {
            let range = rest.split(' ').find_map(|part| part.strip_prefix('+')).unwrap_or_default();
            let (start, length) = range.split_once(',').unwrap_or((range, "1"));
            if let (Ok(start), Ok(length)) = (start.parse::<usize>(), length.parse::<usize>()) {
                all.push((file.clone(), start..=start.saturating_add(length)));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::LogBuilder;
    use crate::model::Level;

    fn check(line: &str, details: &str, expected: Option<&str>) {
        let mut builder = LogBuilder::default();
        builder.line(1, None, Level::Error, None, line);
        let log = builder.finish();
        let found = in_diff(&of(&log, &BTreeMap::from([(0, 1.0)])), details);
        assert_eq!(found.map(|(_, text)| text).as_deref(), expected, "{line}");
    }

    #[test]
    fn a_line_of_a_file_meets_the_hunk_that_holds_it() {
        let diff = "--- a/src/Totals.cs\n+++ b/src/Totals.cs\n@@ -38,4 +38,7 @@ class Totals\n-a\n+b";
        check("   at Shop.Sum() in /src/Totals.cs:line 42", diff, Some("Totals.cs:line 42"));
        check("src/Totals.cs(40,7): error CS1002", diff, Some("Totals.cs(40"));
        check("File \"src/Totals.cs\", line 44, in sum", diff, Some("Totals.cs\", line 44"));
        check("   at Shop.Sum() in /src/Totals.cs:line 420", diff, None);
        check("   at Shop.Sum() in /src/Other.cs:line 42", diff, None);
        check("Totals.cs took 40 s", diff, None);
        check("src/Totals.cs:42", "src/Totals.cs", None);
    }
}

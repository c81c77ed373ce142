//! What every format says in the same words: of a step's definition, and of the report itself.

use super::{Report, VERSION, words};
use crate::model::{Definition, Earlier};

/// What is known of a step, in words.
pub(super) fn of(definition: &Definition) -> Vec<(&'static str, String)> {
    let retries = definition.retries.map(|retries| match retries {
        0 => "off".to_owned(),
        retries => format!("up to {retries}"),
    });
    let timeout = definition.timeout_minutes.map(|minutes| words::count(minutes as usize, "minute"));
    let packages = Some(definition.packages.join(", "));
    [
        ("Kind", Some(definition.kind.clone())),
        ("Retries", retries),
        ("Time limit", timeout.or_else(|| Some("none".to_owned()))),
        ("Runs", definition.condition.clone()),
        ("Runs on", definition.runs_on.clone()),
        ("Container", definition.container.clone()),
        ("Packages", packages),
        ("Settings at", definition.path_to_settings.clone()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, words::one_line(&value?))))
    .filter(|(_, value)| !value.is_empty())
    .collect()
}

/// Of the earlier failures whose logs were read, how many were the same one; `None` where none was judged.
pub(super) fn again(earlier: &[Earlier]) -> Option<String> {
    let judged = earlier.iter().filter(|one| one.same.is_some()).count();
    let same: Vec<&Earlier> = earlier.iter().filter(|one| one.same == Some(true)).collect();
    if judged == 0 {
        return None;
    }
    let of = words::count(judged, "earlier failure");
    if same.is_empty() {
        return Some(format!("None of the {of} that could be compared was the same one."));
    }
    let first = same.iter().filter_map(|one| one.when).min();
    let first = first.map(|when| format!(", first on {}", words::moment(when))).unwrap_or_default();
    Some(format!("This failure was seen before: {} of {of} that could be compared{first}.", same.len()))
}

/// What is known of one earlier failure beyond its name and time: `the same failure; the same release succeeded later, …`.
pub(super) fn fate(earlier: &Earlier) -> String {
    let same = match earlier.same {
        Some(true) => "the same failure",
        Some(false) => "another failure",
        None => "",
    };
    let after = words::one_line(earlier.after.as_deref().unwrap_or_default());
    let told: Vec<&str> = [same, &after].into_iter().filter(|part| !part.is_empty()).collect();
    told.join("; ")
}

/// Who made the report, of what, when.
pub(super) fn footer(report: &Report) -> Vec<String> {
    let case = &report.case;
    let shown: usize = case.excerpts.iter().map(|excerpt| excerpt.lines.len()).sum();
    let masked = words::count(case.masked, "secret");
    let made = report.made.map(|made| format!(" on {}", words::moment(made))).unwrap_or_default();
    let mut lines = vec![
        format!("{}.", words::author_in_words(&report.diagnosis.author)),
        format!(
            "Shown: {shown} of {}, {}; {masked} masked.",
            words::count(case.total_lines, "line"),
            words::count(case.tokens, "token")
        ),
        format!("Made by Firefighter {VERSION}{made}."),
    ];
    lines.extend(report.usage.iter().map(|usage| format!("{}.", words::took(usage))));
    let fingerprint = words::one_line(&report.fingerprint);
    if !fingerprint.is_empty() {
        lines.push(format!("Fingerprint of this failure: {fingerprint}"));
    }
    lines
}

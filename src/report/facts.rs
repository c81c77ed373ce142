//! What every format says in the same words: of a step's definition, and of the report itself.

use super::{Report, VERSION, words};
use crate::model::Definition;

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
    let fingerprint = words::one_line(&report.fingerprint);
    if !fingerprint.is_empty() {
        lines.push(format!("Fingerprint of this failure: {fingerprint}"));
    }
    lines
}

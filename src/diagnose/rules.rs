//! The diagnosis without a model: the best known failure, and what the run's own definition adds to its remedy.

use crate::model::{
    Author, Case, Change, ChangeKind, Confidence, Definition, Diagnosis, Fix, FixKind, Hypothesis, Match, Retry, Role,
    Setting,
};
use crate::signature::SURE;

use super::fix;

/// A match at least this strong is told without reserve.
const CERTAIN: f64 = 0.75;
/// A suspect at least this strong is looked at before the catalogue's advice is tried.
const LIKELY: f64 = 0.9;
/// Explanations offered beside the best one.
const OTHERS: usize = 2;

/// What the catalogue makes of `case`.
pub(super) fn diagnose(case: &Case) -> Diagnosis {
    let shown = |found: &&Match| case.line(found.line).is_some();
    let mut matches = case.matches.iter().filter(shown);
    match matches.next() {
        Some(best) if best.strength >= SURE => known(case, best, matches),
        guess => unknown(case, guess),
    }
}

fn known<'a>(case: &Case, best: &'a Match, others: impl Iterator<Item = &'a Match>) -> Diagnosis {
    let signature = &best.signature;
    let confidence = match (signature.role, best.strength) {
        (Role::Symptom, _) => Confidence::Low,
        (Role::Cause, strength) if strength >= CERTAIN => Confidence::High,
        (Role::Cause, _) => Confidence::Medium,
    };
    let others: Vec<_> = others
        .filter(|other| other.signature.role == Role::Cause && other.strength >= SURE && !follows(case, best, other))
        .take(OTHERS)
        .collect();
    let elsewhere =
        others.iter().filter(|other| step_of(case, other) != step_of(case, best)).filter_map(|other| by_hand(other));
    let mut fixes = fixes(best, definition_of(case, best), case);
    fixes.extend(elsewhere);
    if let Some((suspect, change)) = case.first_suspect() {
        // What passes by itself needs no culprit first, and that another version is deployed is no news.
        let is_news = change.kind != ChangeKind::Package;
        let first = suspect.score >= LIKELY && is_news && signature.retry != Retry::Helps;
        fixes.insert(if first { 0 } else { fixes.len() }, look_at(change));
    }
    Diagnosis {
        summary: summary(case, best),
        kind: Some(signature.kind.clone()),
        domain: Some(signature.domain),
        retry: Some(signature.retry),
        hypotheses: std::iter::once(Hypothesis { check: None, ..hypothesis(best) })
            .chain(others.into_iter().map(hypothesis))
            .collect(),
        fixes,
        confidence,
        author: Author::Rules,
    }
}

/// Whether `other` stands after `best` in the same step: then it is what came of it, and no other cause.
fn follows(case: &Case, best: &Match, other: &Match) -> bool {
    other.line > best.line && step_of(case, other) == step_of(case, best)
}

fn step_of<'a>(case: &'a Case, found: &Match) -> Option<&'a str> {
    case.excerpt_of(found.line).and_then(|excerpt| excerpt.step.as_deref())
}

fn unknown(case: &Case, guess: Option<&Match>) -> Diagnosis {
    let step = case.steps.iter().find(|step| step.culprit).map(|step| format!(" of step {}", step.name));
    let suspect = case.first_suspect();
    let named = suspect.map(|(suspect, change)| {
        let words: Vec<String> = suspect.words.iter().map(|word| format!("“{word}”")).collect();
        let touches =
            if words.is_empty() { "may touch it".to_owned() } else { format!("touches {}", words.join(", ")) };
        format!(" Of what changed since the last good run, {} {touches}.", change.title)
    });
    let summary = if case.quiet && named.is_none() {
        "No failure found: no line of the log speaks of one. If the run failed all the same, its cause stands elsewhere."
            .to_owned()
    } else {
        format!(
            "No known failure matches the log{}. The lines below say most about it.{}",
            step.unwrap_or_default(),
            named.unwrap_or_default()
        )
    };
    Diagnosis {
        summary,
        kind: None,
        domain: None,
        retry: None,
        hypotheses: guess.map(hypothesis).into_iter().collect(),
        fixes: case
            .definitions
            .iter()
            .filter_map(time_limit_reached(case))
            .chain(suspect.map(|(_, change)| look_at(change)))
            .collect(),
        confidence: Confidence::None,
        author: Author::Rules,
    }
}

/// The advice to look at a change that is suspected.
fn look_at(change: &Change) -> Fix {
    let made = match (&change.who, change.when) {
        (Some(who), Some(when)) => format!(" {who} made it on {}.", when.strftime("%Y-%m-%d %H:%M UTC")),
        (Some(who), None) => format!(" {who} made it."),
        (None, Some(when)) => format!(" It was made on {}.", when.strftime("%Y-%m-%d %H:%M UTC")),
        (None, None) => String::new(),
    };
    Fix {
        kind: FixKind::Person,
        title: format!("Look at what changed: {}", change.title),
        why: format!("It changed since the last good run and touches what failed.{made}"),
        steps: vec!["If it is to blame, take it back or correct it, and run again.".to_owned()],
        url: change.url.clone(),
        ..Fix::default()
    }
}

/// What it is, which host and code the log names for it, and why it happens.
fn summary(case: &Case, best: &Match) -> String {
    let named = case.line(best.line).map(|line| particulars(&line.text)).unwrap_or_default();
    let title = &best.signature.title;
    let named: Vec<_> = named.into_iter().filter(|name| !title.contains(name.as_str())).collect();
    let named = if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) };
    format!("{title}{named}. {}", cause(best))
}

/// The first host of an address and the first error code in a line, as they stand there.
fn particulars(line: &str) -> Vec<String> {
    let host = line.split("://").nth(1).map(|rest| {
        let authority: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-.:@".contains(*c)).collect();
        authority.trim_end_matches([':', '.']).to_owned()
    });
    let is_code = |word: &&str| {
        let letters = word.chars().filter(char::is_ascii_uppercase).count();
        // Names of variables and registry keys are written like this too, but with other words in them.
        let is_word = !word.contains('_') || word.contains("ERR");
        letters >= 6 && is_word && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    let code = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').find(is_code).map(str::to_owned);
    host.filter(|host| host.contains('.') && !host.contains('@')).into_iter().chain(code).collect()
}

fn hypothesis(found: &Match) -> Hypothesis {
    Hypothesis {
        cause: cause(found),
        citations: vec![found.line],
        check: Some(found.signature.verify.clone()).filter(|check| !check.is_empty()),
        command: found.signature.command.as_ref().and_then(|command| command_of(command, &found.captures)),
        disproof: found.signature.disproof.clone(),
        signature: Some(found.signature.id.clone()),
        links: found.signature.links.clone(),
    }
}

fn cause(found: &Match) -> String {
    fill(&found.signature.cause, &found.captures)
}

/// A command with the captures that it names; `None` where one was not caught, or is more than a plain name to a shell.
fn command_of(command: &str, captures: &[(String, String)]) -> Option<String> {
    let plain = |value: &str| {
        value.starts_with(|c: char| c.is_ascii_alphanumeric())
            && value.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c))
    };
    let names = command.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    let mut caught = names.map(|name| captures.iter().find(|(known, _)| known == name));
    caught.all(|found| found.is_some_and(|(_, value)| plain(value))).then(|| fill(command, captures))
}

/// Puts captures in the place of their names; one that was not caught becomes `it`.
fn fill(text: &str, captures: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        let value = captures.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        out.push_str(value.filter(|value| !value.is_empty()).unwrap_or("it"));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What the process says of the step that the matched line belongs to.
fn definition_of<'a>(case: &'a Case, found: &Match) -> Option<&'a Definition> {
    let named = step_of(case, found).and_then(|step| {
        let fits =
            |definition: &&Definition| step == definition.step || step.starts_with(&format!("{} › ", definition.step));
        case.definitions.iter().find(fits)
    });
    named.or(match case.definitions.as_slice() {
        [only] => Some(only),
        _ => None,
    })
}

fn fixes(best: &Match, definition: Option<&Definition>, case: &Case) -> Vec<Fix> {
    let signature = &best.signature;
    let mut fixes = Vec::new();
    if let Some(definition) = definition {
        if signature.retry == Retry::Helps {
            fixes.extend(switch_on_retries(definition));
            let cited = case.line(best.line).map(|line| line.text.as_str()).unwrap_or_default();
            fixes.extend(fix::retry_in_script(definition, cited));
        }
        if signature.kind == "timeout" {
            fixes.extend(time_limit_reached(case)(definition));
        }
    }
    fixes.extend(by_hand(best));
    fixes
}

/// The catalogue's own advice: its first step, then the others.
fn by_hand(found: &Match) -> Option<Fix> {
    let mut steps = found.signature.fix.iter().map(|step| fill(step, &found.captures));
    let title = steps.next()?;
    Some(Fix { kind: FixKind::Person, title, why: String::new(), steps: steps.collect(), ..Fix::default() })
}

fn switch_on_retries(definition: &Definition) -> Option<Fix> {
    if definition.retries != Some(0) {
        return None;
    }
    let path = definition.path_to_settings.as_deref().unwrap_or("the step's conditions");
    let mut steps =
        vec![format!("In the portal open {path} › Retries and switch them on (up to 3, with a pause between them).")];
    let (diff, in_file) = fix::in_source(definition, &fix::retries(3)).unwrap_or_default();
    steps.extend(in_file);
    steps.push(
        "Create a new release: a release keeps the process it was made with, so retries take effect only in the next one."
            .to_owned(),
    );
    Some(Fix {
        kind: FixKind::Setting,
        title: format!("Switch on retries for the step {}", definition.step),
        why: "Retries are off for this step, and this failure often passes by itself.".to_owned(),
        steps,
        setting: Some(Setting { name: "Retries".to_owned(), now: Some("off".to_owned()), then: "up to 3".to_owned() }),
        diff,
        risk: Some("What the step did before it failed is done again: look whether it may be.".to_owned()),
        undo: Some("Switch them off again in the same place, and create a new release.".to_owned()),
        url: definition.url.clone(),
        ..Fix::default()
    })
}

/// The advice for a step that ran into its own time limit.
fn time_limit_reached(case: &Case) -> impl Fn(&Definition) -> Option<Fix> {
    move |definition: &Definition| {
        let minutes = definition.timeout_minutes?;
        let step = case.steps.iter().filter(|step| step.culprit && step.name == definition.step);
        let ran = step
            .filter_map(|step| Some(step.finished?.as_second() - step.started?.as_second()))
            .max()
            .unwrap_or_default();
        // A minute of slack: the limit counts the script alone, the times also what surrounds it.
        if ran + 60 < i64::from(minutes) * 60 {
            return None;
        }
        let path = definition.path_to_settings.as_deref().unwrap_or("the step's conditions");
        let longer = (minutes.saturating_mul(2)).to_string();
        let (diff, in_file) = fix::in_source(definition, &[(fix::TIME_LIMIT, &longer)]).unwrap_or_default();
        Some(Fix {
            kind: FixKind::Setting,
            title: format!("The step's own time limit of {minutes} minutes was reached"),
            why: format!("{} ran for {} s and its limit is {minutes} minutes.", definition.step, ran),
            steps: std::iter::once(format!(
                "In the portal open {path} › Execution timeout and raise or remove the limit, if the step needs longer."
            ))
            .chain(in_file)
            .chain(std::iter::once(
                "If it should be quicker, look at the last lines before the limit: they show what it was waiting for."
                    .to_owned(),
            ))
            .collect(),
            diff,
            setting: Some(Setting {
                name: "Execution timeout".to_owned(),
                now: Some(format!("{minutes} minutes")),
                then: "longer, or none".to_owned(),
            }),
            risk: Some("A step that hangs then holds up the run for longer.".to_owned()),
            undo: Some(format!("Set it back to {minutes} minutes.")),
            url: definition.url.clone(),
            ..Fix::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_its_host_and_its_code() {
        assert_eq!(particulars("FATAL GET https://ghcr.io/v2/x: TOOMANYREQUESTS: x"), ["ghcr.io", "TOOMANYREQUESTS"]);
        assert_eq!(particulars("connect ECONNREFUSED 127.0.0.1:5432"), ["ECONNREFUSED"]);
        assert_eq!(particulars("no such key HKEY_CURRENT_USER, AWS_ACCESS_KEY"), Vec::<String>::new());
        assert_eq!(particulars("https://user:pass@host.example.com/ ERROR"), Vec::<String>::new());
    }

    /// The first and the last thing to do about a failure whose only known part is what changed.
    fn check(case: &Case, first: &str, summary_end: &str) {
        let diagnosis = diagnose(case);
        assert_eq!(diagnosis.fixes.first().map_or("", |fix| fix.title.as_str()), first);
        assert!(diagnosis.summary.ends_with(summary_end), "{}", diagnosis.summary);
        assert_eq!(diagnosis.confidence, Confidence::None);
    }

    #[test]
    fn where_no_cause_is_known_the_suspect_is_where_to_look() {
        let change = Change {
            kind: crate::model::ChangeKind::Variable,
            title: "variable Api:Url".to_owned(),
            before: None,
            after: None,
            details: None,
            step: None,
            who: Some("anna".to_owned()),
            when: None,
            url: None,
        };
        let suspect =
            crate::model::Suspect { change: 0, lines: vec![1], words: vec!["api.example".to_owned()], score: 0.95 };
        let mut case = Case { changes: vec![change], ..Case::default() };
        check(&case, "", "say most about it.");
        case.suspects.push(suspect);
        check(&case, "Look at what changed: variable Api:Url", "variable Api:Url touches “api.example”.");
    }

    #[test]
    fn a_command_is_told_where_what_it_names_was_caught_and_is_plain() {
        let check = |host: Option<&str>, expected: Option<&str>| {
            let captures: Vec<_> = host.map(|host| ("host".to_owned(), host.to_owned())).into_iter().collect();
            assert_eq!(command_of("nslookup {host}", &captures).as_deref(), expected);
        };
        check(Some("db.example.com"), Some("nslookup db.example.com"));
        check(None, None);
        check(Some(""), None);
        for hostile in ["x; rm -rf ~", "$(id)", "-server evil", "a b", "a|b", "a`b`", "a\nb", "⟨secret:1⟩"] {
            check(Some(hostile), None);
        }
        assert_eq!(command_of("df -h", &[]).as_deref(), Some("df -h"));
    }

    #[test]
    fn captures_take_the_place_of_their_names() {
        let captures = [("host".to_owned(), "ghcr.io".to_owned())];
        assert_eq!(fill("{host} refused {what} {", &captures), "ghcr.io refused it {");
    }
}

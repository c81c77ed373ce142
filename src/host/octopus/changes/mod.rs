//! What changed since the last good run: process, release, variables, machines, and what the audit log tells.
//!
//! Two runs come in, [`Change`]s and a [`Baseline`] go out. Each kind compares two things as the server sent them, in a file of
//! its own and without asking anyone; `ask` asks, all of it side by side. What can't be read costs a note.
//! The minimal example is `process`.

use std::thread;

use imara_diff::{Algorithm, BasicLineDiffPrinter, Diff, InternedInput, UnifiedDiffConfig};
use jiff::Timestamp;
use url::Url;

use crate::model::{Baseline, Change, ChangeKind, Log, Note};

use super::api::{Api, Trouble};
use super::context::or_note;
use super::last_good::LastGood;
use super::wire::{
    Deployment, Event, Machine, Named, Page, Process, Progression, Release, Task, VariableSet, property,
};
use super::{Known, note, portal, run};

mod ask;
mod events;
mod process;
mod reads;
mod release;
mod targets;
mod variables;

use ask::{Asked, Sets, ask_sets, owner, take_sets, wanted_sets};

/// A longer text is not shown: nobody reads it, and it would crowd out the rest.
const LONGEST_TEXT: usize = 1 << 16;
/// The most changes that are looked at.
const MOST: usize = 400;
/// The most of a name or message that a title holds.
const LONGEST_TITLE: usize = 200;

/// What is known of the failed run when the comparison begins.
pub(super) struct Now<'a> {
    pub(super) run: &'a Deployment,
    pub(super) task: &'a Task,
    pub(super) log: &'a Log,
    /// The release, or the snapshot of a runbook.
    pub(super) release: Option<&'a Release>,
    pub(super) process: Option<&'a Process>,
    pub(super) project: Option<&'a Named>,
    pub(super) pools: &'a [Named],
    pub(super) progression: Option<&'a Progression>,
    /// The tasks of earlier failures, newest first.
    pub(super) failed: &'a [String],
    /// Whether there is time for one round trip more than usual.
    pub(super) patient: bool,
}

/// A change while it is not yet known who made it.
struct Found {
    change: Change,
    about: About,
}

/// Whose edits made a change.
enum About {
    /// The process's.
    Process,
    /// The process's, after the release was made.
    LaterProcess,
    /// Those of the set that belongs to this project or library set.
    Variables(String),
    /// What happened to this machine.
    Machine(String),
    /// Nobody's.
    Nothing,
}

/// Asks for the last good run's side of everything, and compares. The ends of the earlier failures' logs come along.
pub(super) fn since(
    api: &Api,
    known: &Known,
    now: &Now,
    last: LastGood,
    notes: &mut Vec<Note>,
) -> (Baseline, Vec<Change>, Vec<Option<Log>>) {
    api.ask_once();
    let was = last.run;
    // Without our own release there is nothing to compare another one with, and that was noted already.
    let cost = "what it held is not compared";
    let answered = now.release.is_none() || last.release.is_some();
    let ready = match last.release {
        Some(Err(_)) if now.release.is_none() => None,
        Some(answer) => or_note(answer, notes, "the release of the last good run", cost),
        None if was.release_id == now.run.release_id && !was.release_id.is_empty() => now.release.cloned(),
        None => now
            .progression
            .and_then(|all| all.releases.iter().map(|one| &one.release).find(|one| one.id == was.release_id).cloned()),
    };
    let mut asked = Asked::ask(api, known, now, &was, ready.as_ref(), answered);
    let before = ready.or_else(|| {
        let answer = asked.release.take()?;
        or_note(answer, notes, "the release of the last good run", cost)
    });
    if asked.sets.is_empty() && now.patient {
        let wanted = wanted_sets(now, &was, before.as_ref(), false);
        asked.sets = thread::scope(|scope| take_sets(ask_sets(api, known, &wanted, api.left(), scope)));
    }
    let cost = "what is only in the last good run's log is not known";
    let activity = or_note(asked.activity, notes, "the log of the last good run", cost).unwrap_or_default();
    let mut then = known.clone();
    then.task.clone_from(&was.task_id);
    then.title.clone_from(&activity.task.description);
    then.version = before.as_ref().map(|release| release.version.clone()).unwrap_or_default();
    then.error.clear();
    let mut baseline = Baseline { run: run(&then, Some(api.base())), log: activity.log, why: last.why };
    baseline.run.started = activity.task.start_time.or(was.created);
    baseline.run.finished = activity.task.completed_time;
    if was.environment_id != now.run.environment_id {
        let named =
            now.progression.into_iter().flat_map(|all| &all.environments).find(|one| one.id == was.environment_id);
        baseline.run.environment = named.map(|one| one.name.clone());
    }

    let machines = asked
        .machines
        .and_then(|answer| or_note(answer, notes, "the machines", "which of them changed is known from the logs alone"))
        .map(|page| page.items);
    let (events, known_since) = take_events(asked.events, notes);
    let documents = events::documents(&events);
    let mut found = Vec::new();
    let mut add = |about: fn() -> About, changes: Vec<Change>| {
        found.extend(changes.into_iter().map(|change| Found { change, about: about() }));
    };
    if let (Some(release), Some(before)) = (now.release, &before) {
        let between = between(now.progression, release, before);
        let url = (known.runbook_run.is_empty())
            .then(|| portal(api.base(), &known.space, &format!("releases/{}", release.id)));
        let pair = release::Pair { now: release, before, run: now.run, between, process: now.process, url };
        add(|| About::Nothing, release::compare(&pair));
    }
    let site = process::Site { pools: now.pools, own: &known.own.name, url: process_page(api, known, now) };
    let old_process = asked
        .process
        .and_then(|answer| or_note(answer, notes, "the process of the last good run", "the steps are not compared"));
    if let (Some(process), Some(old)) = (now.process, &old_process) {
        add(|| About::Process, process::compare(process, old, &site));
    }
    if let (Some(live), Some(process)) = (asked.live.and_then(Result::ok), now.process) {
        let mut changes = process::compare(&live, process, &site);
        for change in &mut changes {
            change.title = format!("already changed since: {}", change.title);
        }
        add(|| About::LaterProcess, changes);
    }
    let chosen = chosen(now, &was, old_process.as_ref(), machines.as_deref().unwrap_or_default());
    found.extend(chosen.into_iter().map(|change| by_starter(change, now)));
    let values = values(&asked.sets);
    let libraries = asked.libraries.and_then(Result::ok).map(|page| page.items).unwrap_or_default();
    found.extend(variable_changes(asked.sets, now, &was, &libraries, notes));
    let runs =
        targets::Runs { run: now.run, log: now.log, was: &was, old_log: &baseline.log, machines: machines.as_deref() };
    found.extend(targets::compare(&runs));
    let time = events::Time {
        project: &known.project,
        environment: &known.environment,
        tenant: &known.tenant,
        runbook: &now.run.runbook_id,
        from: was.created.or(baseline.run.started),
        to: now.task.completed_time,
        known_since,
        frozen: (
            before.as_ref().and_then(|release| release.assembled),
            now.release.and_then(|release| release.assembled),
        ),
        machines: machines.as_ref().map(|all| all.iter().map(|machine| machine.id.as_str()).collect()),
        libraries: now
            .release
            .map(|release| release.library_variable_set_snapshot_ids.iter().map(|id| owner(id)).collect())
            .unwrap_or_default(),
    };
    let mut changes = events::merge(found, events, &time);
    reads::assign(&mut changes, now.process, &values, &documents, now.log);
    if changes.len() > MOST {
        notes.push(note(&format!("{} changes were found: {MOST} of them are looked at", changes.len())));
        changes.truncate(MOST);
    }
    (baseline, changes.into_iter().map(presentable).collect(), asked.tails)
}

/// The events of all lists, and since when they are whole where all lists go on beyond their first page. However many of them
/// fail for the same reason, that costs one note.
fn take_events(answers: Vec<Result<Page<Event>, Trouble>>, notes: &mut Vec<Note>) -> (Vec<Event>, Option<Timestamp>) {
    let mut events = Vec::new();
    let mut whole_since = Vec::new();
    let mut troubles = Vec::new();
    for answer in answers {
        let cost = "who made a change, and when, is unknown";
        let Some(page) = or_note(answer, &mut troubles, "the audit events", cost) else { continue };
        let goes_on = page.total_results > page.items.len();
        let oldest = page.items.iter().filter_map(|event| event.occurred).min();
        whole_since.push(oldest.filter(|_| goes_on));
        events.extend(page.items);
    }
    notes.extend(troubles.into_iter().take(1));
    let since = if whole_since.iter().all(Option::is_some) { whole_since.into_iter().flatten().min() } else { None };
    (events, since)
}

/// Releases that were made after the last good one and up to this one, as far as the server listed them.
fn between<'a>(progression: Option<&'a Progression>, now: &Release, before: &Release) -> Vec<&'a Release> {
    let Some((from, to)) = before.assembled.zip(now.assembled) else { return Vec::new() };
    let all = progression.into_iter().flat_map(|all| &all.releases).map(|one| &one.release);
    all.filter(|one| one.channel_id == now.channel_id && one.assembled.is_some_and(|made| made > from && made < to))
        .collect()
}

/// What was chosen by hand when the run was started, where that differs: steps left out, targets chosen or left out.
fn chosen(now: &Now, was: &Deployment, old: Option<&Process>, machines: &[Machine]) -> Vec<Change> {
    let step = |id: &String| {
        let steps = [now.process, old].into_iter().flatten().flat_map(|process| &process.steps);
        let action = steps.flat_map(|step| &step.actions).find(|action| action.id == *id);
        cleaned(action.map_or(id, |action| &action.name))
    };
    let target = |id: &String| cleaned(machines.iter().find(|one| one.id == *id).map_or(id, |machine| &machine.name));
    let names = |ids: &[String], name: &dyn Fn(&String) -> String| {
        let mut names: Vec<String> = ids.iter().map(name).collect();
        names.sort_unstable();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let differs = |kind: ChangeKind, title: &str, after: String, before: String| {
        let one = change(kind, title.to_owned());
        (after != before).then_some(Change { before: Some(before), after: Some(after), ..one })
    };
    let run = now.run;
    let skipped = differs(
        ChangeKind::Process,
        "steps skipped by hand",
        names(&run.skip_actions, &step),
        names(&was.skip_actions, &step),
    );
    // What a skipped step would have done is what later ones lack.
    let left_out = |id: &&String| !was.skip_actions.contains(id);
    let actions = now.process.into_iter().flat_map(|process| &process.steps).flat_map(|step| &step.actions);
    let scripts: Vec<&str> = actions
        .filter(|action| run.skip_actions.iter().filter(left_out).any(|id| *id == action.id))
        .filter_map(|action| property(&action.properties, "Octopus.Action.Script.ScriptBody"))
        .collect();
    let details = (!scripts.is_empty()).then(|| scripts.join("\n"));
    let changes = [
        skipped.map(|change| Change { details, ..change }),
        differs(
            ChangeKind::Target,
            "targets chosen by hand",
            names(&run.specific_machine_ids, &target),
            names(&was.specific_machine_ids, &target),
        ),
        differs(
            ChangeKind::Target,
            "targets left out by hand",
            names(&run.excluded_machine_ids, &target),
            names(&was.excluded_machine_ids, &target),
        ),
    ];
    changes.into_iter().flatten().collect()
}

/// The variables of the sets that were read, by name.
fn values(sets: &[Sets]) -> Vec<(String, String)> {
    let read = sets.iter().filter_map(|set| set.now.as_ref()?.as_ref().ok()).flat_map(|set| &set.variables);
    read.filter_map(|one| Some((one.name.clone(), one.value.clone()?))).collect()
}

fn variable_changes(
    sets: Vec<Sets>,
    now: &Now,
    was: &Deployment,
    libraries: &[Named],
    notes: &mut Vec<Note>,
) -> Vec<Found> {
    let mut found = Vec::new();
    let mut told = false;
    for Sets { wanted, now: new, before: old } in sets {
        let mut trouble = None;
        let mut take = |answer: Option<Result<VariableSet, Trouble>>| match answer {
            Some(Ok(set)) => Some(set),
            Some(Err(why)) => {
                trouble = Some(why);
                None
            }
            None => None,
        };
        let (new, old) = (take(new), take(old));
        if let Some(trouble) = trouble {
            if !told {
                notes.push(note(&format!("the variables cannot be read ({trouble}): they are not compared")));
                told = true;
            }
            continue;
        }
        let named = libraries.iter().find(|one| one.id == wanted.owner).map(|one| cleaned(&one.name));
        let library =
            wanted.owner.starts_with("LibraryVariableSets-").then(|| named.unwrap_or_else(|| wanted.owner.clone()));
        let place = variables::Place {
            environment: &now.run.environment_id,
            channel: &now.run.channel_id,
            library: library.clone().unwrap_or_default(),
        };
        let typed = new.as_ref().map(|set| variables::typed(set, &now.run.form_values, &was.form_values));
        found.extend(typed.into_iter().flatten().map(|change| by_starter(change, now)));
        let changes = match (new, old) {
            (Some(new), Some(old)) => variables::compare(&new, &old, &place),
            (Some(set), None) if wanted.is_one() => variables::elsewhere(&set, &place, &was.environment_id),
            (Some(set), None) => vec![included("new library set", &set, library)],
            (None, Some(set)) => vec![included("removed library set", &set, library)],
            (None, None) => Vec::new(),
        };
        found.extend(changes.into_iter().map(|change| Found { change, about: About::Variables(wanted.owner.clone()) }));
    }
    found
}

/// A whole set that came or went: its names are enough.
fn included(what: &str, set: &VariableSet, library: Option<String>) -> Change {
    let names: Vec<String> = set.variables.iter().map(|one| cleaned(&one.name)).collect();
    Change {
        details: (!names.is_empty()).then(|| names.join("\n")),
        ..change(ChangeKind::Variable, format!("{what} {}", library.unwrap_or_default()))
    }
}

fn process_page(api: &Api, known: &Known, now: &Now) -> Option<String> {
    let project = now.project.filter(|_| known.runbook_run.is_empty())?;
    let slug = if project.slug.is_empty() { &project.id } else { &project.slug };
    Some(portal(api.base(), &known.space, &format!("projects/{slug}/deployments/process")))
}

/// A change without control characters, and without texts that nobody would read. Those are left out whole: half a text may
/// hold half a key.
fn presentable(change: Change) -> Change {
    let text = |text: Option<String>| {
        let text = text.filter(|text| text.len() <= LONGEST_TEXT)?;
        Some(text.chars().filter(|c| matches!(c, '\n' | '\t') || !crate::clean::unwanted(*c)).collect())
    };
    let texts = [&change.before, &change.after, &change.details];
    let left_out = texts.into_iter().flatten().any(|text| text.len() > LONGEST_TEXT);
    let too_long = || "It is too long to be shown.".to_owned();
    Change {
        before: text(change.before),
        after: text(change.after),
        details: text(change.details).or_else(|| left_out.then(too_long)),
        ..change
    }
}

/// What whoever started the failed run chose.
fn by_starter(change: Change, now: &Now) -> Found {
    let who = cleaned(&now.run.deployed_by);
    let change = Change { who: (!who.is_empty()).then_some(who), when: now.run.created, ..change };
    Found { change, about: About::Nothing }
}

/// A change of which only the title is known.
fn change(kind: ChangeKind, title: String) -> Change {
    Change { kind, title, before: None, after: None, details: None, step: None, who: None, when: None, url: None }
}

/// A name or message as part of a line: without control characters, and no longer than a line may be.
fn cleaned(text: &str) -> String {
    let text: String = text.chars().map(|c| if crate::clean::unwanted(c) { ' ' } else { c }).collect();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_TITLE) {
        Some((end, _)) => format!("{} …", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// An address if it is one that a browser opens.
fn web(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| address.to_owned())
}

/// A change of text as a unified diff with three lines of context. `None` for keys: half of one would no longer look like what
/// the redactor masks.
fn unified(name: &str, before: &str, after: &str) -> Option<String> {
    let (before, after) = (before.replace("\r\n", "\n"), after.replace("\r\n", "\n"));
    if [&before, &after].into_iter().any(|text| text.contains("-----BEGIN")) {
        return None;
    }
    let input = InternedInput::new(before.as_str(), after.as_str());
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let printer = BasicLineDiffPrinter(&input.interner);
    let changes = diff.unified_diff(&printer, UnifiedDiffConfig::default(), &input).to_string();
    Some(format!("--- {name}\n+++ {name}\n{changes}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_key_is_never_shown() {
        let key =
            |line: &str| format!("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n{line}\n-----END RSA PRIVATE KEY-----\n");
        assert_eq!(unified("value", &key("a"), &key("b")), None);
    }

    #[test]
    fn a_text_that_is_too_long_is_left_out_whole() {
        let one = change(ChangeKind::Variable, "variable Json".to_owned());
        let shown =
            presentable(Change { before: Some("a\x1b[31m\n".to_owned()), after: Some("x".repeat(1 << 17)), ..one });
        assert_eq!((shown.before.as_deref(), shown.after), (Some("a[31m\n"), None));
        assert_eq!(shown.details.as_deref(), Some("It is too long to be shown."));
    }

    #[test]
    fn names_are_lines() {
        assert_eq!(cleaned("a\n##octopus[x]\u{202e} \x1b[31mb"), "a ##octopus[x] [31mb");
        assert_eq!(cleaned(&"ä".repeat(300)).chars().count(), LONGEST_TITLE + 2);
    }
}

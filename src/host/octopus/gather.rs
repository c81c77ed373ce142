//! All that is asked of a server about one failed run, side by side, and how it is put together.
//!
//! A log that can't be read ends it; everything else that can't costs a note.

use std::thread::{self, ScopedJoinHandle};

use crate::clean;
use crate::error::Error;
use crate::model::{Incident, Level, Note, Outcome, Secrets, Step};

use super::activity::{self, Activity};
use super::api::{Api, Trouble, segment};
use super::changes::{self, Now};
use super::context::{Answers, Elsewhere};
use super::last_good::Search;
use super::wire::{Artifact, Deployment, Page, Release, Task};
use super::{ARTIFACT, Again, Known, again, at, context, note, raw, run};

/// Asks for the log and for what stands around it, and puts it together.
pub(super) fn gather(
    api: &Api,
    mut known: Known,
    again: Again,
    secrets: Secrets,
    notes: &mut Vec<Note>,
) -> Result<Incident, Error> {
    // Round trips before the comparison: finding a run by its names takes two.
    let mut rounds = if known.run.is_some() { 3 } else { 2 };
    let mut in_hand = known.run.take().map(|run| *run);
    if known.task.is_empty() {
        let deployment = deployment(api, &known)
            .map_err(|trouble| Error::Host(format!("{} cannot be read: {trouble}", subject(&known))))?;
        known.task.clone_from(&deployment.task_id);
        absorb(&mut known, &deployment);
        in_hand = Some(deployment);
    }
    let (first, early) = thread::scope(|scope| {
        let early = in_hand.as_ref().map(|run| scope.spawn(|| Second::ask(api, &known, Some(run), None, None)));
        let first = First::ask(api, &known, in_hand.as_ref());
        (first, early.and_then(|early| early.join().ok()))
    });
    let diagnosed = |page: Page<Artifact>| page.items.iter().any(|artifact| artifact.filename == ARTIFACT);
    if again == Again::Refuse && first.artifacts.is_ok_and(diagnosed) {
        let task = &known.task;
        return Err(Error::Nothing(format!(
            "{task} was diagnosed before: see its artifact {ARTIFACT}, or add --force to diagnose it again"
        )));
    }
    let mut activity = read_otherwise(api, &known, first.activity, notes)?;
    adopt(&mut known, &activity.task);
    blame(&known, &mut activity)?;
    let deployment = match (in_hand, first.deployment) {
        (Some(run), _) => Ok(run),
        (None, Some(answer)) => answer,
        (None, None) if known.deployment.is_empty() && known.runbook_run.is_empty() => Ok(Deployment::default()),
        (None, None) => {
            rounds += 1;
            deployment(api, &known)
        }
    };
    let cost = "its process, project and history are unknown";
    let deployment = context::or_note(deployment, notes, "the deployment", cost);
    if let Some(deployment) = &deployment {
        absorb(&mut known, deployment);
    }
    let run_itself = deployment.clone().unwrap_or_default();
    let previous = first.previous.and_then(Result::ok);
    let second = match early {
        Some(early) => early,
        None => Second::ask(api, &known, deployment.as_ref(), first.release, previous),
    };
    let mut search = second.search;
    let mut around = second.answers.put_together(api, &mut known, &activity.log, notes);
    if let Some(answer) = search.snapshot.take() {
        let cost = "what the runbook held is not compared";
        around.release = context::or_note(answer, notes, "the runbook's snapshot", cost);
    }
    let last = search.choose(&known, &run_itself, around.progression.as_ref());
    let last = context::or_note(last, notes, "the last good run", "what changed since is unknown").flatten();
    let mut earlier = around.earlier.take();
    if let Some(earlier) = &mut earlier {
        again::settle(earlier, &run_itself, around.progression.as_ref());
    }
    let failed: Vec<String> = earlier.iter().flatten().map(|(one, _)| one.task_id.clone()).collect();
    let now = Now {
        run: &run_itself,
        task: &activity.task,
        log: &activity.log,
        release: around.release.as_ref(),
        process: around.process.as_ref(),
        project: around.project.as_ref(),
        pools: &around.pools,
        progression: around.progression.as_ref(),
        failed: &failed,
        patient: rounds < 3,
    };
    let (baseline, changes, tails) = match last {
        Some(last) => {
            let (baseline, changes, tails) = changes::since(api, &known, &now, last, notes);
            (Some(baseline), changes, tails)
        }
        None => (None, Vec::new(), again::tails(api, &known, &failed)),
    };
    let mut run = run(&known, Some(api.base()));
    run.started = activity.task.start_time;
    run.finished = activity.task.completed_time;
    run.commit = around.commit;
    run.error = run.error.or_else(|| {
        let message = activity.task.error_message.trim();
        (!message.is_empty()).then(|| message.to_owned())
    });
    Ok(Incident {
        run,
        log: activity.log,
        definitions: around.definitions,
        earlier: earlier.map(|all| all.into_iter().map(|(_, told)| told).collect()),
        earlier_logs: tails.into_iter().enumerate().filter_map(|(index, log)| Some((index, log?))).collect(),
        baseline,
        changes,
        context: around.context,
        secrets,
    })
}

/// The answers that need nothing but the ids we begin with.
struct First {
    activity: Result<Activity, Trouble>,
    artifacts: Result<Page<Artifact>, Trouble>,
    deployment: Option<Result<Deployment, Trouble>>,
    release: Option<Result<Release, Trouble>>,
    previous: Option<Result<Deployment, Trouble>>,
}

impl First {
    /// A run that is `in_hand` is not asked for again, and what needs it is asked for beside this.
    fn ask(api: &Api, known: &Known, in_hand: Option<&Deployment>) -> Self {
        let details = at(&known.space, &format!("tasks/{}/details?verbose=true", segment(&known.task)));
        let artifacts = at(&known.space, &format!("artifacts?regarding={}&order=asc", segment(&known.task)));
        let is_named = !known.deployment.is_empty() || !known.runbook_run.is_empty();
        thread::scope(|scope| {
            let activity = scope.spawn(|| {
                api.stream(&details, |source| {
                    activity::read(source, &known.own).map_err(|error| Trouble::Nonsense(error.to_string()))
                })
            });
            let artifacts = scope.spawn(|| api.get(&artifacts));
            let deployment = (in_hand.is_none() && is_named).then(|| scope.spawn(|| deployment(api, known)));
            let release = (in_hand.is_none() && !known.release.is_empty())
                .then(|| scope.spawn(|| context::release(api, &known.space, &known.release)));
            let previous = (!known.previous.is_empty()).then(|| {
                let path = at(&known.space, &format!("deployments/{}", segment(&known.previous)));
                scope.spawn(move || api.get(&path))
            });
            Self {
                activity: join(activity),
                artifacts: join(artifacts),
                deployment: deployment.map(join),
                release: release.map(join),
                previous: previous.map(join),
            }
        })
    }
}

/// The answers that need the deployment: what stands around it, and the last good run.
struct Second {
    answers: Answers,
    search: Search,
}

impl Second {
    fn ask(
        api: &Api,
        known: &Known,
        deployment: Option<&Deployment>,
        release: Option<Result<Release, Trouble>>,
        previous: Option<Deployment>,
    ) -> Self {
        let none = Deployment::default();
        let run = deployment.unwrap_or(&none);
        let (answers, search) = thread::scope(|scope| {
            let search = scope.spawn(|| Search::ask(api, known, run, previous));
            let asked = if release.is_some() { Elsewhere::Yes } else { Elsewhere::No };
            (context::ask(api, known, deployment, asked), search.join().unwrap_or_default())
        });
        Self { answers: answers.with_release(release), search }
    }
}

/// The structured log, else the raw one.
fn read_otherwise(
    api: &Api,
    known: &Known,
    answer: Result<Activity, Trouble>,
    notes: &mut Vec<Note>,
) -> Result<Activity, Error> {
    match answer {
        Ok(activity) => Ok(activity),
        Err(trouble @ (Trouble::Unauthorized(_) | Trouble::Page(_) | Trouble::NotFound(_) | Trouble::Network(_))) => {
            Err(Error::Host(advice(known, &trouble)))
        }
        Err(trouble) => {
            notes.push(note(&format!("the structured log cannot be read ({trouble}); the raw log is used instead")));
            raw_log(api, known).map_err(|second| Error::Host(advice(known, &second)))
        }
    }
}

/// Sees to it that some step is to blame, or says that there is nothing to diagnose.
fn blame(known: &Known, activity: &mut Activity) -> Result<(), Error> {
    let state = activity.task.state.as_str();
    let outside_of_steps = || activity.log.lines.iter().any(|line| line.level == Level::Fatal && line.step.is_none());
    let ended_badly = matches!(state, "Failed" | "TimedOut" | "Canceled" | "Cancelling");
    if !activity.failed && !ended_badly && !outside_of_steps() {
        let why = if activity.task.has_pending_interruptions {
            "it waits for a person to answer".to_owned()
        } else {
            format!("its state is {}", if state.is_empty() { "unknown" } else { state })
        };
        let task = &known.task;
        return Err(Error::Nothing(format!("no step of {task} failed ({why}), so there is nothing to diagnose")));
    }
    if !activity.failed && matches!(state, "Canceled" | "Cancelling") {
        activity::blame_canceled(&mut activity.log);
    }
    if !activity.log.steps.iter().any(|step| step.culprit) {
        // Package acquisition, variables, no targets: the run's own lines tell.
        activity.log.steps.push(Step {
            name: "Before the steps".to_owned(),
            place: None,
            outcome: Outcome::Failed,
            culprit: true,
            started: activity.task.start_time,
            finished: activity.task.completed_time,
            attempts: 1,
            depth: 0,
        });
        let step = activity.log.steps.len() - 1;
        activity.log.lines.iter_mut().filter(|line| line.step.is_none()).for_each(|line| line.step = Some(step));
    }
    Ok(())
}

fn raw_log(api: &Api, known: &Known) -> Result<Activity, Trouble> {
    let path = at(&known.space, &format!("tasks/{}/raw", segment(&known.task)));
    let mut log = api.stream(&path, |source| {
        let mut raw = raw::Raw::default();
        clean::lines(source, |number, text| raw.line(number, text))
            .map_err(|error| Trouble::Nonsense(format!("it broke off: {error}")))?;
        Ok(raw.finish())
    })?;
    let own: Vec<usize> =
        log.steps.iter().enumerate().filter(|(_, step)| step.name == known.own.name).map(|(index, _)| index).collect();
    log.lines.retain(|line| line.step.is_none_or(|step| !own.contains(&step)));
    own.iter().filter_map(|index| log.steps.get_mut(*index).map(|step| step.culprit = false)).for_each(drop);
    let failed = log.steps.iter().any(|step| step.culprit);
    Ok(Activity { task: Task::default(), log, failed })
}

fn deployment(api: &Api, known: &Known) -> Result<Deployment, Trouble> {
    let path = if known.runbook_run.is_empty() {
        format!("deployments/{}", segment(&known.deployment))
    } else {
        format!("runbookRuns/{}", segment(&known.runbook_run))
    };
    api.get(&at(&known.space, &path))
}

/// Takes over what a task says of itself.
fn adopt(known: &mut Known, task: &Task) {
    let fill = |slot: &mut String, value: Option<String>| {
        if slot.is_empty() {
            *slot = value.unwrap_or_default();
        }
    };
    fill(&mut known.deployment, task.argument("DeploymentId"));
    fill(&mut known.runbook_run, task.argument("RunbookRunId"));
    fill(&mut known.space, Some(task.space_id.clone()));
    fill(&mut known.title, Some(task.description.clone()));
}

/// Takes over what a deployment says of itself.
pub(super) fn absorb(known: &mut Known, deployment: &Deployment) {
    let fill = |slot: &mut String, value: &str| {
        if slot.is_empty() {
            value.clone_into(slot);
        }
    };
    fill(&mut known.release, &deployment.release_id);
    fill(&mut known.project, &deployment.project_id);
    fill(&mut known.environment, &deployment.environment_id);
    fill(&mut known.tenant, &deployment.tenant_id);
}

fn subject(known: &Known) -> String {
    let id = [&known.task, &known.runbook_run, &known.deployment].into_iter().find(|id| !id.is_empty());
    id.map_or_else(|| "the run".to_owned(), Clone::clone)
}

/// Why the log could not be read, and what to do about it.
fn advice(known: &Known, trouble: &Trouble) -> String {
    let space = if known.space.is_empty() { "the default space" } else { &known.space };
    let todo = match trouble {
        Trouble::Unauthorized(_) => "check OCTOPUS_API_KEY: it may have expired or belong to another server".to_owned(),
        Trouble::Forbidden(_) => "give the key's user the permission TaskView".to_owned(),
        Trouble::Page(_) => "check OCTOPUS_URL".to_owned(),
        Trouble::NotFound(_) => {
            format!("check the id, and that it is in {space} (OCTOPUS_SPACE) and the key's user may see it")
        }
        Trouble::Network(_) => {
            "check OCTOPUS_URL, the proxy settings and --ca-file, or run `firefighter doctor`".to_owned()
        }
        _ => "try again, or save the log to a file and use --log".to_owned(),
    };
    format!("the log of {} cannot be read: {trouble}; {todo}", subject(known))
}

/// The outcome of a thread; its panic is one more trouble and nobody else's.
pub(super) fn join<T>(handle: ScopedJoinHandle<'_, Result<T, Trouble>>) -> Result<T, Trouble> {
    handle.join().unwrap_or_else(|_| Err(Trouble::Nonsense("an internal fault while reading the answer".to_owned())))
}

//! Writes out what may leave, every text through the mask.
//! Structs are taken apart without `..`: a new field does not compile until it is decided what becomes of it here.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{
    Author, Baseline, Case, Change, Context, Definition, Diagnosis, Earlier, Evidence, Excerpt, ExcerptLine, Fix,
    Hypothesis, Incident, Line, Log, Match, Note, Pick, Run, Script, Secrets, Setting, Source, Step, Suspect, Usage,
};
use crate::redact::Redactor;

/// What a redactor can learn from a case that was read back.
pub(super) fn incident_of(case: &Case, secrets: Secrets) -> Incident {
    Incident {
        run: case.run.clone(),
        log: Log { text: log_of(case), ..Log::default() },
        definitions: case.definitions.clone(),
        changes: case.changes.clone(),
        context: case.context.clone(),
        secrets,
        ..Incident::default()
    }
}

/// The lines of a case, one after the other: a key of several lines is seen as one.
fn log_of(case: &Case) -> String {
    let lines = case.excerpts.iter().flat_map(|excerpt| &excerpt.lines);
    lines.flat_map(|line| [line.text.as_str(), "\n"]).collect()
}

/// The most masks that can stand in a case: as many as it says, within reason.
pub(super) fn most_masks(case: &Case) -> usize {
    case.masked.min(100_000)
}

/// Writes masked text and remembers which secrets it met.
pub(super) struct Pen<'a> {
    redactor: &'a Redactor,
    used: BTreeSet<usize>,
}

impl<'a> Pen<'a> {
    pub(super) fn new(redactor: &'a Redactor) -> Self {
        Self { redactor, used: BTreeSet::new() }
    }

    fn text(&mut self, text: &str) -> String {
        self.redactor.write(text, super::Spans::default(), &mut self.used)
    }

    fn maybe(&mut self, text: Option<&String>) -> Option<String> {
        text.map(|text| self.text(text))
    }

    fn all(&mut self, texts: &[String]) -> Vec<String> {
        texts.iter().map(|text| self.text(text)).collect()
    }

    pub(super) fn case(mut self, incident: &Incident, evidence: &Evidence) -> Case {
        let Incident { run, log, definitions, earlier, earlier_logs: _, baseline, changes, context, secrets: _ } =
            incident;
        let Log { text: _, lines, steps, omitted, numbering } = log;
        let Evidence { picks, best, matches, suspects, outside_after, tokens, omitted: _, quiet } = evidence;
        let mut case = Case {
            run: self.run(run),
            steps: steps.iter().map(|step| self.step(step)).collect(),
            excerpts: picks.iter().filter_map(|pick| self.excerpt(log, pick)).collect(),
            matches: matches.iter().map(|found| self.found(found)).collect(),
            definitions: definitions.iter().map(|definition| self.definition(definition)).collect(),
            earlier: earlier.as_ref().map(|earlier| earlier.iter().map(|run| self.earlier(run)).collect()),
            baseline: baseline.as_ref().map(|baseline| self.baseline(baseline)),
            baseline_steps: baseline.iter().flat_map(|one| &one.log.steps).map(|step| self.step(step)).collect(),
            changes: changes.iter().map(|change| self.change(change)).collect(),
            suspects: suspects.iter().map(|suspect| self.suspect(suspect)).collect(),
            outside_after: *outside_after,
            context: context.iter().map(|context| self.context(context)).collect(),
            best: best.iter().map(|index| index + 1).collect(),
            quiet: *quiet && run.error.is_none() && steps.iter().all(|step| !step.culprit),
            numbering: *numbering,
            total_lines: lines.len() + omitted,
            tokens: *tokens,
            masked: 0,
        };
        // Where two words meet may be inside of what a line's mask covers: only what is still to be seen is told.
        let shown = |word: &String| {
            let mut excerpts = case.excerpts.iter();
            excerpts.any(|excerpt| {
                let seen = |text: &str| text.contains(word.as_str());
                excerpt.step.as_deref().is_some_and(seen) || excerpt.lines.iter().any(|line| seen(&line.text))
            })
        };
        for suspect in &mut case.suspects {
            suspect.words.retain(shown);
        }
        case.masked = self.used.len();
        case
    }

    /// A case that was read back; its lines stand one after the other in the log of [`incident_of`].
    pub(super) fn saved(mut self, case: &Case) -> Case {
        let Case {
            run,
            steps,
            excerpts,
            matches,
            definitions,
            earlier,
            baseline,
            baseline_steps,
            changes,
            suspects,
            outside_after,
            context,
            best,
            quiet,
            numbering,
            total_lines,
            tokens,
            masked,
        } = case;
        let log = log_of(case);
        let mut start = 0;
        let mut line = |pen: &mut Self, line: &ExcerptLine| {
            let range = start..start + line.text.len();
            start = range.end + 1;
            ExcerptLine { text: pen.redactor.log_text(&log, range, &mut pen.used), ..line.clone() }
        };
        let excerpts = excerpts.iter().map(|Excerpt { step, lines, reason, repeats }| Excerpt {
            step: self.maybe(step.as_ref()),
            lines: lines.iter().map(|one| line(&mut self, one)).collect(),
            reason: self.text(reason),
            repeats: *repeats,
        });
        let excerpts = excerpts.collect();
        let mut sealed = Case {
            run: self.run(run),
            steps: steps.iter().map(|step| self.step(step)).collect(),
            excerpts,
            // In a case lines have their ids already.
            matches: matches.iter().map(|one| Match { line: one.line, ..self.found(one) }).collect(),
            definitions: definitions.iter().map(|definition| self.definition(definition)).collect(),
            earlier: earlier.as_ref().map(|earlier| earlier.iter().map(|run| self.earlier(run)).collect()),
            baseline: baseline.as_ref().map(|(run, why)| (self.run(run), self.text(why))),
            baseline_steps: baseline_steps.iter().map(|step| self.step(step)).collect(),
            changes: changes.iter().map(|change| self.change(change)).collect(),
            suspects: suspects.iter().map(|one| Suspect { words: self.all(&one.words), ..one.clone() }).collect(),
            outside_after: *outside_after,
            context: context.iter().map(|context| self.context(context)).collect(),
            best: best.clone(),
            quiet: *quiet,
            numbering: *numbering,
            total_lines: *total_lines,
            tokens: *tokens,
            masked: 0,
        };
        sealed.masked = masked + self.used.len();
        sealed
    }

    fn run(&mut self, run: &Run) -> Run {
        let Run { host, id, title, url, project, environment, tenant, version, commit, started, finished, error } = run;
        Run {
            host: self.text(host),
            id: self.text(id),
            title: self.text(title),
            url: self.maybe(url.as_ref()),
            project: self.maybe(project.as_ref()),
            environment: self.maybe(environment.as_ref()),
            tenant: self.maybe(tenant.as_ref()),
            version: self.maybe(version.as_ref()),
            commit: self.maybe(commit.as_ref()),
            started: *started,
            finished: *finished,
            error: self.maybe(error.as_ref()),
        }
    }

    fn step(&mut self, step: &Step) -> Step {
        let Step { name, place, outcome, culprit, started, finished, attempts, depth } = step;
        Step {
            name: self.text(name),
            place: self.maybe(place.as_ref()),
            outcome: *outcome,
            culprit: *culprit,
            started: *started,
            finished: *finished,
            attempts: *attempts,
            depth: *depth,
        }
    }

    /// A pick written out; `None` when the log has none of its lines.
    fn excerpt(&mut self, log: &Log, pick: &Pick) -> Option<Excerpt> {
        let Pick { lines, reason, score: _, repeats } = pick;
        let range = lines.start.min(log.lines.len())..lines.end.min(log.lines.len());
        let picked = log.lines.get(range.clone()).filter(|picked| !picked.is_empty())?;
        let step = picked.iter().find_map(|line| line.step).and_then(|step| log.steps.get(step));
        let step = step.map(|step| match &step.place {
            Some(place) if step.depth > 0 => self.text(&format!("{} › {place}", step.name)),
            _ => self.text(&step.name),
        });
        Some(Excerpt {
            step,
            lines: picked.iter().zip(range).map(|(line, index)| self.line(log, line, index)).collect(),
            reason: self.text(reason),
            repeats: *repeats,
        })
    }

    fn line(&mut self, log: &Log, line: &Line, index: usize) -> ExcerptLine {
        let Line { number, start, end, time, level, step: _ } = *line;
        let text = self.redactor.log_text(&log.text, start..end, &mut self.used);
        ExcerptLine { id: index + 1, number, level, time, text }
    }

    fn found(&mut self, found: &Match) -> Match {
        let Match { signature, line, count, strength, captures } = found;
        Match {
            // The catalogue's own words, known before the run.
            signature: Arc::clone(signature),
            line: line + 1,
            count: *count,
            strength: *strength,
            captures: captures.iter().map(|(name, value)| (self.text(name), self.text(value))).collect(),
        }
    }

    fn definition(&mut self, definition: &Definition) -> Definition {
        let Definition {
            step,
            kind,
            condition,
            retries,
            timeout_minutes,
            runs_on,
            container,
            script,
            packages,
            url,
            path_to_settings,
            source,
        } = definition;
        Definition {
            step: self.text(step),
            kind: self.text(kind),
            condition: self.maybe(condition.as_ref()),
            retries: *retries,
            timeout_minutes: *timeout_minutes,
            runs_on: self.maybe(runs_on.as_ref()),
            container: self.maybe(container.as_ref()),
            script: script
                .as_ref()
                .map(|Script { syntax, body }| Script { syntax: self.text(syntax), body: self.text(body) }),
            packages: self.all(packages),
            url: self.maybe(url.as_ref()),
            path_to_settings: self.maybe(path_to_settings.as_ref()),
            source: source.as_ref().map(|source| self.source(source)),
        }
    }

    fn source(&mut self, source: &Source) -> Source {
        let Source { repository, path, branch, commit, step, action, lines } = source;
        Source {
            repository: self.text(repository),
            path: self.text(path),
            branch: self.maybe(branch.as_ref()),
            commit: self.text(commit),
            step: self.text(step),
            action: self.text(action),
            lines: lines.as_ref().map(|(first, lines)| (*first, self.text(lines))),
        }
    }

    fn earlier(&mut self, earlier: &Earlier) -> Earlier {
        let Earlier { title, when, url, same, after } = earlier;
        Earlier {
            title: self.text(title),
            when: *when,
            url: self.maybe(url.as_ref()),
            same: *same,
            after: self.maybe(after.as_ref()),
        }
    }

    fn baseline(&mut self, baseline: &Baseline) -> (Run, String) {
        let Baseline { run, log: _, why } = baseline;
        (self.run(run), self.text(why))
    }

    fn change(&mut self, change: &Change) -> Change {
        let Change { kind, title, before, after, details, step, who, when, url } = change;
        Change {
            kind: *kind,
            title: self.text(title),
            before: before.as_ref().map(|value| self.value(change, value)),
            after: after.as_ref().map(|value| self.value(change, value)),
            details: self.maybe(details.as_ref()),
            step: self.maybe(step.as_ref()),
            who: self.maybe(who.as_ref()),
            when: *when,
            url: self.maybe(url.as_ref()),
        }
    }

    /// A value whose change's name may say that it is secret.
    fn value(&mut self, change: &Change, value: &str) -> String {
        self.by_name(super::is_secret_by_name(change), value)
    }

    /// A value, masked as a whole where its name says that it is secret.
    fn by_name(&mut self, is_secret: bool, value: &str) -> String {
        let mut spans = super::Spans::default();
        if is_secret {
            super::values(value, |range, secret| spans.add(range, secret));
        }
        self.redactor.write(value, spans, &mut self.used)
    }

    fn suspect(&mut self, suspect: &Suspect) -> Suspect {
        let Suspect { change, lines, words, score } = suspect;
        Suspect {
            change: *change,
            lines: lines.iter().map(|line| line + 1).collect(),
            words: self.all(words),
            score: *score,
        }
    }

    fn context(&mut self, context: &Context) -> Context {
        let Context { title, text, url } = context;
        Context { title: self.text(title), text: self.text(text), url: self.maybe(url.as_ref()) }
    }

    pub(super) fn note(&mut self, note: Note) -> Note {
        let Note { stage, text } = note;
        Note { stage, text: self.text(&text) }
    }

    pub(super) fn diagnosis(&mut self, diagnosis: Diagnosis) -> Diagnosis {
        let Diagnosis { summary, kind, domain, retry, hypotheses, fixes, confidence, author } = diagnosis;
        Diagnosis {
            summary: self.text(&summary),
            kind: self.maybe(kind.as_ref()),
            domain,
            retry,
            hypotheses: hypotheses.into_iter().map(|hypothesis| self.hypothesis(hypothesis)).collect(),
            fixes: fixes.into_iter().map(|fix| self.fix(fix)).collect(),
            confidence,
            author: match author {
                Author::Rules => Author::Rules,
                Author::Llm { provider, model } => {
                    Author::Llm { provider: self.text(&provider), model: self.text(&model) }
                }
            },
        }
    }

    fn hypothesis(&mut self, hypothesis: Hypothesis) -> Hypothesis {
        let Hypothesis { cause, citations, check, command, disproof, signature, links } = hypothesis;
        Hypothesis {
            cause: self.text(&cause),
            citations,
            check: self.maybe(check.as_ref()),
            command: self.maybe(command.as_ref()),
            disproof: self.maybe(disproof.as_ref()),
            signature: self.maybe(signature.as_ref()),
            links: self.all(&links),
        }
    }

    pub(super) fn usage(&mut self, usage: Usage) -> Usage {
        let Usage { provider, model, tokens_in, tokens_out, seconds, price } = usage;
        Usage { provider: self.text(&provider), model: self.text(&model), tokens_in, tokens_out, seconds, price }
    }

    fn fix(&mut self, fix: Fix) -> Fix {
        let Fix { kind, title, why, steps, setting, command, diff, file, risk, undo, url } = fix;
        Fix {
            kind,
            title: self.text(&title),
            why: self.text(&why),
            steps: self.all(&steps),
            setting: setting.map(|Setting { name, now, then }| Setting {
                now: now.map(|now| self.by_name(super::value::is_secret_name(&name), &now)),
                then: self.by_name(super::value::is_secret_name(&name), &then),
                name: self.text(&name),
            }),
            command: self.maybe(command.as_ref()),
            diff: self.maybe(diff.as_ref()),
            file: file.map(|(name, body)| (self.text(&name), self.text(&body))),
            risk: self.maybe(risk.as_ref()),
            undo: self.maybe(undo.as_ref()),
            url: self.maybe(url.as_ref()),
        }
    }
}

#[cfg(test)]
mod tests;

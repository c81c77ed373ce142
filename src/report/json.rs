//! The report as JSON, for programs. Documented in `docs/report.md`, held to `docs/report.schema.json` by a test.
//! Fields are added, never renamed or dropped, as long as `schema` stays the same.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{Report, VERSION, changes, pace, words};
use crate::model::{self, Author, Numbering};

/// Writes the report.
#[expect(clippy::expect_used, reason = "these structs always become JSON: tests::every_sample_fits_the_schema")]
pub(super) fn write(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(&Document::of(report)).expect("a report as JSON");
    text.push('\n');
    text
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    version: &'static str,
    made: Option<String>,
    run: Run,
    headline: String,
    action: String,
    category: Option<String>,
    step: Option<String>,
    confidence: &'static str,
    retryable: Option<&'static str>,
    fingerprint: String,
    diagnosis: Diagnosis,
    evidence: Vec<Excerpt>,
    lines: Vec<usize>,
    numbering: &'static str,
    matches: Vec<Match>,
    steps: Vec<Step>,
    definitions: Vec<Definition>,
    earlier: Option<Vec<Earlier>>,
    compared_with: Option<Compared>,
    changes: Vec<Change>,
    suspects: Vec<Suspect>,
    outside_after: Option<usize>,
    context: Vec<Context>,
    notes: Vec<Note>,
    usage: Vec<Usage>,
    best: Vec<usize>,
    quiet: bool,
    tokens: usize,
    masked: usize,
    total_lines: usize,
}

#[derive(Serialize)]
struct Run {
    host: String,
    id: String,
    title: String,
    url: Option<String>,
    project: Option<String>,
    environment: Option<String>,
    tenant: Option<String>,
    version: Option<String>,
    commit: Option<String>,
    started: Option<String>,
    finished: Option<String>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Diagnosis {
    summary: String,
    domain: Option<&'static str>,
    author: By,
    hypotheses: Vec<Hypothesis>,
    fixes: Vec<Fix>,
    verify: Option<String>,
}

#[derive(Serialize)]
struct By {
    kind: &'static str,
    provider: Option<String>,
    model: Option<String>,
}

#[derive(Serialize)]
struct Hypothesis {
    cause: String,
    citations: Vec<usize>,
    check: Option<String>,
    command: Option<String>,
    disproof: Option<String>,
    signature: Option<String>,
    links: Vec<String>,
}

#[derive(Serialize)]
struct Fix {
    kind: &'static str,
    title: String,
    why: String,
    steps: Vec<String>,
    setting: Option<Setting>,
    command: Option<String>,
    diff: Option<String>,
    file: Option<File>,
    risk: Option<String>,
    undo: Option<String>,
    url: Option<String>,
}

#[derive(Serialize)]
struct Setting {
    name: String,
    now: Option<String>,
    then: String,
}

#[derive(Serialize)]
struct File {
    name: String,
    text: String,
}

#[derive(Serialize)]
struct Usage {
    provider: String,
    model: String,
    tokens_in: usize,
    tokens_out: usize,
    seconds: f64,
    price: Option<f64>,
}

#[derive(Serialize)]
struct Excerpt {
    step: Option<String>,
    reason: String,
    repeats: usize,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    id: usize,
    number: usize,
    level: &'static str,
    time: Option<String>,
    text: String,
    cited: bool,
}

#[derive(Serialize)]
struct Match {
    signature: String,
    title: String,
    kind: String,
    domain: &'static str,
    retryable: &'static str,
    role: &'static str,
    line: usize,
    count: usize,
    strength: f64,
    captures: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Step {
    name: String,
    place: Option<String>,
    outcome: &'static str,
    culprit: bool,
    started: Option<String>,
    finished: Option<String>,
    attempts: usize,
    depth: usize,
}

#[derive(Serialize)]
struct Definition {
    step: String,
    kind: String,
    condition: Option<String>,
    retries: Option<u32>,
    timeout_minutes: Option<u32>,
    runs_on: Option<String>,
    container: Option<String>,
    script: Option<Script>,
    packages: Vec<String>,
    url: Option<String>,
    path_to_settings: Option<String>,
    source: Option<Source>,
}

#[derive(Serialize)]
struct Source {
    repository: String,
    path: String,
    branch: Option<String>,
    commit: String,
    step: String,
    action: String,
    first_line: Option<usize>,
    lines: Option<String>,
}

#[derive(Serialize)]
struct Script {
    syntax: String,
    body: String,
}

#[derive(Serialize)]
struct Earlier {
    title: String,
    when: Option<String>,
    url: Option<String>,
    same: Option<bool>,
    after: Option<String>,
}

#[derive(Serialize)]
struct Compared {
    run: Run,
    why: String,
    finding: Option<String>,
    durations: Vec<Duration>,
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Duration {
    step: String,
    then_seconds: i64,
    now_seconds: i64,
}

#[derive(Serialize)]
struct Change {
    kind: &'static str,
    title: String,
    before: Option<String>,
    after: Option<String>,
    details: Option<String>,
    step: Option<String>,
    who: Option<String>,
    when: Option<String>,
    url: Option<String>,
}

#[derive(Serialize)]
struct Suspect {
    change: usize,
    sentence: String,
    lines: Vec<usize>,
    words: Vec<String>,
    score: f64,
}

#[derive(Serialize)]
struct Context {
    title: String,
    text: String,
    url: Option<String>,
}

#[derive(Serialize)]
struct Note {
    stage: &'static str,
    text: String,
}

impl Document {
    fn of(report: &Report) -> Self {
        let (case, diagnosis) = (&*report.case, &*report.diagnosis);
        let picked = || case.excerpts.iter().flat_map(|excerpt| &excerpt.lines);
        Self {
            schema: "firefighter.report/1",
            version: VERSION,
            made: time(report.made),
            run: run(&case.run),
            headline: report.headline(),
            action: report.action(),
            category: text(diagnosis.kind.as_deref()),
            step: report.failed_step(),
            confidence: words::confidence(diagnosis.confidence),
            retryable: diagnosis.retry.map(words::retry),
            fingerprint: words::one_line(&report.fingerprint),
            diagnosis: Diagnosis {
                summary: words::plain(&diagnosis.summary),
                domain: diagnosis.domain.map(words::domain),
                author: author(&diagnosis.author),
                hypotheses: diagnosis.hypotheses.iter().map(|one| hypothesis(report, one)).collect(),
                fixes: diagnosis.fixes.iter().map(fix).collect(),
                verify: report.verify(),
            },
            evidence: excerpts(report),
            lines: picked().map(|line| line.number).collect(),
            numbering: match case.numbering {
                Numbering::Log => "log",
                Numbering::Step => "step",
            },
            matches: case.matches.iter().map(found).collect(),
            steps: case.steps.iter().map(step).collect(),
            definitions: case.definitions.iter().map(definition).collect(),
            earlier: case.earlier.as_deref().map(|earlier| earlier.iter().map(one_earlier).collect()),
            compared_with: compared(report),
            changes: case.changes.iter().map(change).collect(),
            suspects: case.suspects.iter().filter_map(|one| suspect(report, one)).collect(),
            outside_after: case.outside_after,
            context: case.context.iter().map(context).collect(),
            notes: report
                .notes
                .iter()
                .map(|note| Note { stage: words::stage(note.stage), text: words::plain(&note.text) })
                .collect(),
            usage: report.usage.iter().map(usage).collect(),
            best: case.best.iter().copied().filter(|id| case.line(*id).is_some()).collect(),
            quiet: case.quiet,
            tokens: case.tokens,
            masked: case.masked,
            total_lines: case.total_lines,
        }
    }
}

fn run(run: &model::Run) -> Run {
    Run {
        host: words::plain(&run.host),
        id: words::plain(&run.id),
        title: words::plain(&run.title),
        url: address(run.url.as_deref()),
        project: text(run.project.as_deref()),
        environment: text(run.environment.as_deref()),
        tenant: text(run.tenant.as_deref()),
        version: text(run.version.as_deref()),
        commit: text(run.commit.as_deref()),
        started: time(run.started),
        finished: time(run.finished),
        error: text(run.error.as_deref()),
    }
}

fn author(author: &Author) -> By {
    match author {
        Author::Rules => By { kind: "rules", provider: None, model: None },
        Author::Llm { provider, model } => {
            By { kind: "llm", provider: Some(words::plain(provider)), model: Some(words::plain(model)) }
        }
    }
}

/// A citation of a line that is not shown can't be checked, so it is left out.
fn hypothesis(report: &Report, one: &model::Hypothesis) -> Hypothesis {
    Hypothesis {
        cause: words::plain(&one.cause),
        citations: one.citations.iter().copied().filter(|&id| report.case.line(id).is_some()).collect(),
        check: text(one.check.as_deref()),
        command: text(one.command.as_deref()),
        disproof: text(one.disproof.as_deref()),
        signature: text(one.signature.as_deref()),
        links: one.links.iter().filter_map(|link| words::link(link)).collect(),
    }
}

fn usage(usage: &model::Usage) -> Usage {
    let model::Usage { provider, model, tokens_in, tokens_out, seconds, price } = usage;
    Usage {
        provider: words::plain(provider),
        model: words::plain(model),
        tokens_in: *tokens_in,
        tokens_out: *tokens_out,
        seconds: *seconds,
        price: *price,
    }
}

fn fix(fix: &model::Fix) -> Fix {
    Fix {
        kind: words::fix_kind(fix.kind),
        title: words::plain(&fix.title),
        why: words::plain(&fix.why),
        steps: fix.steps.iter().map(|step| words::plain(step)).collect(),
        setting: fix.setting.as_ref().map(|model::Setting { name, now, then }| Setting {
            name: words::plain(name),
            now: text(now.as_deref()),
            then: words::plain(then),
        }),
        command: text(fix.command.as_deref()),
        diff: text(fix.diff.as_deref()),
        file: fix.file.as_ref().map(|(name, body)| File { name: words::plain(name), text: words::plain(body) }),
        risk: text(fix.risk.as_deref()),
        undo: text(fix.undo.as_deref()),
        url: address(fix.url.as_deref()),
    }
}

fn excerpts(report: &Report) -> Vec<Excerpt> {
    let cited = report.cited();
    let line = |line: &model::ExcerptLine| Line {
        id: line.id,
        number: line.number,
        level: words::level(line.level),
        time: time(line.time),
        text: words::log_line(&line.text),
        cited: cited.contains(&line.id),
    };
    let excerpt = |excerpt: &model::Excerpt| Excerpt {
        step: text(excerpt.step.as_deref()),
        reason: words::plain(&excerpt.reason),
        repeats: excerpt.repeats,
        lines: excerpt.lines.iter().map(line).collect(),
    };
    report.case.excerpts.iter().map(excerpt).collect()
}

fn found(found: &model::Match) -> Match {
    let signature = &found.signature;
    Match {
        signature: words::plain(&signature.id),
        title: words::plain(&signature.title),
        kind: words::plain(&signature.kind),
        domain: words::domain(signature.domain),
        retryable: words::retry(signature.retry),
        role: words::role(signature.role),
        line: found.line,
        count: found.count,
        strength: found.strength,
        captures: found.captures.iter().map(|(name, value)| (words::plain(name), words::plain(value))).collect(),
    }
}

fn step(step: &model::Step) -> Step {
    Step {
        name: words::plain(&step.name),
        place: text(step.place.as_deref()),
        outcome: words::outcome(step.outcome),
        culprit: step.culprit,
        started: time(step.started),
        finished: time(step.finished),
        attempts: step.attempts,
        depth: step.depth,
    }
}

fn definition(definition: &model::Definition) -> Definition {
    Definition {
        step: words::plain(&definition.step),
        kind: words::plain(&definition.kind),
        condition: text(definition.condition.as_deref()),
        retries: definition.retries,
        timeout_minutes: definition.timeout_minutes,
        runs_on: text(definition.runs_on.as_deref()),
        container: text(definition.container.as_deref()),
        script: definition
            .script
            .as_ref()
            .map(|script| Script { syntax: words::plain(&script.syntax), body: words::plain(&script.body) }),
        packages: definition.packages.iter().map(|package| words::plain(package)).collect(),
        url: address(definition.url.as_deref()),
        path_to_settings: text(definition.path_to_settings.as_deref()),
        source: definition.source.as_ref().map(|source| Source {
            repository: words::plain(&source.repository),
            path: words::plain(&source.path),
            branch: text(source.branch.as_deref()),
            commit: words::plain(&source.commit),
            step: words::plain(&source.step),
            action: words::plain(&source.action),
            first_line: source.lines.as_ref().map(|(first, _)| *first),
            lines: source.lines.as_ref().map(|(_, lines)| words::plain(lines)),
        }),
    }
}

fn one_earlier(earlier: &model::Earlier) -> Earlier {
    Earlier {
        title: words::plain(&earlier.title),
        when: time(earlier.when),
        url: address(earlier.url.as_deref()),
        same: earlier.same,
        after: text(earlier.after.as_deref()),
    }
}

fn compared(report: &Report) -> Option<Compared> {
    let case = &report.case;
    let (baseline, why) = case.baseline.as_ref()?;
    let durations = pace::of(&case.baseline_steps, &case.steps);
    let duration =
        |one: pace::Pace| Duration { step: one.step, then_seconds: one.seconds.0, now_seconds: one.seconds.1 };
    Some(Compared {
        run: run(baseline),
        why: words::plain(why),
        finding: changes::finding(report),
        durations: durations.into_iter().map(duration).collect(),
        steps: case.baseline_steps.iter().map(step).collect(),
    })
}

fn change(change: &model::Change) -> Change {
    Change {
        kind: words::change_kind(change.kind),
        title: words::plain(&change.title),
        before: text(change.before.as_deref()),
        after: text(change.after.as_deref()),
        details: text(change.details.as_deref()),
        step: text(change.step.as_deref()),
        who: text(change.who.as_deref()),
        when: time(change.when),
        url: address(change.url.as_deref()),
    }
}

fn suspect(report: &Report, suspect: &model::Suspect) -> Option<Suspect> {
    Some(Suspect {
        change: suspect.change,
        sentence: changes::sentence(report, suspect)?,
        lines: suspect.lines.iter().copied().filter(|&id| report.case.line(id).is_some()).collect(),
        words: suspect.words.iter().map(|word| words::plain(word)).collect(),
        score: suspect.score,
    })
}

fn context(context: &model::Context) -> Context {
    Context {
        title: words::plain(&context.title),
        text: words::plain(&context.text),
        url: address(context.url.as_deref()),
    }
}

fn time(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

fn text(text: Option<&str>) -> Option<String> {
    text.map(words::plain)
}

fn address(address: Option<&str>) -> Option<String> {
    address.and_then(words::link)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::report::sample;

    fn schema() -> Value {
        serde_json::from_str(include_str!("../../docs/report.schema.json")).unwrap()
    }

    fn document(report: &Report) -> Value {
        serde_json::from_str(&write(report)).unwrap()
    }

    /// What in `value` breaks `schema`. Knows the few keywords our schema uses and refuses any other.
    fn faults(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
        let mut faults = Vec::new();
        for (keyword, rule) in schema.as_object().unwrap() {
            match keyword.as_str() {
                "$ref" => {
                    let target = root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap();
                    faults.extend(self::faults(root, target, value, path));
                }
                "anyOf" => {
                    let tries = rule.as_array().unwrap().iter().map(|option| self::faults(root, option, value, path));
                    if !tries.clone().any(|faults| faults.is_empty()) {
                        faults.extend(tries.flatten());
                    }
                }
                "type" => {
                    let is = |name: &str| match name {
                        "null" => value.is_null(),
                        "string" => value.is_string(),
                        "boolean" => value.is_boolean(),
                        "number" => value.is_number(),
                        "integer" => value.is_u64() || value.is_i64(),
                        "array" => value.is_array(),
                        "object" => value.is_object(),
                        other => panic!("unknown type {other}"),
                    };
                    let fits = match rule {
                        Value::String(name) => is(name),
                        names => names.as_array().unwrap().iter().any(|name| is(name.as_str().unwrap())),
                    };
                    if !fits {
                        faults.push(format!("{path} is not {rule}"));
                    }
                }
                "const" if value != rule => faults.push(format!("{path} is not {rule}")),
                "enum" if !rule.as_array().unwrap().contains(value) => faults.push(format!("{path} is not in {rule}")),
                // Of what is no number it says nothing.
                "minimum" if value.as_f64().is_some_and(|value| value < rule.as_f64().unwrap()) => {
                    faults.push(format!("{path} is small"));
                }
                "maximum" if value.as_f64().unwrap() > rule.as_f64().unwrap() => {
                    faults.push(format!("{path} is large"));
                }
                "required" => {
                    for name in rule.as_array().unwrap().iter().filter_map(Value::as_str) {
                        if value.is_object() && value.get(name).is_none() {
                            faults.push(format!("{path}/{name} is missing"));
                        }
                    }
                }
                "properties" => {
                    for (name, rule) in rule.as_object().unwrap() {
                        if let Some(value) = value.get(name) {
                            faults.extend(self::faults(root, rule, value, &format!("{path}/{name}")));
                        }
                    }
                }
                "additionalProperties" => {
                    let known = schema.get("properties").and_then(Value::as_object);
                    for (name, value) in value.as_object().into_iter().flatten() {
                        let extra = known.is_none_or(|known| !known.contains_key(name));
                        match rule {
                            Value::Bool(allowed) if extra && !allowed => {
                                faults.push(format!("{path}/{name} is not documented"));
                            }
                            Value::Object(_) if extra => {
                                faults.extend(self::faults(root, rule, value, &format!("{path}/{name}")));
                            }
                            _ => {}
                        }
                    }
                }
                "items" => {
                    for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                        faults.extend(self::faults(root, rule, value, &format!("{path}/{index}")));
                    }
                }
                "$schema" | "$id" | "$defs" | "title" | "description" | "const" | "enum" | "minimum" | "maximum" => {}
                other => panic!("the test does not know the keyword {other} at {path}"),
            }
        }
        faults
    }

    fn check(value: &Value, expected: &[&str]) {
        let schema = schema();
        assert_eq!(faults(&schema, &schema, value, ""), expected);
    }

    #[test]
    fn every_sample_fits_the_schema() {
        for report in sample::all() {
            check(&document(&report), &[]);
        }
    }

    #[test]
    fn the_schema_is_strict() {
        let story = document(&sample::story());
        let with = |pointer: &str, value: Value| {
            let mut story = story.clone();
            *story.pointer_mut(pointer).unwrap() = value;
            story
        };
        check(&with("/schema", json!("firefighter.report/0")), &["/schema is not \"firefighter.report/1\""]);
        check(&with("/evidence/1/lines/2/cited", json!(1)), &["/evidence/1/lines/2/cited is not \"boolean\""]);
        check(&with("/made", json!(0)), &["/made is not [\"string\",\"null\"]"]);
        check(
            &with("/notes/0", json!({"stage": "collect", "text": "", "new": 1})),
            &["/notes/0/new is not documented"],
        );
        check(&with("/notes/0", json!({"stage": "collect"})), &["/notes/0/text is missing"]);
        check(&with("/matches/0/strength", json!(2)), &["/matches/0/strength is large"]);
    }

    #[test]
    fn the_schema_asks_for_every_field_and_allows_no_other() {
        fn walk(schema: &Value) {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                assert_eq!(schema["additionalProperties"], json!(false), "{schema}");
                let mut names: Vec<&str> = properties.keys().map(String::as_str).collect();
                let mut required: Vec<&str> =
                    schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
                names.sort_unstable();
                required.sort_unstable();
                assert_eq!(names, required);
            }
            let children = schema.as_object().into_iter().flat_map(|object| object.values());
            children.chain(schema.as_array().into_iter().flatten()).for_each(walk);
        }
        walk(&schema());
    }

    #[test]
    fn what_programs_look_for_is_at_the_top() {
        let story = document(&sample::story());
        let check = |pointer: &str, expected: Value| assert_eq!(story.pointer(pointer), Some(&expected), "{pointer}");
        check("/category", json!("rate-limit"));
        check("/step", json!("Scan for Security Vulnerabilities"));
        check("/confidence", json!("high"));
        check("/retryable", json!("yes"));
        check("/lines", json!([12, 13, 18, 19, 20, 21, 22, 23, 149, 150, 151]));
        check("/evidence/1/lines/2/cited", json!(true));
        check("/evidence/1/lines/3/cited", json!(false));
        check("/made", json!("2026-02-10T03:14:58Z"));
        check("/definitions/0/retries", json!(0));
    }

    #[test]
    fn a_suspect_names_its_change_and_its_lines() {
        let report = document(&sample::suspected());
        let check = |pointer: &str, expected: Value| assert_eq!(report.pointer(pointer), Some(&expected), "{pointer}");
        check("/suspects/0/change", json!(3));
        check("/suspects/0/lines", json!([20]));
        check("/changes/3/kind", json!("process"));
        check("/changes/2/before", Value::Null);
        check("/compared_with/run/id", json!("ServerTasks-2001490"));
        check("/compared_with/durations/5/then_seconds", json!(37));
        check("/compared_with/finding", Value::Null);
        assert_eq!(document(&sample::hostile())["suspects"][0]["lines"], json!([7]));
        assert!(document(&sample::unsuspected())["compared_with"]["finding"].is_string());
    }

    #[test]
    fn no_address_but_a_web_address_is_published_as_one() {
        let hostile = document(&sample::hostile());
        assert_eq!(hostile["run"]["url"], Value::Null);
        assert_eq!(hostile["diagnosis"]["fixes"][0]["url"], Value::Null);
        assert_eq!(hostile["diagnosis"]["hypotheses"][0]["links"], json!([]));
        assert_eq!(hostile["diagnosis"]["hypotheses"][0]["citations"], json!([7, 8]));
    }

    #[test]
    fn every_field_is_described_for_its_reader() {
        let manual = include_str!("../../docs/report.md");
        let schema = schema();
        for name in schema["properties"].as_object().unwrap().keys() {
            assert!(manual.contains(&format!("`{name}`")), "docs/report.md does not mention {name}");
        }
    }
}

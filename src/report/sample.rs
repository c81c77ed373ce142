//! Reports for the tests of the formats.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Asked, Report};
use crate::model::{
    Author, Case, Change, ChangeKind, Confidence, Context, Definition, Diagnosis, Domain, Earlier, Excerpt,
    ExcerptLine, Fix, FixKind, Hypothesis, Level, Match, Note, Numbering, Outcome, Retry, Role, Run, Script, Setting,
    Signature, Source, Stage, Step, Suspect, Usage,
};
use crate::redact::sealed_for_tests;

const STEP: &str = "Scan for Security Vulnerabilities";

fn at(time: &str) -> Option<Timestamp> {
    format!("2026-02-10T{time}Z").parse().ok()
}

fn seal(case: Case, diagnosis: Diagnosis, notes: Vec<Note>) -> Report {
    Report {
        case: sealed_for_tests(case),
        diagnosis: sealed_for_tests(diagnosis),
        notes: sealed_for_tests(notes),
        usage: sealed_for_tests(Vec::new()),
        made: at("03:14:58"),
        fingerprint: "9f2c41d7a0b3".to_owned(),
        question: None,
    }
}

/// Every sample.
pub(super) fn all() -> Vec<Report> {
    let unmade = Report { made: None, ..story() };
    vec![
        story(),
        unmade,
        asked(),
        guess(),
        unknown(),
        empty(),
        hostile(),
        many(),
        suspected(),
        unsure(Some(0)),
        unsure(Some(1)),
        unsuspected(),
    ]
}

/// A scan for vulnerabilities whose database is refused by a registry that limits its rate.
pub(super) fn story() -> Report {
    seal(case(), diagnosis(), notes())
}

/// The same, asked about in words.
pub(super) fn asked() -> Report {
    let about = "ServerTasks-2001547 of 2026-02-10 03:10 UTC: the only failed run that fits.";
    let question = Asked {
        question: sealed_for_tests("Why did it fail?".to_owned()),
        about: Some(sealed_for_tests(about.to_owned())),
    };
    let case = case();
    let found = Context { title: "The run that was asked about".to_owned(), text: about.to_owned(), url: None };
    let context = std::iter::once(found).chain(case.context.clone()).collect();
    Report { question: Some(question), ..seal(Case { context, ..case }, diagnosis(), notes()) }
}

/// The same, compared with the last good run, and two changes that touch it.
pub(super) fn suspected() -> Report {
    unsure(None)
}

/// The same, and so many of the two are likelier than that nothing which changed is to blame.
pub(super) fn unsure(outside_after: Option<usize>) -> Report {
    let suspect = |change, words: &[&str], score| Suspect {
        change,
        lines: vec![20],
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        score,
    };
    let suspects = vec![suspect(3, &["ghcr.io", "trivy-db"], 0.91), suspect(1, &["ghcr.io"], 0.47)];
    seal(Case { suspects, outside_after, ..compared(case()) }, diagnosis(), notes())
}

/// The same, but none of the changes touches it.
pub(super) fn unsuspected() -> Report {
    seal(compared(case()), diagnosis(), Vec::new())
}

fn compared(case: Case) -> Case {
    let faster = |step: Step| {
        let took = |step: &Step| step.started.zip(step.finished).map(|(from, to)| to.duration_since(from));
        let finished = took(&step).and_then(|took| Some(step.started? + took / 3));
        Step { finished, outcome: Outcome::Succeeded, culprit: false, ..step }
    };
    let baseline = Run {
        id: "ServerTasks-2001490".to_owned(),
        title: "Deploy Octopus Copilot Function release 0.1.1981 to Security".to_owned(),
        url: Some("https://octopus.example/app#/Spaces-1/tasks/ServerTasks-2001490".to_owned()),
        started: "2026-02-09T08:11:00Z".parse().ok(),
        finished: "2026-02-09T08:14:00Z".parse().ok(),
        ..case.run.clone()
    };
    Case {
        baseline: Some((baseline, "the last success in Security".to_owned())),
        baseline_steps: case.steps.iter().cloned().map(faster).collect(),
        changes: changes(),
        ..case
    }
}

fn changes() -> Vec<Change> {
    let change = |kind, title: &str, before: &str, after: &str, when: &str| Change {
        kind,
        title: title.to_owned(),
        before: Some(before.to_owned()).filter(|value| !value.is_empty()),
        after: Some(after.to_owned()).filter(|value| !value.is_empty()),
        details: None,
        step: None,
        who: Some("anna@example.com".to_owned()),
        when: when.parse().ok(),
        url: Some("https://octopus.example/app#/Spaces-1/projects/octopus-copilot-function/variables".to_owned()),
    };
    vec![
        change(ChangeKind::Package, "package Octopus.Copilot.Function", "0.1.1981", "0.1.1982", "2026-02-10T02:40:00Z"),
        change(
            ChangeKind::Variable,
            "variable Scan:Registry",
            "mirror.example.com",
            "ghcr.io",
            "2026-02-09T12:00:00Z",
        ),
        change(ChangeKind::Variable, "variable Scan:Token (sensitive)", "", "", "2026-02-09T12:01:00Z"),
        Change {
            details: Some("@@ -4,2 +4,2 @@\n Write-Host \"Scanning $bom\"\n-docker run mirror.example.com/trivy --db-repository mirror.example.com/trivy-db sbom\n+docker run ghcr.io/aquasecurity/trivy:latest sbom\n".to_owned()),
            step: Some(STEP.to_owned()),
            ..change(ChangeKind::Process, &format!("script of step {STEP}"), "", "", "2026-02-09T16:20:00Z")
        },
        Change {
            details: Some("src/host.json\nsrc/Function.csproj".to_owned()),
            who: Some("Bert".to_owned()),
            ..change(ChangeKind::Commit, "commit 84df60a: Bump the function runtime", "", "", "2026-02-10T02:31:00Z")
        },
        Change { who: None, ..change(ChangeKind::Worker, "worker image ubuntu-22.04", "20260201", "20260208", "") },
        change(ChangeKind::Event, "variable Scan:Registry edited again", "ghcr.io", "mirror.example.com", "2026-02-10T04:00:00Z"),
    ]
}

/// The same, but nothing is certain.
pub(super) fn guess() -> Report {
    let diagnosis = Diagnosis {
        summary: "The file depscan-bom.json is missing, which may follow from the failed scan before it.".to_owned(),
        kind: Some("script-error".to_owned()),
        domain: Some(Domain::Code),
        retry: None,
        confidence: Confidence::Low,
        fixes: Vec::new(),
        ..diagnosis()
    };
    seal(case(), diagnosis, Vec::new())
}

/// The same, but no known failure matches.
pub(super) fn unknown() -> Report {
    seal(Case { matches: Vec::new(), ..case() }, nothing_known(), notes())
}

/// Nothing but the knowledge that something failed.
pub(super) fn empty() -> Report {
    Report { made: None, fingerprint: String::new(), ..seal(Case::default(), nothing_known(), Vec::new()) }
}

/// Sixty steps, on three machines each from time to time, and a failure late in the run.
pub(super) fn many() -> Report {
    let mut steps = Vec::new();
    let mut clock: i64 = 1_770_692_000;
    while steps.len() < 60 {
        let index = steps.len();
        let long = 5 + i64::try_from(index * 37 % 90).unwrap_or_default();
        let outcome = match index {
            ..=48 => Outcome::Succeeded,
            49..=55 => Outcome::Failed,
            _ => Outcome::Skipped,
        };
        let times = |from: i64, to: i64| (Timestamp::from_second(from).ok(), Timestamp::from_second(to).ok());
        let (started, finished) = if index > 55 { (None, None) } else { times(clock, clock + long) };
        let name = format!("Deploy the service number {index} with a name that does not want to end soon");
        let mut step = Step { name, outcome, started, finished, ..step(STEP, outcome, "") };
        steps.push(step.clone());
        if index.is_multiple_of(7) && index < 56 {
            for machine in ["web-1.eu-west.example.internal", "web-2", "web-3"] {
                step = Step { place: Some(machine.to_owned()), depth: 1, ..step };
                step.culprit = outcome == Outcome::Failed && machine == "web-2";
                steps.push(step.clone());
            }
        }
        clock += long;
    }
    let compared = compared(case());
    let changes = compared.changes.iter().cycle().take(100).cloned().collect();
    seal(Case { steps: steps.clone(), baseline_steps: steps, changes, ..compared }, diagnosis(), notes())
}

/// Tries to become more than text in every dialect.
const EVIL: &str = "</code></pre><script>alert(1)</script><img src=x onerror=alert(1)> \" onmouseover=\"alert(1) ' ``` ```` \
                        [click](javascript:alert(1)) ![pixel](https://evil.example/p.png) <https://evil.example> \
                        https://evil.example www.evil.example @admin #1 | cell **bold** _it_ ~~gone~~ {{ secret }} {% raw %} &lt; \
                        \u{1b}[31mred\u{9b}0m \u{202e}desrever\u{7} ##octopus[message]\n# Heading\n\n- item\n    code\n<details open>\n---\n[ref]: javascript:alert(1)";

fn source(text: &str) -> Source {
    let text = || text.to_owned();
    let (repository, path, commit, step, action) = (text(), text(), text(), text(), text());
    Source { repository, path, branch: Some(text()), commit, step, action, lines: Some((3, text())) }
}

/// Texts that try to become more than text, in every field.
pub(super) fn hostile() -> Report {
    let evil = || EVIL.to_owned();
    let some = || Some(EVIL.to_owned());
    let address = || Some("javascript:alert(1)//\" onclick=\"x".to_owned());
    let tricky = || Some("https://evil.example/a)>\"'`<b>[x](y)".to_owned());
    let signature = Signature {
        id: evil(),
        title: evil(),
        kind: evil(),
        cause: evil(),
        verify: evil(),
        command: None,
        disproof: None,
        links: vec![evil(), "javascript:alert(1)".to_owned()],
        ..rate_limit()
    };
    let line = |number, level| ExcerptLine { id: number, number, level, time: at("03:11:44"), text: evil() };
    let case = Case {
        run: Run {
            host: evil(),
            id: evil(),
            title: evil(),
            url: address(),
            project: some(),
            environment: some(),
            tenant: some(),
            version: some(),
            commit: some(),
            started: at("03:10:00"),
            finished: None,
            error: some(),
        },
        steps: vec![Step {
            name: evil(),
            place: some(),
            culprit: true,
            ..step(STEP, Outcome::Failed, "03:11:06 03:14:12")
        }],
        excerpts: vec![Excerpt {
            step: some(),
            lines: vec![line(7, Level::Error), line(8, Level::Fatal)],
            reason: evil(),
            repeats: 2,
        }],
        matches: vec![Match {
            signature: Arc::new(signature),
            line: 7,
            count: 1,
            strength: 0.9,
            captures: vec![(evil(), evil())],
        }],
        definitions: vec![Definition {
            step: evil(),
            kind: evil(),
            condition: some(),
            retries: Some(0),
            timeout_minutes: Some(5),
            runs_on: some(),
            container: some(),
            script: Some(Script { syntax: evil(), body: evil() }),
            packages: vec![evil()],
            url: tricky(),
            path_to_settings: some(),
            source: Some(source(&evil())),
        }],
        earlier: Some(vec![Earlier { title: evil(), when: None, url: address(), same: Some(true), after: some() }]),
        baseline: Some((Run { title: evil(), url: address(), ..Run::default() }, evil())),
        baseline_steps: vec![Step { name: evil(), ..step(STEP, Outcome::Succeeded, "03:11:06 03:14:12") }],
        changes: [ChangeKind::Process, ChangeKind::Commit]
            .map(|kind| Change {
                kind,
                title: evil(),
                before: some(),
                after: some(),
                details: some(),
                step: some(),
                who: some(),
                when: at("03:10:00"),
                url: address(),
            })
            .into(),
        suspects: vec![Suspect { change: 0, lines: vec![7, 999], words: vec![evil()], score: 0.9 }],
        context: vec![Context { title: evil(), text: evil(), url: tricky() }],
        ..case()
    };
    let diagnosis = Diagnosis {
        summary: evil(),
        kind: some(),
        hypotheses: vec![hypothesis(EVIL, Some(EVIL)), hypothesis(EVIL, None)],
        fixes: vec![evil_fix()],
        author: Author::Llm { provider: evil(), model: evil() },
        ..diagnosis()
    };
    let report = seal(case, diagnosis, vec![Note { stage: Stage::Collect, text: evil() }]);
    let usage = Usage { provider: evil(), model: evil(), tokens_in: 1, tokens_out: 2, seconds: 0.5, price: Some(0.25) };
    let question = Asked { question: sealed_for_tests(evil()), about: Some(sealed_for_tests(format!("about {EVIL}"))) };
    Report { fingerprint: evil(), usage: sealed_for_tests(vec![usage]), question: Some(question), ..report }
}

fn evil_fix() -> Fix {
    let evil = || EVIL.to_owned();
    Fix {
        kind: FixKind::Script,
        title: evil(),
        why: evil(),
        steps: vec![evil(), evil()],
        setting: Some(Setting { name: evil(), now: Some(evil()), then: evil() }),
        command: Some(evil()),
        diff: Some(evil()),
        file: Some((evil(), evil())),
        risk: Some(evil()),
        undo: Some(evil()),
        url: Some("javascript:alert(1)//\" onclick=\"x".to_owned()),
    }
}

fn hypothesis(cause: &str, signature: Option<&str>) -> Hypothesis {
    Hypothesis {
        cause: cause.to_owned(),
        citations: vec![7, 8, 999],
        check: Some(cause.to_owned()),
        command: Some(cause.to_owned()),
        disproof: Some(cause.to_owned()),
        signature: signature.map(str::to_owned),
        links: vec![cause.to_owned(), "javascript:alert(1)".to_owned()],
    }
}

fn nothing_known() -> Diagnosis {
    Diagnosis {
        summary: String::new(),
        kind: None,
        domain: None,
        retry: None,
        hypotheses: Vec::new(),
        fixes: Vec::new(),
        confidence: Confidence::None,
        author: Author::Rules,
    }
}

fn notes() -> Vec<Note> {
    vec![Note {
        stage: Stage::Collect,
        text: "the permission EventView is missing, so who changed what before this run is not known".to_owned(),
    }]
}

fn rate_limit() -> Signature {
    Signature {
        id: "registry-rate-limit".to_owned(),
        title: "A container registry limits the rate of downloads".to_owned(),
        domain: Domain::Dependency,
        kind: "rate-limit".to_owned(),
        retry: Retry::Helps,
        cause: "The registry {host} refuses downloads: too many requests.".to_owned(),
        fix: vec!["Retry with a pause.".to_owned()],
        verify: "Deploy the release again: the step goes on past the download from {host}.".to_owned(),
        command: None,
        disproof: None,
        links: vec!["https://docs.github.com/packages".to_owned()],
        role: Role::Cause,
    }
}

fn step(name: &str, outcome: Outcome, times: &str) -> Step {
    let (started, finished) = times.split_once(' ').unwrap_or_default();
    Step {
        name: name.to_owned(),
        place: None,
        outcome,
        culprit: false,
        started: at(started),
        finished: at(finished),
        attempts: 1,
        depth: 0,
    }
}

fn steps() -> Vec<Step> {
    let worker = |step: Step| Step { place: Some("Worker".to_owned()), depth: 1, ..step };
    let mut steps = vec![
        step("Acquire packages", Outcome::Succeeded, "03:10:59 03:11:04"),
        step("PreDeploy Hook", Outcome::Succeeded, "03:11:04 03:11:06"),
        step("Deploy the function app to the staging slot", Outcome::Succeeded, "03:11:06 03:11:51"),
        step("Allow worker access", Outcome::Succeeded, "03:11:51 03:12:03"),
        step("Smoke test", Outcome::Succeeded, "03:12:03 03:12:20"),
        step(STEP, Outcome::Failed, "03:12:20 03:14:12"),
        step("Remove worker access", Outcome::Succeeded, "03:14:12 03:14:31"),
        step("Diagnose failure", Outcome::Running, "03:14:31 "),
        step("PostDeploy Hook", Outcome::Skipped, ""),
    ];
    steps.insert(6, Step { culprit: true, attempts: 1, ..worker(step(STEP, Outcome::Failed, "03:12:20 03:14:12")) });
    steps.insert(
        4,
        Step { attempts: 2, ..worker(step("Allow worker access", Outcome::Succeeded, "03:11:51 03:12:03")) },
    );
    steps
}

fn excerpts() -> Vec<Excerpt> {
    let line = |number, level, time, text: &str| ExcerptLine {
        id: number,
        number,
        level,
        time: at(time),
        text: text.to_owned(),
    };
    let place = format!("{STEP} › Worker");
    vec![
        Excerpt {
            step: Some("Acquire packages".to_owned()),
            lines: vec![
                line(12, Level::Info, "03:10:59", "Acquiring packages"),
                line(13, Level::Info, "03:11:04", "All packages have been acquired"),
            ],
            reason: "what came before".to_owned(),
            repeats: 0,
        },
        Excerpt {
            step: Some(place.clone()),
            lines: vec![
                line(18, Level::Info, "03:12:31", "Pulling Trivy Docker Image"),
                line(
                    19,
                    Level::Info,
                    "03:12:35",
                    "Scanning /home/Octopus/Work/20260210031104-2001547-28/application/bom.json",
                ),
                line(
                    20,
                    Level::Error,
                    "03:12:44",
                    "2026-02-10T03:12:44Z\tFATAL\tFatal error\tinit error: DB error: failed to download vulnerability DB: database download error: oci download error: failed to fetch the layer: GET https://ghcr.io/v2/aquasecurity/trivy-db/blobs/sha256:0f5b4ce3b1b2a7ba86a0bd5e4b0f4a2ec0a9e3f9a0e0f7ec6d1a2c3d4e5f6a7b: TOOMANYREQUESTS: retry-after: 459.813µs, allowed: 44000/minute",
                ),
                line(
                    21,
                    Level::Error,
                    "03:12:45",
                    "Get-Content: /home/Octopus/Work/20260210031104-2001547-28/Script.ps1:40",
                ),
                line(
                    22,
                    Level::Error,
                    "03:12:45",
                    "Cannot find path '/home/Octopus/Work/20260210031104-2001547-28/application/depscan-bom.json' because it does not exist.",
                ),
                line(23, Level::Error, "03:12:45", "at <ScriptBlock>, <No file>: line 1"),
            ],
            reason: "a known failure".to_owned(),
            repeats: 3,
        },
        Excerpt {
            step: Some(place),
            lines: vec![
                line(149, Level::Warning, "03:14:11", "The process exited with code 1; output above"),
                line(150, Level::Fatal, "03:14:12", "The remote script failed with exit code 1"),
                line(151, Level::Fatal, "03:14:12", "The action Scan for Security Vulnerabilities on a Worker failed"),
            ],
            reason: "the end of the failed step".to_owned(),
            repeats: 0,
        },
    ]
}

fn case() -> Case {
    Case {
        run: Run {
            host: "Octopus Deploy".to_owned(),
            id: "ServerTasks-2001547".to_owned(),
            title: "Deploy Octopus Copilot Function release 0.1.1982+84df60a.2078.1 to Security".to_owned(),
            url: Some("https://octopus.example/app#/Spaces-1/tasks/ServerTasks-2001547".to_owned()),
            project: Some("Octopus Copilot Function".to_owned()),
            environment: Some("Security".to_owned()),
            tenant: None,
            version: Some("0.1.1982+84df60a.2078.1".to_owned()),
            commit: Some("84df60a".to_owned()),
            started: at("03:10:58"),
            finished: None,
            error: Some("The remote script failed with exit code 1".to_owned()),
        },
        steps: steps(),
        excerpts: excerpts(),
        matches: vec![Match {
            signature: Arc::new(rate_limit()),
            line: 20,
            count: 4,
            strength: 0.95,
            captures: vec![("host".to_owned(), "ghcr.io".to_owned())],
        }],
        definitions: vec![Definition {
            step: STEP.to_owned(),
            kind: "Octopus.Script".to_owned(),
            condition: Some("only when previous steps succeed".to_owned()),
            retries: Some(0),
            timeout_minutes: None,
            runs_on: Some("worker pool Hosted Ubuntu".to_owned()),
            container: Some("octopusdeploy/worker-tools:6.2.0-ubuntu.22.04".to_owned()),
            script: Some(Script {
                syntax: "PowerShell".to_owned(),
                body: "Write-Host \"Pulling Trivy Docker Image\"\ndocker pull ghcr.io/aquasecurity/trivy:latest | Out-Null\n\nWrite-Host \"Scanning $bom\"\ndocker run -v \"${PWD}:/work\" ghcr.io/aquasecurity/trivy:latest sbom --output /work/depscan-bom.json /work/bom.json\nGet-Content -Path depscan-bom.json".to_owned(),
            }),
            packages: vec!["Octopus.Copilot.Function 0.1.1982".to_owned()],
            url: Some("https://octopus.example/app#/Spaces-1/projects/octopus-copilot-function/deployments/process/steps".to_owned()),
            path_to_settings: Some("Process › Scan for Security Vulnerabilities › Conditions › Retries".to_owned()),
            source: None,
        }],
        earlier: Some(vec![Earlier {
            title: "0.1.1980+1c0ffee.2076.1".to_owned(),
            when: at("01:02:03"),
            url: Some("https://octopus.example/app#/Spaces-1/tasks/ServerTasks-2001401".to_owned()),
            same: Some(true),
            after: Some("the same release succeeded later, on 2026-02-10 01:20 UTC".to_owned()),
        }]),
        baseline: None,
        baseline_steps: Vec::new(),
        changes: Vec::new(),
        suspects: Vec::new(),
        outside_after: None,
        context: vec![Context {
            title: "Release notes".to_owned(),
            text: "Bumps the function runtime.\nNothing about the scan.".to_owned(),
            url: Some("https://github.com/example/copilot-function/commits/84df60a".to_owned()),
        }],
        best: Vec::new(),
        quiet: false,
        numbering: Numbering::Log,
        total_lines: 183,
        tokens: 412,
        masked: 2,
    }
}

fn diagnosis() -> Diagnosis {
    Diagnosis {
        summary: "The registry ghcr.io refused the download of Trivy's vulnerability database: too many requests. \
                  The scan then looked for a result file that was never written."
            .to_owned(),
        kind: Some("rate-limit".to_owned()),
        domain: Some(Domain::Dependency),
        retry: Some(Retry::Helps),
        hypotheses: vec![
            Hypothesis {
                cause: "ghcr.io answered TOOMANYREQUESTS because the worker's address, shared with others, is over the registry's limit.".to_owned(),
                citations: vec![20],
                check: Some("Run the same pull from another network.".to_owned()),
                command: Some("docker pull ghcr.io/aquasecurity/trivy-db:2".to_owned()),
                disproof: Some("The same pull succeeds from this worker while the step still fails.".to_owned()),
                signature: Some("registry-rate-limit".to_owned()),
                links: vec!["https://docs.github.com/en/packages/learn-github-packages/introduction-to-github-packages".to_owned()],
            },
            Hypothesis {
                cause: "The result file is missing because the scan never wrote it.".to_owned(),
                citations: vec![22],
                check: Some("See whether the file exists when the download succeeds.".to_owned()),
                command: None,
                disproof: None,
                signature: None,
                links: Vec::new(),
            },
        ],
        fixes: vec![
            Fix {
                kind: FixKind::Setting,
                title: format!("Turn on retries for the step “{STEP}”"),
                why: "The refusal is transient, and this step is not tried again: its retries are off.".to_owned(),
                steps: vec![
                    "Open Process › Scan for Security Vulnerabilities › Conditions › Retries.".to_owned(),
                    "Set the number of retries to 3, save, and create a new release.".to_owned(),
                ],
                setting: Some(Setting { name: "Retries".to_owned(), now: Some("off".to_owned()), then: "3".to_owned() }),
                risk: Some("What the step did before it failed is done again.".to_owned()),
                undo: Some("Switch them off in the same place.".to_owned()),
                url: Some("https://octopus.example/app#/Spaces-1/projects/octopus-copilot-function/deployments/process/steps".to_owned()),
                ..Fix::default()
            },
            Fix {
                kind: FixKind::Script,
                title: "Retry the scan inside the script, with a pause".to_owned(),
                why: "It pauses between attempts, which a limit by the minute needs.".to_owned(),
                steps: vec!["Replace the call of docker run as shown.".to_owned()],
                diff: Some("@@ -4,3 +4,7 @@\n Write-Host \"Scanning $bom\"\n-docker run -v \"${PWD}:/work\" ghcr.io/aquasecurity/trivy:latest sbom --output /work/depscan-bom.json /work/bom.json\n+foreach ($attempt in 1..4) {\n+    docker run -v \"${PWD}:/work\" ghcr.io/aquasecurity/trivy:latest sbom --output /work/depscan-bom.json /work/bom.json\n+    if ($LASTEXITCODE -eq 0) { break }\n+    Start-Sleep -Seconds (30 * $attempt)\n+}\n Get-Content -Path depscan-bom.json\n".to_owned()),
                ..Fix::default()
            },
        ],
        confidence: Confidence::High,
        author: Author::Rules,
    }
}

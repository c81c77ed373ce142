//! What a model says to us, and what we say to a host.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use firefighter::diagnose::{self, Choice, Given};
use firefighter::host::octopus::{neutral, say};
use firefighter::host::{self, Access, Env, Host, ci};
use firefighter::http::Http;
use firefighter::model::{Case, Definition, Incident, Notice, Script, Source};
use firefighter::redact::{Redacted, Redactor};
use firefighter::reduce::{Budget, reduce};
use serde_json::json;

use super::reads::{CATALOGUE, closed, in_steps, told, written};

#[path = "../../tests/step_host/parsers.rs"]
#[allow(dead_code, reason = "shared with other test programs")]
mod parsers;

static HTTP: LazyLock<Arc<Http>> = LazyLock::new(|| Arc::new(closed()));

/// A failed step of which everything is known that a model's advice can be about.
static CASE: LazyLock<(Redacted<Case>, Redactor)> = LazyLock::new(|| {
    let log = "Starting the scan\nTOOMANYREQUESTS: You have reached your pull rate limit for ghcr.io/aquasecurity/trivy-db:2\n\
               ERROR: failed to download vulnerability DB\nsbom-1.json: file not found\nThe remote script failed with exit code 1\n";
    let source = Source {
        repository: "https://github.com/acme/shop".to_owned(),
        path: ".octopus/deployment_process.ocl".to_owned(),
        commit: "84df60a".to_owned(),
        step: "second".to_owned(),
        action: "second".to_owned(),
        lines: Some((1, "step \"second\" {\n\n    action {\n        properties = {\n            Octopus.Action.RunOnServer = \"true\"\n        }\n    }\n}\n".to_owned())),
        ..Source::default()
    };
    let script = Script {
        syntax: "PowerShell".to_owned(),
        body: "$a = 1\nif ($a) {\n  trivy fs .\n}\nexit $LASTEXITCODE\n".to_owned(),
    };
    let definition = Definition {
        step: "second".to_owned(),
        kind: "Octopus.Script".to_owned(),
        retries: Some(0),
        script: Some(script),
        source: Some(source),
        ..Definition::default()
    };
    let incident = Incident { log: in_steps(log.as_bytes(), 5), definitions: vec![definition], ..Incident::default() };
    let evidence = reduce(&incident.log, None, &CATALOGUE, Budget { tokens: 4_000 });
    let redactor = Redactor::new(&incident);
    (redactor.seal(&incident, &evidence), redactor)
});

/// Any answer of a model: held against the case, and published whole.
pub fn answer(data: &[u8]) {
    let (case, redactor) = &*CASE;
    let given =
        Given { text: String::from_utf8_lossy(data).into_owned(), from: "a file".to_owned(), model: String::new() };
    let choice = Choice { answer: Some(given), ..Choice::default() };
    let report = told(case.clone(), redactor, |case| {
        diagnose::diagnose(case, &choice, &HTTP, &mut Vec::new(), &mut |_: &str| {})
    });
    assert!(!report.headline().trim().is_empty() && !report.action().trim().is_empty());
    written(&report);
}

/// An answer of the form asked for, with a script or a patch in it.
pub fn patch(data: &[u8]) {
    let Some((kind, text)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let advice = match kind % 4 {
        0 => json!({"type": "repository", "title": "Mend it", "why": "It fails.", "patch": text}),
        1 => json!({"type": "script", "title": "Mend it", "why": "It fails.", "step": "second", "script": text}),
        2 => {
            json!({"type": "setting", "title": "Mend it", "why": "It fails.", "step": "second", "setting": "retries", "value": text})
        }
        _ => json!({"type": "command", "title": "Mend it", "why": "It fails.", "command": text}),
    };
    let cause = json!({"cause": "The registry limits pulls.", "lines": ["L2"]});
    let reply = json!({"summary": "The registry limits pulls.", "kind": "rate-limit", "hypotheses": [cause], "fixes": [advice]});
    answer(reply.to_string().as_bytes());
}

/// Every way in which text reaches the output.
fn notices(text: &str) -> Vec<Notice> {
    let text = || text.to_owned();
    vec![
        Notice::Progress(10, text()),
        Notice::Highlight(text()),
        Notice::Info(text()),
        Notice::Verbose(text()),
        Notice::Warning(text()),
        Notice::Output { name: "Firefighter.Cause".to_owned(), value: text() },
        Notice::Artifact { path: "/tmp/firefighter.md".into(), name: text(), bytes: 3 },
        Notice::Place { file: text(), line: Some(1) },
        Notice::Summary(text()),
        Notice::Info(text()),
    ]
}

/// No text is a message to either of the two parsers that read a step of Octopus.
pub fn octopus(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let meant = [
        "progress",
        "stdout-highlight",
        "stdout-default",
        "stdout-verbose",
        "stdout-warning",
        "setVariable",
        "createArtifact",
        "stdout-default",
    ];
    let said = say(&notices(&text));
    let view = parsers::server(&said);
    // A mode is switched where a line of another one follows: progress, outputs and files leave it as it is.
    assert_eq!(view.recognized, meant, "{said}");
    let names: Vec<String> = parsers::calamari(&said).into_iter().map(|message| message.name).collect();
    assert_eq!(names, meant, "{said}");
    assert!(view.variables.len() == 1 && !view.variables["Firefighter.Cause"].contains("#{"));
    assert!(neutral(&text).iter().all(|line| line.chars().count() <= 4_000 || line.contains(' ')));
}

/// The build servers: how each shows that it is there.
const SERVERS: [(&str, &str); 7] = [
    ("GITHUB_ACTIONS", "true"),
    ("GITLAB_CI", "true"),
    ("TF_BUILD", "True"),
    ("TEAMCITY_VERSION", "2025.07"),
    ("BITBUCKET_BUILD_NUMBER", "7"),
    ("JENKINS_URL", "http://jenkins.example.com/"),
    ("CI", "true"),
];

/// No text is a command to any build server: what one would obey of our output is the same as for a harmless text.
pub fn servers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for (name, value) in SERVERS {
        let env: Env = BTreeMap::from([(name.to_owned(), value.to_owned()), ("CI".to_owned(), "true".to_owned())]);
        let host: Box<dyn Host> = host::detect(&env, &Access::default(), &HTTP).unwrap_or_else(|_| panic!("{name}"));
        let said = |text: &str| host.say(&notices(text)).unwrap_or_default();
        let (found, expected) = (commands(&said(&text)), commands(&said("x")));
        let sorts = |commands: &[String]| commands.iter().cloned().collect::<std::collections::BTreeSet<_>>();
        // Some servers are told each line by itself.
        assert_eq!(sorts(&found), sorts(&expected), "{name}: {}", said(&text));
        let printed = host.printed(&text).unwrap_or_default();
        assert_eq!(commands(&printed), Vec::<String>::new(), "{name}: {printed}");
        let harmless = host::harmless(&text, &env, &ci::Settings::default());
        assert_eq!(commands(&harmless), Vec::<String>::new(), "{name}: {harmless}");
        assert!(parsers::server(&harmless).recognized.is_empty() && parsers::calamari(&harmless).is_empty());
        for (_, file) in host.files(&notices(&text)) {
            assert!(!file.contains('\0'));
        }
    }
}

/// The commands that a build server would find in an output, by their names: `::name …::` where a line begins, and `##[name]`,
/// `##vso[name` and `##teamcity[name` anywhere in it.
fn commands(output: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect()
    };
    let mut found = Vec::new();
    for line in anstream::adapter::strip_str(output).to_string().split(['\n', '\r']) {
        let start = line.trim_start();
        if let Some(rest) = start.strip_prefix("::").filter(|rest| rest.contains("::") && !word(rest).is_empty()) {
            found.push(word(rest));
        }
        for label in ["##[", "##vso[", "##teamcity["] {
            found.extend(line.to_ascii_lowercase().match_indices(label).map(|_| label.to_owned()));
        }
    }
    found
}

//! The bash step run as Octopus runs it: with a made-up program for what may go wrong, and with the real one for the story.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::step_host::{StepHost, StepRun, parsers};
use super::{TOLD, data, root, script, sim};

/// A program that prints what it was given.
pub(super) const TELLS: &str =
    "#!/bin/bash\n[ \"$1\" = --version ] && exit 0\necho \"arguments: $*\"\nenv -0 | tr '\\n\\0' ' \\n'\n";

fn key(name: &str) -> String {
    format!("FIREFIGHTER_{}", name.replace('.', "_").to_uppercase())
}

/// A host where a deployment has just failed.
pub(super) fn failed(name: &str) -> StepHost {
    let mut host = StepHost::new(name);
    host.set("Octopus.Deployment.Id", "Deployments-1").set("Octopus.Deployment.Error", "exit code 1");
    host
}

pub(super) fn program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A host whose program is `text`, told of by its path.
pub(super) fn with_program(name: &str, text: &str) -> StepHost {
    let mut host = failed(name);
    let path = host.beside("tools").join("firefighter");
    program(&path, text);
    host.set("Firefighter.BinaryPath", path.to_str().unwrap());
    host
}

/// Runs the step, which never fails and never complains aloud.
fn run(host: &StepHost) -> StepRun {
    let run = host.run(&script("Bash"));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.errors(), [], "{run:?}");
    let names: BTreeSet<_> = run.reads.iter().collect();
    assert_eq!(names.len(), run.reads.len(), "a variable was read twice: {:?}", run.reads);
    assert!(run.stdout.ends_with('\n'));
    run
}

/// The one line of a step that could not start its program.
pub(super) fn calm(host: &StepHost, part: &str) {
    let view = run(host).view();
    let [(level, text)] = view.log.as_slice() else { panic!("not one line: {:?}", view.log) };
    assert_eq!(level, "Warning");
    assert!(text.starts_with("Firefighter: ") && text.contains(part), "{text}");
}

/// Asserts that the made-up program ran, and returns what it was given.
pub(super) fn told(host: &StepHost) -> BTreeMap<String, String> {
    let stdout = run(host).stdout;
    assert!(stdout.contains("\narguments: diagnose\n"), "{stdout}");
    stdout
        .lines()
        .filter(|line| !line.starts_with("##octopus["))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

#[test]
fn a_step_tells_its_program_what_it_knows_and_no_more() {
    let mut host = with_program("tells", TELLS);
    for name in TOLD {
        host.set(name, format!("  a value of $(touch here) `{name}` * \"quoted\"  "));
    }
    host.set("Octopus.Deployment.ErrorDetail", "x".repeat(200_000));
    host.set("Octopus.Deployment.CreatedBy.EmailAddress", "someone@example.com").set("Database.Password", "hunter2");
    let settings = [
        ("Firefighter.Octopus.Url", "OCTOPUS_URL", "https://octopus.example.com"),
        ("Firefighter.Octopus.ApiKey", "OCTOPUS_API_KEY", "API-SIMULATED"),
        ("Firefighter.Llm.Url", "FIREFIGHTER_LLM_URL", "http://localhost:11434/v1"),
        ("Firefighter.Llm.Model", "FIREFIGHTER_LLM_MODEL", "small"),
        ("Firefighter.Llm.ApiKey", "FIREFIGHTER_LLM_API_KEY", "sk-1"),
        ("Firefighter.Signatures", "FIREFIGHTER_SIGNATURES", "/etc/own signatures.toml"),
        ("Firefighter.CaFile", "FIREFIGHTER_CA_FILE", "/etc/ca.pem"),
        ("Firefighter.DeadlineSeconds", "FIREFIGHTER_DEADLINE", "60"),
    ];
    for (name, _, value) in settings {
        host.set(name, value);
    }
    host.set("Firefighter.Force", "True");
    let told = told(&host);
    let mut expected: BTreeMap<_, _> =
        settings.iter().map(|(_, key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    for name in TOLD {
        expected.insert(key(name), host.variables[*name].clone());
    }
    expected.insert("FIREFIGHTER_OCTOPUS_DEPLOYMENT_ERRORDETAIL".to_owned(), "x".repeat(8000));
    expected.insert("OCTOPUS_SPACE".to_owned(), host.variables["Octopus.Space.Id"].clone());
    expected.insert("FIREFIGHTER_HOST".to_owned(), "octopus".to_owned());
    expected.insert("FIREFIGHTER_OUT".to_owned(), host.folder.join("firefighter-report").display().to_string());
    expected.insert("FIREFIGHTER_FORCE".to_owned(), "true".to_owned());
    let shell = ["PATH", "PWD", "OLDPWD", "SHLVL", "_", "STEP_HOST_READS", "STEP_HOST_VARIABLES"];
    let found: BTreeMap<_, _> = told.into_iter().filter(|(name, _)| !shell.contains(&name.as_str())).collect();
    assert_eq!(found, expected);
    assert!(!host.folder.join("here").exists(), "a value was run");
    // The program knows each of these.
    let help = Command::new(env!("CARGO_BIN_EXE_firefighter")).args(["diagnose", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for name in found.keys().filter(|name| !name.starts_with("FIREFIGHTER_OCTOPUS_") && *name != "FIREFIGHTER_HOST") {
        assert!(help.contains(name.as_str()), "{name} is no setting");
    }
}

#[test]
fn the_servers_address_is_the_parameter_else_the_configured_one_else_the_derived_one() {
    let mut host = with_program("address", TELLS);
    host.set("Octopus.Web.BaseUrl", "http://localhost:8080");
    assert_eq!(told(&host)["OCTOPUS_URL"], "http://localhost:8080");
    host.set("Octopus.Web.ServerUri", "https://octopus.example.com");
    let env = told(&host);
    assert_eq!(env["OCTOPUS_URL"], "https://octopus.example.com");
    // What is not set is left to the program's own defaults.
    for name in ["OCTOPUS_API_KEY", "FIREFIGHTER_LLM_URL", "FIREFIGHTER_DEADLINE", "FIREFIGHTER_FORCE"] {
        assert!(!env.contains_key(name), "{name}");
    }
    host.set("Firefighter.Octopus.Url", "https://inner.example.com").set("Firefighter.Force", "False");
    let env = told(&host);
    assert_eq!(env["OCTOPUS_URL"], "https://inner.example.com");
    assert!(!env.contains_key("FIREFIGHTER_FORCE"));
}

#[test]
fn any_other_setting_is_a_line_and_becomes_a_variable_of_the_programs_own() {
    let mut host = with_program("lines", TELLS);
    let lines = "mask=email,ip\r\n# a remark=1\n\n FIREFIGHTER_MAX_COST =0.10\nforge=gitlab=https://git.example.com\n\
                 gitlab-token=$(touch here) `x` \"a b\"\nno-forge=true";
    host.set("Firefighter.Settings", lines);
    let told = told(&host);
    let expected = [
        ("FIREFIGHTER_MASK", "email,ip"),
        ("FIREFIGHTER_MAX_COST", "0.10"),
        ("FIREFIGHTER_FORGE", "gitlab=https://git.example.com"),
        ("FIREFIGHTER_GITLAB_TOKEN", "$(touch here) `x` \"a b\""),
        ("FIREFIGHTER_NO_FORGE", "true"),
    ];
    for (name, value) in expected {
        assert_eq!(told.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!host.folder.join("here").exists(), "a value was run");
    // The program knows these names too, and what a parameter of its own says goes before a line.
    host.set("Firefighter.Settings", "deadline=7\nllm-model=a\nHOST=none").set("Firefighter.DeadlineSeconds", "60");
    let told = self::told(&host);
    assert_eq!([&told["FIREFIGHTER_DEADLINE"], &told["FIREFIGHTER_LLM_MODEL"]], ["60", "a"]);
    assert_eq!(told["FIREFIGHTER_HOST"], "octopus");
}

#[test]
fn a_line_that_is_no_setting_is_told_and_changes_nothing_else() {
    for line in ["mask", "=x", "a b/c=1", "LD_PRELOAD;=x", "1=2", "\u{e9}=x", "##octopus[stdout-error]=1 ##octopus[x]"]
    {
        let mut host = with_program("wrong-line", TELLS);
        host.set("Firefighter.Settings", format!("{line}\nmask=ip"));
        let run = run(&host);
        let view = run.view();
        assert_eq!(view.at("Warning").len(), usize::from(!line.starts_with('#')), "{line}: {view:?}");
        assert!(view.at("Info").contains(&"FIREFIGHTER_MASK=ip"), "{line}: {view:?}");
    }
    // The name of a variable that other programs heed is ours before it is set.
    let mut host = with_program("other-name", TELLS);
    host.set("Firefighter.Settings", "LD_PRELOAD=/x.so\nPATH=/none");
    let told = told(&host);
    assert!(!told.contains_key("LD_PRELOAD") && told["PATH"] != "/none", "{told:?}");
}

#[test]
fn a_token_goes_along_under_the_name_of_its_host() {
    let mut host = with_program("token", TELLS);
    host.set("Firefighter.Forge.Kind", "gitlab");
    assert!(!told(&host).keys().any(|name| name.ends_with("_TOKEN")));
    let choices = data().parameters.into_iter().find(|one| one.name == "Firefighter.Forge.Kind").unwrap().options;
    let kinds: Vec<_> = choices.iter().map(|one| one.split_once('|').unwrap().0).collect();
    let known: Vec<_> = firefighter::forge::DIALECTS.iter().map(|dialect| dialect.name).collect();
    assert_eq!(kinds.iter().collect::<BTreeSet<_>>(), known.iter().collect());
    for dialect in firefighter::forge::DIALECTS {
        host.set("Firefighter.Forge.Kind", dialect.name).set("Firefighter.Forge.Token", "t-1");
        assert_eq!(told(&host)[dialect.token], "t-1");
    }
    // A parameter that nobody touched may not be there at all.
    host.variables.remove("Firefighter.Forge.Kind");
    assert_eq!(told(&host)["FIREFIGHTER_GITHUB_TOKEN"], "t-1");
}

#[test]
fn a_run_without_a_failure_is_told_so_before_anything_else() {
    let friendly = |host: &StepHost, part: &str| {
        let run = run(host);
        let view = run.view();
        let [(level, text)] = view.log.as_slice() else { panic!("not one line: {:?}", view.log) };
        assert!(level == "Info" && text.contains(part), "{level} {text}");
        assert!(run.reads.len() <= 3, "{:?}", run.reads);
    };
    let mut host = StepHost::new("ad-hoc");
    friendly(&host, "nothing to diagnose here");
    host.set("Octopus.Deployment.Id", "Deployments-1");
    friendly(&host, "nothing has failed");
}

#[test]
fn a_runbook_run_is_looked_at_even_without_an_error() {
    let mut host = with_program("runbook", TELLS);
    host.variables.retain(|name, _| !name.starts_with("Octopus.Deployment."));
    host.set("Octopus.RunbookRun.Id", "RunbookRuns-1");
    assert_eq!(told(&host)["FIREFIGHTER_OCTOPUS_RUNBOOKRUN_ID"], "RunbookRuns-1");
}

#[test]
fn a_program_that_fails_or_crashes_leaves_the_step_well() {
    let after = |name: &str, what: &str| {
        let text = format!("#!/bin/bash\n[ \"$1\" = --version ] && exit 0\necho one\necho two >&2\n{what}\n");
        run(&with_program(name, &text)).view().log
    };
    let info = |text: &str| ("Info".to_owned(), text.to_owned());
    assert_eq!(after("well", "exit 0"), [info("one"), info("two")]);
    for (name, what, code) in
        [("exits", "exit 3", 3), ("crashes", "kill -SEGV $$", 139), ("aborts", "kill -ABRT $$", 134)]
    {
        let log = after(name, what);
        assert_eq!(log.get(..2).unwrap(), [info("one"), info("two")], "{name}");
        let [(level, text)] = log.get(2..).unwrap() else { panic!("{name}: {log:?}") };
        assert!(level == "Warning" && text.contains(&format!("exit code {code}")), "{text}");
    }
    // Even after half a message the log goes on at its usual level.
    let log = after("half", "echo '##octopus[stdout-highlight]'; printf '##octopus[stdout-err'; kill -SEGV $$");
    assert!(log.last().unwrap().1.contains("exit code 139"), "{log:?}");
}

#[test]
fn the_host_ends_a_step_that_hangs() {
    let mut host = with_program("hangs", "#!/bin/bash\nsleep 600\n");
    host.limit = std::time::Duration::from_millis(500);
    assert_eq!(host.run(&script("Bash")).code, None);
}

#[test]
fn the_host_has_the_traps_of_octopus() {
    let mut host = StepHost::new("traps");
    host.set("Some.Variable", "a  value\nof two lines");
    fs::write(host.folder.join("a file"), "12345").unwrap();
    let script = "printf '%s\\n' \"$(get_octopusvariable Some.Variable)\" \"arguments: $#\" \"variable: $Some_Variable\"\n\
                  write_highlight '-n several   words'\nwrite_warning 'a*'\nnew_octopusartifact 'a file'\n\
                  new_octopusartifact missing\nset_octopusvariable name 'a  value' -sensitive\nfail_step 'two  words'\n";
    let run = host.run(script);
    let view = run.view();
    assert_eq!(view.at("Info"), ["a  value", "of two lines", "arguments: 0", "variable: "]);
    // The eaten -n leaves the line open, so the next message is only text.
    assert_eq!(view.at("Highlight").first(), Some(&"several words##octopus[stdout-default]"));
    assert_eq!(view.at("Warning"), ["a file"], "a star becomes file names");
    assert_eq!(view.artifacts.iter().map(|artifact| artifact.length).collect::<Vec<_>>(), [0], "not measured");
    assert_eq!((view.variables["name"].as_str(), view.sensitive.len()), ("a  value", 1));
    assert_eq!(view.result_message.as_deref(), Some("two  words"));
    assert_eq!(view.masks, ["0123456789abcdef"]);
    let errors = run.errors();
    assert!(errors.iter().any(|(_, text)| text.contains("ambiguous redirect")), "{errors:?}");
    assert!(errors.iter().any(|(_, text)| text.contains("command not found")), "{errors:?}");
    assert_eq!(run.code, Some(1));
}

#[derive(Deserialize)]
struct Case {
    env: BTreeMap<String, String>,
}

#[test]
fn the_story_is_told_by_the_real_step_and_the_real_program() {
    let case: PathBuf = root().join("tests/cases/trivy-rate-limit");
    let known: Case = toml::from_str(&fs::read_to_string(case.join("case.toml")).unwrap()).unwrap();
    let server = sim::Server::start(sim::World::load(&case.join("server")));
    let mut host = StepHost::new("story");
    // No test asks a host of commits on the internet.
    host.env.insert("FIREFIGHTER_NO_FORGE".to_owned(), "1".to_owned());
    for name in TOLD {
        if let Some(value) = known.env.get(&key(name)) {
            host.set(name, value);
        }
    }
    host.set("Octopus.Web.ServerUri", server.url());
    host.set("Firefighter.Octopus.ApiKey", &known.env["OCTOPUS_API_KEY"]);
    host.set("Firefighter.BinaryPath", env!("CARGO_BIN_EXE_firefighter"));
    host.set("Firefighter.DeadlineSeconds", "60").set("Firefighter.Force", "False");
    let run = run(&host);
    let view = run.view();
    let highlights = view.at("Highlight").join("\n");
    assert!(highlights.contains("rate limit") && highlights.contains("TOOMANYREQUESTS"), "{highlights}");
    assert!(highlights.contains("Scan for Security Vulnerabilities failed"), "{highlights}");
    assert_eq!(view.at("Warning"), Vec::<&str>::new());
    assert_eq!(view.variables["Firefighter.Category"], "rate-limit");
    let names: Vec<_> = view.artifacts.iter().map(|artifact| artifact.name.as_str()).collect();
    let ours = ["firefighter.md", "firefighter.html", "firefighter.json"];
    let fix = ["fix-2.diff", "fix-2-Scan_for_Security_Vulnerabilities.ps1"];
    assert_eq!(names, [ours.as_slice(), &fix].concat());
    for artifact in &view.artifacts {
        assert!(Path::new(&artifact.path).starts_with(&host.folder), "a container loses what lies elsewhere");
        assert_eq!(fs::metadata(&artifact.path).unwrap().len(), artifact.length, "{}", artifact.name);
    }
    let calamari: BTreeMap<_, _> = parsers::calamari(&run.stdout)
        .into_iter()
        .filter(|message| message.name == "setVariable")
        .map(|message| (message.get("name").to_owned(), message.get("value").to_owned()))
        .collect();
    assert_eq!(calamari, view.variables, "both parsers read the same variables");
    assert!(!run.stdout.contains(&known.env["OCTOPUS_API_KEY"]));
    assert!(server.requests().iter().all(|request| request.method == "GET"));
}

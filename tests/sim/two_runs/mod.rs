//! A world of two runs in one small file: the last good run, the failed one, and what changed between them.
//!
//! `server/runs.toml` of a case is read by [`World::load`], a file that stands alone by [`World::of_runs`]. Whatever the rest of
//! the folder holds replaces what has the same `Id` here. Everything has a default but `failed.step`, `failed.log` and `steps`:
//!
//! ```toml
//! about = "for the reader"
//! decoys = ["../decoys.toml"]           # files of this form whose steps, variables, libraries and changes are added
//! project = "Shop"                      # Projects-1; the environment is Environments-1
//! environment = "Production"
//! hosted = "http://127.0.0.1:1/example-org/shop"  # where the links of commits and work items lead; else to GitHub
//!
//! [good]                                # Deployments-1 of Releases-1, ServerTasks-1
//! version = "1.0"
//! at = "2026-03-11T10:00:00Z"
//! skip = ["Warm up"]                    # steps that somebody left out
//! typed = { "Cache" = "5" }             # what somebody typed in for prompted variables
//!
//! [failed]                              # Deployments-2 of Releases-2, ServerTasks-2
//! version = "1.1"
//! at = "2026-03-18T14:00:00Z"
//! step = "Migrate database"             # the steps after it did not run
//! targets = ["web-02"]                  # it failed on these alone; everywhere, when missing
//! log = """
//! Migrating
//! Error | Login failed for user 'shop'.
//! """                                   # a line is `LEVEL | text`, or text at the level Info
//!
//! [[steps]]                             # as they are in the failed run
//! name = "Migrate database"
//! script = "./migrate --timeout 30"
//! log = "Migrated"                      # what it writes when it succeeds
//! targets = ["web-01", "web-02"]        # where it runs; on a worker, when missing
//! package = "Shop.Database"             # in the version of the release, if no change says another
//! properties = { "Octopus.Action.AutoRetry.MaximumCount" = "3" }
//!
//! [variables]                           # as they are in the failed run
//! "Api:Url" = "https://api.example.com"
//! "Db:Password" = { sensitive = true }
//! "Cache" = { value = "15", environments = ["Test"], step = "Migrate database" }
//!
//! [libraries.Azure]                     # a library set
//! "Region" = "weu"
//!
//! [[changes]]                           # one of the words below, mostly with `was` and `now`
//! variable = "Api:Url"                  # without `was` it is new, without `now` it was removed
//! was = "https://old.example.com"       # `now` is what [variables] says, if it stands there
//! who = "Sam Example"                   # then the audit log tells of it, at `when`
//! when = "2026-03-12T09:00:00Z"
//! later = true                          # of a process: edited after the failed run's release was made
//! files."src/Totals.cs" = """           # of a commit: the hunks of each file; a first `@@` is made where there is none
//! -old
//! +new
//! """
//! ```
//!
//! `example.toml` beside this is a whole one. The smallest useful file has one of `[[steps]]`, `[failed]` with `step` and `log`,
//! and one of `[[changes]]`. All ids are fixed, so a case's command line is `diagnose --task ServerTasks-2`, with
//! `OCTOPUS_SPACE = "Spaces-77"`. What a test expects of a file stands in its `[expected]`, see [`expected`].
//!
//! | word | the change |
//! | --- | --- |
//! | `variable`, `library` | a value; `sensitive = true` for a hidden one, which was set anew |
//! | `package` | a version |
//! | `script` | the script of that step: `now`, a part of it, was `was` |
//! | `setting`, `step` | a property (`Octopus.…`), or a field of the step or action, such as `Condition` or `Container`; with `IsDisabled` the run's log has no such step |
//! | `new_step` | one of `[[steps]]` was not there |
//! | `removed_step` | a step that is gone; `was` is its script, `place` where it stood, from 1; it was the last, when missing |
//! | `moved_step` | one of `[[steps]]` stood at place `was`, from 1 |
//! | `commit`, `work_item` | an id in the build information; `message`, `package`; `files`, where [`commits`] are to be seen |
//! | `machine` | a target's health: `now` and `message` |
//! | `new_machine`, `removed_machine` | a target |
//! | `worker` | what Calamari says of the worker, such as `PSVersion` |
//! | `event` | a category of the audit log, such as `CertificateExpired`; `message`, `ids` |

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Listener, Response};
use super::log_text;
use super::server::Server;
use super::world::World;

mod log;
mod resources;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Runs {
    about: String,
    /// What a test expects of the case, in its own words.
    expected: toml::Table,
    decoys: Vec<PathBuf>,
    project: Option<String>,
    environment: Option<String>,
    hosted: Option<String>,
    good: Run,
    failed: Run,
    steps: Vec<Step>,
    variables: BTreeMap<String, Variable>,
    libraries: BTreeMap<String, BTreeMap<String, Variable>>,
    changes: Vec<Change>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Run {
    version: Option<String>,
    at: Option<Timestamp>,
    notes: String,
    step: String,
    targets: Vec<String>,
    log: String,
    skip: Vec<String>,
    typed: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Step {
    name: String,
    script: String,
    log: String,
    targets: Vec<String>,
    package: Option<String>,
    properties: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Variable {
    Plain(String),
    Full(FullVariable),
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FullVariable {
    value: Option<String>,
    sensitive: bool,
    environments: Vec<String>,
    step: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Change {
    variable: Option<String>,
    library: Option<String>,
    sensitive: bool,
    package: Option<String>,
    script: Option<String>,
    setting: Option<String>,
    step: Option<String>,
    new_step: Option<String>,
    removed_step: Option<String>,
    moved_step: Option<String>,
    commit: Option<String>,
    work_item: Option<String>,
    machine: Option<String>,
    new_machine: Option<String>,
    removed_machine: Option<String>,
    worker: Option<String>,
    event: Option<String>,
    was: Option<Value>,
    now: Option<Value>,
    message: Option<String>,
    files: BTreeMap<String, String>,
    ids: Vec<String>,
    place: Option<usize>,
    who: Option<String>,
    when: Option<Timestamp>,
    /// Made after the failed run's release, so that neither run has it.
    later: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Good,
    Failed,
    /// What the project has now.
    Live,
}

/// Adds to `world` what the file tells; what it has already under the same id stays. `hosted`: where commits are, if not where the
/// file says.
pub fn add(world: &mut World, file: &Path, hosted: Option<&str>) {
    let mut runs = read(file);
    runs.hosted = hosted.map(str::to_owned).or(runs.hosted);
    for (kind, items) in runs.resources() {
        let known = world.resources.entry(kind.to_owned()).or_default();
        for item in items {
            if known.iter().all(|old| old["Id"] != item["Id"]) {
                known.push(item);
            }
        }
    }
    for side in [Side::Good, Side::Failed] {
        let task = log_text::parse(&file.display().to_string(), &runs.log(side));
        if world.tasks.iter().all(|old| old.id != task.id) {
            world.tasks.push(task);
        }
    }
}

/// What a file says a test may expect of it.
pub fn expected(file: &Path) -> toml::Table {
    read(file).expected
}

/// The commits of a file with what they touch, by their ids, as the API of GitHub tells of them. Empty where no file is told.
pub fn commits(file: &Path) -> BTreeMap<String, Value> {
    let changes = read(file).changes;
    let told = changes.iter().any(|change| !change.files.is_empty());
    let commits = changes.iter().filter(|_| told).filter_map(|change| Some((change.commit.clone()?, change.commit()?)));
    commits.collect()
}

/// The two runs of a file on a server, their commits on a host of them, and the environment of who is to read them.
pub struct Served {
    pub server: Server,
    pub forge: Listener,
    pub env: BTreeMap<String, String>,
}

impl Served {
    pub fn of(file: &Path) -> Self {
        let commits = commits(file);
        let is_told = !commits.is_empty();
        let forge = Listener::start(move |request| {
            let id = request.path.rsplit('/').next().unwrap_or_default();
            commits.get(id).map_or_else(|| Response::json(404, &json!({})), |commit| Response::json(200, commit))
        });
        let hosted = format!("{}/example-org/shop", forge.url());
        let server = Server::start(World::of_runs_hosted(file, is_told.then_some(&hosted)));
        let mut env = BTreeMap::from([
            ("OCTOPUS_URL".to_owned(), server.url()),
            ("OCTOPUS_API_KEY".to_owned(), "API-SIMULATED".to_owned()),
            ("OCTOPUS_SPACE".to_owned(), "Spaces-77".to_owned()),
        ]);
        if is_told {
            env.insert("FIREFIGHTER_FORGE".to_owned(), format!("github={}", forge.url()));
            env.insert("FIREFIGHTER_GITHUB_TOKEN".to_owned(), "ghp-simulated".to_owned());
        } else {
            // Nobody asks a host of commits on the internet.
            env.insert("FIREFIGHTER_NO_FORGE".to_owned(), "1".to_owned());
        }
        Self { server, forge, env }
    }
}

fn read(file: &Path) -> Runs {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut runs: Runs = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    for decoys in std::mem::take(&mut runs.decoys) {
        let more = read(&file.parent().expect("a file is in a folder").join(decoys));
        runs.steps.extend(more.steps);
        runs.changes.extend(more.changes);
        for (name, variable) in more.variables {
            runs.variables.entry(name).or_insert(variable);
        }
        for (name, set) in more.libraries {
            runs.libraries.entry(name).or_default().extend(set);
        }
    }
    runs
}

impl Side {
    fn id(self) -> u8 {
        match self {
            Self::Good => 1,
            Self::Failed | Self::Live => 2,
        }
    }
}

impl Change {
    /// Whether it is not yet made on that side.
    fn is_to_come(&self, side: Side) -> bool {
        match side {
            Side::Good => true,
            Side::Failed => self.later,
            Side::Live => false,
        }
    }

    /// What was or is on that side.
    fn at(&self, side: Side) -> Option<&Value> {
        if self.is_to_come(side) { self.was.as_ref() } else { self.now.as_ref() }
    }

    /// As the API of GitHub tells of it.
    fn commit(&self) -> Option<Value> {
        let id = self.commit.as_ref()?;
        let files = self.files.iter().map(|(path, patch)| {
            let count = |sign: char| patch.lines().filter(|line| line.starts_with(sign)).count();
            let (removed, added) = (count('-'), count('+'));
            let whole = patch.lines().count();
            let head = if patch.starts_with("@@") {
                String::new()
            } else {
                format!("@@ -9012,{} +9012,{} @@\n", whole - added, whole - removed)
            };
            let patch = format!("{head}{}", patch.trim_end());
            json!({ "filename": path, "status": "modified", "additions": added, "deletions": removed, "patch": patch })
        });
        let who = json!({ "name": self.who, "date": self.when });
        let commit = json!({ "message": self.message, "author": who, "committer": who });
        Some(json!({ "sha": id, "commit": commit, "files": files.collect::<Vec<_>>() }))
    }

    fn is_of_process(&self) -> bool {
        [&self.script, &self.setting, &self.new_step, &self.removed_step, &self.moved_step]
            .iter()
            .any(|one| one.is_some())
    }

    fn text(&self, side: Side) -> String {
        self.at(side).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default()
    }
}

impl Runs {
    fn run(&self, side: Side) -> &Run {
        if side == Side::Good { &self.good } else { &self.failed }
    }

    fn start(&self, side: Side) -> Timestamp {
        let default = if side == Side::Good { "2026-03-11T10:00:00Z" } else { "2026-03-18T14:00:00Z" };
        self.run(side).at.unwrap_or_else(|| default.parse().expect("a time"))
    }

    /// The release was made shortly before it was deployed.
    fn assembled(&self, side: Side) -> Timestamp {
        self.start(side) - SignedDuration::from_mins(10)
    }

    fn version(&self, side: Side) -> String {
        let default = if side == Side::Good { "1.0" } else { "1.1" };
        self.run(side).version.clone().unwrap_or_else(|| default.to_owned())
    }

    fn project(&self) -> &str {
        self.project.as_deref().unwrap_or("Shop")
    }

    fn environment(&self) -> &str {
        self.environment.as_deref().unwrap_or("Production")
    }

    fn title(&self, side: Side) -> String {
        format!("Deploy {} release {} to {}", self.project(), self.version(side), self.environment())
    }

    /// The environments that are named, ours first.
    fn environments(&self) -> Vec<&str> {
        let mut names = vec![self.environment()];
        let sets = [&self.variables].into_iter().chain(self.libraries.values());
        for variable in sets.flat_map(BTreeMap::values) {
            if let Variable::Full(full) = variable {
                names.extend(full.environments.iter().map(String::as_str));
            }
        }
        let mut seen: Vec<&str> = Vec::new();
        names.retain(|name| {
            !seen.contains(name) && {
                seen.push(name);
                true
            }
        });
        names
    }

    fn environment_id(&self, name: &str) -> String {
        let at = self.environments().iter().position(|one| *one == name).expect("all are listed");
        format!("Environments-{}", at + 1)
    }

    /// All targets of that side, in the order in which they are named.
    fn machines(&self, side: Side) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let gone = self.changes.iter().filter_map(|change| change.removed_machine.as_ref());
        for name in self.steps.iter().flat_map(|step| &step.targets).chain(gone) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names.retain(|name| self.has_machine(name, side));
        names
    }

    fn has_machine(&self, name: &str, side: Side) -> bool {
        self.changes.iter().all(|change| match side {
            Side::Good => change.new_machine.as_deref() != Some(name),
            Side::Failed | Side::Live => change.removed_machine.as_deref() != Some(name),
        })
    }
}

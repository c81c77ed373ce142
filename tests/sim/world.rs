//! What a simulated server knows: its settings, its resources and the logs of its tasks, read from a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::faults::Fault;
use super::fill;
use super::log::TaskLog;
use super::log_text;
use super::two_runs;

/// A server's whole content. The fields may be changed between loading and starting.
#[derive(Debug, Clone)]
pub struct World {
    pub settings: Settings,
    /// By the route's name in lower case, such as `deploymentprocesses`.
    pub resources: BTreeMap<String, Vec<Value>>,
    pub tasks: Vec<TaskLog>,
}

/// A `world.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub version: String,
    /// Whether fields and routes that 2020.6 did not have are missing.
    pub old: bool,
    /// A pause before each answer, in milliseconds.
    pub latency: u64,
    pub api_keys: Vec<String>,
    /// Access tokens, sent as `Authorization: Bearer`.
    pub tokens: Vec<String>,
    /// Permissions that the credentials lack: such requests end in 403.
    pub deny: Vec<String>,
    /// Permissions that the credentials lack: such lists are empty.
    pub hide: Vec<String>,
    /// Routes that do not exist, written as in [`Fault::route`].
    pub missing_routes: Vec<String>,
    pub space: Space,
    pub faults: Vec<Fault>,
    /// The `server/` folder of another case, relative to this one, whose content is there too.
    pub extends: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Space {
    pub id: String,
    pub name: String,
    pub slug: String,
    /// Whether routes without a space mean this one.
    pub default: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: "2026.1.4321".to_owned(),
            old: false,
            latency: 0,
            api_keys: vec!["API-SIMULATED".to_owned()],
            tokens: vec!["simulated-token".to_owned()],
            deny: Vec::new(),
            hide: Vec::new(),
            missing_routes: Vec::new(),
            space: Space::default(),
            faults: Vec::new(),
            extends: None,
        }
    }
}

impl Default for Space {
    fn default() -> Self {
        let [id, name, slug] = ["Spaces-77", "Octopus Copilot", "octopus-copilot"].map(str::to_owned);
        Self { id, name, slug, default: true }
    }
}

impl World {
    /// Reads the `server/` folder of a case. Panics at what it can't read, naming the file.
    pub fn load(folder: &Path) -> Self {
        let settings = folder.join("world.toml");
        let settings: Settings = if settings.exists() {
            toml::from_str(&read(&settings)).unwrap_or_else(|error| panic!("{}: {error}", settings.display()))
        } else {
            Settings::default()
        };
        let mut world = Self { settings, resources: BTreeMap::new(), tasks: Vec::new() };
        world.add(folder);
        let runs = folder.join("runs.toml");
        if runs.exists() {
            two_runs::add(&mut world, &runs, None);
        }
        fill::fill(&mut world);
        world
    }

    /// Reads a file of two runs that stands alone.
    pub fn of_runs(file: &Path) -> Self {
        Self::of_runs_hosted(file, None)
    }

    /// The same, whose commits are at `hosted`.
    pub fn of_runs_hosted(file: &Path, hosted: Option<&str>) -> Self {
        let mut world = Self { settings: Settings::default(), resources: BTreeMap::new(), tasks: Vec::new() };
        two_runs::add(&mut world, file, hosted);
        fill::fill(&mut world);
        world
    }

    /// The task with that id, to change it before the start.
    pub fn task_mut(&mut self, id: &str) -> &mut TaskLog {
        self.tasks.iter_mut().find(|task| task.id == id).unwrap_or_else(|| panic!("no task {id}"))
    }

    pub fn task(&self, id: &str) -> Option<&TaskLog> {
        self.tasks.iter().find(|task| task.id.eq_ignore_ascii_case(id))
    }

    /// The task that carries out a deployment or a runbook run.
    pub fn task_of(&self, id: &str) -> Option<&TaskLog> {
        let id = Some(id);
        self.tasks.iter().find(|task| task.deployment.as_deref() == id || task.runbook_run.as_deref() == id)
    }

    /// Resources of a kind, in the order of their files.
    pub fn all(&self, kind: &str) -> &[Value] {
        self.resources.get(kind).map_or(&[], Vec::as_slice)
    }

    /// The resource of a kind with that id, or slug.
    pub fn get(&self, kind: &str, id: &str) -> Option<&Value> {
        let is = |value: &Value| value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(id));
        let all = self.all(kind);
        all.iter().find(|item| is(&item["Id"])).or_else(|| all.iter().find(|item| is(&item["Slug"])))
    }

    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.settings.faults.push(fault);
        self
    }

    #[must_use]
    pub fn latency(mut self, pause: Duration) -> Self {
        self.settings.latency = u64::try_from(pause.as_millis()).expect("a short pause");
        self
    }

    fn add(&mut self, folder: &Path) {
        let settings = folder.join("world.toml");
        if settings.exists() {
            let settings: Settings = toml::from_str(&read(&settings)).expect("it was read before, or stands in a base");
            if let Some(base) = settings.extends {
                self.add(&folder.join(base));
            }
        }
        for path in entries(folder) {
            let kind = path.file_stem().expect("an entry has a name").to_string_lossy().to_lowercase();
            if path.is_dir() {
                for file in entries(&path) {
                    match file.extension().and_then(|extension| extension.to_str()) {
                        Some("json") => self.add_file(folder, &kind, &file),
                        Some("log") => self.add_task(&file),
                        _ => {}
                    }
                }
            } else if path.extension().is_some_and(|extension| extension == "json") {
                self.add_file(folder, &kind, &path);
            }
        }
    }

    fn add_file(&mut self, folder: &Path, kind: &str, file: &Path) {
        let value: Value =
            serde_json::from_str(&read(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let items = match value {
            Value::Array(items) => items,
            item => vec![item],
        };
        let known = self.resources.entry(kind.to_owned()).or_default();
        for mut item in items {
            include(folder, &mut item);
            match known.iter_mut().find(|old| old["Id"] == item["Id"]) {
                Some(old) => *old = item,
                None => known.push(item),
            }
        }
    }

    fn add_task(&mut self, file: &Path) {
        let task = log_text::parse(&file.display().to_string(), &read(file));
        match self.tasks.iter_mut().find(|old| old.id == task.id) {
            Some(old) => *old = task,
            None => self.tasks.push(task),
        }
    }
}

/// Puts the content of files where a text says `@file:NAME`, so that scripts can be read as scripts.
fn include(folder: &Path, value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix("@file:") {
                *text = read(&folder.join(name));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| include(folder, item)),
        Value::Object(fields) => fields.values_mut().for_each(|field| include(folder, field)),
        _ => {}
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be read").path()).collect();
    paths.sort();
    paths
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

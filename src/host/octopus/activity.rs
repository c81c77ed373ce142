//! A task's activity tree into a [`Log`]: read as a stream, so that a log of any size takes bounded memory.
//!
//! The server sends the tree as nested nodes, each with its children and its own lines. Lines are numbered as the server
//! numbers them: by node, hidden ones included.

use std::fmt;
use std::io::{BufReader, Read};

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::clean::{LogBuilder, clean_into};
use crate::model::{Level, Log, Numbering, Outcome, Step};

use super::bounded::Bounded;
use super::wire::Task;

/// The words with which a new attempt announces itself.
const RETRY: &str = "Retry (attempt";

/// A task and its log.
#[derive(Default)]
pub(super) struct Activity {
    pub(super) task: Task,
    /// The log without the lines of our own step.
    pub(super) log: Log,
    /// Whether any part of the run failed, our own step aside.
    pub(super) failed: bool,
}

/// Which part of a run is ourselves: the step's number and name as Octopus gives them to us.
#[derive(Debug, Clone, Default)]
pub(super) struct Own {
    pub(super) number: String,
    pub(super) name: String,
}

/// Reads `GET …/tasks/{id}/details`.
pub(super) fn read(source: impl Read, own: &Own) -> Result<Activity, serde_json::Error> {
    let mut tree = Tree::default();
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 17, Bounded::new(source)));
    // A hostile tree nested 128 deep is refused by the parser; real ones are at most six deep.
    Details(&mut tree).deserialize(&mut json)?;
    Ok(tree.finish(own))
}

/// What is known of a node once it is read, beside its [`Step`].
struct Node {
    parent: Option<usize>,
    name: String,
    status: Outcome,
    step: Option<usize>,
}

#[derive(Default)]
struct Tree {
    task: Task,
    builder: LogBuilder,
    nodes: Vec<Node>,
    path: Vec<usize>,
    scratch: String,
}

impl Tree {
    fn enter(&mut self) -> usize {
        let parent = self.path.last().copied();
        // The root is the run itself and no step of it.
        let step = parent.is_some().then(|| {
            self.builder.step(Step {
                name: String::new(),
                place: None,
                outcome: Outcome::Unknown,
                culprit: false,
                started: None,
                finished: None,
                attempts: 1,
                depth: self.path.len() - 1,
            })
        });
        self.nodes.push(Node { parent, name: String::new(), status: Outcome::Unknown, step });
        let index = self.nodes.len() - 1;
        self.path.push(index);
        index
    }

    fn step(&mut self, node: usize) -> Option<&mut Step> {
        let step = self.nodes.get(node)?.step?;
        self.builder.steps().get_mut(step)
    }

    fn line(&mut self, node: usize, ordinal: usize, element: &Element) {
        let step = self.nodes.get(node).and_then(|node| node.step);
        let number = element.number.unwrap_or(ordinal);
        let level = level(&element.category);
        if element.message_text.contains(RETRY)
            && let Some(step) = self.step(node)
        {
            step.attempts += 1;
        }
        let parts = [element.message_text.as_str(), element.detail.as_str()];
        for text in parts.into_iter().enumerate().filter(|(i, part)| *i == 0 || !part.is_empty()).map(|(_, part)| part)
        {
            for part in text.split('\n') {
                self.scratch.clear();
                clean_into(part.as_bytes(), &mut self.scratch);
                self.builder.line(number, element.occurred_at, level, step, &self.scratch);
            }
        }
    }

    fn finish(mut self, own: &Own) -> Activity {
        let own_root = self.nodes.iter().position(|node| {
            let (number, name) = numbered(&node.name);
            node.parent == Some(0)
                && !own.name.is_empty()
                && name == own.name
                && (number.is_empty() || number == own.number)
        });
        let chain = |mut node: usize| {
            let mut chain = vec![node];
            while let Some(parent) = self.nodes.get(node).and_then(|node| node.parent) {
                chain.push(parent);
                node = parent;
            }
            chain
        };
        let mut own_steps = Vec::new();
        let mut named = Vec::new();
        let mut failed = false;
        for (index, node) in self.nodes.iter().enumerate() {
            let chain = chain(index);
            let Some(step) = node.step else { continue };
            let name = |index: &usize| self.nodes.get(*index).map(|node| node.name.as_str()).unwrap_or_default();
            // Root, step, then places from the outside in.
            let mut from_top = chain.iter().rev().skip(1).map(name);
            let top = from_top.next().map(|name| numbered(name).1.to_owned()).unwrap_or_default();
            let place = from_top.collect::<Vec<_>>().join(" › ");
            let is_own = own_root.is_some_and(|own| chain.contains(&own));
            let child_failed = || self.nodes.iter().any(|n| n.parent == Some(index) && n.status == Outcome::Failed);
            let culprit = node.status == Outcome::Failed && !is_own && !child_failed();
            failed |= node.status == Outcome::Failed && !is_own;
            if is_own {
                own_steps.push(step);
            }
            named.push((step, top, place, node.status, culprit));
        }
        for (step, name, place, outcome, culprit) in named {
            if let Some(step) = self.builder.steps().get_mut(step) {
                step.name = name;
                step.place = (!place.is_empty()).then_some(place);
                step.outcome = outcome;
                step.culprit = culprit;
            }
        }
        let mut log = self.builder.finish();
        log.numbering = Numbering::Step;
        log.lines.retain(|line| line.step.is_none_or(|step| !own_steps.contains(&step)));
        Activity { task: self.task, log, failed }
    }
}

/// In a run that was canceled nothing failed: what was at work then is where to look, and its lines on that are how it ended.
pub(super) fn blame_canceled(log: &mut Log) {
    let at_work = |step: &Step| step.outcome == Outcome::Canceled && step.started.is_some();
    let deeper = |step: &Step, after: &[Step]| {
        after.iter().any(|other| at_work(other) && other.name == step.name && other.depth > step.depth)
    };
    let mut after = log.steps.clone();
    for step in &mut log.steps {
        after.remove(0);
        step.culprit = at_work(step) && !deeper(step, &after);
    }
    for index in 0..log.lines.len() {
        let ends = log.line(index).to_ascii_lowercase().contains("was cancel");
        if let Some(line) = log.lines.get_mut(index).filter(|_| ends) {
            line.level = Level::Fatal;
        }
    }
}

/// Splits `Step 6: Scan` into its number and name; the number is empty where there is none.
pub(super) fn numbered(name: &str) -> (&str, &str) {
    let parts = name.strip_prefix("Step ").and_then(|rest| rest.split_once(": "));
    match parts {
        Some((number, name)) if !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.') => {
            (number, name)
        }
        _ => ("", name),
    }
}

pub(super) fn level(category: &str) -> Level {
    match category {
        "Trace" | "Verbose" => Level::Verbose,
        "Warning" | "Alert" => Level::Warning,
        "Error" => Level::Error,
        "Fatal" | "Abandoned" => Level::Fatal,
        _ => Level::Info,
    }
}

pub(super) fn outcome(status: &str) -> Outcome {
    match status {
        "Success" | "SuccessWithWarning" => Outcome::Succeeded,
        "Failed" => Outcome::Failed,
        "Running" => Outcome::Running,
        "Skipped" => Outcome::Skipped,
        "Canceled" => Outcome::Canceled,
        _ => Outcome::Unknown,
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Element {
    occurred_at: Option<Timestamp>,
    category: String,
    message_text: String,
    #[serde(deserialize_with = "text_or_nothing")]
    detail: String,
    number: Option<usize>,
}

fn text_or_nothing<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(from)?.unwrap_or_default())
}

struct Details<'t>(&'t mut Tree);

impl<'de> DeserializeSeed<'de> for Details<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Details<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a task's details")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "Task" => self.0.task = map.next_value()?,
                "ActivityLogs" => map.next_value_seed(Nodes(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct Nodes<'t>(&'t mut Tree);

impl<'de> DeserializeSeed<'de> for Nodes<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nodes<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of activities")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(NodeSeed(&mut *self.0))?.is_some() {}
        Ok(())
    }
}

struct NodeSeed<'t>(&'t mut Tree);

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an activity")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let tree = self.0;
        let node = tree.enter();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "Name" => {
                    let name = map.next_value::<Option<String>>()?.unwrap_or_default();
                    let mut clean = String::new();
                    clean_into(name.replace('\n', " ").as_bytes(), &mut clean);
                    if let Some(node) = tree.nodes.get_mut(node) {
                        node.name = clean;
                    }
                }
                "Status" => {
                    let status = map.next_value::<Value>()?;
                    if let Some(node) = tree.nodes.get_mut(node) {
                        node.status = outcome(status.as_str().unwrap_or_default());
                    }
                }
                "Started" | "Ended" => {
                    let time: Option<Timestamp> = serde_json::from_value(map.next_value()?).unwrap_or_default();
                    if let Some(step) = tree.step(node) {
                        *if key == "Started" { &mut step.started } else { &mut step.finished } = time;
                    }
                }
                "Children" => map.next_value_seed(Nodes(&mut *tree))?,
                "LogElements" => map.next_value_seed(Elements(&mut *tree, node))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        tree.path.pop();
        Ok(())
    }
}

struct Elements<'t>(&'t mut Tree, usize);

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of log lines")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut ordinal = 0;
        while let Some(element) = list.next_element::<Element>()? {
            ordinal += 1;
            self.0.line(self.1, ordinal, &element);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = r#"{"Task":{"Id":"ServerTasks-1","State":"Executing","Arguments":{"DeploymentId":"Deployments-1"}},
      "ActivityLogs":[{"Id":"a","Name":"Deploy","Status":"Running","Started":"2026-02-10T03:10:58.430+00:00","Ended":null,
        "Children":[
          {"Name":"Step 1: Build: all","Status":"Success","Children":null,"LogElements":[]},
          {"Name":"Step 2: Scan","Status":"Failed","Children":[
             {"Name":"Worker","Status":"Failed","LogElements":[
                {"Category":"Error","MessageText":"one\n\u001b[31mtwo\u001b[0m","Number":41,"Detail":null},
                {"Category":"Warning","MessageText":"Retry (attempt 1 of 3)","Number":50},
                {"Category":"Sparkling","MessageText":"three","OccurredAt":"2026-02-10T03:11:44.918+00:00"}]}],
             "LogElements":[{"Category":"Fatal","MessageText":"The step failed","Number":1}]},
          {"Name":"Step 3: Diagnose","Status":"Failed","Children":[{"Name":"Worker","Status":"Failed",
             "LogElements":[{"Category":"Info","MessageText":"own","Number":1}]}],"LogElements":[]}],
        "LogElements":[]}],"PhysicalLogSize":1}"#;

    fn tree() -> Activity {
        read(TREE.as_bytes(), &Own { number: "3".to_owned(), name: "Diagnose".to_owned() }).unwrap()
    }

    #[test]
    fn the_deepest_failed_part_is_the_culprit_and_we_never_are() {
        let culprits: Vec<_> = tree().log.steps.into_iter().filter(|step| step.culprit).collect();
        assert_eq!(culprits.len(), 1);
        assert_eq!((culprits[0].name.as_str(), culprits[0].place.as_deref()), ("Scan", Some("Worker")));
        assert_eq!(culprits[0].attempts, 2);
    }

    #[test]
    fn lines_keep_the_servers_numbers_and_our_own_are_left_out() {
        let log = tree().log;
        let found: Vec<_> = (0..log.lines.len()).map(|i| (log.lines[i].number, log.line(i).to_owned())).collect();
        let expected = [(41, "one"), (41, "two"), (50, "Retry (attempt 1 of 3)"), (3, "three"), (1, "The step failed")];
        assert_eq!(found, expected.map(|(number, text)| (number, text.to_owned())));
        assert_eq!(log.lines[3].level, Level::Info, "an unknown category is an ordinary line");
    }

    #[test]
    fn step_names_may_hold_colons() {
        assert_eq!(tree().log.steps[0].name, "Build: all");
        assert_eq!(numbered("Step 2.1: a: b"), ("2.1", "a: b"));
        assert_eq!(numbered("Step two: x"), ("", "Step two: x"));
    }
}

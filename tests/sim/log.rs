//! The log of a server task: a tree of nodes with lines, and the two forms in which Octopus hands it out.
//! Both forms are written as a stream: a node may hold more lines than memory would.

use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

/// A server task with its log.
#[derive(Debug, Clone)]
pub struct TaskLog {
    pub id: String,
    /// `Executing`, `Failed`, `Success`, `Canceled` and so on.
    pub state: String,
    pub description: String,
    /// The id of the deployment or the runbook run it carries out.
    pub deployment: Option<String>,
    pub runbook_run: Option<String>,
    pub queued: Timestamp,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    /// Fields that a case sets to something else than what follows from the rest.
    pub fields: Map<String, Value>,
    pub root: Node,
}

#[derive(Debug, Clone)]
pub struct Node {
    pub id: String,
    pub name: String,
    pub status: String,
    /// Milliseconds since the task's start.
    pub started: Option<i64>,
    pub ended: Option<i64>,
    pub items: Vec<Item>,
    pub children: Vec<Node>,
}

/// One line, or a run of `count` alike lines whose text holds `{n}`.
#[derive(Debug, Clone)]
pub struct Item {
    pub number: u64,
    pub count: u64,
    /// Milliseconds since the task's start.
    pub at: i64,
    /// Milliseconds from one line of a run to the next.
    pub every: i64,
    pub category: String,
    pub text: String,
    /// From which request for the details on it is there.
    pub poll: usize,
}

/// Which lines a request for the details asks for.
#[derive(Debug, Clone, Copy)]
pub struct View {
    pub verbose: bool,
    pub tail: Option<u64>,
    pub poll: usize,
}

impl TaskLog {
    pub fn time(&self, offset: i64) -> Timestamp {
        self.started + SignedDuration::from_millis(offset)
    }

    /// The node reached by these names from below the root.
    pub fn node(&self, names: &[&str]) -> Option<&Node> {
        names.iter().try_fold(&self.root, |node, name| node.children.iter().find(|child| child.name == *name))
    }

    fn node_mut(&mut self, names: &[&str]) -> Option<&mut Node> {
        names.iter().try_fold(&mut self.root, |node, name| node.children.iter_mut().find(|child| child.name == *name))
    }

    /// Puts `count` lines before the lines of a node, `{n}` in their text standing for their count.
    pub fn add_filler(&mut self, names: &[&str], count: u64, category: &str, text: &str) {
        let node = self.node_mut(names).unwrap_or_else(|| panic!("no node {names:?}"));
        for item in &mut node.items {
            item.number += count;
        }
        let at = node.started.unwrap_or_default();
        let (category, text) = (category.to_owned(), text.to_owned());
        node.items.insert(0, Item { number: 1, count, at, every: 0, category, text, poll: 1 });
    }

    /// The time of the last thing that happened.
    pub fn last(&self) -> Timestamp {
        self.time(self.root.last())
    }

    pub fn has_warnings(&self) -> bool {
        self.root.any(&|item| matches!(item.category.as_str(), "Warning" | "Error" | "Fatal"))
    }

    /// About as many bytes as the stored log takes.
    pub fn size(&self) -> u64 {
        self.root.size()
    }

    /// The body of `tasks/{id}/details`.
    pub fn write_details(&self, task: &Value, view: View, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{{\"Task\":{task},\"ActivityLogs\":[")?;
        self.write_node(&self.root, 0, view, out)?;
        let id = &self.id;
        let links = json!({
            "Self": format!("/api/tasks/{id}/details"),
            "Task": format!("/api/tasks/{id}"),
            "Web": task["Links"]["Web"],
            "Raw": format!("/api/tasks/{id}/raw")
        });
        let progress = json!({ "ProgressPercentage": 0, "EstimatedTimeRemaining": null });
        write!(out, "],\"PhysicalLogSize\":{},\"Progress\":{progress},\"Links\":{links}}}", self.size())
    }

    fn write_node(&self, node: &Node, depth: usize, view: View, out: &mut dyn Write) -> io::Result<()> {
        let time = |offset: Option<i64>| offset.map_or(Value::Null, |offset| json!(iso(self.time(offset))));
        write!(
            out,
            "{{\"Id\":{},\"Name\":{},\"Started\":{},\"Ended\":{},\"Status\":{},\"ShowAtSummaryLevel\":{},\"Children\":[",
            json!(node.id),
            json!(node.name),
            time(node.started),
            time(node.ended),
            json!(node.status),
            depth != 1 || node.name.starts_with("Step "),
        )?;
        for (index, child) in node.children.iter().enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            self.write_node(child, depth + 1, view, out)?;
        }
        out.write_all(b"],\"LogElements\":[")?;
        let visible = || node.items.iter().filter(|item| item.visible(view));
        let total: u64 = visible().map(|item| item.count).sum();
        let mut skip = total.saturating_sub(view.tail.unwrap_or(u64::MAX));
        let mut comma: &[u8] = b"";
        for item in visible() {
            let first = skip.min(item.count);
            skip -= first;
            for n in first..item.count {
                out.write_all(comma)?;
                comma = b",";
                write!(
                    out,
                    "{{\"OccurredAt\":\"{}\",\"Category\":{},\"MessageText\":{},\"Number\":{}}}",
                    iso(self.time(item.time(n))),
                    json!(item.category),
                    json!(item.line(n)),
                    item.number + n,
                )?;
            }
        }
        out.write_all(b"]}")
    }

    /// The body of `tasks/{id}/raw`.
    pub fn write_raw(&self, poll: usize, out: &mut dyn Write) -> io::Result<()> {
        self.write_raw_node(&self.root, 0, View { verbose: true, tail: None, poll }, out)
    }

    fn write_raw_node(&self, node: &Node, depth: usize, view: View, out: &mut dyn Write) -> io::Result<()> {
        let indent = " ".repeat(2 * depth);
        let heading = format!("{}: {}", node.status, node.name);
        let heading = if depth < 2 { format!("== {heading} ==") } else { heading };
        if depth > 0 {
            writeln!(out, "{NO_TIME}| {indent}")?;
        }
        writeln!(out, "{NO_TIME}| {indent}{heading}")?;
        for item in node.items.iter().filter(|item| item.visible(view)) {
            for n in 0..item.count {
                let time = self.time(item.time(n)).strftime("%H:%M:%S");
                for (index, line) in item.line(n).split('\n').enumerate() {
                    if index == 0 {
                        writeln!(out, "{time}   {:<8} | {indent}  {line}", item.category)?;
                    } else {
                        writeln!(out, "{NO_TIME}| {indent}  {line}")?;
                    }
                }
            }
        }
        node.children.iter().try_for_each(|child| self.write_raw_node(child, depth + 1, view, out))
    }
}

const NO_TIME: &str = "                    ";

impl Node {
    fn last(&self) -> i64 {
        let own = [self.started, self.ended].into_iter().flatten();
        let lines = self.items.iter().map(|item| item.time(item.count.saturating_sub(1)));
        own.chain(lines).chain(self.children.iter().map(Node::last)).max().unwrap_or_default()
    }

    fn any(&self, test: &dyn Fn(&Item) -> bool) -> bool {
        self.items.iter().any(test) || self.children.iter().any(|child| child.any(test))
    }

    fn size(&self) -> u64 {
        let lines: u64 = self.items.iter().map(|item| item.count * (item.text.len() as u64 + 24)).sum();
        lines + self.name.len() as u64 + self.children.iter().map(Node::size).sum::<u64>()
    }
}

impl Item {
    fn visible(&self, view: View) -> bool {
        self.poll <= view.poll && (view.verbose || !matches!(self.category.as_str(), "Verbose" | "Trace"))
    }

    fn time(&self, n: u64) -> i64 {
        self.at + self.every * i64::try_from(n).expect("a log has fewer lines than that")
    }

    fn line(&self, n: u64) -> std::borrow::Cow<'_, str> {
        if self.count > 1 { self.text.replace("{n}", &(n + 1).to_string()).into() } else { (&self.text).into() }
    }
}

/// A time as Octopus writes it.
pub fn iso(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}

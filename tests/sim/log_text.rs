//! Reads a task's log from the form in which cases hold it, so that a case's log reads as text.
//! The form is described in `tests/cases/README.md`.

use jiff::{SignedDuration, Timestamp};
use serde_json::Map;

use super::log::{Item, Node, TaskLog};

/// Reads a `.log` file of a case. Panics with the line's number at what it can't read.
pub fn parse(name: &str, text: &str) -> TaskLog {
    let mut fields = Map::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((_, line)) = lines.next_if(|(_, line)| !line.starts_with('=')) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("{name}: `{line}` is no `Field: value`"));
        let value = value.trim();
        fields.insert(key.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into()));
    }
    let mut field = |key: &str| {
        fields.remove(key).map(|value| value.as_str().unwrap_or_else(|| panic!("{name}: {key} is no text")).to_owned())
    };
    let time = |text: String| text.parse::<Timestamp>().unwrap_or_else(|error| panic!("{name}: {text}: {error}"));
    let id = field("Id").unwrap_or_else(|| panic!("{name}: no Id"));
    let started = time(field("Start").unwrap_or_else(|| panic!("{name}: no Start")));
    let root = format!("{id}_{}", field("Log").unwrap_or_else(|| "K3PZ7QW9TD".to_owned()));
    let mut tree = Tree { name, open: Vec::new(), root };
    for (index, line) in lines {
        tree.read(index + 1, line);
    }
    let root = tree.close(0).unwrap_or_else(|| panic!("{name}: no node"));
    TaskLog {
        state: field("State").unwrap_or_else(|| "Failed".to_owned()),
        description: field("Description").unwrap_or_else(|| root.name.clone()),
        deployment: field("Deployment"),
        runbook_run: field("RunbookRun"),
        queued: field("Queued").map_or(started - SignedDuration::from_millis(650), time),
        ended: field("End").map(time),
        id,
        started,
        fields,
        root,
    }
}

struct Tree<'a> {
    name: &'a str,
    /// From the root to the node whose lines are being read.
    open: Vec<Node>,
    root: String,
}

impl Tree<'_> {
    fn read(&mut self, at: usize, line: &str) {
        if line.starts_with('=') {
            let depth = line.chars().take_while(|c| *c == '=').count() - 1;
            assert!(depth <= self.open.len(), "{}:{at}: a level is missing above", self.name);
            assert!(depth > 0 || self.open.is_empty(), "{}:{at}: a second root", self.name);
            self.close(depth);
            let node = self.heading(at, &line[depth + 1..]);
            self.open.push(node);
        } else if !line.is_empty() && !line.starts_with('#') {
            self.line(at, line);
        }
    }

    /// Puts finished nodes into their parents until `depth` of them are open; the root comes back at the end.
    fn close(&mut self, depth: usize) -> Option<Node> {
        while self.open.len() > depth {
            let node = self.open.pop()?;
            match self.open.last_mut() {
                Some(parent) => parent.children.push(node),
                None => return Some(node),
            }
        }
        None
    }

    fn heading(&self, at: usize, text: &str) -> Node {
        let bad = || panic!("{}:{at}: a heading is `== STATUS START-END [#ID] NAME`", self.name);
        let mut parts = text.trim().splitn(3, ' ');
        let (Some(status), Some(times), Some(rest)) = (parts.next(), parts.next(), parts.next()) else { bad() };
        let Some((start, end)) = times.split_once('-') else { bad() };
        let (own, name) = match rest.strip_prefix('#').and_then(|rest| rest.split_once(' ')) {
            Some((id, name)) => (Some(id.to_owned()), name),
            None => (None, rest),
        };
        let id = match self.open.last() {
            None => self.root.clone(),
            Some(parent) => {
                let seed = format!("{}/{}/{name}", parent.id, parent.children.len());
                format!("{}/{}", parent.id, own.unwrap_or_else(|| hex(&seed)))
            }
        };
        let (started, ended) = (offset(start), offset(end));
        let (name, status) = (name.to_owned(), status.to_owned());
        Node { id, name, status, started, ended, items: Vec::new(), children: Vec::new() }
    }

    fn line(&mut self, at: usize, line: &str) {
        let place = format!("{}:{at}", self.name);
        let node = self.open.last_mut().unwrap_or_else(|| panic!("{place}: a line outside any node"));
        let (head, text) = line.split_once('|').unwrap_or_else(|| panic!("{place}: a line needs a bar"));
        let text = text.strip_prefix(' ').unwrap_or(text);
        let mut words = head.split_whitespace();
        let Some(time) = words.next() else {
            let before = node.items.last_mut().unwrap_or_else(|| panic!("{place}: nothing to continue"));
            before.text.push('\n');
            before.text.push_str(text);
            return;
        };
        let number = node.items.last().map_or(1, |item| item.number + item.count);
        let at = offset(time).unwrap_or_else(|| panic!("{place}: `{time}` is no time"));
        let category = words.next().unwrap_or_else(|| panic!("{place}: no category")).to_owned();
        let mut item = Item { number, count: 1, at, every: 0, category, text: text.to_owned(), poll: 1 };
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            let count = || value.parse::<usize>().unwrap_or_else(|_| panic!("{place}: `{word}` needs a number"));
            match key {
                "json" => {
                    item.text = serde_json::from_str(&format!("\"{text}\""))
                        .unwrap_or_else(|error| panic!("{place}: not the inside of a JSON text: {error}"));
                }
                "times" => item.count = count() as u64,
                "every" => item.every = offset(value).unwrap_or_else(|| panic!("{place}: `{word}` needs seconds")),
                "skip" => item.number += count() as u64,
                "poll" => item.poll = count(),
                "bytes" => {
                    let whole = item.text.repeat(count() / item.text.len().max(1) + 1);
                    item.text = whole.chars().take(count()).collect();
                }
                _ => panic!("{place}: `{word}` is unknown"),
            }
        }
        node.items.push(item);
    }
}

/// Seconds as milliseconds.
fn offset(text: &str) -> Option<i64> {
    let seconds: f64 = text.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "a log's times are far from the ends of an i64")]
    Some((seconds * 1000.0).round() as i64)
}

/// An id that looks like one, the same on each run.
fn hex(seed: &str) -> String {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in seed.bytes() {
        hash = (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
    }
    format!("{hash:032x}")
}

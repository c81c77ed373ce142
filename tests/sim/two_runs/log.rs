//! The task logs that follow from a file of two runs.

use super::{Change, Runs, Side, Step};

impl Runs {
    /// The task's log in the form of `tasks/*.log`.
    pub(super) fn log(&self, side: Side) -> String {
        let failed = side == Side::Failed;
        let state = if failed { "Failed" } else { "Success" };
        let mut body = String::new();
        let mut at = 1;
        let steps = self.steps(side);
        let is_culprit = |step: &&Step| failed && step.name == self.failed.step;
        assert!(!failed || steps.iter().any(|step| is_culprit(&step)), "no step {}", self.failed.step);
        let mut over = false;
        for (index, step) in steps.iter().enumerate() {
            let number = index + 1;
            if self.is_disabled(step, side) {
                continue;
            }
            if over || self.run(side).skip.contains(&step.name) {
                body.push_str(&format!("== Skipped - Step {number}: {}\n", step.name));
                continue;
            }
            over = is_culprit(&step);
            let places = if step.targets.is_empty() { vec!["Worker".to_owned()] } else { step.targets.clone() };
            let gone = self.changes.iter().filter_map(|change| change.removed_machine.clone());
            let gone = gone.filter(|_| !step.targets.is_empty());
            let places: Vec<String> =
                places.into_iter().chain(gone).filter(|place| self.has_machine(place, side)).collect();
            let mut parts = String::new();
            let began = at;
            for place in &places {
                let fails = over && (self.failed.targets.is_empty() || self.failed.targets.contains(place));
                let said = self.said(step, place, side);
                let status = if fails { "Failed" } else { "Success" };
                parts.push_str(&format!("=== {status} {at}-{} {place}\n", at + 10));
                let said = said.iter().map(|line| ("Verbose", line.as_str()));
                let own = lines(if fails { &self.failed.log } else { &step.log });
                for (level, text) in said.chain(own.iter().map(|(level, text)| (level.as_str(), text.as_str()))) {
                    parts.push_str(&format!("{at}.5 {level} | {text}\n"));
                }
                if fails {
                    parts.push_str(&format!("{at}.9 Fatal | The remote script failed with exit code 1\n"));
                }
                at += 11;
            }
            let status = if over { "Failed" } else { "Success" };
            body.push_str(&format!("== {status} {began}-{at} Step {number}: {}\n", step.name));
            if over {
                body.push_str(&format!("{at} Fatal | The step failed: Activity {} failed with error 'The remote script failed with exit code 1'.\n", step.name));
            }
            body.push_str(&parts);
        }
        let head = format!("Id: ServerTasks-{0}\nState: {state}\nDeployment: Deployments-{0}\n", side.id());
        let fatal = "Fatal | The deployment failed because one or more steps failed. Please see the deployment log for details.";
        let fatal = if failed { format!("{at} {fatal}\n") } else { String::new() };
        format!("{head}Start: {}\n\n= {state} 0-{} {}\n{fatal}{body}", self.start(side), at + 1, self.title(side))
    }

    /// Whether a change says that `step` was switched off in this run: the server does not plan it then.
    fn is_disabled(&self, step: &Step, side: Side) -> bool {
        let is_switch = |change: &&Change| {
            change.setting.as_deref() == Some("IsDisabled") && change.step.as_deref() == Some(&*step.name)
        };
        self.changes.iter().find(is_switch).is_some_and(|change| change.text(side) == "true")
    }

    /// What Calamari says of where it runs.
    fn said(&self, step: &Step, place: &str, side: Side) -> Vec<String> {
        let machine = if step.targets.is_empty() { "hosted-ubuntu-2204-7c9f1b" } else { place };
        let mut facts = vec![
            ("OperatingSystem", "Ubuntu 22.04.5 LTS".to_owned()),
            ("MachineName", machine.to_owned()),
            ("ProcessorCount", "2".to_owned()),
        ];
        for change in self.changes.iter().filter(|_| step.targets.is_empty()) {
            if let Some(key) = change.worker.as_deref() {
                facts.retain(|(known, _)| *known != key);
                facts.push((key, change.text(side)));
            }
        }
        let calamari = facts.iter().find(|(key, _)| *key == "Calamari").map_or("2026.1.118", |(_, version)| version);
        let head = [format!("Octopus Deploy: Calamari version {calamari}"), "Environment Information:".to_owned()];
        let facts = facts.iter().filter(|(key, _)| *key != "Calamari").map(|(key, value)| format!("  {key}: {value}"));
        head.into_iter().chain(facts).collect()
    }
}

/// Lines as `LEVEL | text` or text alone.
fn lines(text: &str) -> Vec<(String, String)> {
    const LEVELS: [&str; 6] = ["Verbose", "Info", "Highlight", "Warning", "Error", "Fatal"];
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| match line.split_once('|') {
            Some((level, text)) if LEVELS.contains(&level.trim()) => {
                (level.trim().to_owned(), text.strip_prefix(' ').unwrap_or(text).to_owned())
            }
            _ => ("Info".to_owned(), line.to_owned()),
        })
        .collect()
}

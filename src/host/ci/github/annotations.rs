//! A failed job's annotations: what its log would say of errors, in few words, where the log cannot be had.

use crate::clean::LogBuilder;
use crate::model::{Level, Log};

use super::super::api::{Api, Trouble};
use super::speak::TITLE;
use super::wire::Annotation;

/// The annotations of the job `id` as a log, a line for each of theirs; `None` where there are none but our own.
pub(super) fn read(api: &Api, root: &str, id: u64) -> Result<Option<Log>, Trouble> {
    // The number of a job is that of its check run.
    let found: Vec<Annotation> = api.get(&format!("{root}/check-runs/{id}/annotations?per_page=100"))?;
    let log = log(&found);
    Ok((!log.lines.is_empty()).then_some(log))
}

fn log(found: &[Annotation]) -> Log {
    let mut builder = LogBuilder::default();
    let mut number = 0;
    for one in found.iter().filter(|one| one.title.as_deref() != Some(TITLE)) {
        let (level, word) = match one.level.as_str() {
            "failure" => (Level::Error, "error"),
            "warning" => (Level::Warning, "warning"),
            _ => (Level::Info, "notice"),
        };
        let line = one.start_line.map(|line| format!(":{line}")).unwrap_or_default();
        let place = if one.path == ".github" { String::new() } else { format!("{}{line}: ", one.path) };
        for (at, text) in one.message.lines().enumerate() {
            number += 1;
            let text = if at == 0 { format!("{place}{word}: {text}") } else { text.to_owned() };
            builder.line(number, None, level, None, &text);
        }
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_are_lines_with_their_places() {
        let text = r#"[{"path":"src/a.rs","start_line":12,"annotation_level":"failure","title":"","message":"cannot find value\nin this scope"},
            {"path":".github","start_line":3,"annotation_level":"failure","message":"Process completed with exit code 101."},
            {"path":".github","start_line":1,"annotation_level":"notice","title":"Firefighter","message":"ours"}]"#;
        let log = log(&serde_json::from_str::<Vec<Annotation>>(text).unwrap());
        let told: Vec<_> = (0..log.lines.len()).map(|at| (log.lines[at].level, log.line(at))).collect();
        let expected = [
            (Level::Error, "src/a.rs:12: error: cannot find value"),
            (Level::Error, "in this scope"),
            (Level::Error, "error: Process completed with exit code 101."),
        ];
        assert_eq!(told, expected);
    }
}

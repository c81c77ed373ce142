//! Artifacts: created, filled, and found by what they belong to.

use serde_json::{Value, json};

use super::faults::error;
use super::fill::text;
use super::http::{Request, Response};
use super::log::iso;
use super::server::State;
use super::world::World;

/// Creates an artifact, or takes its content.
pub fn write(state: &State, request: &Request, verb: &str, segments: &[&str]) -> Option<Response> {
    match (verb, segments) {
        ("POST", [_]) => {
            let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let missing = ["Filename", "ServerTaskId"].iter().find(|field| text(&asked, field).is_empty());
            if let Some(field) = missing {
                return Some(Response::json(
                    400,
                    &json!({
                        "ErrorMessage": "There was a problem with your request.",
                        "Errors": [format!("Please provide a value for {field}.")], "HelpText": null, "Details": {}
                    }),
                ));
            }
            let task = state.world.task(&text(&asked, "ServerTaskId"))?;
            let mut artifacts = state.artifacts.lock().unwrap();
            let id = format!("Artifacts-{}", 44_900 + artifacts.len());
            let space = &state.world.settings.space.id;
            let created = json!({
                "Id": id, "SpaceId": space, "Filename": asked["Filename"], "Source": "Uploaded by firefighter-bot",
                "ServerTaskId": task.id, "Created": iso(task.last()), "LogCorrelationId": asked["LogCorrelationId"],
                "Links": {
                    "Self": format!("/api/{space}/artifacts/{id}"),
                    "Content": format!("/api/{space}/artifacts/{id}/content")
                }
            });
            artifacts.push(created.clone());
            Some(Response::json(201, &created))
        }
        ("PUT", [_, id, content]) if content.eq_ignore_ascii_case("content") => {
            let id = text(&get(state, id)?, "Id");
            let bytes = match request.header("Content-Type").and_then(|kind| kind.split_once("boundary=")) {
                Some((_, boundary)) => part(&request.body, boundary.trim_matches('"'))?,
                None => request.body.clone(),
            };
            state.contents.lock().unwrap().insert(id, bytes);
            Some(Response::new(204, "text/plain", ""))
        }
        _ => Some(error(405, "The requested resource does not support this method.")),
    }
}

/// The content of the one part of a form upload.
fn part(body: &[u8], boundary: &str) -> Option<Vec<u8>> {
    let find = |from: usize, what: &[u8]| {
        let found = body.get(from..)?.windows(what.len()).position(|window| window == what)?;
        Some(from + found)
    };
    let start = find(0, b"\r\n\r\n")? + 4;
    let end = find(start, format!("\r\n--{boundary}").as_bytes())?;
    Some(body[start..end].to_vec())
}

pub fn get(state: &State, id: &str) -> Option<Value> {
    let artifacts = state.artifacts.lock().unwrap();
    artifacts.iter().find(|item| item["Id"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(id))).cloned()
}

/// Whether a task is what `about` names, or belongs to it.
pub fn regards(world: &World, task: &str, about: &str) -> bool {
    let Some(log) = world.task(task) else { return task == about };
    let run = log.deployment.as_ref().or(log.runbook_run.as_ref());
    let deployment = log.deployment.as_deref().and_then(|id| world.get("deployments", id));
    let related = deployment.map(|item| ["ReleaseId", "ProjectId", "EnvironmentId"].map(|field| text(item, field)));
    log.id.eq_ignore_ascii_case(about)
        || run.is_some_and(|run| run.eq_ignore_ascii_case(about))
        || related.is_some_and(|ids| ids.iter().any(|id| id.eq_ignore_ascii_case(about)))
}

//! Which answer follows from a world for a request. Credentials first, then permission, then the resource.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::aged::aged;
use super::artifacts;
use super::faults::{Fault, Kind, UNAUTHORIZED, error};
use super::fill::text;
use super::http::{Request, Response};
use super::lists::{self, Query};
use super::log::{TaskLog, View};
use super::server::State;
use super::tasks;
use super::world::World;

/// An address taken apart.
pub struct Route {
    /// The segments after `/api` and the space, decoded.
    segments: Vec<String>,
    query: Query,
    scope: Scope,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Not below `/api`.
    Elsewhere,
    None,
    /// By its id, `/api/Spaces-1/…`.
    Id,
    /// `/api/spaces/default/…`, which old servers do not have.
    Path,
    /// A space that is not ours.
    Wrong,
}

impl Route {
    pub fn of(world: &World, request: &Request) -> Self {
        let decode = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        let mut segments: Vec<String> = request.path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
        let query = Query::parse(&request.query);
        if !segments.first().is_some_and(|first| first.eq_ignore_ascii_case("api")) {
            return Self { segments, query, scope: Scope::Elsewhere };
        }
        segments.remove(0);
        let space = &world.settings.space;
        let ours = |given: &str| [&space.id, &space.slug].iter().any(|own| own.eq_ignore_ascii_case(given));
        let is = |at: usize, word: &str| segments.get(at).is_some_and(|part| part.eq_ignore_ascii_case(word));
        let (scope, used) = match segments.as_slice() {
            [first, ..] if first.to_lowercase().starts_with("spaces-") => {
                (if first.eq_ignore_ascii_case(&space.id) { Scope::Id } else { Scope::Wrong }, 1)
            }
            [_, given, _, ..] if is(0, "spaces") => (if ours(given) { Scope::Path } else { Scope::Wrong }, 2),
            _ => (Scope::None, 0),
        };
        segments.drain(..used);
        Self { segments, query, scope }
    }

    /// The route as faults and missing routes name it.
    pub fn plain(&self) -> String {
        self.segments.iter().map(|part| part.to_lowercase().replace('/', "%2f")).collect::<Vec<_>>().join("/")
    }
}

/// The answer to a request.
pub fn answer(state: &State, request: &Request, route: &Route) -> Response {
    let world = &state.world;
    if route.scope == Scope::Elsewhere {
        return Response::html(200, "<!DOCTYPE html><html><body>The portal</body></html>");
    }
    let kind = route.segments.first().map(|first| first.to_lowercase()).unwrap_or_default();
    if kind.is_empty() && route.scope == Scope::None {
        return Response::json(200, &root(world));
    }
    if !known(world, request) {
        return error(401, UNAUTHORIZED);
    }
    let plain = route.plain();
    let gone = |missing: &String| Fault::new(missing, Kind::NotFound).concerns(&plain);
    let spaceless = matches!(kind.as_str(), "users" | "spaces" | "tasks" | "events" | "serverstatus");
    let nowhere = route.scope == Scope::None && !spaceless && !world.settings.space.default;
    let too_new = world.settings.old && (route.scope == Scope::Path || plain.contains("refs%2f"));
    if route.scope == Scope::Wrong || nowhere || too_new || world.settings.missing_routes.iter().any(gone) {
        return not_found(&request.path);
    }
    let verb = match request.header("X-HTTP-Method-Override") {
        Some(verb) if request.method == "POST" => verb.to_uppercase(),
        _ => request.method.clone(),
    };
    let needs = permission(&kind, &route.segments, &verb);
    if let Some(needs) = needs.filter(|needs| world.settings.deny.iter().any(|denied| denied == needs)) {
        let message = "You do not have permission to perform this action. Please contact your Octopus administrator.";
        return error(403, &format!("{message} Missing permission: {needs}"));
    }
    let segments: Vec<&str> = route.segments.iter().map(String::as_str).collect();
    let response = match verb.as_str() {
        "GET" | "HEAD" => get(state, request, &kind, &segments, &route.query),
        "POST" | "PUT" if kind == "artifacts" => artifacts::write(state, request, &verb, &segments),
        _ => Some(error(405, "The requested resource does not support this method.")),
    };
    let response = response.unwrap_or_else(|| not_found(segments.last().unwrap_or(&"")));
    if world.settings.old { aged(response) } else { response }
}

fn known(world: &World, request: &Request) -> bool {
    if let Some(key) = request.header("X-Octopus-ApiKey") {
        return world.settings.api_keys.iter().any(|known| known == key);
    }
    let token = request.header("Authorization").and_then(|value| value.strip_prefix("Bearer "));
    token.is_some_and(|token| world.settings.tokens.iter().any(|known| known == token))
}

fn permission(kind: &str, segments: &[String], verb: &str) -> Option<&'static str> {
    let about = |word: &str| segments.iter().any(|segment| segment.eq_ignore_ascii_case(word));
    Some(match kind {
        "artifacts" if verb != "GET" => "ArtifactCreate",
        "artifacts" => "ArtifactView",
        "tasks" => "TaskView",
        _ if about("deployments") => "DeploymentView",
        "projects" if about("releases") => "ReleaseView",
        "projects" if about("deploymentprocesses") || about("channels") => "ProcessView",
        "projects" if about("variables") => "VariableView",
        "projects" if about("runbooks") || about("runbookprocesses") => "RunbookView",
        "projects" => "ProjectView",
        "releases" => "ReleaseView",
        "deploymentprocesses" | "channels" => "ProcessView",
        "environments" => "EnvironmentView",
        "variables" => "VariableView",
        "libraryvariablesets" => "LibraryVariableSetView",
        "runbooks" | "runbooksnapshots" | "runbookprocesses" => "RunbookView",
        "runbookruns" => "RunbookRunView",
        "events" => "EventView",
        "interruptions" => "InterruptionView",
        "machines" => "MachineView",
        "feeds" => "FeedView",
        "lifecycles" => "LifecycleView",
        "tenants" => "TenantView",
        "workerpools" => "WorkerView",
        "actiontemplates" => "ActionTemplateView",
        "build-information" => "BuildInformationView",
        _ => return None,
    })
}

fn get(state: &State, request: &Request, kind: &str, segments: &[&str], query: &Query) -> Option<Response> {
    let world = &state.world;
    let ok = |value: Value| Some(Response::json(200, &value));
    let list = |kind: &str, items: Vec<Value>| {
        let items = if hidden(world, kind) { Vec::new() } else { lists::select(world, kind, items, query) };
        Some(Response::json(200, &lists::page(&request.path, item_type(kind), &items, query)))
    };
    match (kind, segments) {
        ("users", [_, "me"]) => ok(me()),
        ("spaces", _) => spaces(world, request, segments, query),
        ("tasks", [_]) => {
            let all: Vec<Value> = world.tasks.iter().map(|log| tasks::task(world, log)).collect();
            let mut page = lists::page(&request.path, "Task", &tasks::select(world, all, query), query);
            page["TotalCounts"] = tasks::totals(world);
            page["TotalCountsInOtherSpaces"] = json!({});
            ok(page)
        }
        ("tasks", [_, id, rest @ ..]) => task_route(state, world.task(id)?, rest, query),
        ("projects", [_, id, rest @ ..]) if !rest.is_empty() => project_route(state, request, id, rest, query),
        ("releases", [_, id, rest @ ..]) if !rest.is_empty() => release_route(world, request, id, rest, query),
        ("machines", [_, id, rest]) if rest.eq_ignore_ascii_case("connection") => {
            ok(json!({ "MachineId": world.get("machines", id)?["Id"], "Status": "Online", "Logs": [] }))
        }
        ("actiontemplates", [_, id, versions, version]) if versions.eq_ignore_ascii_case("versions") => {
            let template = world.get("actiontemplates", id)?;
            (template["Version"].as_u64() == version.parse().ok()).then(|| Response::json(200, template))
        }
        ("artifacts", [_]) => {
            let mut items = state.artifacts.lock().unwrap().clone();
            if let Some(about) = query.get("regarding") {
                items.retain(|item| artifacts::regards(world, &text(item, "ServerTaskId"), about));
            }
            list(kind, items)
        }
        ("artifacts", [_, id]) => ok(artifacts::get(state, id)?),
        ("artifacts", [_, id, content]) if content.eq_ignore_ascii_case("content") => {
            let id = text(&artifacts::get(state, id)?, "Id");
            let bytes = state.contents.lock().unwrap().get(&id).cloned().unwrap_or_default();
            Some(Response::new(200, "application/octet-stream", bytes))
        }
        ("interruptions", [_]) => {
            let mut items = world.all(kind).to_vec();
            for item in &mut items {
                let task = item["TaskId"].clone();
                if let Some(related) = item["RelatedDocumentIds"].as_array_mut() {
                    related.push(task);
                }
            }
            list(kind, items)
        }
        (_, [_]) => list(kind, known_list(world, kind)?),
        (_, [_, all]) if all.eq_ignore_ascii_case("all") => ok(json!(known_list(world, kind)?)),
        (_, [_, id]) => ok(without_marks(world.get(kind, id)?)),
        _ => None,
    }
}

fn spaces(world: &World, request: &Request, segments: &[&str], query: &Query) -> Option<Response> {
    let space = &world.settings.space;
    let item = json!({
        "Id": space.id, "Name": space.name, "Slug": space.slug, "Description": null, "IsDefault": space.default,
        "TaskQueueStopped": false, "IsPrivate": false, "SpaceManagersTeams": [], "SpaceManagersTeamMembers": [],
        "Links": { "Self": format!("/api/spaces/{}", space.id), "Web": format!("/app#/{}", space.id) }
    });
    match segments {
        [_] => {
            let items = lists::select(world, "spaces", vec![item], query);
            Some(Response::json(200, &lists::page(&request.path, "Space", &items, query)))
        }
        [_, all] if all.eq_ignore_ascii_case("all") => Some(Response::json(200, &json!([item]))),
        [_, id] if [&space.id, &space.slug].iter().any(|own| own.eq_ignore_ascii_case(id)) => {
            Some(Response::json(200, &item))
        }
        _ => None,
    }
}

fn task_route(state: &State, log: &TaskLog, rest: &[&str], query: &Query) -> Option<Response> {
    let task = tasks::task(&state.world, log);
    let poll = || state.polls.lock().unwrap().get(&log.id).copied().unwrap_or(0).max(1);
    let log = log.clone();
    match rest.iter().map(|part| part.to_lowercase()).collect::<Vec<_>>().join("/").as_str() {
        "" => Some(Response::json(200, &task)),
        "details" => {
            *state.polls.lock().unwrap().entry(log.id.clone()).or_default() += 1;
            let verbose = query.flag("verbose").unwrap_or(false);
            let view = View { verbose, tail: query.number("tail").map(|tail| tail as u64), poll: poll() };
            let kind = "application/json; charset=utf-8";
            Some(Response::stream(kind, move |out| log.write_details(&task, view, out)))
        }
        "raw" => {
            let poll = poll();
            Some(Response::stream("text/plain; charset=utf-8", move |out| log.write_raw(poll, out)))
        }
        "queued-behind" => Some(Response::json(200, &lists::page("/api/tasks", "Task", &[], query))),
        "status/messages" => Some(Response::json(200, &json!({ "Messages": [] }))),
        _ => None,
    }
}

fn project_route(state: &State, request: &Request, id: &str, rest: &[&str], query: &Query) -> Option<Response> {
    let world = &state.world;
    let project = world.get("projects", id)?;
    let id = text(project, "Id");
    let git = project["IsVersionControlled"] == true;
    let of_project = |kind: &str| -> Vec<Value> {
        world.all(kind).iter().filter(|item| item["ProjectId"] == project["Id"]).cloned().collect()
    };
    let lower: Vec<String> = rest.iter().map(|part| part.to_lowercase()).collect();
    match lower.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["deploymentprocesses"] if !git => one(world, "deploymentprocesses", &text(project, "DeploymentProcessId")),
        [_, "deploymentprocesses"] if git => at_ref(world, "deploymentprocesses", &id, rest[0]),
        [_, "variables"] if git => at_ref(world, "variables", &id, rest[0]),
        ["variables"] => one(world, "variables", &text(project, "VariableSetId")),
        ["deploymentsettings"] | [_, "deploymentsettings"] => Some(Response::json(
            200,
            &json!({
                "Id": format!("deploymentsettings-{id}"), "ProjectId": id,
                "DefaultGuidedFailureMode": project["DefaultGuidedFailureMode"],
                "ConnectivityPolicy": project["ProjectConnectivityPolicy"],
                "VersioningStrategy": project["VersioningStrategy"]
            }),
        )),
        ["progression"] => Some(Response::json(200, &tasks::progression(world, &id))),
        ["runbookprocesses", runbook] | [_, "runbookprocesses", runbook] => one(world, "runbookprocesses", runbook),
        [_, "runbooks"] if git => {
            let items = lists::select(world, "runbooks", of_project("runbooks"), query);
            Some(Response::json(200, &lists::page(&request.path, "Runbook", &items, query)))
        }
        ["git", "branches"] if git => {
            let default = text(&project["PersistenceSettings"], "DefaultBranch");
            let branch =
                json!({ "Name": default, "CanonicalName": format!("refs/heads/{default}"), "IsProtected": false });
            Some(Response::json(200, &lists::page(&request.path, "GitBranch", &[branch], query)))
        }
        ["releases", _] => {
            let releases = of_project("releases");
            let found = releases.iter().find(|item| item["Version"] == rest[1] || item["Id"] == rest[1])?;
            Some(Response::json(200, found))
        }
        [kind @ ("releases" | "channels" | "runbooks" | "runbooksnapshots" | "runbookruns")] => {
            let items = lists::select(world, kind, of_project(kind), query);
            Some(Response::json(200, &lists::page(&request.path, item_type(kind), &items, query)))
        }
        _ => None,
    }
}

fn release_route(world: &World, request: &Request, id: &str, rest: &[&str], query: &Query) -> Option<Response> {
    let release = world.get("releases", id)?;
    let lower: Vec<String> = rest.iter().map(|part| part.to_lowercase()).collect();
    match lower.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["deployments"] => {
            let deployments = world.all("deployments").iter().filter(|item| item["ReleaseId"] == release["Id"]);
            let items = lists::select(world, "deployments", deployments.cloned().collect(), query);
            Some(Response::json(200, &lists::page(&request.path, "Deployment", &items, query)))
        }
        ["deployments", "preview", environment, ..] => {
            world.get("environments", environment)?;
            let process = world.get("deploymentprocesses", &text(release, "ProjectDeploymentProcessSnapshotId"))?;
            let steps = process["Steps"].as_array()?.iter().enumerate().map(|(index, step)| {
                let action = &step["Actions"][0];
                json!({
                    "ActionId": action["Id"], "ActionName": action["Name"], "ActionNumber": (index + 1).to_string(),
                    "Roles": [], "MachineNames": [], "Machines": [], "CanBeSkipped": action["IsRequired"] != true,
                    "HasNoApplicableMachines": false, "UnavailableMachines": [], "ExcludedMachines": []
                })
            });
            Some(Response::json(
                200,
                &json!({
                    "Changes": [], "ChangesMarkdown": "", "StepsToExecute": steps.collect::<Vec<_>>(),
                    "Form": { "Values": {}, "Elements": [] }, "UseGuidedFailureModeByDefault": false
                }),
            ))
        }
        ["progression"] => Some(Response::json(200, &json!({ "Phases": [], "NextDeployments": [] }))),
        ["missingpackages"] => Some(Response::json(200, &json!({ "Packages": [] }))),
        _ => None,
    }
}

/// All resources of a kind that the world has, or that Octopus lists though there are none.
fn known_list(world: &World, kind: &str) -> Option<Vec<Value>> {
    let listed = item_type(kind) != "Resource";
    world.resources.get(kind).cloned().or_else(|| listed.then(Vec::new))
}

/// A resource with exactly that id.
fn one(world: &World, kind: &str, id: &str) -> Option<Response> {
    world.get(kind, id).map(|item| Response::json(200, &without_marks(item)))
}

/// The process or variables of a git project at a branch, tag or commit. A case marks them with `@refs`.
fn at_ref(world: &World, kind: &str, project: &str, wanted: &str) -> Option<Response> {
    let owner = |item: &Value| item["ProjectId"] == project || item["OwnerId"] == project;
    let marked = |item: &Value| item["@refs"].as_array().into_iter().flatten().any(|git_ref| git_ref == wanted);
    let found = world.all(kind).iter().find(|item| owner(item) && marked(item))?;
    Some(Response::json(200, &without_marks(found)))
}

/// A resource as a client sees it.
fn without_marks(item: &Value) -> Value {
    let mut item = item.clone();
    if let Some(fields) = item.as_object_mut() {
        fields.retain(|name, _| !name.starts_with('@'));
    }
    item
}

fn hidden(world: &World, kind: &str) -> bool {
    permission(kind, &[kind.to_owned()], "GET").is_some_and(|needs| world.settings.hide.iter().any(|one| one == needs))
}

fn not_found(what: &str) -> Response {
    Response::json(404, &json!({ "ErrorMessage": format!("The resource '{what}' was not found.") }))
}

fn root(world: &World) -> Value {
    json!({
        "Application": "Octopus Deploy", "Version": world.settings.version, "ApiVersion": "3.0.0",
        "InstallationId": "5b0c7f7e-2d4a-4c39-9a0b-0f6a1c2d3e4f", "HasLongTermSupport": true,
        "Links": {
            "Self": "/api", "CurrentUser": "/api/users/me", "Spaces": "/api/spaces{/id}{?skip,ids,take,partialName}",
            "Web": "/app"
        }
    })
}

fn me() -> Value {
    json!({
        "Id": "Users-377", "Username": "firefighter-bot", "DisplayName": "Firefighter bot", "IsActive": true,
        "IsService": true, "EmailAddress": null, "CanPasswordBeEdited": false, "IsRequestor": true, "Identities": [],
        "Links": { "Self": "/api/users/Users-377" }
    })
}

fn item_type(kind: &str) -> &'static str {
    match kind {
        "deployments" => "Deployment",
        "releases" => "Release",
        "projects" => "Project",
        "environments" => "DeploymentEnvironment",
        "artifacts" => "Artifact",
        "interruptions" => "Interruption",
        "events" => "Event",
        "machines" => "DeploymentTarget",
        "tenants" => "Tenant",
        "runbooks" => "Runbook",
        "runbookruns" => "RunbookRun",
        "runbooksnapshots" => "RunbookSnapshot",
        "channels" => "Channel",
        "workerpools" => "WorkerPool",
        "libraryvariablesets" => "LibraryVariableSet",
        "build-information" => "PackageVersionBuildInformation",
        "actiontemplates" => "ActionTemplate",
        _ => "Resource",
    }
}

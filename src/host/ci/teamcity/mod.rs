//! TeamCity: the build that this step is a part of.
//!
//! The API's answers are in `wire`, the files in which a build is told about itself in `properties`, its log in `log`, and how to
//! speak back in `speak`. A build has a user of its own, who may look at the build and, on most servers, at little else.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::thread;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::clean::plain;
use crate::error::Error;
use crate::http::Http;
use crate::model::{Baseline, Change, Incident, Level, Log, Note, Notice, Outcome, Run};

use super::api::{Api, Trouble, basic};
use super::changes::commit;
use super::{Env, Host, Job, Settings, Standing, Verdict, incident, note, variable};
use wire::{Build, Builds, Tests};

mod log;
mod properties;
mod speak;
mod wire;

/// Builds since the last good one whose commits are told, and commits in all.
const BUILDS: usize = 20;
const COMMITS: usize = 30;
/// Failed tests that are told where there is no log.
const TESTS: usize = 20;
/// The log with full times, for one that runs over midnight.
const LOG: &str = "plain=true&dateFormat=yyyy-MM-dd%27T%27HH%3Amm%3Ass.SSSXXX";
/// What the build's own user may not read, and the one change that lets us.
const GIVE: &str = "give the step TEAMCITY_TOKEN, an access token of a user with the role Project viewer";

struct TeamCity {
    http: Arc<Http>,
    token: Option<String>,
    /// The build's own user and password.
    own: Option<(String, String)>,
    /// The server's address.
    server: Option<String>,
    id: Option<String>,
    branch: Option<String>,
    env: BTreeMap<String, String>,
}

pub(super) fn is_here(env: &Env) -> bool {
    variable(env, "TEAMCITY_VERSION").is_some()
}

pub(super) fn host(env: &Env, settings: &Settings, http: &Arc<Http>) -> Box<dyn Host> {
    let read = |path: Option<&String>| path.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    let mut told = properties::read(&read(variable(env, "TEAMCITY_BUILD_PROPERTIES_FILE").as_ref()));
    // What a build is configured with stands in a second file, which the first one names.
    told.extend(properties::read(&read(told.get("teamcity.configuration.properties.file"))));
    let get = |name: &str| told.get(name).filter(|value| !value.is_empty()).cloned();
    let address = variable(env, "BUILD_URL").and_then(|address| Url::parse(&address).ok());
    let own = get("teamcity.auth.userId").zip(get("teamcity.auth.password"));
    let ours = |name: &str| name.starts_with("TEAMCITY_") || name.starts_with("BUILD_");
    let env = env.iter().filter(|(name, _)| ours(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    Box::new(TeamCity {
        http: Arc::clone(http),
        token: settings.token.clone().or_else(|| variable(&env, "TEAMCITY_TOKEN")),
        own,
        server: get("teamcity.serverUrl").or_else(|| address.as_ref().map(server_of)),
        id: get("teamcity.build.id").or_else(|| address.as_ref().and_then(build_of)),
        branch: get("teamcity.build.branch"),
        env,
    })
}

/// The server of a build's page: what stands before `/viewLog.html`, `/build/1` or `/buildConfiguration/ID/1`.
fn server_of(address: &Url) -> String {
    let pages = ["/viewLog.html", "/buildConfiguration/", "/build/"];
    let path = address.path();
    let end = pages.iter().filter_map(|page| path.find(page)).min().unwrap_or(0);
    format!("{}{}", address.origin().ascii_serialization(), path.get(..end).unwrap_or_default())
}

/// The id of the build whose page that is.
fn build_of(address: &Url) -> Option<String> {
    let asked = address.query_pairs().find(|(name, _)| name == "buildId").map(|(_, id)| id.into_owned());
    let last = || address.path_segments()?.next_back().map(str::to_owned);
    asked.or_else(last).filter(|id| !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()))
}

impl Host for TeamCity {
    fn collect(&self, notes: &mut Vec<Note>) -> Result<Incident, Error> {
        let Some(id) = &self.id else {
            return Err(Error::Nothing(
                "the build's id is not known: run inside a build step, where TEAMCITY_BUILD_PROPERTIES_FILE is set, name a log \
                 with --log FILE, or wrap the command with `firefighter run -- COMMAND`"
                    .to_owned(),
            ));
        };
        let api = self.api().map_err(|trouble| Error::Settings(trouble.to_string()))?;
        let (build, log) = thread::scope(|scope| {
            let log = scope.spawn(|| fetch(&api, id));
            let build = api.get::<Build>(&format!("app/rest/builds/id:{id}?fields={}", wire::BUILD));
            (build, log.join().unwrap_or(Err(Trouble::Enough)))
        });
        let build = build.unwrap_or_else(|trouble| {
            notes.push(note(format!("the build: {trouble}; {GIVE}")));
            Build::default()
        });
        let log = log.or_else(|trouble| {
            let instead = self.listed(&api, id, &build);
            let tells = if instead.is_some() { "; what the server lists of it stands in its place" } else { "" };
            notes.push(note(format!("the build's log: {trouble}{tells}; {GIVE}")));
            instead.ok_or(trouble)
        });
        let job = Job {
            name: self.name(&build),
            outcome: Outcome::Failed,
            started: wire::time(build.start_date.as_deref()),
            finished: wire::time(build.finish_date.as_deref()),
            attempts: 1,
            log: log.ok(),
        };
        let mut incident = incident(self.run(&build), vec![job])?;
        match self.last_good(&api, &build, notes) {
            Ok(Some((baseline, changes))) => {
                incident.baseline = Some(baseline);
                incident.changes = changes;
            }
            Ok(None) => {}
            Err(trouble) => notes.push(note(format!("the last good build: {trouble}; {GIVE}"))),
        }
        for secret in self.token.iter().chain(self.own.iter().map(|(_, password)| password)) {
            incident.secrets.add(secret.clone());
        }
        Ok(incident)
    }

    fn say(&self, notices: &[Notice]) -> Option<String> {
        Some(speak::say(notices))
    }

    fn printed(&self, text: &str) -> Option<String> {
        Some(super::neutral::printed(text))
    }

    fn examine(&self) -> Vec<Verdict> {
        let Some(id) = &self.id else {
            return vec![Verdict::new(
                Standing::Bad,
                "TeamCity",
                "the build's id is not known: run inside a build step",
            )];
        };
        let log = self.api().and_then(|api| fetch(&api, id));
        let standing = if self.token.is_some() { Standing::Bad } else { Standing::Poor };
        vec![match log {
            Ok(log) => {
                let count = log.lines.len() + log.omitted;
                Verdict::new(Standing::Good, "TeamCity", format!("the log of build {id} has {count} lines"))
            }
            Err(trouble) => Verdict::new(standing, "TeamCity", format!("the log of build {id}: {trouble}; {GIVE}")),
        }]
    }
}

impl TeamCity {
    fn var(&self, name: &str) -> String {
        variable(&self.env, name).unwrap_or_default()
    }

    fn api(&self) -> Result<Api<'_>, Trouble> {
        let server = self.server.as_deref().unwrap_or_default().trim_end_matches('/');
        let (base, credentials) = match (&self.token, &self.own) {
            (Some(token), _) => (server.to_owned(), Some(("authorization", format!("Bearer {token}")))),
            // Users with a password have a door of their own.
            (None, Some((user, password))) => (format!("{server}/httpAuth"), Some(basic(user, password))),
            (None, None) => (format!("{server}/guestAuth"), None),
        };
        Api::new(&self.http, &base, &[("accept", "application/json")], credentials.into_iter().collect())
    }

    fn name(&self, build: &Build) -> String {
        let told = build.build_type.as_ref().and_then(|kind| kind.name.clone());
        told.unwrap_or_else(|| self.var("TEAMCITY_BUILDCONF_NAME"))
    }

    fn run(&self, build: &Build) -> Run {
        let project = build.build_type.as_ref().and_then(|kind| kind.project_name.clone());
        let project = project.or_else(|| variable(&self.env, "TEAMCITY_PROJECT_NAME"));
        let number = build.number.clone().unwrap_or_else(|| self.var("BUILD_NUMBER"));
        let of = project.as_ref().map(|project| format!(" of {project}")).unwrap_or_default();
        let mut problems: Vec<&str> = build.problems().collect();
        if problems.is_empty() {
            problems.extend(build.status_text.as_deref().filter(|_| build.status.as_deref() == Some("FAILURE")));
        }
        Run {
            host: "TeamCity".to_owned(),
            id: self.id.clone().unwrap_or_default(),
            title: format!("{} #{number}{of}", self.name(build)),
            url: build.web_url.clone().or_else(|| variable(&self.env, "BUILD_URL")),
            project,
            version: build.branch_name.clone().or_else(|| self.branch.clone()),
            commit: build.commit().or_else(|| variable(&self.env, "BUILD_VCS_NUMBER")),
            started: wire::time(build.start_date.as_deref()),
            finished: wire::time(build.finish_date.as_deref()),
            error: Some(problems.join("; ")).filter(|text| !text.is_empty()),
            ..Run::default()
        }
    }

    /// The problems and failed tests that the server lists, where there is no log.
    fn listed(&self, api: &Api, id: &str, build: &Build) -> Option<Log> {
        let path = format!(
            "app/rest/testOccurrences?locator=build:(id:{id}),status:FAILURE,count:{TESTS}&fields=testOccurrence(name,details)"
        );
        let tests: Tests = api.get(&path).unwrap_or_default();
        let mut text: Vec<String> = build.problems().map(str::to_owned).collect();
        for test in tests.test_occurrence.into_iter().flatten() {
            text.push(format!("{} failed", test.name.unwrap_or_default()));
            text.extend(test.details);
        }
        let mut log = plain(text.join("\n").as_bytes()).ok().filter(|log| !log.lines.is_empty())?;
        for line in &mut log.lines {
            line.level = Level::Error;
        }
        Some(log)
    }

    /// The last good build on the same branch, else on the default one, with its log; and the commits since.
    fn last_good(
        &self,
        api: &Api,
        build: &Build,
        notes: &mut Vec<Note>,
    ) -> Result<Option<(Baseline, Vec<Change>)>, Trouble> {
        let Some(kind) = build.build_type.as_ref().and_then(|kind| kind.id.as_ref()) else { return Ok(None) };
        let of = format!("buildType:(id:{kind})");
        let on_default = build.default_branch == Some(true) || build.branch_name.is_none();
        let named = build.branch_name.as_ref().filter(|_| !on_default).map(|branch| {
            let quoted = utf8_percent_encode(branch, NON_ALPHANUMERIC);
            (format!("branch:(name:({quoted}))"), branch.as_str())
        });
        let default = (
            "branch:(default:true)".to_owned(),
            build.branch_name.as_deref().filter(|_| on_default).unwrap_or("the default branch"),
        );
        let mut found = None;
        for (branch, name) in named.into_iter().chain([default]) {
            let path = format!(
                "app/rest/builds?locator={of},{branch},status:SUCCESS,state:finished,count:5&fields=build({})",
                wire::BUILD
            );
            let builds: Builds = api.get(&path)?;
            let good = builds.build.into_iter().flatten().find(|one| one.id < build.id);
            found = good.map(|good| (good, branch, name.to_owned()));
            if found.is_some() {
                break;
            }
        }
        let Some((good, branch, name)) = found else { return Ok(None) };
        let since = format!(
            "app/rest/builds?locator={of},{branch},sinceBuild:(id:{}),state:any,count:{BUILDS}&fields=build({})",
            good.id,
            wire::CHANGES
        );
        let (changes, log) = thread::scope(|scope| {
            let changes = scope.spawn(|| api.get::<Builds>(&since));
            let log = fetch(api, &good.id.to_string());
            (changes.join().unwrap_or(Err(Trouble::Enough)), log)
        });
        let changes = changes.unwrap_or_else(|trouble| {
            notes.push(note(format!("the commits since the last good build: {trouble}")));
            Builds::default()
        });
        let log = log.unwrap_or_else(|trouble| {
            notes.push(note(format!("the log of the last good build: {trouble}")));
            Log::default()
        });
        let (id, url, commit) = (good.id.to_string(), good.web_url.clone(), good.commit());
        let run = Run { error: None, id, url, commit, ..self.run(&good) };
        let baseline = Baseline { run, log, why: format!("the last success on {name}") };
        Ok(Some((baseline, told(changes, build.id))))
    }
}

fn fetch(api: &Api, id: &str) -> Result<Log, Trouble> {
    let response = api.open_as(&format!("downloadBuildLog.html?buildId={id}&{LOG}"), "text/plain, */*")?;
    log::read(response.into_reader()).map_err(|error| Trouble::Nonsense(format!("it broke off: {error}")))
}

/// The commits of all builds up to `last`, newest first, each once.
fn told(builds: Builds, last: u64) -> Vec<Change> {
    let mut builds: Vec<Build> = builds.build.into_iter().flatten().filter(|build| build.id <= last).collect();
    builds.sort_by_key(|build| std::cmp::Reverse(build.id));
    let mut seen = Vec::new();
    let mut changes = Vec::new();
    for change in builds.into_iter().filter_map(|build| build.changes?.change).flatten() {
        if changes.len() >= COMMITS || seen.contains(&change.id) {
            continue;
        }
        seen.push(change.id);
        let message = change.comment.unwrap_or_default();
        let files = change.files.and_then(|files| files.file).unwrap_or_default();
        let files = files.into_iter().filter_map(|file| file.relative.or(file.file));
        let told = commit(&change.version.unwrap_or_default(), message.trim_end());
        changes.push(Change {
            details: Some(super::with_files(message.trim_end(), files)),
            who: change.username,
            when: wire::time(change.date.as_deref()),
            url: change.web_url,
            ..told
        });
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_builds_page_tells_server_and_id() {
        let check = |address: &str, server: &str, id: Option<&str>| {
            let address = Url::parse(address).unwrap();
            assert_eq!((server_of(&address).as_str(), build_of(&address).as_deref()), (server, id));
        };
        check("https://tc.example.com/viewLog.html?buildId=42&x=1", "https://tc.example.com", Some("42"));
        check("https://x.example.com/ci/buildConfiguration/Shop_Build/42", "https://x.example.com/ci", Some("42"));
        check("https://tc.example.com/build/7", "https://tc.example.com", Some("7"));
        check("https://tc.example.com/other", "https://tc.example.com", None);
    }
}

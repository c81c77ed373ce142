//! What commits and work items say where they are hosted: files, diffs, titles and texts, from GitHub, GitLab, Bitbucket, Azure
//! DevOps and Gitea.
//!
//! A [`Dialect`] is two functions: an address in the portal into a [`Thing`], and a thing into what its API tells of it. Neither
//! opens a socket: they are given a function to ask with. Only known public hosts and those the user named are ever asked, a
//! token goes to its own host alone, and whatever does not come costs a note. The minimal example is `gitea`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::http::Http;
use crate::model::{Change, ChangeKind, Definition, Incident, Note, Run, Stage, Suspect};
use crate::ocl;

mod ask;
mod azure;
mod bitbucket;
mod diff;
mod gitea;
mod github;
mod gitlab;
pub mod issues;
mod told;

use ask::{Place, Trouble, ask_all, under};
use told::Told;

/// Commits that are asked for without a token, and work items: a public API is limited to some calls an hour.
const FEW: usize = 5;
/// The same with a token.
const MANY: usize = 15;
/// The longest that all of it may take, and the share of the time left that it may take at most.
const PATIENCE: Duration = Duration::from_secs(3);
const SHARE: u32 = 4;
/// Bytes of one commit or work item that are kept, and of all together.
const KEPT: usize = 64 << 10;
const ALL_KEPT: usize = 512 << 10;

/// The hosts that may be asked, in words: which of them a token is sent to, and how one is given to the others; no call is made.
/// The first value tells whether any has a token; an empty text means that nobody may be asked.
#[must_use]
pub fn described(choice: &Choice) -> (bool, String) {
    if choice.off {
        return (false, String::new());
    }
    let host = |forge: &Forge| forge.address.host_str().unwrap_or_default().to_owned();
    let (with, without): (Vec<&Forge>, Vec<&Forge>) = choice.forges.iter().partition(|forge| forge.token.is_some());
    let list = |forges: &[&Forge]| {
        let mut names: Vec<String> = forges.iter().map(|forge| host(forge)).collect();
        names.dedup();
        names.join(", ")
    };
    let mut text = Vec::new();
    if !with.is_empty() {
        text.push(format!("with a token, which was not tried: {}", list(&with)));
    }
    if !without.is_empty() {
        let mut tokens: Vec<&str> = without.iter().map(|forge| forge.dialect.token).collect();
        tokens.sort_unstable();
        tokens.dedup();
        text.push(format!("without one, so public ones alone: {} (set {})", list(&without), tokens.join(", ")));
    }
    (!with.is_empty(), text.join("; "))
}

/// What is asked, and where.
#[derive(Clone, Default)]
pub struct Choice {
    /// Nobody is asked.
    pub off: bool,
    /// The hosts that may be asked: those the user named first, then the public ones.
    pub forges: Vec<Forge>,
    /// Where earlier issues are looked for; `None` for nowhere.
    pub issues: Option<Issues>,
}

/// Where earlier issues are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issues {
    /// In this repository, as `OWNER/REPO`.
    In(String),
    /// In the repository that most of the run's commits and work items come from.
    OfTheCommits,
}

/// A host of commits and work items.
#[derive(Clone)]
pub struct Forge {
    /// How it is spoken to.
    pub dialect: &'static Dialect,
    /// Its address in a browser: where links to it begin.
    pub address: Url,
    /// Whether hosts below that one are it too.
    pub below: bool,
    /// What it is asked with.
    pub token: Option<String>,
}

/// How a sort of host is spoken to.
pub struct Dialect {
    /// Its name in settings.
    pub name: &'static str,
    /// The variable of its token, to advise it.
    pub token: &'static str,
    /// Its public hosts; one that begins with a dot stands for all below it.
    pub hosts: &'static [&'static str],
    /// Whether those are one service, to which a token can belong.
    pub one_service: bool,
    /// What an address means, by the parts of its path below the host's own.
    read: fn(&[&str]) -> Option<Thing>,
    /// What is told of it.
    told: fn(&Place<'_>, &Thing) -> Result<Told, Trouble>,
    /// The header that proves who asks.
    proof: fn(&str) -> String,
}

/// Every dialect.
pub const DIALECTS: &[Dialect] = &[
    Dialect {
        name: "github",
        token: "FIREFIGHTER_GITHUB_TOKEN",
        hosts: &["github.com"],
        one_service: true,
        read: github::read,
        told: github::told,
        proof: bearer,
    },
    Dialect {
        name: "gitlab",
        token: "FIREFIGHTER_GITLAB_TOKEN",
        hosts: &["gitlab.com"],
        one_service: true,
        read: gitlab::read,
        told: gitlab::told,
        proof: bearer,
    },
    Dialect {
        name: "bitbucket",
        token: "FIREFIGHTER_BITBUCKET_TOKEN",
        hosts: &["bitbucket.org"],
        one_service: true,
        read: bitbucket::read,
        told: bitbucket::told,
        proof: bitbucket::proof,
    },
    Dialect {
        name: "azure-devops",
        token: "FIREFIGHTER_AZURE_DEVOPS_TOKEN",
        hosts: &["dev.azure.com", ".visualstudio.com"],
        one_service: true,
        read: azure::read,
        told: azure::told,
        proof: azure::proof,
    },
    Dialect {
        name: "gitea",
        token: "FIREFIGHTER_GITEA_TOKEN",
        hosts: &["codeberg.org", "gitea.com"],
        one_service: false,
        read: gitea::read,
        told: gitea::told,
        proof: gitea::proof,
    },
];

impl std::fmt::Debug for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A commit or work item, by what its address says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Thing {
    /// The parts that name the repository or project.
    project: Vec<String>,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// By its hash.
    Commit(String),
    /// By its number.
    Issue(u64),
    /// A pull or merge request, by its number.
    Merge(u64),
    /// A file's text at a commit.
    File { path: String, commit: String },
}

/// One thing to ask for.
struct Job<'a> {
    /// The index of the change; `None` for the file that the run's steps are written in.
    change: Option<usize>,
    forge: &'a Forge,
    /// The host's address as the link has it.
    address: Url,
    thing: Thing,
}

/// Adds to the commits and work items among the changes, and to steps that are written in a repository, what their hosts tell of
/// them.
pub fn enrich(incident: &mut Incident, choice: &Choice, http: &Http, notes: &mut Vec<Note>) {
    let (mut jobs, left) = jobs(&incident.changes, choice);
    jobs.extend(source(&incident.definitions, choice));
    if jobs.is_empty() {
        return;
    }
    let end = Instant::now() + PATIENCE.min(http.left() / SHARE);
    let told = ask_all(&jobs, http, end);
    let most = (ALL_KEPT / jobs.len()).min(KEPT);
    let mut troubles: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for (job, told) in jobs.iter().zip(told) {
        let Some(change) = job.change else {
            match told {
                Ok(told) => write_in(&mut incident.definitions, &told.text),
                Err(trouble) => notes.push(Note {
                    stage: Stage::Collect,
                    text: format!(
                        "the file of the process could not be read at {}, so a change of a setting is no diff: {}",
                        name(&job.address),
                        trouble.told(job.forge)
                    ),
                }),
            }
            continue;
        };
        let trouble = match told {
            Ok(mut told) => {
                let trouble = told.missing.take();
                if let Some(change) = incident.changes.get_mut(change) {
                    apply(change, &told, &incident.run, most);
                }
                trouble
            }
            Err(trouble) => Some(trouble),
        };
        if let Some(trouble) = trouble {
            troubles.entry(name(&job.address)).or_insert_with(|| (0, trouble.told(job.forge))).0 += 1;
        }
    }
    let mut note = |text: String| notes.push(Note { stage: Stage::Collect, text });
    for (host, (count, why)) in troubles {
        let all = jobs.iter().filter(|job| job.change.is_some() && name(&job.address) == host).count();
        note(format!("{count} of {all} commits and work items at {host} could not be read: {why}"));
    }
    if left > 0 {
        note(format!("{left} more commits and work items were not looked up where they are hosted"));
    }
}

/// Brings the patches of suspected commits that meet the evidence to the front, so that they are shown where the rest is cut.
pub fn lead(changes: &mut [Change], suspects: &[Suspect]) {
    for suspect in suspects {
        let change = changes.get_mut(suspect.change).filter(|change| change.kind == ChangeKind::Commit);
        if let Some(details) = change.and_then(|change| change.details.as_mut()) {
            *details = told::with_first(details, &suspect.words);
        }
    }
}

/// What is to be asked for, in the order of the changes, which is from new to old; and how many are too many.
fn jobs<'a>(changes: &[Change], choice: &'a Choice) -> (Vec<Job<'a>>, usize) {
    let (mut commits, mut items, mut left) = (0, 0, 0);
    let mut jobs = Vec::new();
    for (index, change) in changes.iter().enumerate().filter(|_| !choice.off) {
        let count = match change.kind {
            ChangeKind::Commit => &mut commits,
            ChangeKind::WorkItem => &mut items,
            _ => continue,
        };
        let Some((forge, address, thing)) = change.url.as_deref().and_then(|url| find(&choice.forges, url)) else {
            continue;
        };
        if *count < if forge.token.is_some() { MANY } else { FEW } {
            *count += 1;
            jobs.push(Job { change: Some(index), forge, address, thing });
        } else {
            left += 1;
        }
    }
    (jobs, left)
}

/// The file that the steps are written in: one for all steps of a run.
fn source<'a>(definitions: &[Definition], choice: &'a Choice) -> Option<Job<'a>> {
    let source = definitions.iter().find_map(|definition| definition.source.as_ref()).filter(|_| !choice.off)?;
    // Each host has an address of this form for a commit.
    let link = format!("{}/commit/{}", source.repository.trim_end_matches('/'), source.commit);
    let (forge, address, mut thing) = find(&choice.forges, &link)?;
    let What::Commit(commit) = thing.what else { return None };
    thing.what = What::File { path: source.path.clone(), commit };
    Some(Job { change: None, forge, address, thing })
}

/// Gives each definition its step's lines in the file.
fn write_in(definitions: &mut [Definition], text: &str) {
    for source in definitions.iter_mut().filter_map(|definition| definition.source.as_mut()) {
        source.lines = ocl::step(text, &source.step);
    }
}

/// The host that `link` leads to, its address, and the thing there. `None` for any host that is neither public nor named.
fn find<'a>(forges: &'a [Forge], link: &str) -> Option<(&'a Forge, Url, Thing)> {
    let link = Url::parse(link).ok()?;
    let parts: Vec<String> = link
        .path_segments()?
        .filter(|part| !part.is_empty())
        .map(|part| percent_decode_str(part).decode_utf8().ok().map(std::borrow::Cow::into_owned))
        .collect::<Option<_>>()?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    forges.iter().find_map(|forge| {
        let (address, below) = forge.holds(&link, &parts)?;
        Some((forge, address, (forge.dialect.read)(below)?))
    })
}

impl Forge {
    /// The public hosts of `dialect`, which take `token`.
    pub fn public(dialect: &'static Dialect, token: Option<&String>) -> impl Iterator<Item = Self> {
        dialect.hosts.iter().filter_map(move |host| {
            let address = Url::parse(&format!("https://{}/", host.trim_start_matches('.'))).ok()?;
            Some(Self { dialect, address, below: host.starts_with('.'), token: token.cloned() })
        })
    }

    /// The host's own address and the parts of `link` below it, if it leads there: same scheme, host and port.
    fn holds<'l>(&self, link: &Url, parts: &'l [&'l str]) -> Option<(Url, &'l [&'l str])> {
        if self.below {
            let (host, all) = (link.host_str()?, self.address.host_str()?);
            let name = host.strip_suffix(all)?.strip_suffix('.')?;
            let is_name = plain(name) && !name.contains('.');
            if !is_name || link.scheme() != "https" || link.port().is_some() {
                return None;
            }
            return Some((Url::parse(&format!("https://{host}/")).ok()?, parts));
        }
        if link.origin() != self.address.origin() {
            return None;
        }
        let own: Vec<&str> = self.address.path_segments()?.filter(|part| !part.is_empty()).collect();
        let (first, below) = parts.split_at_checked(own.len())?;
        (first == own).then(|| (self.address.clone(), below))
    }

    /// What proves who asks; nothing where it could be read on the way.
    fn proof(&self) -> Option<(&'static str, String)> {
        let loopback = match self.address.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        let token = self.token.as_ref().filter(|_| loopback || self.address.scheme() == "https")?;
        // What can't stand in a header would otherwise cost the whole call.
        let fits = token.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| ("authorization", (self.dialect.proof)(token)))
    }
}

/// Writes down what was told. What the run's own host said of the change stays.
fn apply(change: &mut Change, told: &Told, run: &Run, most: usize) {
    let subject = told.title.trim();
    let bare = match change.kind {
        ChangeKind::Commit => change.title.split_whitespace().count() < 3,
        _ => change.title.split_whitespace().count() < 2,
    };
    if bare && !subject.is_empty() {
        change.title = format!("{} {subject}", change.title.trim()).chars().take(told::TITLE).collect();
    }
    if change.who.is_none() {
        change.who.clone_from(&told.who);
    }
    // A commit's time is its writer's clock: what went into the run can't be younger than the run.
    let known = |when: &jiff::Timestamp| run.started.is_none_or(|started| *when <= started);
    if change.kind == ChangeKind::Commit && change.when.is_none() {
        change.when = told.when.filter(known);
    }
    let details = told::details(change.details.as_deref().unwrap_or_default(), told, most);
    change.details = Some(details).filter(|details| !details.is_empty());
}

/// A host as a reader knows it, with its port if that is an unusual one.
fn name(address: &Url) -> String {
    let host = address.host_str().unwrap_or_default();
    address.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Whether a part of a path is a name as repositories have them.
fn plain(part: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "._-~".contains(c);
    (1..=100).contains(&part.len()) && part.chars().all(known) && !matches!(part, "." | "..")
}

/// The parts that name a repository: all plain, without `.git` at the end.
fn repository(parts: &[&str]) -> Option<Vec<String>> {
    let (last, others) = parts.split_last()?;
    let last = last.strip_suffix(".git").unwrap_or(last);
    let all = others.iter().chain([&last]);
    all.map(|part| plain(part).then(|| (*part).to_owned())).collect()
}

/// A hash as commits have them.
fn hash(part: &str) -> Option<What> {
    let fits = (7..=64).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| What::Commit(part.to_ascii_lowercase()))
}

fn number(part: &str) -> Option<u64> {
    part.parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests;

//! One call after the other, several side by side: what a host answers, or why it did not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use serde::de::DeserializeOwned;
use url::Url;

use super::told::Told;
use super::{Forge, Job, name};
use crate::http::{Failure, Http, Request};
use crate::tree;

/// How many are asked for side by side.
const ABREAST: usize = 6;
/// Bytes of an answer as JSON, which is of no use when cut, and as text.
const LARGEST_JSON: u64 = 8 << 20;
const LARGEST_TEXT: u64 = 1 << 20;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Text,
}

/// Where a thing is and how to ask there.
pub(super) struct Place<'a> {
    /// The host's own address.
    pub(super) address: &'a Url,
    pub(super) ask: &'a dyn Fn(Url, Form) -> Result<String, Trouble>,
}

impl Place<'_> {
    /// What is told at `path` below `api`, as JSON.
    pub(super) fn json<T: DeserializeOwned>(
        &self,
        api: &Url,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Trouble> {
        let text = (self.ask)(under(api, path, query), Form::Json)?;
        tree::read(&text).map_err(|_| Trouble::Unreadable)
    }

    pub(super) fn text(&self, api: &Url, path: &[&str], query: &[(&str, &str)]) -> Result<String, Trouble> {
        (self.ask)(under(api, path, query), Form::Text)
    }
}

/// Why something was not told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    /// The host can't be reached, in the words of the transport.
    Unreachable(String),
    Late,
    Limited,
    /// A page for people came where data should: who is not logged in is sent to one.
    Page,
    Refused,
    Missing,
    Status(u16),
    Unreadable,
}

impl Trouble {
    /// Whether asking the same host for something else would end alike.
    pub(super) fn is_the_hosts(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Late | Self::Limited)
    }

    /// In words, with what helps.
    pub(super) fn told(&self, forge: &Forge) -> String {
        let token = forge.dialect.token;
        let may = if forge.token.is_some() { "the token may not read them" } else { "a token may be needed" };
        match self {
            Self::Unreachable(reason) => format!("{reason}; --no-forge asks nobody"),
            Self::Late => "it did not answer in time".to_owned(),
            Self::Limited if forge.token.is_none() => format!("it limits the rate of calls; {token} raises the limit"),
            Self::Limited => "it limits the rate of calls".to_owned(),
            Self::Page => format!("it answered with a page to log in; {may} ({token})"),
            Self::Refused => format!("it refused; {may} ({token})"),
            Self::Missing => format!("it knows no such thing, or hides it; {may} ({token})"),
            Self::Status(status) => format!("it answered with status {status}"),
            Self::Unreadable => "its answer made no sense".to_owned(),
        }
    }
}

/// What is told of each job, asked for side by side.
pub(super) fn ask_all(jobs: &[Job<'_>], http: &Http, end: Instant) -> Vec<Result<Told, Trouble>> {
    let next = AtomicUsize::new(0);
    let found: Mutex<BTreeMap<usize, Result<Told, Trouble>>> = Mutex::default();
    let given_up: Mutex<BTreeMap<String, Trouble>> = Mutex::default();
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else { break };
            let host = name(&job.address);
            let known = given_up.lock().unwrap_or_else(PoisonError::into_inner).get(&host).cloned();
            let told = known.map_or_else(|| ask_one(job, http, end), Err);
            if let Err(trouble) = &told
                && trouble.is_the_hosts()
            {
                let mut given_up = given_up.lock().unwrap_or_else(PoisonError::into_inner);
                given_up.entry(host).or_insert_with(|| trouble.clone());
            }
            found.lock().unwrap_or_else(PoisonError::into_inner).insert(index, told);
        }
    };
    thread::scope(|scope| {
        for _ in 0..ABREAST.min(jobs.len()) {
            scope.spawn(work);
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    (0..jobs.len()).map(|index| found.remove(&index).unwrap_or(Err(Trouble::Unreadable))).collect()
}

fn ask_one(job: &Job<'_>, http: &Http, end: Instant) -> Result<Told, Trouble> {
    let ask = |url: Url, form: Form| ask(http, job.forge.proof(), url, form, end);
    (job.forge.dialect.told)(&Place { address: &job.address, ask: &ask }, &job.thing)
}

/// One call: a body, or why there is none.
pub(super) fn ask(
    http: &Http,
    proof: Option<(&'static str, String)>,
    url: Url,
    form: Form,
    end: Instant,
) -> Result<String, Trouble> {
    let patience = end.saturating_duration_since(Instant::now());
    if patience.is_zero() {
        return Err(Trouble::Late);
    }
    let accept = if form == Form::Json { "application/json" } else { "text/plain" };
    let request = Request {
        headers: vec![("accept", accept.to_owned())],
        credentials: proof.into_iter().collect(),
        patience,
        attempts: 1,
        limit: Some(patience),
        ..Request::get(url)
    };
    let response = http.send(&request).map_err(|failure| match failure {
        Failure::Late(_) => Trouble::Late,
        other => Trouble::Unreachable(other.to_string()),
    })?;
    let (status, is_page) = (response.status, response.media_type == "text/html");
    let is_json = response.media_type.ends_with("json");
    let most = if form == Form::Json { LARGEST_JSON } else { LARGEST_TEXT };
    let body = response.text(if status == 200 { most } else { 4 << 10 }).map_err(|_| {
        let is_late = Instant::now() >= end;
        if is_late { Trouble::Late } else { Trouble::Unreachable("the answer broke off".to_owned()) }
    });
    match status {
        200 | 203 if is_page => Err(Trouble::Page),
        200 if form == Form::Json && !is_json => Err(Trouble::Unreadable),
        200 => body,
        203 => Err(Trouble::Page),
        429 => Err(Trouble::Limited),
        403 if body.is_ok_and(|body| body.to_ascii_lowercase().contains("rate limit")) => Err(Trouble::Limited),
        401 | 403 => Err(Trouble::Refused),
        404 | 410 => Err(Trouble::Missing),
        status => Err(Trouble::Status(status)),
    }
}

/// `api` with `path` and `query` below it, each part encoded.
pub(super) fn under(api: &Url, path: &[&str], query: &[(&str, &str)]) -> Url {
    let mut url = api.clone();
    if let Ok(mut parts) = url.path_segments_mut() {
        parts.pop_if_empty().extend(path);
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

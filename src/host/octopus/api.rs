//! Calls to an Octopus Server: addresses, the key, a limit on their number, and what an answer that is no answer means.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use thiserror::Error;
use url::Url;

use crate::http::{Failure, Http, Request, Response, public};
use crate::tree;

use super::wire::Failing;

/// Calls of one run, so that a deployment gone wrong on 500 machines does not also bring down its server.
pub(super) const CALLS: usize = 25;
/// Calls under way at once.
const ABREAST: usize = 4;
/// The most that is read of an answer other than a log.
const CAP: u64 = 16 << 20;
/// What stands for itself in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How we show who we are.
#[derive(Clone, Default)]
pub enum Credential {
    /// We don't.
    #[default]
    None,
    /// With an API key.
    ApiKey(String),
    /// With a bearer token, such as one from an OIDC exchange.
    AccessToken(String),
}

/// Why a call brought nothing. Its text ends a sentence that begins with what was asked for.
#[derive(Debug, Error)]
pub(super) enum Trouble {
    #[error("{0}")]
    Network(#[from] Failure),
    #[error("401, the key or token is not accepted: {0}")]
    Unauthorized(String),
    #[error("403, a permission is missing: {0}")]
    Forbidden(String),
    #[error("404, it is not there or not visible to this key: {0}")]
    NotFound(String),
    #[error("429, the server asks us to call less often")]
    Busy,
    #[error("status {0}: {1}")]
    Status(u16, String),
    #[error(
        "{0} answers with a web page where its API should be: the address is wrong, or a proxy or login page stands in front of it"
    )]
    Page(String),
    #[error("the answer makes no sense: {0}")]
    Nonsense(String),
    #[error("the limit of {CALLS} calls is reached")]
    Enough,
}

/// A server, a space in it, and the right to ask.
pub(super) struct Api<'a> {
    http: &'a Http,
    base: Url,
    credential: Credential,
    calls: &'a AtomicUsize,
    /// How many of all calls of the run these may be.
    most: usize,
    once: AtomicBool,
    abreast: Mutex<usize>,
    freed: Condvar,
}

impl<'a> Api<'a> {
    /// The server at `base`. All `calls` of a run are counted together; from `most` of them on, none is made here.
    pub(super) fn new(http: &'a Http, base: Url, credential: Credential, calls: &'a AtomicUsize, most: usize) -> Self {
        let (abreast, freed) = (Mutex::new(0), Condvar::new());
        Self { http, base, credential, calls, most, once: AtomicBool::new(false), abreast, freed }
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// How many more calls may be made.
    pub(super) fn left(&self) -> usize {
        self.most.saturating_sub(self.calls.load(Ordering::Relaxed) + self.http.resent())
    }

    /// From now on each call is made once and leaves time for the diagnosis: what is asked yet is worth no more load on a server
    /// that is in trouble.
    pub(super) fn ask_once(&self) {
        self.once.store(true, Ordering::Relaxed);
    }

    /// `GET {server}/api/{path}` as JSON. Values in `path` are escaped by [`segment`].
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        // One answer that never comes must not take the time that the others and the diagnosis need.
        let patience = Duration::from_secs(30).min(self.http.left() / 2);
        let text = self.open(path, patience, |response| {
            response.text(CAP).map_err(|error| Trouble::Nonsense(format!("it broke off: {error}")))
        })?;
        tree::read(&text).map_err(|error| Trouble::Nonsense(error.to_string()))
    }

    /// `GET {server}/api/{path}` as a stream that `read` consumes, however long it takes within the deadline.
    pub(super) fn stream<T>(
        &self,
        path: &str,
        read: impl FnOnce(Box<dyn Read + Send>) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let left = self.http.left();
        let patience = if self.once.load(Ordering::Relaxed) { left / 2 } else { left };
        self.open(path, patience, |response| read(response.into_reader()))
    }

    fn open<T>(
        &self,
        path: &str,
        patience: Duration,
        read: impl FnOnce(Response) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        if self.calls.fetch_add(1, Ordering::Relaxed) + self.http.resent() >= self.most {
            return Err(Trouble::Enough);
        }
        let base = self.base.as_str().trim_end_matches('/');
        let address = format!("{base}/api/{path}");
        let address = address.trim_end_matches('/');
        let url = Url::parse(address).map_err(|error| Trouble::Nonsense(error.to_string()))?;
        let mut request = Request { patience, ..Request::get(url) };
        if self.once.load(Ordering::Relaxed) {
            request.attempts = 1;
        }
        request.headers.push(("accept", "application/json, text/plain".to_owned()));
        match &self.credential {
            Credential::None => {}
            Credential::ApiKey(key) => request.credentials.push(("x-octopus-apikey", key.clone())),
            Credential::AccessToken(token) => request.credentials.push(("authorization", format!("Bearer {token}"))),
        }
        let _place = self.place();
        // Those under way may each be made again: near the limit nobody is.
        let spare = u32::try_from(self.left() / (2 * ABREAST)).unwrap_or(u32::MAX);
        request.attempts = request.attempts.min(1 + spare);
        let response = self.http.send(&request)?;
        let status = response.status;
        if status == 200 && response.media_type == "text/html" {
            return Err(Trouble::Page(public(&request.url)));
        }
        if status == 200 {
            return read(response);
        }
        let html = response.media_type == "text/html";
        let text = response.text(1 << 16).unwrap_or_default();
        let message = if html { "a web page".to_owned() } else { reason(&text) };
        Err(match status {
            401 => Trouble::Unauthorized(message),
            403 => Trouble::Forbidden(message),
            404 => Trouble::NotFound(message),
            429 => Trouble::Busy,
            _ => Trouble::Status(status, message),
        })
    }

    /// Waits until fewer than [`ABREAST`] calls are under way.
    fn place(&self) -> Place<'_, 'a> {
        let mut abreast = self.abreast.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while *abreast >= ABREAST {
            abreast = self.freed.wait(abreast).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        *abreast += 1;
        Place(self)
    }
}

/// A call under way.
struct Place<'b, 'a>(&'b Api<'a>);

impl Drop for Place<'_, '_> {
    fn drop(&mut self) {
        *self.0.abreast.lock().unwrap_or_else(std::sync::PoisonError::into_inner) -= 1;
        self.0.freed.notify_one();
    }
}

/// A value as one segment of a path, or as a query's value.
pub(super) fn segment(value: &str) -> String {
    utf8_percent_encode(value, SEGMENT).to_string()
}

/// What an error body says, in a line: the server's own message, or the beginning of whatever it is.
fn reason(body: &str) -> String {
    let text = match tree::read::<Failing>(body) {
        Ok(failing) if !failing.error_message.is_empty() => {
            failing.errors.iter().fold(failing.error_message, |all, error| format!("{all} {error}"))
        }
        _ => body.to_owned(),
    };
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect();
    if line.is_empty() { "no reason given".to_owned() } else { line }
}

//! Calls to a build server's REST API: one limit on their number, one word for each thing that goes wrong.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use thiserror::Error;
use url::Url;

use crate::http::{Failure, Http, Request, Response, in_ascii, public};
use crate::tree;

/// Calls of one run.
const CALLS: usize = 25;
/// The most that is read of an answer other than a log.
const CAP: u64 = 16 << 20;

/// What stands as it is in a part of a path and in a value of a query: RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `text` as one part of a path, or as a value of a query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Why a call brought nothing. Its text ends a sentence that begins with what was asked for.
#[derive(Debug, Error)]
pub(super) enum Trouble {
    #[error("{0}")]
    Network(#[from] Failure),
    #[error("401, the token is not accepted")]
    Unauthorized,
    #[error("403, the token may not do this, or a limit of calls is reached")]
    Forbidden,
    #[error("404, it is not there, not there yet, or not visible to this token")]
    NotFound,
    #[error("410, it is gone: kept no longer than the server keeps logs")]
    Gone,
    #[error("429, the server asks us to call less often")]
    Busy,
    #[error("status {0}")]
    Status(u16),
    #[error(
        "{0} answers with a web page where its API should be: the address is wrong, the token is not accepted, or a proxy stands in front of it"
    )]
    Page(String),
    #[error("the answer makes no sense: {0}")]
    Nonsense(String),
    #[error("the address makes no sense: {0}")]
    Address(String),
    #[error("the limit of {CALLS} calls is reached")]
    Enough,
}

/// A server and the right to ask.
pub(super) struct Api<'a> {
    http: &'a Http,
    base: Url,
    headers: Vec<(&'static str, String)>,
    credentials: Vec<(&'static str, String)>,
    through: Option<Url>,
    calls: AtomicUsize,
}

impl<'a> Api<'a> {
    /// `base` is the address of the API, of which paths are parts; `credentials` are headers that no other server may see.
    pub(super) fn new(
        http: &'a Http,
        base: &str,
        headers: &[(&'static str, &str)],
        credentials: Vec<(&'static str, String)>,
    ) -> Result<Self, Trouble> {
        let wrong = || Trouble::Address(format!("{base}{}", in_ascii(base)));
        let base = Url::parse(&format!("{}/", base.trim_end_matches('/'))).map_err(|_| wrong())?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(Trouble::Address(base.to_string()));
        }
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let agent = ("user-agent", format!("firefighter/{}", env!("CARGO_PKG_VERSION")));
        let (headers, calls) = (headers.chain([agent]).collect(), AtomicUsize::new(0));
        Ok(Self { http, base, headers, credentials, through: None, calls })
    }

    /// The same by way of `proxy`, which adds what proves who asks.
    pub(super) fn through(mut self, proxy: &str) -> Result<Self, Trouble> {
        self.through = Some(Url::parse(proxy).map_err(|_| Trouble::Address(format!("{proxy}{}", in_ascii(proxy))))?);
        Ok(self)
    }

    /// `GET {base}/{path}` as JSON.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        json(self.open(path)?)
    }

    /// `GET {base}/{path}` as a stream: a log.
    pub(super) fn open(&self, path: &str) -> Result<Response, Trouble> {
        self.open_with(path, &[])
    }

    /// The same with headers more.
    pub(super) fn open_with(&self, path: &str, headers: &[(&'static str, &str)]) -> Result<Response, Trouble> {
        let mut request = Request::get(self.address(path)?);
        request.headers.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
        self.send(request)
    }

    /// `GET url` as a stream, from wherever an answer says that something stands, such as signed storage: nobody there may see
    /// our token.
    pub(super) fn elsewhere(&self, url: &str) -> Result<Response, Trouble> {
        let wrong = || Trouble::Address("an address in an answer".to_owned());
        let url = Url::parse(url).map_err(|_| wrong())?;
        let safe = matches!((self.base.scheme(), url.scheme()), (_, "https") | ("http", "http"));
        if safe { self.count(Request::get(url)) } else { Err(wrong()) }
    }

    /// The same, with the type of answer that is wanted.
    pub(super) fn open_as(&self, path: &str, media_type: &str) -> Result<Response, Trouble> {
        let mut request = Request::get(self.address(path)?);
        request.headers.push(("accept", media_type.to_owned()));
        self.send(request)
    }

    /// Sends `body` as JSON with `verb`, such as `POST`, and reads the answer.
    pub(super) fn tell<T: DeserializeOwned>(
        &self,
        verb: &'static str,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, Trouble> {
        let mut request = Request::get(self.address(path)?);
        request.verb = verb;
        request.body = Some(body.to_string());
        request.headers.push(("content-type", "application/json".to_owned()));
        // What was told twice is there twice.
        request.attempts = 1;
        json(self.send(request)?)
    }

    /// Sends a form with one field. Pages answer it by leading on to another page, which is not looked at: whether it came to
    /// something is for the caller to see.
    pub(super) fn submit(&self, path: &str, field: &str, value: &str) -> Result<(), Trouble> {
        let mut request = Request::get(self.address(path)?);
        request.body = Some(format!("{field}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        request.headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        request.attempts = 1;
        match self.send(request) {
            Ok(_) | Err(Trouble::Network(Failure::Redirect(..))) => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    fn address(&self, path: &str) -> Result<Url, Trouble> {
        let url = self.base.join(path).map_err(|_| Trouble::Address(path.to_owned()))?;
        // The answers of a server can name addresses: the token goes to the server alone.
        if url.origin() == self.base.origin() { Ok(url) } else { Err(Trouble::Address(public(&url))) }
    }

    fn send(&self, mut request: Request) -> Result<Response, Trouble> {
        let ours: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
        let usual = self.headers.iter().filter(|(name, _)| !ours.contains(name)).cloned().collect::<Vec<_>>();
        request.headers.extend(usual);
        request.credentials.extend(self.credentials.iter().cloned());
        if self.through.is_some() {
            request.through.clone_from(&self.through);
            // It is on this machine: there or not.
            request.attempts = 1;
        }
        self.count(request)
    }

    fn count(&self, mut request: Request) -> Result<Response, Trouble> {
        if self.calls.fetch_add(1, Ordering::Relaxed) >= CALLS {
            return Err(Trouble::Enough);
        }
        request.patience = Duration::from_secs(20).min(self.http.left() / 2);
        let address = public(&request.url);
        let response = self.http.send(&request)?;
        match response.status {
            200..=299 if response.media_type == "text/html" => Err(Trouble::Page(address)),
            203 => Err(Trouble::Page(address)),
            200..=299 => Ok(response),
            401 => Err(Trouble::Unauthorized),
            403 => Err(Trouble::Forbidden),
            404 => Err(Trouble::NotFound),
            410 => Err(Trouble::Gone),
            429 => Err(Trouble::Busy),
            status => Err(Trouble::Status(status)),
        }
    }
}

/// The header of a user and a password, or of a token in its place.
pub(super) fn basic(user: &str, password: &str) -> (&'static str, String) {
    ("authorization", format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

pub(super) fn json<T: DeserializeOwned>(response: Response) -> Result<T, Trouble> {
    let text = response.text(CAP).map_err(|error| Trouble::Nonsense(format!("it broke off: {error}")))?;
    let text = if text.trim().is_empty() { "null" } else { &text };
    tree::read(text).map_err(|error| Trouble::Nonsense(error.to_string()))
}

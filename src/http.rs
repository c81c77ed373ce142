//! The one door to the network: a deadline over everything, retries, size caps, redirects that take no key along.
//!
//! A request goes in, a status and a body to read come out. What a status means is the caller's to say.
//! Messages hold an address without its query, never a header or a body.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;
use ureq::tls::{RootCerts, TlsConfig};
use url::{Host, Url};

mod forward;
mod trust;

pub use trust::{Authorities, Roots};

/// How often a request is sent in all when its failure may pass.
const ATTEMPTS: u32 = 4;
/// How often anything is sent again over the whole run, so that a storm of errors does not double itself.
const RESENDS: usize = 8;
/// How far redirects are followed.
const HOPS: usize = 5;
/// The longest a single answer may take to begin, so that one dead address leaves time for the others.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the network is reached.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// A proxy for every address that `no_proxy` does not name; `None` to use the two below.
    pub proxy: Option<String>,
    /// A proxy for `http` addresses.
    pub http_proxy: Option<String>,
    /// A proxy for `https` addresses.
    pub https_proxy: Option<String>,
    /// Hosts reached directly: names with their subdomains, addresses, CIDR blocks, each with or without port, or `*`.
    pub no_proxy: String,
    /// More certificate authorities, as PEM.
    pub authorities: Vec<u8>,
    /// Which others.
    pub roots: Roots,
    /// A certificate to show to servers that ask for one, and its key, as PEM; empty for none.
    pub client: Vec<u8>,
}

impl Network {
    /// The proxies: the addresses that each is for, and its own without user and password. An error where one is no address.
    pub fn proxies(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let all = [("all", &self.proxy), ("http", &self.http_proxy), ("https", &self.https_proxy)];
        let given = all.into_iter().filter_map(|(scheme, proxy)| Some((scheme, proxy.as_deref()?)));
        given
            .map(|(scheme, proxy)| {
                let proxy = ureq::Proxy::new(proxy).map_err(|_| {
                    Failure::Settings("the proxy's address is not one: use http://host:port".to_owned())
                })?;
                let known = if proxy.username().is_some() { ", with a user's name" } else { "" };
                let protocol = proxy.protocol().to_string().to_ascii_lowercase();
                Ok((scheme, format!("{protocol}://{}:{}{known}", proxy.host(), proxy.port())))
            })
            .collect()
    }
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum Failure {
    /// Out of time.
    #[error("{0} did not answer in time")]
    Late(String),
    /// No connection, or it broke.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// Which address.
        address: String,
        /// Why, in the words of the transport.
        reason: String,
    },
    /// A certificate that is not trusted.
    #[error("{0} cannot be trusted: {1}")]
    Untrusted(String, String),
    /// A redirect that must not be followed.
    #[error("{0} redirects in a way that is not followed: {1}")]
    Redirect(String, String),
    /// The settings of the network make no sense.
    #[error("{0}")]
    Settings(String),
}

/// One request. Headers in `credentials` are dropped when a redirect leaves the origin.
#[derive(Clone)]
pub struct Request {
    /// Where to.
    pub url: Url,
    /// What to send.
    pub body: Option<String>,
    /// How it is sent, when there is something: `POST`, `PUT` or `PATCH`; else it is a `GET`.
    pub verb: &'static str,
    /// Headers without secrets.
    pub headers: Vec<(&'static str, String)>,
    /// Headers with secrets.
    pub credentials: Vec<(&'static str, String)>,
    /// The longest to wait for the whole answer, within the deadline.
    pub patience: Duration,
    /// How often it may be sent in all.
    pub attempts: u32,
    /// The longest for all tries together, pauses included; `None` for what the deadline allows.
    pub limit: Option<Duration>,
    /// A proxy that must see the request itself, for plain HTTP alone; others are a matter of [`Network`].
    pub through: Option<Url>,
}

impl Request {
    /// A `GET` of `url`.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self {
            url,
            body: None,
            verb: "POST",
            headers: Vec::new(),
            credentials: Vec::new(),
            patience: PATIENCE,
            attempts: ATTEMPTS,
            limit: None,
            through: None,
        }
    }
}

/// An answer: its status, and a body that is read as it comes.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The media type, without parameters, in lower case.
    pub media_type: String,
    body: Box<dyn Read + Send>,
}

impl Response {
    /// The body as a stream.
    #[must_use]
    pub fn into_reader(self) -> Box<dyn Read + Send> {
        self.body
    }

    /// The body as text, at most `cap` bytes of it; broken UTF-8 is replaced.
    pub fn text(self, cap: u64) -> io::Result<String> {
        let mut bytes = Vec::new();
        self.body.take(cap).read_to_end(&mut bytes)?;
        // A sound text is not copied: several may be read at a time.
        Ok(String::from_utf8(bytes).unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned()))
    }
}

/// The door. Cheap to share between threads.
pub struct Http {
    agent: ureq::Agent,
    network: Network,
    deadline: Instant,
    resends: AtomicUsize,
}

impl Http {
    /// A door that closes at `deadline`.
    pub fn new(network: Network, deadline: Instant) -> Result<Self, Failure> {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(trust::certificates(&network)?)))
            .client_cert(trust::client(&network.client)?)
            .build();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("firefighter/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(Duration::from_secs(10)))
            .tls_config(tls)
            .build()
            .new_agent();
        network.proxies()?;
        Ok(Self { agent, network, deadline, resends: AtomicUsize::new(0) })
    }

    /// The time left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// How often anything was sent again so far.
    #[must_use]
    pub fn resent(&self) -> usize {
        self.resends.load(Ordering::Relaxed).min(RESENDS)
    }

    /// Sends `request`, again after a pause where that may help, and follows redirects.
    ///
    /// A status of 408, 429 or 5xx is returned only when there is no time or no try left.
    pub fn send(&self, request: &Request) -> Result<Response, Failure> {
        let address = public(&request.url);
        let mut request = request.clone();
        let end = request.limit.map_or(Duration::ZERO, |limit| self.left().saturating_sub(limit));
        let left = || self.left().saturating_sub(end);
        let mut attempt = 1;
        loop {
            request.patience = request.patience.min(left());
            let outcome = self.follow(&request);
            let retry_after = match &outcome {
                Ok((response, retry_after)) if is_passing(response.status) => *retry_after,
                Err(Failure::Unreachable { .. }) if request.body.is_none() => None,
                _ => return outcome.map(|(response, _)| response),
            };
            let pause = retry_after.unwrap_or_else(|| backoff(attempt));
            // Where each try is long, a pause that takes most of the time leaves too little for the answer.
            let pause_is_too_long = request.limit.is_some() && pause > left() / 2;
            let spent = || self.resends.fetch_add(1, Ordering::Relaxed) >= RESENDS;
            if attempt >= request.attempts
                || pause_is_too_long
                || pause + Duration::from_millis(500) >= left()
                || spent()
            {
                return match outcome {
                    Err(Failure::Unreachable { .. }) if self.left().is_zero() => Err(Failure::Late(address)),
                    other => other.map(|(response, _)| response),
                };
            }
            thread::sleep(pause);
            attempt += 1;
        }
    }

    fn follow(&self, request: &Request) -> Result<(Response, Option<Duration>), Failure> {
        let mut request = request.clone();
        let mut been = Vec::new();
        while been.len() <= HOPS && !been.contains(&request.url) {
            let (response, retry_after, location) = self.once(&request)?;
            let Some(location) = location else { return Ok((response, retry_after)) };
            let address = public(&request.url);
            let target =
                request.url.join(&location).map_err(|_| Failure::Redirect(address.clone(), "no address".to_owned()))?;
            if request.url.scheme() == "https" && target.scheme() != "https" {
                return Err(Failure::Redirect(address, "from https to http".to_owned()));
            }
            if request.body.is_some() {
                return Err(Failure::Redirect(address, format!("a {}, to {}", request.verb, public(&target))));
            }
            // A log often stands in signed storage at another host, which must not see our key.
            if target.origin() != request.url.origin() {
                request.credentials.clear();
                request.through = None;
            }
            been.push(std::mem::replace(&mut request.url, target));
        }
        Err(Failure::Redirect(public(&request.url), "in a ring".to_owned()))
    }

    fn once(&self, request: &Request) -> Result<(Response, Option<Duration>, Option<String>), Failure> {
        let address = public(&request.url);
        let patience = request.patience.min(self.left());
        if patience.is_zero() {
            return Err(Failure::Late(address));
        }
        let (agent, proxy) = match &request.through {
            Some(through) => {
                let unknown = || Failure::Settings(format!("{} is no proxy", public(through)));
                (forward::client(self.agent.config(), through).ok_or_else(unknown)?, None)
            }
            None => (self.agent.clone(), self.proxy_for(&request.url).and_then(|proxy| ureq::Proxy::new(proxy).ok())),
        };
        let headers = request.headers.iter().chain(&request.credentials);
        let result = if let Some(body) = &request.body {
            let mut builder = match request.verb {
                "PUT" => agent.put(request.url.as_str()),
                "PATCH" => agent.patch(request.url.as_str()),
                _ => agent.post(request.url.as_str()),
            };
            for (name, value) in headers {
                builder = builder.header(*name, value);
            }
            builder.config().timeout_global(Some(patience)).proxy(proxy).build().send(body.as_str())
        } else {
            let mut builder = agent.get(request.url.as_str());
            for (name, value) in headers {
                builder = builder.header(*name, value);
            }
            builder.config().timeout_global(Some(patience)).proxy(proxy).build().call()
        };
        let response = result.map_err(|error| match error {
            ureq::Error::Timeout(ureq::Timeout::Global) => Failure::Late(address.clone()),
            ureq::Error::HostNotFound => Failure::Unreachable { address, reason: "no such host name".to_owned() },
            // The text of this one names the address with its query.
            ureq::Error::BadUri(_) => Failure::Unreachable { address, reason: "not a valid address".to_owned() },
            other => {
                let reason = other.to_string();
                // No try more changes that. The library that says so is one or two errors deep, in words that it keeps.
                match reason.split_once("invalid peer certificate: ") {
                    Some((_, why)) => Failure::Untrusted(address, distrust(why)),
                    None => Failure::Unreachable { address, reason },
                }
            }
        })?;
        let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        let location = matches!(status, 301 | 302 | 303 | 307 | 308).then(|| header("location")).flatten();
        let retry_after = header("retry-after").and_then(|after| pause(&after, header("date").as_deref()));
        let media_type = header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let body = Box::new(response.into_body().into_with_config().limit(u64::MAX).reader());
        Ok((Response { status, media_type, body }, retry_after, location))
    }

    fn proxy_for(&self, url: &Url) -> Option<&str> {
        let by_scheme =
            if url.scheme() == "https" { &self.network.https_proxy } else { &self.network.http_proxy }.as_deref();
        let proxy = self.network.proxy.as_deref().or(by_scheme)?;
        (!direct(url, &self.network.no_proxy)).then_some(proxy)
    }
}

/// What to say beside an `address` that is none: the tables for names in other scripts are not in the program.
#[must_use]
pub fn in_ascii(address: &str) -> &'static str {
    let host = address.split_once("://").map_or(address, |(_, rest)| rest).split(['/', '?', '#']).next();
    if host.is_some_and(|host| !host.is_ascii()) {
        "; a host's name with letters beyond a to z must be written in its form that begins with xn--"
    } else {
        ""
    }
}

/// An address as a message may show it: without user, query and fragment.
#[must_use]
pub fn public(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// Why a certificate is not trusted, from the library's word for it.
fn distrust(word: &str) -> String {
    let known = [
        ("UnknownIssuer", "its certificate authority is not known here; name it with --ca-file"),
        ("NotValidForName", "its certificate is for another name"),
        ("Expired", "its certificate has expired"),
        ("expired", "its certificate has expired"),
        ("NotValidYet", "its certificate is not valid yet; look at the clock"),
        ("not valid yet", "its certificate is not valid yet; look at the clock"),
        ("not valid for name", "its certificate is for another name"),
    ];
    known.iter().find(|(part, _)| word.contains(part)).map_or(word, |(_, text)| text).to_owned()
}

/// Whether a server that answers with `status` may answer otherwise a little later.
#[must_use]
pub fn is_passing(status: u16) -> bool {
    // 529 is how one provider of models says that it is overloaded.
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504 | 529)
}

/// The pause that `Retry-After` asks for: seconds, or a date, which is held against the server's own clock.
fn pause(after: &str, date: Option<&str>) -> Option<Duration> {
    let after = after.trim();
    if let Ok(seconds) = after.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let time = |text: &str| jiff::fmt::rfc2822::parse(text.trim()).ok().map(|time| time.timestamp());
    let seconds = time(after)?.as_second() - time(date?)?.as_second();
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}

/// Half a second, doubled each time, and up to half of that more or less, so that many steps do not call in step.
fn backoff(attempt: u32) -> Duration {
    let base = 500_u64 << (attempt - 1).min(6);
    let random = RandomState::new().build_hasher().finish();
    Duration::from_millis(base / 2 + random % base)
}

/// Whether `url` is reached without a proxy. Loopback always is: a proxy elsewhere can't reach it.
fn direct(url: &Url, no_proxy: &str) -> bool {
    let (name, ip) = match url.host() {
        Some(Host::Domain(name)) => (name.to_ascii_lowercase(), None),
        Some(Host::Ipv4(ip)) => (ip.to_string(), Some(IpAddr::V4(ip))),
        Some(Host::Ipv6(ip)) => (ip.to_string(), Some(IpAddr::V6(ip))),
        None => return true,
    };
    if name == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return true;
    }
    no_proxy.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse::<u16>().ok()),
            _ => (entry.as_str(), None),
        };
        if port.is_some() && port != url.port_or_known_default() {
            return false;
        }
        let host = host.trim_matches(['[', ']']);
        if let (Some(ip), Some((network, bits))) = (ip, host.split_once('/')) {
            return in_block(ip, network, bits);
        }
        let suffix = host.trim_start_matches('*').trim_start_matches('.');
        host == "*" || name == suffix || (!suffix.is_empty() && name.ends_with(&format!(".{suffix}")))
    })
}

fn in_block(ip: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    let (ip, network, width) = match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => (u128::from(ip.to_bits()), u128::from(net.to_bits()), 32),
        (IpAddr::V6(ip), IpAddr::V6(net)) => (ip.to_bits(), net.to_bits(), 128),
        _ => return false,
    };
    bits <= width && (bits == 0 || (ip ^ network) >> (width - bits) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_in_another_script_is_told_how_it_must_be_written() {
        assert!(Url::parse("https://größe.example").is_err() && Url::parse("https://xn--gre-6ka8l.example").is_ok());
        assert!(in_ascii("https://größe.example/app").contains("xn--"));
        assert!(in_ascii("größe.example").contains("xn--"));
        assert_eq!(in_ascii("https://xn--gre-6ka8l.example/größe"), "");
    }

    fn check(url: &str, no_proxy: &str, expected: bool) {
        let url = Url::parse(url).unwrap();
        assert_eq!(direct(&url, no_proxy), expected, "{url} with NO_PROXY={no_proxy}");
    }

    #[test]
    fn no_proxy_covers_the_host_and_its_subdomains() {
        check("https://example.com/", "example.com", true);
        check("https://a.example.com/", "example.com", true);
        check("https://a.example.com/", " .example.com , other", true);
        check("https://a.example.com/", "*.example.com", true);
        check("https://badexample.com/", "example.com", false);
        check("https://example.com/", "", false);
        check("https://example.com/", "*", true);
    }

    #[test]
    fn no_proxy_knows_ports_and_blocks() {
        check("https://example.com:8443/", "example.com:8443", true);
        check("https://example.com/", "example.com:8443", false);
        check("http://10.1.2.3/", "10.0.0.0/8", true);
        check("http://11.1.2.3/", "10.0.0.0/8", false);
        check("http://[fd00::1]/", "fd00::/8", true);
        check("http://10.1.2.3/", "0.0.0.0/0", true);
        check("http://10.1.2.3/", "10.0.0.0/99", false);
    }

    #[test]
    fn loopback_never_goes_through_a_proxy() {
        check("http://127.0.0.1:9/", "", true);
        check("http://localhost:9/", "", true);
        check("http://[::1]:9/", "", true);
    }

    #[test]
    fn messages_show_no_query_and_no_user() {
        let url = Url::parse("https://user:pass@host/path?token=abc#x").unwrap();
        assert_eq!(public(&url), "https://host/path");
    }

    #[test]
    fn a_server_may_ask_for_a_pause_in_seconds_or_by_a_date() {
        let check = |after: &str, date: Option<&str>, expected: Option<u64>| {
            assert_eq!(pause(after, date), expected.map(Duration::from_secs), "{after}");
        };
        let now = Some("Wed, 21 Oct 2026 07:28:00 GMT");
        check("7", None, Some(7));
        check("Wed, 21 Oct 2026 07:28:30 GMT", now, Some(30));
        check("Wed, 21 Oct 2026 07:00:00 GMT", now, Some(0));
        check("Wed, 21 Oct 2026 07:28:30 GMT", None, None);
        check("-3", None, None);
        check("soon", now, None);
    }

    #[test]
    fn a_pause_grows_and_stays_bounded() {
        for attempt in 1..40 {
            let pause = backoff(attempt);
            assert!(pause >= Duration::from_millis(250) && pause <= Duration::from_secs(48), "{attempt}: {pause:?}");
        }
    }
}

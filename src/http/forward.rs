//! Plain HTTP through a proxy that must see the whole request, such as one that adds a key to it.
//!
//! The client's own way through a proxy is a tunnel (`CONNECT`), in which nobody can add anything. Here the request goes to the
//! proxy itself, with the whole address in its first line: RFC 9112, section 3.2.2.

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, TcpConnector, Transport};
use url::Url;

/// A client all of whose requests go to `proxy`; `None` where that is no address. It knows no TLS.
pub(super) fn client(config: &Config, proxy: &Url) -> Option<ureq::Agent> {
    let via = Via { proxy: proxy.as_str().parse().ok()?, inner: DefaultResolver::default() };
    Some(ureq::Agent::with_parts(config.clone(), ().chain(TcpConnector::default()).chain(Whole), via))
}

/// Finds the proxy, whoever is looked for.
#[derive(Debug)]
struct Via {
    proxy: Uri,
    inner: DefaultResolver,
}

impl Resolver for Via {
    fn resolve(&self, _: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        self.inner.resolve(&self.proxy, config, timeout)
    }
}

/// Makes connections whose first line names the whole address.
#[derive(Debug)]
struct Whole;

impl<In: Transport> Connector<In> for Whole {
    type Out = Named<In>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        let authority = details.uri.authority().map(ToString::to_string).unwrap_or_default();
        Ok(chained.map(|inner| Named { inner, origin: Some(format!("http://{authority}")) }))
    }
}

/// A connection to the proxy.
#[derive(Debug)]
struct Named<T> {
    inner: T,
    /// What is still to be put before the path of the first line.
    origin: Option<String>,
}

impl<T: Transport> Transport for Named<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let Some(origin) = self.origin.take() else { return self.inner.transmit_output(amount, timeout) };
        let head = self.inner.buffers().output();
        let path = head.iter().position(|byte| *byte == b' ').map_or(0, |space| space + 1);
        let end = amount + origin.len();
        if path > amount || end > head.len() {
            return Err(ureq::Error::LargeResponseHeader(end, head.len()));
        }
        head.copy_within(path..amount, path + origin.len());
        if let Some(room) = head.get_mut(path..path + origin.len()) {
            room.copy_from_slice(origin.as_bytes());
        }
        self.inner.transmit_output(end, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.inner.await_input(timeout)
    }

    /// One request a connection: only a first line is known to be one.
    fn is_open(&mut self) -> bool {
        false
    }
}

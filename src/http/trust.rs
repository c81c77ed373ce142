//! Whom we trust, and who we are: certificate authorities from wherever there are some, and our own certificate.
//!
//! Settings go in as PEM, what the TLS library takes comes out. A message never holds anything of a key.

use ureq::tls::{Certificate, ClientCert, PemItem};

use super::{Failure, Network};

/// Which certificate authorities are trusted, beside a given file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Roots {
    /// The operating system's and the built-in ones.
    #[default]
    Both,
    /// The operating system's alone.
    System,
    /// The built-in ones alone.
    Bundled,
}

/// A source of certificate authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorities {
    /// Which one: `built in`, `system` or `ca-file`.
    pub from: &'static str,
    /// How many it gave.
    pub count: usize,
    /// Why there are fewer than there might be.
    pub trouble: Option<String>,
}

impl Network {
    /// Where the trusted certificate authorities come from. An error where the given ones are none.
    pub fn authorities(&self) -> Result<Vec<Authorities>, Failure> {
        Ok(sources(self)?.into_iter().map(|(source, _)| source).collect())
    }
}

/// All certificate authorities that are trusted.
pub(super) fn certificates(network: &Network) -> Result<Vec<Certificate<'static>>, Failure> {
    Ok(sources(network)?.into_iter().flat_map(|(_, certificates)| certificates).collect())
}

type Source = (Authorities, Vec<Certificate<'static>>);

fn sources(network: &Network) -> Result<Vec<Source>, Failure> {
    let mut all = Vec::new();
    let mut add = |from, certificates: Vec<Certificate<'static>>, trouble| {
        all.push((Authorities { from, count: certificates.len(), trouble }, certificates));
    };
    if network.roots != Roots::System {
        let built_in = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        add("built in", built_in.map(|der| Certificate::from_der(der).to_owned()).collect(), None);
    }
    if network.roots != Roots::Bundled {
        // Errors of single certificates are left alone: one broken file of the system must not cost the others.
        let system = rustls_native_certs::load_native_certs();
        let trouble = system.errors.first().map(ToString::to_string);
        add("system", system.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect(), trouble);
    }
    if !network.authorities.is_empty() {
        add("ca-file", given(&network.authorities)?, None);
    }
    Ok(all)
}

fn given(pem: &[u8]) -> Result<Vec<Certificate<'static>>, Failure> {
    let mut found = Vec::new();
    for item in ureq::tls::parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(Failure::Settings(format!("the file of certificate authorities: {error}"))),
        }
    }
    if found.is_empty() {
        return Err(Failure::Settings("the file of certificate authorities holds none: it must be PEM".to_owned()));
    }
    Ok(found)
}

/// The certificate and key with which we show who we are.
pub(super) fn client(pem: &[u8]) -> Result<Option<ClientCert>, Failure> {
    let wrong = |reason: &str| Failure::Settings(format!("the client's certificate: {reason}"));
    let (mut chain, mut key) = (Vec::new(), None);
    for item in ureq::tls::parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => chain.push(certificate),
            Ok(PemItem::PrivateKey(private)) => key = Some(private),
            Ok(_) => {}
            // The text of the error could quote the key.
            Err(_) => return Err(wrong("it is not PEM")),
        }
    }
    match key {
        _ if pem.is_empty() => Ok(None),
        Some(key) if !chain.is_empty() => Ok(Some(ClientCert::new_with_certs(&chain, key))),
        Some(_) => Err(wrong("there is a key and no certificate")),
        None => Err(wrong("there is no key that is not encrypted")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_certificate_needs_its_key_and_no_message_shows_it() {
        let check = |pem: &str, expected: &str| {
            let message = client(pem.as_bytes()).err().map(|failure| failure.to_string()).unwrap_or_default();
            assert!(message.contains(expected) && !message.contains("TUlJ"), "{message}");
        };
        let key = "-----BEGIN PRIVATE KEY-----\nTUlJQ3RoaXNpc25vdGFrZXk=\n-----END PRIVATE KEY-----\n";
        let certificate = key.replace("PRIVATE KEY", "CERTIFICATE");
        check(key, "no certificate");
        check(&certificate, "no key");
        check("nonsense", "no key");
        assert!(client(b"").unwrap().is_none());
        assert!(client(format!("{certificate}{key}").as_bytes()).unwrap().is_some());
    }

    #[test]
    fn authorities_are_told_by_their_source() {
        let from = |roots| {
            let network = Network { roots, ..Network::default() };
            network.authorities().unwrap().iter().map(|one| (one.from, one.count > 100)).collect::<Vec<_>>()
        };
        assert_eq!(from(Roots::Bundled), [("built in", true)]);
        let [one] = from(Roots::System)[..] else { panic!("one source") };
        assert_eq!(one.0, "system");
        let broken = Network { authorities: b"nonsense".to_vec(), ..Network::default() };
        assert!(broken.authorities().unwrap_err().to_string().contains("must be PEM"));
    }
}

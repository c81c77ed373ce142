//! TLS, and what can be wrong with it: a front before a plain server, with a certificate of the test's own authority.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// What is wrong, and whether who is asked with it waits for nothing.
pub(crate) struct Wrong {
    pub(crate) name: &'static str,
    pub(crate) slow: bool,
    /// What a reader is told of it.
    pub(crate) told: &'static str,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nothing,
    Authority,
    Expired,
    NotYet,
    Name,
    Plain,
    Hang,
    Cut,
    /// The server wants to see a certificate of its own authority.
    Client,
}

pub(crate) const WRONGS: &[Wrong] = &[
    Wrong { name: "TLS with a private authority, as it should be", slow: false, told: "", kind: Kind::Nothing },
    Wrong {
        name: "TLS: an unknown authority",
        slow: false,
        told: "its certificate authority is not known here; name it with --ca-file",
        kind: Kind::Authority,
    },
    Wrong {
        name: "TLS: an expired certificate",
        slow: false,
        told: "its certificate has expired",
        kind: Kind::Expired,
    },
    Wrong {
        name: "TLS: a certificate of tomorrow",
        slow: false,
        told: "not valid yet; look at the clock",
        kind: Kind::NotYet,
    },
    Wrong {
        name: "TLS: another host's certificate",
        slow: false,
        told: "its certificate is for another name",
        kind: Kind::Name,
    },
    Wrong { name: "TLS: none where it should be", slow: false, told: "cannot be reached", kind: Kind::Plain },
    Wrong { name: "TLS: a handshake that never ends", slow: true, told: "in time", kind: Kind::Hang },
    Wrong { name: "TLS: cut in the middle of the handshake", slow: false, told: "cannot be reached", kind: Kind::Cut },
];

/// A front: its address, the authority that signed for it, and a certificate with its key that it knows, as PEM.
pub(crate) struct Front {
    pub(crate) url: String,
    pub(crate) port: u16,
    pub(crate) authority: String,
    pub(crate) client: String,
}

/// The names that a front's certificate is for.
const NAMES: [&str; 4] = ["localhost", "127.0.0.1", "::1", "octopus.internal.example"];

/// A front with `kind` wrong before the server at `plain`, such as `127.0.0.1:8080`. It lives as long as the test program.
pub(crate) fn front(plain: &str, kind: Kind) -> Front {
    front_on(&TcpListener::bind("127.0.0.1:0").unwrap(), plain, kind)
}

/// The same, behind `socket`.
pub(crate) fn front_on(socket: &TcpListener, plain: &str, kind: Kind) -> Front {
    let (authority, client, config) = config(kind);
    let port = socket.local_addr().unwrap().port();
    let url = format!("https://localhost:{port}");
    let socket = socket.try_clone().unwrap();
    let plain = plain.to_owned();
    thread::spawn(move || {
        for stream in socket.incoming().flatten() {
            let (config, plain) = (Arc::clone(&config), plain.clone());
            // A client that goes away is what most of these tests are about.
            thread::spawn(move || {
                let _ = serve(stream, config, &plain, kind);
            });
        }
    });
    Front { url, port, authority, client }
}

fn serve(mut stream: TcpStream, config: Arc<ServerConfig>, plain: &str, kind: Kind) -> std::io::Result<()> {
    match kind {
        Kind::Plain => return stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
        Kind::Hang => {
            thread::sleep(Duration::from_mins(1));
            return Ok(());
        }
        Kind::Cut => {
            stream.read_exact(&mut [0; 5])?;
            return stream.write_all(&[0x16, 0x03, 0x03]);
        }
        _ => {}
    }
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut tls = StreamOwned::new(connection, stream);
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        tls.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&request).into_owned();
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    tls.read_exact(&mut body)?;
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let mut server = TcpStream::connect(plain)?;
    server.write_all(head.as_bytes())?;
    server.write_all(&body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    // Each answer ends its connection.
    let text = String::from_utf8_lossy(&answer).into_owned();
    let at = text.find("\r\n").unwrap_or(0) + 2;
    tls.write_all(&answer[..at])?;
    tls.write_all(b"Connection: close\r\n")?;
    tls.write_all(&answer[at..])?;
    tls.conn.send_close_notify();
    tls.flush()
}

fn config(kind: Kind) -> (String, String, Arc<ServerConfig>) {
    let authority = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        (certificate, Issuer::new(params, key))
    };
    let (authority, ours, unknown) = {
        let (ours, theirs) = (authority("Test authority"), authority("Another authority"));
        (ours.0, ours.1, theirs.1)
    };
    let (pem, authority) = (authority.pem(), CertificateDer::from(authority.der().to_vec()));
    let names = if kind == Kind::Name { &["other.example.com"][..] } else { &NAMES };
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    match kind {
        Kind::Expired => {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        Kind::NotYet => params.not_before = rcgen::date_time_ymd(2090, 1, 1),
        _ => {}
    }
    let key = KeyPair::generate().unwrap();
    let issuer = if kind == Kind::Authority { &unknown } else { &ours };
    let certificate = params.signed_by(&key, issuer).unwrap();
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let client_key = KeyPair::generate().unwrap();
    let client = CertificateParams::new(vec!["worker".to_owned()]).unwrap().signed_by(&client_key, &ours).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder =
        if kind == Kind::Client { builder.with_client_cert_verifier(verifier) } else { builder.with_no_client_auth() };
    (pem, client.pem() + &client_key.serialize_pem(), Arc::new(builder.with_single_cert(chain, key).unwrap()))
}

//! Whatever can be wrong with an answer: each fault is a row of the matrix.

use std::io::Write;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::sim::{Manner, Request, Response};
use super::{LONG, SHORT};

/// A gigabyte: more than may be kept, and more than may be unpacked.
const MUCH: usize = 1 << 30;
/// The text of an error that tries to order about and to tell a secret.
pub(crate) const ORDERS: &str = "##octopus[setVariable name='ZXZpbA==' value='ZXZpbA==']\n::set-output name=evil::x\n\
                                 ##vso[task.setvariable variable=evil]x\n##teamcity[buildStatus text='evil']\n\
                                 section_start:1:evil\r\u{1b}[0K\n+++ evil\n";

/// A fault: what it is called, and what it makes of an answer. `elsewhere` is another origin that answers soundly.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// Seconds that a run may take with it.
    pub(crate) deadline: u64,
    pub(crate) spoil: fn(&Request, &dyn Fn() -> Response, &str) -> Response,
}

const fn row(name: &'static str, spoil: fn(&Request, &dyn Fn() -> Response, &str) -> Response) -> Fault {
    Fault { name, deadline: LONG, spoil }
}

/// One whose end a client can only wait for.
const fn slow(name: &'static str, spoil: fn(&Request, &dyn Fn() -> Response, &str) -> Response) -> Fault {
    Fault { name, deadline: SHORT, spoil }
}

/// One that is read as far as may be, which takes its time where many runs share a machine: what is told must not depend on that.
const fn heavy(name: &'static str, spoil: fn(&Request, &dyn Fn() -> Response, &str) -> Response) -> Fault {
    Fault { name, deadline: 3 * LONG, spoil }
}

/// Every fault of an answer.
pub(crate) const FAULTS: &[Fault] = &[
    row("connection reset", |_, sound, _| sound().manner(Manner::Reset)),
    slow("half-open: accepted, never answered", |_, sound, _| sound().manner(Manner::Hang)),
    slow("a byte a second", |_, sound, _| sound().manner(Manner::Slow)),
    row("answers after a second", |_, sound, _| {
        thread::sleep(Duration::from_secs(1));
        sound()
    }),
    row("cut off in the middle", |_, sound, _| sound().manner(Manner::CutOff)),
    row("half of the body, as if whole", |_, sound, _| {
        let bytes = sound().into_bytes();
        json(200, &bytes[..bytes.len() / 2])
    }),
    row("malformed JSON", |_, _, _| json(200, b"{]")),
    row("JSON of another shape", |_, _, _| json(200, br#"[[{"Id": [1, {"a": null}], "jobs": "x"}], 7, "x", null]"#)),
    row("JSON nested 100,000 deep", |_, _, _| json(200, "[".repeat(100_000).as_bytes())),
    row("null", |_, _, _| json(200, b"null")),
    row("nothing, with status 200", |_, _, _| json(200, b"")),
    row("status 204", |_, _, _| Response::new(204, "text/plain", "")),
    row("bytes that are no UTF-8", |_, _, _| {
        json(200, &[b"{\"a\": \"", [0xff, 0xfe, 0xc3, 0x28].as_slice(), b"\"}"].concat())
    }),
    heavy("a body of 1 GB", |_, _, _| Response::stream("application/json", |out| write_much(out, MUCH))),
    heavy("a compressed bomb of 1 GB", |_, _, _| json(200, bomb()).header("Content-Encoding", "gzip")),
    row("broken compression", |_, sound, _| json(200, &sound().into_bytes()).header("Content-Encoding", "gzip")),
    row("the wrong content type", |_, sound, _| Response::new(200, "image/png", sound().into_bytes())),
    row("a page to log in", |_, _, _| Response::html(200, "<!DOCTYPE html><html><body>Sign in</body></html>")),
    row("no HTTP at all", |_, _, _| {
        Response::new(200, "", b"SSH-2.0-OpenSSH_9.6\r\n\0\xff\xfe".to_vec()).manner(Manner::Raw)
    }),
    row("headers of 4 MB", |_, _, _| {
        let text = format!("HTTP/1.1 200 OK\r\nX-Much: {}\r\n\r\n", "x".repeat(4 << 20));
        Response::new(200, "", text).manner(Manner::Raw)
    }),
    row("two lengths that differ", |_, _, _| {
        Response::new(200, "", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 900\r\n\r\n{}   ")
            .manner(Manner::Raw)
    }),
    row("redirects in a ring", |request, _, _| redirect(&request.target())),
    row("redirects to another host", |request, _, elsewhere| {
        // A proxy is told whole addresses.
        let target = request.target();
        let path = target.strip_prefix("http://").and_then(|rest| Some(&rest[rest.find('/')?..]));
        redirect(&format!("{elsewhere}{}", path.unwrap_or(&target)))
    }),
    row("redirects to a file", |_, _, _| redirect("file:///etc/passwd")),
    row("401", |_, _, _| json(401, br#"{"message": "no"}"#)),
    row("403", |_, _, _| json(403, br#"{"message": "no"}"#)),
    row("404", |_, _, _| json(404, br#"{"message": "no"}"#)),
    row("409", |_, _, _| json(409, br#"{"message": "no"}"#)),
    row("429", |_, _, _| json(429, br#"{"message": "slow down"}"#)),
    row("429, come back in an hour", |_, _, _| json(429, b"{}").header("Retry-After", "3600")),
    row("500 with orders in it", |_, _, _| Response::new(500, "text/plain", ORDERS)),
    row("502 with a page", |_, _, _| Response::html(502, "<html><h1>502 Bad Gateway</h1></html>")),
    row("503, at once again", |_, _, _| json(503, b"").header("Retry-After", "0")),
];

fn json(status: u16, body: &[u8]) -> Response {
    Response::new(status, "application/json; charset=utf-8", body)
}

fn redirect(to: &str) -> Response {
    Response::html(302, "<html>Moved</html>").header("Location", to)
}

fn write_much(out: &mut dyn Write, size: usize) -> std::io::Result<()> {
    out.write_all(b"\"")?;
    let block = [b'x'; 1 << 13];
    for _ in 0..size / block.len() {
        out.write_all(&block)?;
    }
    out.write_all(b"\"")
}

fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        write_much(&mut packed, MUCH).unwrap();
        packed.finish().unwrap()
    })
}

//! As much of HTTP/1.1 as a test server needs, and every way to break it: requests in, responses out.
//! Knows nothing of Octopus.

use std::io::{self, BufWriter, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// The path as sent, still percent-encoded.
    pub path: String,
    /// The part after `?`, still percent-encoded.
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub time: SystemTime,
    /// How many requests were being answered when this one came in, itself included.
    pub in_flight: usize,
}

impl Request {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Path and query as sent.
    pub fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

type Writer = dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send;

/// What follows the headers.
pub enum Body {
    Bytes(Vec<u8>),
    /// Written as it is made, so that it may be larger than memory.
    Stream(Box<Writer>),
}

/// How a response is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Whole,
    /// One byte a second.
    Slow,
    /// Promised whole, closed after the first half.
    CutOff,
    /// Never answered.
    Hang,
    /// The connection is reset before any byte of an answer.
    Reset,
    /// The body alone, without a status or headers, whatever it is.
    Raw,
}

pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
    pub manner: Manner,
}

impl Response {
    pub fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), kind.to_owned())];
        Self { status, headers, body: Body::Bytes(body.into()), manner: Manner::Whole }
    }

    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", value.to_string())
    }

    pub fn html(status: u16, text: &str) -> Self {
        Self::new(status, "text/html; charset=utf-8", text)
    }

    pub fn stream(kind: &str, write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static) -> Self {
        Self { body: Body::Stream(Box::new(write)), ..Self::new(200, kind, "") }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// The body in memory, for who wants to change it.
    pub fn into_bytes(self) -> Vec<u8> {
        match self.body {
            Body::Bytes(bytes) => bytes,
            Body::Stream(write) => {
                let mut bytes = Vec::new();
                write(&mut bytes).expect("writing into memory works");
                bytes
            }
        }
    }
}

type Answer = dyn Fn(&Request) -> Response + Send + Sync;

/// A listener on a free port of loopback that answers through one function; stops when dropped.
pub struct Listener {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<thread::JoinHandle<()>>,
}

struct Shared {
    answer: Box<Answer>,
    log: Mutex<Vec<Request>>,
    in_flight: AtomicUsize,
    stopped: AtomicBool,
}

impl Listener {
    pub fn start(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            log: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let accepting = thread::spawn(move || {
            for stream in socket.incoming().flatten() {
                if theirs.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let theirs = Arc::clone(&theirs);
                thread::spawn(move || {
                    // A client that hangs up is no failure of the server.
                    let _ = serve(stream, &theirs);
                });
            }
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.log.lock().unwrap().clone()
    }

    pub fn stop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        if let Some(accepting) = self.accepting.take() {
            // Wakes the thread that waits in `incoming`.
            let _ = TcpStream::connect(self.address);
            let _ = accepting.join();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    while let Some(mut request) = read(&mut stream, shared)? {
        request.in_flight = shared.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        shared.log.lock().unwrap().push(request.clone());
        let response = (shared.answer)(&request);
        let manner = response.manner;
        if manner == Manner::Reset {
            shared.in_flight.fetch_sub(1, Ordering::SeqCst);
            // `read` leaves the last byte; a socket closed with bytes unread answers with a reset.
            return Ok(());
        }
        stream.read_exact(&mut [0])?;
        let written = write(&mut stream, response, &request, shared);
        shared.in_flight.fetch_sub(1, Ordering::SeqCst);
        written?;
        let close = request.header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if close || manner != Manner::Whole || shared.stopped.load(Ordering::SeqCst) {
            break;
        }
    }
    Ok(())
}

/// Reads a request but for its last byte; `None` when the client is gone or the server stops.
fn read(stream: &mut TcpStream, shared: &Shared) -> io::Result<Option<Request>> {
    let mut buffer = vec![0; 64 * 1024];
    let head = loop {
        if shared.stopped.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let seen = match stream.peek(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(seen) => seen,
            Err(error) if waits(&error) => continue,
            Err(error) => return Err(error),
        };
        match buffer[..seen].windows(4).position(|window| window == b"\r\n\r\n") {
            Some(end) => break end + 4,
            None if seen == buffer.len() => return Ok(None),
            None => thread::sleep(Duration::from_millis(1)),
        }
    };
    let mut request = parse(&String::from_utf8_lossy(&buffer[..head]));
    let length = request.header("Content-Length").and_then(|value| value.parse::<usize>().ok()).unwrap_or(0);
    let chunked = request.header("Transfer-Encoding").is_some_and(|value| value.to_lowercase().contains("chunked"));
    if !chunked && length == 0 {
        stream.read_exact(&mut buffer[..head - 1])?;
        return Ok(Some(request));
    }
    stream.read_exact(&mut buffer[..head])?;
    if request.header("Expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    if chunked {
        request.body = read_chunks(stream)?;
    } else {
        request.body = vec![0; length];
        stream.read_exact(&mut request.body[..length - 1])?;
        if stream.peek(&mut request.body[length - 1..])? == 0 {
            return Ok(None);
        }
    }
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    Ok(Some(request))
}

/// A chunked body, but for the last byte of its end.
fn read_chunks(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = Vec::new();
        let mut byte = [0];
        while !size.ends_with(b"\n") {
            stream.read_exact(&mut byte)?;
            size.push(byte[0]);
        }
        let size = String::from_utf8_lossy(&size).trim().to_owned();
        let size = usize::from_str_radix(&size, 16).map_err(|_| io::Error::other("a chunk without a size"))?;
        if size == 0 {
            stream.read_exact(&mut byte)?;
            return Ok(body);
        }
        let start = body.len();
        body.resize(start + size, 0);
        stream.read_exact(&mut body[start..])?;
        stream.read_exact(&mut [0; 2])?;
    }
}

fn parse(head: &str) -> Request {
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let method = first.next().unwrap_or_default().to_owned();
    let target = first.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let (path, query) = (path.to_owned(), query.to_owned());
    Request { method, path, query, headers, body: Vec::new(), time: SystemTime::now(), in_flight: 0 }
}

fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

fn write(stream: &mut TcpStream, response: Response, request: &Request, shared: &Shared) -> io::Result<()> {
    let manner = response.manner;
    if manner == Manner::Hang {
        while !shared.stopped.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(20));
            if matches!(stream.peek(&mut [0]), Ok(0)) {
                break;
            }
        }
        return Ok(());
    }
    if manner == Manner::Raw {
        return stream.write_all(&response.into_bytes());
    }
    let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
    for (name, value) in &response.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    let bodiless = request.method == "HEAD" || response.status == 204;
    match response.body {
        Body::Stream(make) if manner == Manner::Whole && !bodiless => {
            head.push_str("Transfer-Encoding: chunked\r\n\r\n");
            stream.write_all(head.as_bytes())?;
            let mut out = BufWriter::with_capacity(64 * 1024, Chunks(stream));
            make(&mut out)?;
            out.flush()?;
            drop(out);
            stream.write_all(b"0\r\n\r\n")
        }
        body => {
            let bytes = Response { status: 200, headers: Vec::new(), body, manner }.into_bytes();
            if response.status != 204 {
                head.extend(["Content-Length: ", &bytes.len().to_string(), "\r\n"]);
            }
            head.push_str("\r\n");
            stream.write_all(head.as_bytes())?;
            match manner {
                _ if bodiless => Ok(()),
                Manner::Slow => {
                    for byte in bytes {
                        if shared.stopped.load(Ordering::SeqCst) {
                            break;
                        }
                        stream.write_all(&[byte])?;
                        thread::sleep(Duration::from_secs(1));
                    }
                    Ok(())
                }
                Manner::CutOff => stream.write_all(&bytes[..bytes.len() / 2]),
                _ => stream.write_all(&bytes),
            }
        }
    }
}

struct Chunks<'a>(&'a mut TcpStream);

impl Write for Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !bytes.is_empty() {
            self.0.write_all(format!("{:x}\r\n", bytes.len()).as_bytes())?;
            self.0.write_all(bytes)?;
            self.0.write_all(b"\r\n")?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

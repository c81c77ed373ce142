//! What a server does wrong on purpose: on which route, how often, and how.

use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Manner, Response};

/// One fault of a `world.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The route without `/api` and the space, such as `tasks/*/details`; `*` stands for one segment, a final `**` for
    /// any rest.
    pub route: String,
    pub kind: Kind,
    /// How often it strikes; always when missing.
    pub times: Option<usize>,
    /// How many requests to that route pass before it strikes.
    #[serde(default)]
    pub after: usize,
    /// Seconds, for `too-many-requests` and `unavailable`.
    pub retry_after: Option<u64>,
    /// Where to, for `redirect`. `{port}` and `{path}` are filled in.
    pub location: Option<String>,
    /// The size of a `huge` body, or the pause of `slow-start` in milliseconds.
    pub size: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// 429, with `Retry-After` when `retry_after` is given.
    TooManyRequests,
    /// 500 with a `FullException`.
    ServerError,
    /// 502 with the HTML of a gateway.
    BadGateway,
    /// 503 without a body.
    Unavailable,
    Unauthorized,
    Forbidden,
    NotFound,
    /// The answer, but a byte a second.
    SlowBody,
    /// The answer after a pause of `size` milliseconds.
    SlowStart,
    /// Sound HTTP around the first half of the JSON.
    TruncatedJson,
    /// The first half of the answer, then the end of the connection.
    CutOff,
    Reset,
    Hang,
    /// 200 with the HTML of a login page.
    LoginPage,
    /// 200 with nothing.
    Empty,
    /// 200 with a JSON string of `size` bytes.
    Huge,
    /// 302 to `location`, or to itself.
    Redirect,
    /// The answer, with values in every enum that nobody knows yet.
    UnknownValues,
    /// The answer, with null for every empty list.
    NullLists,
    /// The answer, without any field that is null, false, zero or empty.
    MissingFields,
}

impl Fault {
    pub fn new(route: &str, kind: Kind) -> Self {
        Self { route: route.to_owned(), kind, times: None, after: 0, retry_after: None, location: None, size: None }
    }

    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    #[must_use]
    pub fn after(mut self, requests: usize) -> Self {
        self.after = requests;
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    #[must_use]
    pub fn location(mut self, to: impl Into<String>) -> Self {
        self.location = Some(to.into());
        self
    }

    #[must_use]
    pub fn size(mut self, size: usize) -> Self {
        self.size = Some(size);
        self
    }

    /// Whether it strikes on the request to `route` that comes after `earlier` others.
    pub fn strikes(&self, earlier: usize) -> bool {
        earlier >= self.after && self.times.is_none_or(|times| earlier < self.after + times)
    }

    /// Whether it is about this route.
    pub fn concerns(&self, route: &str) -> bool {
        let mut have = route.split('/');
        for want in self.route.to_lowercase().split('/') {
            match (want, have.next()) {
                ("**", _) => return true,
                ("*", Some(_)) => {}
                (want, Some(segment)) if want == segment => {}
                _ => return false,
            }
        }
        have.next().is_none()
    }

    /// The spoilt answer. `answer` makes the sound one, for faults that need it.
    pub fn spoil(&self, path: &str, port: &str, answer: impl FnOnce() -> Response) -> Response {
        let after = |response: Response| match self.retry_after {
            Some(seconds) => response.header("Retry-After", seconds.to_string()),
            None => response,
        };
        match self.kind {
            Kind::TooManyRequests => after(error(429, "Too many requests.")),
            Kind::ServerError => Response::json(500, &server_error()),
            Kind::BadGateway => Response::html(502, BAD_GATEWAY),
            Kind::Unavailable => after(Response::new(503, "text/plain", "")),
            Kind::Unauthorized => error(401, UNAUTHORIZED),
            Kind::Forbidden => error(403, FORBIDDEN),
            Kind::NotFound => error(404, &format!("The resource '{path}' was not found.")),
            Kind::SlowBody => answer().manner(Manner::Slow),
            Kind::SlowStart => {
                thread::sleep(Duration::from_millis(self.size.unwrap_or(1000) as u64));
                answer()
            }
            Kind::TruncatedJson => {
                let bytes = answer().into_bytes();
                Response::new(200, "application/json; charset=utf-8", &bytes[..bytes.len() / 2])
            }
            Kind::CutOff => answer().manner(Manner::CutOff),
            Kind::Reset => answer().manner(Manner::Reset),
            Kind::Hang => Response::new(200, "text/plain", "").manner(Manner::Hang),
            Kind::LoginPage => Response::html(200, LOGIN_PAGE),
            Kind::Empty => Response::new(200, "application/json; charset=utf-8", ""),
            Kind::Huge => huge(self.size.unwrap_or(50_000_000)),
            Kind::Redirect => {
                let to = self.location.as_deref().unwrap_or("{path}");
                let to = to.replace("{port}", port).replace("{path}", path);
                Response::html(302, "<html>Moved</html>").header("Location", to)
            }
            Kind::UnknownValues => changed(answer(), unknown_values),
            Kind::NullLists => changed(answer(), null_lists),
            Kind::MissingFields => changed(answer(), missing_fields),
        }
    }
}

pub const UNAUTHORIZED: &str =
    "You must be logged in to request this resource. Please provide a valid API key or log in again.";
const FORBIDDEN: &str = "You do not have permission to perform this action. Please contact your Octopus administrator.";
const BAD_GATEWAY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad \
                           Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
const LOGIN_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form action=\"/login\" \
                          method=\"post\"><input name=\"user\"><input name=\"password\" \
                          type=\"password\"></form></body></html>\n";

/// An error as Octopus words it.
pub fn error(status: u16, message: &str) -> Response {
    Response::json(status, &json!({ "ErrorMessage": message, "Errors": [] }))
}

fn server_error() -> Value {
    json!({
        "ErrorMessage": "Something went wrong.",
        "FullException": "System.InvalidOperationException: example\n   at Example.Method()",
        "HelpText": null
    })
}

fn huge(size: usize) -> Response {
    Response::stream("application/json; charset=utf-8", move |out| {
        out.write_all(b"\"")?;
        let block = [b'x'; 8192];
        let mut left = size.saturating_sub(2);
        while left > 0 {
            let part = left.min(block.len());
            out.write_all(&block[..part])?;
            left -= part;
        }
        out.write_all(b"\"")
    })
}

fn changed(answer: Response, change: fn(&mut Value)) -> Response {
    let status = answer.status;
    let Ok(mut value) = serde_json::from_slice(&answer.into_bytes()) else {
        return error(500, "The fault needs a JSON answer.");
    };
    walk(&mut value, change);
    Response::json(status, &value)
}

fn walk(value: &mut Value, change: fn(&mut Value)) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|field| walk(field, change)),
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, change)),
        _ => {}
    }
    change(value);
}

fn unknown_values(value: &mut Value) {
    const ENUMS: [&str; 9] = [
        "Status",
        "State",
        "Category",
        "Type",
        "HealthStatus",
        "Condition",
        "StartTrigger",
        "PackageRequirement",
        "ActionType",
    ];
    let Value::Object(fields) = value else { return };
    for (name, field) in fields.iter_mut() {
        if ENUMS.contains(&name.as_str()) && field.is_string() {
            *field = json!("SomethingNew");
        }
    }
    fields.insert("FieldOfTomorrow".to_owned(), json!({ "Nested": [1, 2, 3] }));
}

fn null_lists(value: &mut Value) {
    if value.as_array().is_some_and(Vec::is_empty) {
        *value = Value::Null;
    }
}

fn missing_fields(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, field| match field {
            Value::Null => false,
            Value::Bool(set) => *set,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
        });
    }
}

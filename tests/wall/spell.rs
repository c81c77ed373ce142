//! The spellings of a value that `places.toml` names.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

/// `value` as it stands inside a string of JSON.
pub fn json(value: &str) -> String {
    let quoted = json!(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

pub fn url(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}

/// `value` with a change of color after each third of it.
pub fn colors(value: &str) -> String {
    let letters: Vec<char> = value.chars().collect();
    let thirds: Vec<String> = letters.chunks(letters.len().div_ceil(3)).map(|third| third.iter().collect()).collect();
    thirds.join("\u{1b}[0m\u{1b}[1;32m")
}

/// `text` with a line feed after each `width` letters.
fn wrapped(text: &str, width: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    let rows: Vec<String> = letters.chunks(width).map(|row| row.iter().collect()).collect();
    rows.join("\n")
}

fn hex(value: &str) -> String {
    value.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn html(value: &str) -> String {
    value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
        .replace('+', "&#43;")
}

/// Lines of a log that hold `value` as `encoding` spells it.
pub fn encoded(encoding: &str, value: &str) -> String {
    match encoding {
        "base64" => format!("payload {}", STANDARD.encode(value)),
        "base64 of user and value" => format!("sent {} to the server", STANDARD.encode(format!("deployer:{value}"))),
        "base64url" => format!("state {}", URL_SAFE_NO_PAD.encode(format!("x={value}&y=1"))),
        "UTF-16 base64" => {
            let script = format!("Connect-Shop -With '{value}' -Wait");
            let wide: Vec<u8> = script.encode_utf16().flat_map(u16::to_le_bytes).collect();
            format!("powershell.exe -EncodedCommand {}", STANDARD.encode(wide))
        }
        "hex" => format!("0x{}", hex(value)),
        "HEX" => hex(value).to_ascii_uppercase(),
        "URL" => format!("GET /x?with={}", url(value)),
        "URL lower case" => {
            let text = url(value);
            let lower: String = text
                .split('%')
                .enumerate()
                .map(|(index, part)| {
                    if index == 0 {
                        part.to_owned()
                    } else {
                        format!("%{}{}", part[..2].to_ascii_lowercase(), &part[2..])
                    }
                })
                .collect();
            format!("GET /x?with={lower}")
        }
        "URL twice" => format!("GET /login?return={}", url(&format!("/x?with={}", url(value)))),
        "JSON" => format!(r#"{{"with": "{}"}}"#, json(value)),
        "JSON of .NET" => {
            let escaped = json(value).replace('+', "\\u002B").replace('&', "\\u0026").replace('\'', "\\u0027");
            format!(r#"{{"with": "{}"}}"#, escaped.replace('<', "\\u003C").replace('>', "\\u003E"))
        }
        "JSON in JSON" => format!(r#"{{"body": "{}"}}"#, json(&format!(r#"{{"with": "{}"}}"#, json(value)))),
        "HTML" => format!("<code>{}</code>", html(value)),
        "XML" => format!("<x with=\"{}\"/>", html(value).replace("&#39;", "&apos;").replace("&#43;", "+")),
        "colors" => format!("using {}", colors(value)),
        "wrapped at 80" => wrapped(
            &format!("Connecting to the database of the shop, twice as before, with {value} and so it ended"),
            80,
        ),
        "base64 at 76" => wrapped(
            &STANDARD.encode(format!(
                "{{\"user\":\"deployer\",\"of\":\"the shop and its database\",\"with\":\"{value}\",\"then\":\"leave\"}}"
            )),
            76,
        ),
        "PowerShell wrapped at 120" => wrapped(
            &format!(
                "Invoke-WebRequest : The remote server returned an error: (401) Unauthorized. It was asked with the words {value} as before."
            ),
            120,
        ),
        other => panic!("no encoding {other}"),
    }
}

//! The signature that AWS wants of who has an access key: version 4, by the HMAC that TLS brings along.
//!
//! Facts: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use std::fmt::Write;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};
use url::Url;

/// All but these is encoded once more on top of the path's own encoding; the slashes stay.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// An access key, and where and when it is used.
#[derive(Clone)]
pub struct AccessKey {
    /// Its id, which is no secret.
    pub id: String,
    /// The secret.
    pub secret: String,
    /// The token that makes a temporary key whole.
    pub token: Option<String>,
    /// The region.
    pub region: String,
    /// The time of signing: AWS accepts a few minutes' difference, more than a run takes.
    pub time: Timestamp,
}

/// The region that an address of Bedrock is in: the part after the service's.
#[must_use]
pub fn region(host: &str) -> Option<&str> {
    let mut parts = host.split('.').skip_while(|part| !matches!(*part, "bedrock-runtime" | "bedrock-runtime-fips"));
    parts.nth(1)
}

/// The headers that sign a `POST` of `body` to `url`.
pub(super) fn headers(key: &AccessKey, service: &str, url: &Url, body: &str) -> Vec<(&'static str, String)> {
    let time = key.time.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = key.time.strftime("%Y%m%d").to_string();
    let host = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    let mut signed = vec![("host", host), ("x-amz-date", time.clone())];
    signed.extend(key.token.clone().map(|token| ("x-amz-security-token", token)));
    let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let path = utf8_percent_encode(url.path(), PATH);
    let request = format!("POST\n{path}\n{}\n{lines}\n{names}\n{}", url.query().unwrap_or_default(), hash(body));
    let scope = format!("{day}/{}/{service}/aws4_request", key.region);
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(&request));
    let mut secret = format!("AWS4{}", key.secret).into_bytes();
    for part in [day.as_str(), &key.region, service, "aws4_request", &to_sign] {
        secret = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), part.as_bytes()).as_ref().to_vec();
    }
    let credential = format!("{}/{scope}", key.id);
    let signature = hex(&secret);
    let value = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}");
    // The host goes with every request anyway.
    let others = signed.into_iter().filter(|(name, _)| *name != "host");
    others.chain([("authorization", value)]).collect()
}

fn hash(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A write to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, body: &str, signature: &str) {
        // The key, time, region and service of the examples that AWS publishes.
        let key = AccessKey {
            id: "AKIDEXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            token: None,
            region: "us-east-1".to_owned(),
            time: "2015-08-30T12:36:00Z".parse().unwrap(),
        };
        let url = Url::parse(&format!("https://example.amazonaws.com{path}")).unwrap();
        let all = headers(&key, "service", &url, body);
        assert_eq!(all[0], ("x-amz-date", "20150830T123600Z".to_owned()));
        assert!(all[1].1.ends_with(&format!("SignedHeaders=host;x-amz-date, Signature={signature}")), "{}", all[1].1);
        assert!(!all[1].1.contains(&key.secret));
    }

    #[test]
    fn the_signature_of_the_published_example_comes_out() {
        check("/", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
    }
}

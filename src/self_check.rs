//! What this program is and what it would use here: version, build, certificate authorities, proxies. Nobody is asked.
//!
//! The network's settings come in, an [`About`] comes out, as text or JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::http::{Authorities, Failure, Network};

/// The target that the program was built for.
const TARGET: &str = env!("FIREFIGHTER_TARGET");
/// The commit that it was built from, where whoever built it said so.
const COMMIT: Option<&str> = option_env!("FIREFIGHTER_COMMIT");

/// What this program is, and what it would use here.
#[derive(Debug)]
pub struct About {
    /// How it was built.
    features: Vec<&'static str>,
    /// Certificate authorities, by source.
    authorities: Vec<Authorities>,
    /// Where the system's come from when that is not its own store: a variable and its value.
    store: Vec<String>,
    /// For which addresses a proxy is used, and its address without a password.
    proxies: Vec<(&'static str, String)>,
    /// What is reached without one.
    no_proxy: String,
}

/// Looks at the program and at `network`; `env` are all variables. Errors where certificates or a proxy make no sense.
pub fn about(network: &Network, env: &BTreeMap<String, String>) -> Result<About, Failure> {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().filter_map(|name| Some(format!("{name}={}", env.get(*name)?)));
    Ok(About {
        features: features(),
        authorities: network.authorities()?,
        store: named.collect(),
        proxies: network.proxies()?,
        no_proxy: network.no_proxy.clone(),
    })
}

fn features() -> Vec<&'static str> {
    // The GNU target of Windows has no such feature: it takes the libraries that come with every Windows, and no others.
    let is_static = cfg!(target_feature = "crt-static") || cfg!(all(windows, target_env = "gnu"));
    let parts = [
        (cfg!(debug_assertions), "debug"),
        (!cfg!(debug_assertions), "optimized"),
        (is_static, "static"),
        (!is_static, "dynamic"),
        // One thread that breaks down costs its part of the report and no more.
        (cfg!(panic = "unwind"), "unwind"),
        (cfg!(panic = "abort"), "abort"),
    ];
    parts.into_iter().filter_map(|(is_so, word)| is_so.then_some(word)).collect()
}

/// The commit; `None` for a build from plain sources.
fn commit() -> Option<&'static str> {
    COMMIT.filter(|commit| !commit.is_empty())
}

impl About {
    /// As lines for a person.
    #[must_use]
    pub fn text(&self) -> String {
        let mut rows = vec![
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("target", TARGET.to_owned()),
            ("commit", commit().unwrap_or("unknown").to_owned()),
            ("features", self.features.join(", ")),
        ];
        for source in &self.authorities {
            let from = match source.from {
                "system" if self.store.is_empty() => "of the operating system".to_owned(),
                "system" => format!("by {}", self.store.join(" and ")),
                "ca-file" => "of --ca-file".to_owned(),
                other => other.to_owned(),
            };
            let trouble = source.trouble.as_ref().map(|trouble| format!("; {trouble}"));
            rows.push(("certificates", format!("{} {from}{}", source.count, trouble.unwrap_or_default())));
        }
        for (scheme, address) in &self.proxies {
            rows.push(("proxy", format!("{address} for {scheme} addresses")));
        }
        match (self.proxies.is_empty(), self.no_proxy.as_str()) {
            (true, _) => rows.push(("proxy", "none".to_owned())),
            (false, "") => {}
            (false, direct) => rows.push(("no proxy", direct.to_owned())),
        }
        rows.push(("asked", "nobody; `firefighter doctor` asks the server and the model".to_owned()));
        rows.iter().map(|(name, text)| format!("{name:<12} {text}\n")).collect()
    }

    /// The same for a program.
    #[must_use]
    pub fn json(&self) -> Value {
        let authorities = self.authorities.iter().map(|source| {
            let store = (source.from == "system" && !self.store.is_empty()).then_some(&self.store);
            json!({"from": source.from, "count": source.count, "named_by": store, "trouble": source.trouble})
        });
        let proxies = self.proxies.iter().map(|(scheme, address)| json!({"for": scheme, "address": address}));
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "target": TARGET,
            "commit": commit(),
            "features": self.features,
            "certificates": authorities.collect::<Vec<_>>(),
            "proxies": proxies.collect::<Vec<_>>(),
            "no_proxy": self.no_proxy,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(network: &Network, env: &[(&str, &str)]) -> (String, Value) {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let about = about(network, &env).unwrap();
        (about.text(), about.json())
    }

    #[test]
    fn a_proxy_is_told_without_user_and_password() {
        let proxy = Some("http://me:hush@proxy.example.com:3128".to_owned());
        let network = Network { https_proxy: proxy, no_proxy: "intern".to_owned(), ..Network::default() };
        let (text, json) = check(&network, &[]);
        assert!(text.contains("http://proxy.example.com:3128, with a user's name for https addresses"), "{text}");
        assert!(text.contains("no proxy     intern"), "{text}");
        for told in [text, json.to_string()] {
            assert!(!told.contains("hush") && !told.contains("me:"), "{told}");
        }
    }

    #[test]
    fn what_names_the_systems_certificates_is_told() {
        let (text, json) = check(&Network::default(), &[("SSL_CERT_DIR", "/a b")]);
        assert!(text.contains(" by SSL_CERT_DIR=/a b"), "{text}");
        assert_eq!(json["certificates"][1]["named_by"][0], "SSL_CERT_DIR=/a b");
        assert_eq!(json["target"], TARGET);
        assert!(text.contains(" built in\n") && text.contains("proxy        none\n"), "{text}");
    }
}

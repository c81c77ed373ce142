//! E-mail and IP addresses: no secrets, but masked for those who ask for it.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use memchr::memchr_iter;

/// What is masked besides secrets. Nothing by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Also {
    /// E-mail addresses.
    pub email: bool,
    /// IP addresses that tell a machine from others.
    pub ip: bool,
}

/// Calls `found` for each address in `text` that `also` names.
pub(super) fn find(text: &str, also: Also, mut found: impl FnMut(Range<usize>)) {
    if also.email {
        emails(text, &mut found);
    }
    if also.ip {
        addresses(text, &mut found);
    }
}

fn emails(text: &str, found: &mut dyn FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    for at in memchr_iter(b'@', bytes) {
        let before = bytes.get(..at).unwrap_or_default().iter().rev();
        let name = before.take_while(|byte| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte)).count();
        let after = bytes.get(at + 1..).unwrap_or_default().iter();
        let host = after.take_while(|byte| byte.is_ascii_alphanumeric() || b".-".contains(byte)).count();
        let domain = text.get(at + 1..at + 1 + host).unwrap_or_default().trim_end_matches(['.', '-']);
        let last = domain.rsplit('.').next().unwrap_or_default();
        // `actions/checkout@v4.2`, `left-pad@1.3.0`: what stands behind a version's sign is no domain.
        let is_domain = domain.contains('.') && last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic());
        if name > 0 && is_domain {
            found(at - name..at + 1 + domain.len());
        }
    }
}

fn addresses(text: &str, found: &mut dyn FnMut(Range<usize>)) {
    let mut start = 0;
    for word in text.split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':')) {
        let range = start..start + word.len();
        start = range.end + text.get(range.end..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let before = text.get(..range.start).unwrap_or_default();
        let after = text.get(range.end..).unwrap_or_default();
        // Part of a longer word, or of a version.
        if before.ends_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_')
            || after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
            || before.to_ascii_lowercase().ends_with("version=")
        {
            continue;
        }
        let bare = word.trim_end_matches(['.', ':']);
        let host = bare.split_once(':').map_or(bare, |(host, _)| host);
        if host.parse::<Ipv4Addr>().is_ok_and(tells_v4) {
            found(range.start..range.start + host.len());
        } else if bare.matches(':').count() >= 3 && bare.parse::<Ipv6Addr>().is_ok_and(|ip| !ip.is_loopback()) {
            found(range.start..range.start + bare.len());
        }
    }
}

fn tells_v4(ip: Ipv4Addr) -> bool {
    !ip.is_loopback() && !ip.is_unspecified() && !ip.is_broadcast()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let mut all = Vec::new();
        find(text, Also { email: true, ip: true }, |range| all.push(text.get(range).unwrap_or("?").to_owned()));
        assert_eq!(all, expected, "{text}");
    }

    #[test]
    fn addresses_of_people_and_machines_are_found() {
        check("mail <jo.doe+ci@mail.example.com>.", &["jo.doe+ci@mail.example.com"]);
        check("from 10.0.0.7:5432 to 192.168.1.20.", &["10.0.0.7", "192.168.1.20"]);
        check(
            "at fe80::1ff:fe23:4567:890a and 2001:db8:0:1:1:1:1:1",
            &["fe80::1ff:fe23:4567:890a", "2001:db8:0:1:1:1:1:1"],
        );
    }

    #[test]
    fn what_looks_like_an_address_stays() {
        for text in [
            "actions/checkout@v4.2.1",
            "left-pad@1.3.0",
            "git@host",
            "@scope/package.js",
            "127.0.0.1 ::1 0.0.0.0",
            "v1.2.3.4 and Version=4.0.0.0 and 10.0.19045.1",
            "03:11:44 std::abc a::b",
            "1.2.3",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn an_address_ends_where_it_ends_and_is_no_part_of_a_word() {
        check("ö a@b.co, ü", &["a@b.co"]);
        check("a@mail.example.com-.", &["a@mail.example.com"]);
        check("@mail.example.com a@b.c a@b.c1 a@bcd a@.c", &[]);
        check("ö10.0.0.7 ü 10.0.0.8", &["10.0.0.8"]);
        check("ö 10.0.0.7, ü, 10.0.0.8-x", &["10.0.0.7", "10.0.0.8"]);
        check("x10.0.0.7 -10.0.0.7 _10.0.0.7 10.0.0.7x 10.0.0.7_ version=10.0.0.7", &[]);
        check("fe80::1:2 [fe80::1:3]:", &["fe80::1:2", "fe80::1:3"]);
        check("fe80::1 0:0:0:0:0:0:0:1 12:30:45:99 255.255.255.255", &[]);
    }

    #[test]
    fn nothing_is_found_unasked() {
        find("jo@mail.example.com 10.0.0.7", Also::default(), |range| panic!("{range:?}"));
    }
}

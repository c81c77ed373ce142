//! What two lines have in common when they differ only in times, ids, hashes, counters and versions.

/// A hash that is the same for lines that say the same but for such values. Not for keeping: it may change with a release.
pub(super) fn template(body: &str) -> u64 {
    let mut hash = Hash(0x517c_c1b7_2722_0a95);
    let mut after_value = false;
    for word in body.as_bytes().split(|byte| !byte.is_ascii_alphanumeric() && *byte < 0x80) {
        if word.is_empty() {
            continue;
        }
        let value = is_value(word);
        if value && !after_value {
            hash.add(b"0");
        } else if !value {
            hash.add(word);
        }
        // Several values in a row are one: a time, a version, an address.
        after_value = value;
    }
    hash.0
}

/// Whether a word is a number, an id, a hash or part of a date.
fn is_value(word: &[u8]) -> bool {
    const DATES: [&[u8]; 21] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec", b"Mon", b"Tue",
        b"Wed", b"Thu", b"Fri", b"Sat", b"Sun", b"AM", b"PM",
    ];
    word.iter().any(u8::is_ascii_digit)
        || (word.len() >= 8 && word.iter().all(u8::is_ascii_hexdigit))
        || (word.len() <= 3 && DATES.contains(&word))
}

/// Fast, and the same on every machine.
struct Hash(u64);

impl Hash {
    fn add(&mut self, word: &[u8]) {
        for part in word.chunks(8) {
            let mut bytes = [0; 8];
            bytes.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
            self.mix(u64::from_le_bytes(bytes));
        }
        self.mix(word.len() as u64);
    }

    fn mix(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_in_values_have_one_template() {
        for (a, b) in [
            ("job 12 took 3.5s at a1b2c3", "job 7 took 12s at ff00a1"),
            ("2026-02-10T03:11:44.123Z pulled", "2025-12-31T23:59:59Z pulled"),
            ("Mon Feb 10 03:11:44 2026 started", "Fri Dec 1 13:01:04 2025 started"),
            ("image sha256:deadbeefcafe done", "image sha256:0123456789ab done"),
            ("id 6f9619ff-8b86-d011-b42d-00c04fc964ff gone", "id 12345678-9abc-def0-1234-56789abcdef0 gone"),
            ("using foo 1.2.3-rc.1", "using foo 12.0.4-rc.22"),
            ("GET http://10.0.0.1:8080/x", "GET http://192.168.7.12:80/x"),
            ("/build/4711/src/main.rs:12", "/build/12/src/main.rs:7"),
            ("downloaded 3 of 17 (17%)", "downloaded 16 of 17 (94%)"),
        ] {
            assert_eq!(template(a), template(b), "{a} | {b}");
        }
    }

    #[test]
    fn lines_that_say_something_else_have_another() {
        for (a, b) in [
            ("job 12 failed", "job 12 passed"),
            ("cannot open config.yml", "cannot open values.yml"),
            ("größe falsch", "größer falsch"),
            ("a b", "ab"),
        ] {
            assert_ne!(template(a), template(b), "{a} | {b}");
        }
    }
}

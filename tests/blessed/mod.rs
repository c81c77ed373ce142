//! Parts of pages that are made from what they tell of: between two marks, `<!-- NAME -->` and `<!-- end of NAME -->`. With
//! `BLESS=1` a test writes its part; read the diff.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a module of tests, which fail by panicking"
)]

use std::fs;
use std::path::Path;

/// Holds `text` against what the page at `path` shows between the marks called `name`.
pub fn part(path: &str, name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let page = fs::read_to_string(&file).unwrap();
    let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let from = page.find(&start).unwrap_or_else(|| panic!("{path} has no {start}")) + start.len();
    let to = page.find(&end).unwrap_or_else(|| panic!("{path} has no {end}"));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, format!("{}{text}{}", &page[..from], &page[to..])).unwrap();
        return;
    }
    let differing: Vec<(&str, &str)> = page[from..to].lines().zip(text.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(&page[from..to], text, "{path} shows something else; BLESS=1 writes it: {differing:#?}");
}

//! A fix as files of its own, so that it can be applied without being copied out of a page.

use super::words;
use crate::model::Diagnosis;

/// A longer name is cut: some systems allow no more, and a step may be called anything.
const LONGEST_NAME: usize = 80;

/// The files of all fixes, by name: of the first one `fix-1.diff` and, where there is one, its whole new text.
pub(crate) fn files(diagnosis: &Diagnosis) -> Vec<(String, String)> {
    let each = diagnosis.fixes.iter().enumerate();
    each.flat_map(|(index, fix)| {
        let number = index + 1;
        let diff = fix.diff.as_ref().map(|diff| (format!("fix-{number}.diff"), ended(diff)));
        let whole = fix.file.as_ref().map(|(name, text)| (format!("fix-{number}-{}", plain(name)), ended(text)));
        diff.into_iter().chain(whole)
    })
    .collect()
}

/// A name that means one file in every file system and nothing to a shell.
fn plain(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' };
    let name: String = name.chars().map(safe).collect();
    let name = name.trim_start_matches('.');
    let start = name.len().saturating_sub(LONGEST_NAME);
    name.get(start..).unwrap_or_default().to_owned()
}

fn ended(text: &str) -> String {
    let mut text = words::plain(text);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_leads_nowhere_else() {
        let check = |name: &str, expected: &str| assert_eq!(plain(name), expected);
        check("Scan for x.ps1", "Scan_for_x.ps1");
        check("../../etc/passwd", "_.._etc_passwd");
        check("a\\b:c\n.sh", "a_b_c_.sh");
        check(&format!("{}.sh", "x".repeat(300)), &format!("{}.sh", "x".repeat(LONGEST_NAME - 3)));
    }
}

//! Unified diffs as hosts send them: taken apart by file, and what of them is better left out.

use super::told::{File, Status};

/// The files of a diff as `git` writes it. What stands before the first one is not part of it.
pub(super) fn files(text: &str) -> Vec<File> {
    let mut files: Vec<File> = Vec::new();
    // Within a hunk a removed line can look like the name of a file.
    let mut in_hunks = false;
    for line in text.lines() {
        if let Some(names) = line.strip_prefix("diff --git ") {
            files.push(File { path: after(names), ..File::default() });
            in_hunks = false;
            continue;
        }
        let Some(file) = files.last_mut() else { continue };
        if in_hunks || line.starts_with("@@") {
            in_hunks = true;
            file.hunks.push_str(line);
            file.hunks.push('\n');
        } else if line.starts_with("new file mode") {
            file.status = Status::Added;
        } else if line.starts_with("deleted file mode") {
            file.status = Status::Removed;
        } else if let Some(path) = line.strip_prefix("rename from ") {
            file.before = Some(unquoted(path));
        } else if let Some(path) = line.strip_prefix("rename to ") {
            file.path = unquoted(path);
        } else if let Some(path) = line.strip_prefix("+++ ").filter(|path| *path != "/dev/null") {
            file.path = without_side(&unquoted(path));
        }
    }
    for file in &mut files {
        file.counts = (!file.hunks.is_empty()).then(|| counts(&file.hunks));
    }
    files
}

/// The second of two names in `a/src/x.rs b/src/x.rs`.
fn after(names: &str) -> String {
    let half = names.len() / 2;
    // Both names are the same but for a rename, which says them again.
    let second = names.get(half + 1..).filter(|_| names.as_bytes().get(half) == Some(&b' '));
    without_side(&unquoted(second.or_else(|| names.rsplit(' ').next()).unwrap_or_default()))
}

fn unquoted(path: &str) -> String {
    path.split('\t').next().unwrap_or_default().trim_matches('"').to_owned()
}

/// A path without the side it stands for. Bitbucket Data Center calls the sides `src://` and `dst://`.
fn without_side(path: &str) -> String {
    let sides = ["a/", "b/", "src://", "dst://"];
    sides.iter().find_map(|side| path.strip_prefix(side)).unwrap_or(path).to_owned()
}

/// Lines added and removed.
pub(super) fn counts(hunks: &str) -> (usize, usize) {
    let count = |sign: char| hunks.lines().filter(|line| line.starts_with(sign)).count();
    (count('+'), count('-'))
}

/// The hunks of a diff of one file, without what stands before them.
pub(super) fn hunks(diff: &str) -> String {
    if diff.starts_with("@@") {
        return diff.to_owned();
    }
    diff.find("\n@@").and_then(|at| diff.get(at + 1..)).unwrap_or_default().to_owned()
}

/// Whether nobody writes such a file by hand.
pub(super) fn is_made_by_a_tool(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let ends = [".lock", ".lockb", ".map", ".min.js", ".min.css", ".snap", ".svg", ".designer.cs", ".g.cs", ".pb.go"];
    let names = ["package-lock.json", "packages.lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "go.sum"];
    names.contains(&&*name) || ends.iter().any(|end| name.ends_with(end))
}

/// Whether a patch holds a private key or a part of one.
pub(super) fn holds_a_key(file: &File) -> bool {
    let name = file.path.to_ascii_lowercase();
    let is_key = [".pem", ".key", ".pfx", ".p12", ".jks", ".keystore", ".ppk", "id_rsa", "id_ed25519", "id_ecdsa"];
    let coded = |line: &str| {
        let text = line.get(1..).unwrap_or_default().trim();
        text.len() >= 60
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
            && text.bytes().any(|byte| byte.is_ascii_uppercase())
            && text.bytes().any(|byte| byte.is_ascii_lowercase())
    };
    let inside = file.hunks.lines().map(coded).collect::<Vec<_>>().windows(2).any(|pair| pair == [true, true]);
    inside || file.hunks.contains("PRIVATE KEY") || is_key.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_falls_into_its_files() {
        let diff = "diff --git a/src/a b.rs b/src/a b.rs\nindex 1..2 100644\n--- a/src/a b.rs\n+++ b/src/a b.rs\n@@ -1,2 +1,3 @@\n x\n--- y\n+z\n+w\n\
                    diff --git a/new b/new\nnew file mode 100644\n--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+1\n\
                    diff --git a/old b/old\ndeleted file mode 100644\n--- a/old\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n\
                    diff --git a/x/one.txt b/y/two.txt\nsimilarity index 100%\nrename from x/one.txt\nrename to y/two.txt\n\
                    diff --git a/logo.png b/logo.png\nBinary files a/logo.png and b/logo.png differ\n\
                    diff --git src://s/T.cs dst://s/T.cs\n--- src://s/T.cs\n+++ dst://s/T.cs\n@@ -1 +1 @@\n-a\n+b\n";
        let found: Vec<String> = files(diff)
            .iter()
            .map(|file| format!("{} {:?} {:?} {:?}", file.path, file.status, file.before, file.counts))
            .collect();
        assert_eq!(
            found,
            [
                "src/a b.rs Modified None Some((2, 1))",
                "new Added None Some((1, 0))",
                "old Removed None Some((0, 1))",
                "y/two.txt Modified Some(\"x/one.txt\") None",
                "logo.png Modified None None",
                "s/T.cs Modified None Some((1, 1))",
            ]
        );
        assert!(files("no diff at all").is_empty());
    }

    #[test]
    fn a_part_of_a_key_is_known_by_its_look() {
        let check = |path: &str, hunks: &str, expected: bool| {
            let file = File { path: path.to_owned(), hunks: hunks.to_owned(), ..File::default() };
            assert_eq!(holds_a_key(&file), expected, "{path} {hunks}");
        };
        let coded = format!("+{}Aa\n", "x9".repeat(31));
        check("a.txt", &format!("@@ -1 +1 @@\n{coded}{coded}"), true);
        check("a.txt", &format!("@@ -1 +1 @@\n{coded} and\n{coded}"), false);
        check("a.txt", "@@ -1 +1 @@\n+-----BEGIN RSA PRIVATE KEY-----\n", true);
        check("certs/server.key", "@@ -1 +1 @@\n+x\n", true);
        check("src/key.rs", "@@ -1 +1 @@\n+let key = 1;\n", false);
    }
}

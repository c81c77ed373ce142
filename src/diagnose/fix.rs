//! A fix as something to apply: here, the step's own script with retries around the command that failed, as a diff.
//!
//! Offered, never applied.

use imara_diff::{Algorithm, BasicLineDiffPrinter, Diff, InternedInput, UnifiedDiffConfig};

use crate::model::{Definition, Fix, FixKind, Script};

/// How often the command is tried in all, and the pause in seconds, which grows by itself each time.
const TRIES: usize = 4;
const PAUSE: usize = 15;
/// Programs that reach over a network and are safe to start again after a failure.
const PROGRAMS: &[&str] = &[
    "docker",
    "podman",
    "curl",
    "wget",
    "npm",
    "npx",
    "yarn",
    "pnpm",
    "pip",
    "pip3",
    "dotnet",
    "nuget",
    "mvn",
    "gradle",
    "helm",
    "kubectl",
    "az",
    "aws",
    "gcloud",
    "git",
    "trivy",
    "oras",
    "skopeo",
    "crane",
    "apt-get",
    "apk",
    "choco",
    "go",
    "cargo",
    "terraform",
];

/// The step's script with the failing command wrapped in retries. `None` where the script has no such command on a line of its
/// own, or several that fit alike: then a person must choose.
pub(super) fn retry_in_script(definition: &Definition, cited: &str) -> Option<Fix> {
    let script = definition.script.as_ref()?;
    let lines: Vec<&str> = script.body.lines().collect();
    let at = failing_command(&lines, script, cited)?;
    let wrapped = wrap(lines.get(at)?, script)?;
    let mut changed: Vec<&str> = lines.clone();
    changed.splice(at..=at, wrapped.iter().map(String::as_str));
    let after = changed.join("\n") + "\n";
    let before = lines.join("\n") + "\n";
    Some(Fix {
        kind: FixKind::Script,
        title: format!("Or try the command again inside the script of {}", definition.step),
        why: format!(
            "It is then tried up to {TRIES} times, with growing pauses, and what ran before it is not run again."
        ),
        steps: vec![format!("Apply this change to the step's {} script.", script.syntax)],
        diff: Some(unified(&before, &after)),
        url: definition.url.clone(),
    })
}

/// A change as a unified diff with three lines of context.
pub(super) fn unified(before: &str, after: &str) -> String {
    let input = InternedInput::new(before, after);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let printer = BasicLineDiffPrinter(&input.interner);
    format!(
        "--- script\n+++ script, with retries\n{}",
        diff.unified_diff(&printer, UnifiedDiffConfig::default(), &input)
    )
}

/// The index of the one command line that shares most words with the line that failed.
fn failing_command(lines: &[&str], script: &Script, cited: &str) -> Option<usize> {
    let cited = cited.to_ascii_lowercase();
    let score = |line: &str| {
        let line = line.to_ascii_lowercase();
        let mut words: Vec<_> =
            line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 3).collect();
        words.sort_unstable();
        words.dedup();
        words.into_iter().filter(|word| cited.contains(word)).count()
    };
    let mut scored: Vec<(usize, usize, usize)> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| is_command(line, script))
        .map(|(index, line)| (score(line), line.len(), index))
        .filter(|(score, ..)| *score > 0)
        .collect();
    // Of commands alike in words, the longer one does more than fetch an image or print a version.
    scored.sort_unstable_by(|a, b| b.cmp(a));
    scored.first().map(|(.., index)| *index)
}

/// Whether a line is one whole call of a program that may be called again.
fn is_command(line: &str, script: &Script) -> bool {
    let text = line.trim();
    let goes_on = if is_bash(script) { '\\' } else { '`' };
    let first = text.trim_start_matches("& ").split_whitespace().next().unwrap_or_default().trim_matches('"');
    let simple = !text.ends_with([goes_on, '|', '{', '(', '&']) && !text.contains("<<") && !text.starts_with('#');
    simple && PROGRAMS.contains(&first)
}

fn is_bash(script: &Script) -> bool {
    script.syntax.eq_ignore_ascii_case("bash")
}

fn wrap(line: &str, script: &Script) -> Option<Vec<String>> {
    let command = line.trim();
    let indent = line.strip_suffix(line.trim_start())?;
    let lines = if is_bash(script) {
        vec![
            format!("for attempt in $(seq 1 {TRIES}); do"),
            format!("    {command} && break"),
            format!("    [ \"$attempt\" -lt {TRIES} ] || exit 1"),
            format!("    echo \"attempt $attempt failed, trying again\"; sleep $(({PAUSE} * attempt))"),
            "done".to_owned(),
        ]
    } else if script.syntax.eq_ignore_ascii_case("powershell") {
        vec![
            format!("for ($attempt = 1; $attempt -le {TRIES}; $attempt++) {{"),
            format!("    {command}"),
            "    if ($LASTEXITCODE -eq 0) { break }".to_owned(),
            format!("    if ($attempt -eq {TRIES}) {{ exit $LASTEXITCODE }}"),
            format!(
                "    Write-Host \"attempt $attempt failed, trying again\"; Start-Sleep -Seconds ({PAUSE} * $attempt)"
            ),
            "}".to_owned(),
        ]
    } else {
        return None;
    };
    Some(lines.into_iter().map(|text| format!("{indent}{text}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(syntax: &str, body: &str, cited: &str, expected: Option<&str>) {
        let script = Script { syntax: syntax.to_owned(), body: body.to_owned() };
        let definition = Definition { step: "Scan".to_owned(), script: Some(script), ..Definition::default() };
        let fix = retry_in_script(&definition, cited);
        assert_eq!(fix.and_then(|fix| fix.diff).as_deref(), expected);
    }

    #[test]
    fn the_command_that_failed_is_tried_again() {
        check(
            "PowerShell",
            "Write-Host \"start\"\ndocker pull ghcr.io/x/trivy\nforeach ($f in $all) {\n    docker run ghcr.io/x/trivy sbom $f\n}\n",
            "FATAL failed to download from ghcr.io/x/trivy-db: TOOMANYREQUESTS",
            Some(
                "--- script\n+++ script, with retries\n@@ -1,5 +1,10 @@\n Write-Host \"start\"\n docker pull ghcr.io/x/trivy\n foreach ($f in $all) {\n-    docker run ghcr.io/x/trivy sbom $f\n+    for ($attempt = 1; $attempt -le 4; $attempt++) {\n+        docker run ghcr.io/x/trivy sbom $f\n+        if ($LASTEXITCODE -eq 0) { break }\n+        if ($attempt -eq 4) { exit $LASTEXITCODE }\n+        Write-Host \"attempt $attempt failed, trying again\"; Start-Sleep -Seconds (15 * $attempt)\n+    }\n }\n",
            ),
        );
    }

    #[test]
    fn a_wrapped_bash_command_is_bash_that_works() {
        let script = Script { syntax: "Bash".to_owned(), body: String::new() };
        let text = wrap("  curl -f https://example.com/x", &script).unwrap().join("\n");
        let parsed = std::process::Command::new("bash").args(["-n", "-c", &text]).status();
        assert!(parsed.is_ok_and(|status| status.success()));
    }

    #[test]
    fn a_script_without_a_fitting_command_is_left_alone() {
        check("Bash", "echo hello\nmake all\n", "error: registry.example.com refused", None);
        check("Bash", "curl -f \\\n  https://example.com/file\n", "curl: (22) example.com 429", None);
        check("Python", "docker.run('x')\n", "docker failed", None);
    }
}

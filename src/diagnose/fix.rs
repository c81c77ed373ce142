//! A fix as something to apply: here, the step's own script with retries around the command that failed, as a diff.
//!
//! Offered, never applied.

use std::ops::Range;

use imara_diff::{Algorithm, BasicLineDiffPrinter, Diff, InternedInput, UnifiedDiffConfig};

use crate::model::{Definition, Fix, FixKind, Script};
use crate::ocl;

/// How often the command is tried in all, and the pause in seconds, which grows by itself each time.
const TRIES: usize = 4;
const PAUSE: usize = 15;
/// Lines of a file before a step.
const MOST_LINES: usize = 1_000_000;
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

/// The step's script with the failing command wrapped in retries. `None` where the script calls no program that fits the line
/// that failed.
pub(super) fn retry_in_script(definition: &Definition, cited: &str) -> Option<Fix> {
    let script = definition.script.as_ref()?;
    let lines: Vec<&str> = script.body.lines().collect();
    let at = failing_command(&lines, script, cited)?;
    let wrapped = wrap(lines.get(at.clone())?, script)?;
    let mut changed: Vec<&str> = lines.clone();
    changed.splice(at, wrapped.iter().map(String::as_str));
    let after = changed.join("\n") + "\n";
    let before = lines.join("\n") + "\n";
    Some(Fix {
        kind: FixKind::Script,
        title: format!("Or try the command again inside the script of {}", definition.step),
        why: format!(
            "It is then tried up to {TRIES} times, with growing pauses, and what ran before it is not run again."
        ),
        steps: vec![format!("Apply this change to the step's {} script.", script.syntax)],
        diff: Some(unified(script, &before, &after)),
        file: Some((file_name(definition, script), after)),
        risk: Some("What the command did before it failed is done again: look whether it may be.".to_owned()),
        undo: Some("Put the old script back: the diff reversed.".to_owned()),
        url: definition.url.clone(),
        ..Fix::default()
    })
}

/// The property that limits a step's time, in minutes.
pub(super) const TIME_LIMIT: &str = "Octopus.Action.ExecutionTimeout.Minutes";

/// The properties that have a step tried again up to `count` times (0 to 3), with a pause between.
pub(super) fn retries(count: u8) -> [(&'static str, &'static str); 2] {
    let count = match count {
        0 => "0",
        1 => "1",
        2 => "2",
        _ => "3",
    };
    [("Octopus.Action.AutoRetry.MaximumCount", count), ("Octopus.Action.AutoRetry.MinimumBackoff", "15")]
}

/// What to write in the step's own file so that its action has `properties`: the diff where the file's lines are known, and the
/// steps that tell a person. `None` where the step is written in no file.
pub(super) fn in_source(definition: &Definition, properties: &[(&str, &str)]) -> Option<(Option<String>, Vec<String>)> {
    let source = definition.source.as_ref()?;
    let repository = source.repository.split_once("://").map_or(source.repository.as_str(), |(_, rest)| rest);
    let branch = source.branch.as_ref().map(|branch| format!(", branch {branch}")).unwrap_or_default();
    let place = format!("{} ({}{branch})", source.path, repository.trim_end_matches(".git"));
    let diff = source.lines.as_ref().and_then(|(first, lines)| {
        let after = ocl::with_properties(lines, &source.action, properties)?;
        let hunks = hunks(lines, &after, *first)?;
        Some(format!("--- a/{path}\n+++ b/{path}\n{hunks}", path = source.path))
    });
    let mut steps = Vec::new();
    if let Some(diff) = &diff {
        steps.push(format!("The process is kept in a repository: apply the change to {place} with `git apply`."));
        if diff.contains("⟨secret:") {
            steps.push("Where ⟨secret:…⟩ stands in it, keep what stands there now.".to_owned());
        }
    } else {
        let wanted: Vec<String> = properties.iter().map(|(name, value)| format!("{name} = \"{value}\"")).collect();
        let (step, wanted) = (&source.step, wanted.join(" and "));
        steps.push(format!(
            "The process is kept in a repository: in {place} set {wanted} among the properties of step \"{step}\"."
        ));
    }
    Some((diff, steps))
}

/// The hunks from `before` to `after`, whose first line is the file's line `first`.
fn hunks(before: &str, after: &str, first: usize) -> Option<String> {
    // Lines that are the same on both sides, and too far away to be context, move the numbers.
    let lead = "\u{0}\n".repeat(first.saturating_sub(1).min(MOST_LINES));
    let (before, after) = (format!("{lead}{before}"), format!("{lead}{after}"));
    Some(changes(&before, &after)).filter(|hunks| !hunks.is_empty() && !hunks.contains('\0'))
}

/// A change as a unified diff with three lines of context.
pub(super) fn unified(script: &Script, before: &str, after: &str) -> String {
    let name = if is_bash(script) { "script.sh" } else { "script.ps1" };
    format!("--- {name}\n+++ {name}\n{}", changes(before, after))
}

fn changes(before: &str, after: &str) -> String {
    let input = InternedInput::new(before, after);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let printer = BasicLineDiffPrinter(&input.interner);
    diff.unified_diff(&printer, UnifiedDiffConfig::default(), &input).to_string()
}

/// The lines of the command that shares most words with the line that failed.
fn failing_command(lines: &[&str], script: &Script, cited: &str) -> Option<Range<usize>> {
    let cited = cited.to_ascii_lowercase();
    let score = |command: &Range<usize>| {
        let text = lines.get(command.clone()).unwrap_or_default().join(" ").to_ascii_lowercase();
        let mut words: Vec<_> =
            text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 3).collect();
        words.sort_unstable();
        words.dedup();
        let size = words.len();
        (words.into_iter().filter(|word| cited.contains(word)).count(), size)
    };
    // Of commands alike in words, the one that says more does more than fetch an image or print a version.
    let scored = commands(lines, script).into_iter().map(|command| (score(&command), command));
    scored
        .filter(|((shared, _), _)| *shared > 0)
        .max_by_key(|(score, command)| (*score, command.start))
        .map(|(_, command)| command)
}

/// The whole calls of programs that may be called again, each on lines of its own.
fn commands(lines: &[&str], script: &Script) -> Vec<Range<usize>> {
    let goes_on = if is_bash(script) { '\\' } else { '`' };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = lines.get(at) {
        let rest = lines.get(at..).unwrap_or_default();
        let length = rest.iter().take_while(|line| line.trim_end().ends_with(goes_on)).count() + 1;
        let end = (at + length).min(lines.len());
        let last = lines.get(end - 1).unwrap_or(first).trim();
        let program =
            first.trim().trim_start_matches("& ").split_whitespace().next().unwrap_or_default().trim_matches('"');
        // A call that others are joined to is more than we can wrap.
        let whole = !last.ends_with([goes_on, '|', '{', '(', '&']) && !first.contains("<<");
        if whole && PROGRAMS.contains(&program) {
            found.push(at..end);
        }
        at = end;
    }
    found
}

/// What a step's script is called as a file, such as `Scan for Vulnerabilities.ps1`.
pub(super) fn file_name(definition: &Definition, script: &Script) -> String {
    let ending = match script.syntax.to_ascii_lowercase().as_str() {
        "powershell" => "ps1",
        "bash" => "sh",
        "python" => "py",
        "csharp" => "csx",
        "fsharp" => "fsx",
        _ => "txt",
    };
    format!("{}.{ending}", definition.step)
}

fn is_bash(script: &Script) -> bool {
    script.syntax.eq_ignore_ascii_case("bash")
}

fn wrap(command: &[&str], script: &Script) -> Option<Vec<String>> {
    let first = command.first()?;
    let indent = first.strip_suffix(first.trim_start())?;
    let inner = command.iter().map(|line| format!("    {}", line.strip_prefix(indent).unwrap_or(line)));
    let mut lines = Vec::new();
    if is_bash(script) {
        lines.push(format!("for attempt in $(seq 1 {TRIES}); do"));
        lines.extend(inner);
        if let Some(last) = lines.last_mut() {
            last.push_str(" && break");
        }
        lines.extend([
            format!("    [ \"$attempt\" -lt {TRIES} ] || exit 1"),
            format!("    echo \"attempt $attempt failed, trying again\"; sleep $(({PAUSE} * attempt))"),
            "done".to_owned(),
        ]);
    } else if script.syntax.eq_ignore_ascii_case("powershell") {
        lines.push(format!("for ($attempt = 1; $attempt -le {TRIES}; $attempt++) {{"));
        lines.extend(inner);
        lines.extend([
            "    if ($LASTEXITCODE -eq 0) { break }".to_owned(),
            format!("    if ($attempt -eq {TRIES}) {{ exit $LASTEXITCODE }}"),
            format!(
                "    Write-Host \"attempt $attempt failed, trying again\"; Start-Sleep -Seconds ({PAUSE} * $attempt)"
            ),
            "}".to_owned(),
        ]);
    } else {
        return None;
    }
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
                "--- script.ps1\n+++ script.ps1\n@@ -1,5 +1,10 @@\n Write-Host \"start\"\n docker pull ghcr.io/x/trivy\n foreach ($f in $all) {\n-    docker run ghcr.io/x/trivy sbom $f\n+    for ($attempt = 1; $attempt -le 4; $attempt++) {\n+        docker run ghcr.io/x/trivy sbom $f\n+        if ($LASTEXITCODE -eq 0) { break }\n+        if ($attempt -eq 4) { exit $LASTEXITCODE }\n+        Write-Host \"attempt $attempt failed, trying again\"; Start-Sleep -Seconds (15 * $attempt)\n+    }\n }\n",
            ),
        );
    }

    #[test]
    fn of_commands_alike_the_one_that_says_more_is_taken_whole() {
        let lines =
            ["docker pull ghcr.io/x/trivy", "docker run --rm `", "  ghcr.io/x/trivy sbom `", "  -o bom.json", "docker"];
        let script = Script { syntax: "PowerShell".to_owned(), body: String::new() };
        assert_eq!(failing_command(&lines, &script, "ghcr.io/x/trivy-db: TOOMANYREQUESTS"), Some(1..4));
    }

    #[test]
    fn a_wrapped_bash_command_is_bash_that_works() {
        let script = Script { syntax: "Bash".to_owned(), body: String::new() };
        let text = wrap(&["  curl -f \\", "    https://example.com/x"], &script).unwrap().join("\n");
        let parsed = std::process::Command::new("bash").args(["-n", "-c", &text]).status();
        assert!(parsed.is_ok_and(|status| status.success()));
    }

    #[test]
    fn a_script_without_a_fitting_command_is_left_alone() {
        check("Bash", "echo hello\nmake all\n", "error: registry.example.com refused", None);
        check("Python", "docker.run('x')\n", "docker failed", None);
    }
}

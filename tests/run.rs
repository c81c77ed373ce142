//! `firefighter run` changes nothing of a command: not a byte, not its end. And of one that fails it says why.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Output, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

/// A command of the shell, run by us with `flags`.
fn wrapped(flags: &[&str], script: &str) -> Command {
    let mut command = bare(env!("CARGO_BIN_EXE_firefighter"));
    command.arg("run").args(flags).args(["--", "sh", "-c", script]);
    command
}

fn bare(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
    command
}

fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("run-{name}"));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs `script` with and without us, and expects the same bytes and the same end; returns what we added.
fn check(script: &str) -> String {
    let plain = bare("sh").args(["-c", script]).output().unwrap();
    let ours = wrapped(&[], script).output().unwrap();
    assert!(plain.stdout == ours.stdout, "{script}: {} bytes became {}", plain.stdout.len(), ours.stdout.len());
    assert_eq!((plain.status.code(), plain.status.signal()), (ours.status.code(), ours.status.signal()), "{script}");
    let added = ours.stderr.strip_prefix(plain.stderr.as_slice());
    text(added.unwrap_or_else(|| panic!("{script}: the standard error is another: {}", text(&ours.stderr))))
}

/// How many bytes a stream gives, and a hash of the first `limit`.
fn digest(stream: &mut impl Read, limit: u64) -> (u64, u64) {
    let (mut hasher, mut count, mut buffer) = (DefaultHasher::new(), 0, vec![0; 1 << 16]);
    let mut first = stream.by_ref().take(limit);
    loop {
        match first.read(&mut buffer).unwrap() {
            0 => break,
            read => {
                hasher.write(&buffer[..read]);
                count += read as u64;
            }
        }
    }
    (count + std::io::copy(stream, &mut std::io::sink()).unwrap(), hasher.finish())
}

/// The two streams of a command, read side by side, and how it ended.
fn digests(mut command: Command, limit: u64) -> ((u64, u64), (u64, u64), Option<i32>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let err = thread::spawn(move || digest(&mut err, limit));
    let out = digest(&mut out, u64::MAX);
    (out, err.join().unwrap(), child.wait().unwrap().code())
}

#[test]
fn a_command_that_ends_well_is_left_alone() {
    assert_eq!(check("echo out; echo err >&2"), "");
    assert_eq!(check("printf 'no end'; printf 'none here' >&2"), "");
    assert_eq!(check("exit 0"), "");
}

#[test]
fn a_command_that_fails_keeps_its_end_and_is_diagnosed() {
    let added = check("echo start; echo 'fatal: repository https://git.example/x not found' >&2; exit 3");
    assert!(added.contains("repository https://git.example/x not found"), "{added}");
    let added = check("printf 'error: the widget is bent' >&2; exit 1");
    assert!(added.starts_with('\n') && added.contains("the widget is bent"), "{added}");
    for code in [2, 77, 124, 137, 255] {
        assert!(check(&format!("exit {code}")).contains(&format!("exit code {code}")));
    }
}

#[test]
fn a_command_that_a_signal_ends_ends_us_by_the_same() {
    for signal in ["KILL", "SEGV", "ABRT", "TERM", "USR1"] {
        assert!(check(&format!("echo going; kill -{signal} $$")).contains(signal), "{signal}");
    }
}

#[test]
fn a_hundred_megabytes_pass_unchanged_on_each_stream() {
    let script = "seq -f 'line %015.0f of a long story on the one side' 1 1600000 & seq -f 'side %015.0f' 1 3000000 >&2; wait; exit 5";
    let mut plain = bare("sh");
    plain.args(["-c", script]);
    let (out, err, code) = digests(plain, u64::MAX);
    assert!(out.0 > 70_000_000 && err.0 > 60_000_000, "{out:?} {err:?}");
    let (our_out, our_err, our_code) = digests(wrapped(&[], script), err.0);
    assert_eq!((out, err.1, code), (our_out, our_err.1, our_code));
    assert!(our_err.0 > err.0, "a diagnosis follows");
}

#[test]
fn much_output_takes_little_memory() {
    let script = "i=0; seq -f 'line %020.0f of a very long story' 1 5000000; \
                  grep -E 'VmHWM' /proc/$PPID/status >&2; exit 0";
    let output = wrapped(&[], script).stdout(Stdio::null()).output().unwrap();
    let said = text(&output.stderr);
    let peak: u64 = said.split_whitespace().find_map(|word| word.parse().ok()).unwrap_or_else(|| panic!("{said}"));
    assert!(peak < 64 << 10, "{peak} kB");
}

#[test]
fn a_cause_in_the_middle_of_a_large_log_is_found() {
    let script = "seq -f 'line %020.0f is dull' 1 600000; echo 'error: the widget is bent'; seq -f 'line %020.0f is dull' 1 600000; exit 1";
    let output = wrapped(&[], script).stdout(Stdio::null()).output().unwrap();
    assert!(text(&output.stderr).contains("600001"), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("the widget is bent"), "{}", text(&output.stderr));
}

#[test]
fn many_short_lines_keep_their_order_where_both_streams_are_one() {
    let script = "i=0; while [ $i -lt 10000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done";
    let path = folder("order").join("both.log");
    let file = fs::File::create(&path).unwrap();
    let status = wrapped(&[], script).stdout(file.try_clone().unwrap()).stderr(file).status().unwrap();
    assert_eq!(status.code(), Some(0));
    let expected: String = (0..10_000).map(|i| format!("out {i}\nerr {i}\n")).collect();
    assert!(fs::read_to_string(&path).unwrap() == expected);
}

#[test]
fn bytes_that_are_no_text_pass_unchanged() {
    let script =
        "head -c 3000000 /bin/sh; printf '\\377\\376\\000\\r\\033[31m'; echo 'error: the widget is bent' >&2; exit 4";
    assert!(check(script).contains("the widget is bent"));
}

#[test]
fn a_line_that_is_not_ended_passes_at_once() {
    let mut child = wrapped(&[], "printf 'Name? '; read name; echo \"Hello, $name\"; exit 7")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut asked = [0; 6];
    // Would wait for ever if the question were held back.
    out.read_exact(&mut asked).unwrap();
    let mut stdin: ChildStdin = child.stdin.take().unwrap();
    stdin.write_all(b"Anna\n").unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!((asked.as_slice(), rest.as_str()), (b"Name? ".as_slice(), "Hello, Anna\n"));
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn a_command_that_closes_its_output_is_waited_for() {
    let path = folder("closes").join("done");
    let script = format!("exec >&- 2>&-; sleep 0.3; : > '{}'; exit 9", path.display());
    let output = wrapped(&[], &script).output().unwrap();
    assert_eq!(output.status.code(), Some(9));
    assert!(path.exists(), "it was not waited for");
}

#[test]
fn a_process_left_behind_does_not_keep_us() {
    let path = folder("left-behind").join("pid");
    let script = format!("sleep 600 & echo $! > '{}'; echo started; exit 0", path.display());
    let output = wrapped(&[], &script).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), "started\n"));
    let pid: i32 = fs::read_to_string(&path).unwrap().trim().parse().unwrap();
    let pid = Pid::from_raw(pid).unwrap();
    assert!(kill_process(pid, Signal::KILL).is_ok(), "it still runs");
}

#[test]
fn a_reader_that_goes_away_ends_the_command_as_without_us() {
    let mut child =
        wrapped(&[], "while :; do echo y; done").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 2];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut first).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.signal(), text(&output.stderr).as_str()), (Some(13), ""));
}

#[test]
fn a_slow_reader_gets_all_though_a_process_was_left_behind() {
    let script = "sleep 600 >&2 & head -c 200000 /dev/zero; sleep 600 & exit 0";
    let mut child = wrapped(&[], script).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(digest(&mut out, u64::MAX).0, 200_000);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_command_that_cannot_start_ends_as_in_a_shell() {
    let run = |program: &str| bare(env!("CARGO_BIN_EXE_firefighter")).args(["run", "--", program]).output().unwrap();
    let missing = run("no-such-command-here");
    assert_eq!(missing.status.code(), Some(127));
    assert!(text(&missing.stderr).contains("no-such-command-here: command not found"), "{}", text(&missing.stderr));
    let path = folder("not-executable").join("a.txt");
    fs::write(&path, "text").unwrap();
    assert_eq!(run(path.to_str().unwrap()).status.code(), Some(126));
    let script = folder("no-shebang").join("script");
    fs::write(&script, "echo from a script; exit 6\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let output = run(script.to_str().unwrap());
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(6), "from a script\n"));
}

#[test]
fn flags_that_make_no_sense_do_not_keep_the_command_from_running() {
    for flags in [&["--no-such-flag"][..], &["--format", "pdf"], &["--config", "/no/such.toml"], &["--budget", "many"]]
    {
        let output = wrapped(flags, "echo out; exit 8").output().unwrap();
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(8), "out\n"), "{flags:?}");
        assert!(text(&output.stderr).contains("firefighter: "), "{flags:?}");
    }
    let nothing = bare(env!("CARGO_BIN_EXE_firefighter")).arg("run").output().unwrap();
    assert_eq!(nothing.status.code(), Some(125));
}

/// Starts a command that prints a line when it is ready, sends `signal` to us alone, and waits.
fn signaled(signal: Signal, script: &str) -> Output {
    let mut child = wrapped(&[], script).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    kill_process(Pid::from_child(&child), signal).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn signals_reach_the_command() {
    let signals = [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::HUP, "HUP"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
    ];
    for (signal, name) in signals {
        let script = format!("trap 'echo got {name}; exit 0' {name}; echo ready; while :; do sleep 0.05; done");
        let output = signaled(signal, &script);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), format!("got {name}\n")));
    }
}

#[test]
fn a_canceled_command_ends_us_the_same_way_and_is_not_diagnosed() {
    let output = signaled(Signal::TERM, "echo 'error: bent' >&2; echo ready; exec sleep 600");
    assert_eq!((output.status.signal(), text(&output.stderr).as_str()), (Some(15), "error: bent\n"));
}

#[test]
fn a_signal_that_is_ignored_around_us_stays_ignored() {
    let program = env!("CARGO_BIN_EXE_firefighter");
    let script = format!("trap '' HUP; exec '{program}' run -- sh -c 'kill -HUP $$; kill -HUP $PPID; echo alive'");
    let output = bare("sh").args(["-c", &script]).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), "alive\n"));
}

#[test]
fn a_success_is_diagnosed_on_demand_only() {
    let output = wrapped(&["--on", "always"], "echo 'error: the widget is bent'").output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), "error: the widget is bent\n"));
    assert!(text(&output.stderr).contains("the widget is bent"));
}

#[test]
fn a_success_that_took_longer_than_usual_says_where_on_demand_only() {
    let place = folder("times");
    let times = place.join("times.json");
    let seconds = place.join("seconds");
    let script = format!("echo 'Linked 12 crates, token=q8Zr1Lk0pXw93NfT'; sleep $(cat '{}')", seconds.display());
    let run = |wait: &str| {
        fs::write(&seconds, wait).unwrap();
        let output =
            wrapped(&["--on-success", "compare", "--times", times.to_str().unwrap()], &script).output().unwrap();
        assert_eq!(text(&output.stdout), "Linked 12 crates, token=q8Zr1Lk0pXw93NfT\n");
        assert_eq!(output.status.code(), Some(0));
        text(&output.stderr)
    };
    assert!(run("0").contains("No earlier good run of it is known."));
    // However busy the machine is, that was long ago.
    let kept = fs::read_to_string(&times).unwrap();
    let mut kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    kept["runs"][0]["milliseconds"] = 100.into();
    kept["runs"][0]["waits"] = serde_json::json!([]);
    fs::write(&times, kept.to_string()).unwrap();
    let said = run("2.5");
    assert!(said.contains(" times its usual time: 0.1 s in the one good run before"), "{said}");
    assert!(said.contains(" s of silence after “Linked 12 crates, token="), "{said}");
    let kept = fs::read_to_string(&times).unwrap();
    let runs: serde_json::Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 2, "{kept}");
    assert!(runs["runs"][1]["waits"][0]["after"].as_str().unwrap().starts_with("Linked 12 crates"), "{kept}");
    assert!(![kept, said].concat().contains("q8Zr1Lk0pXw93NfT"));
    // A command that fails is no good run.
    let failed =
        wrapped(&["--on-success", "compare", "--times", times.to_str().unwrap()], "echo no; exit 3").output().unwrap();
    assert_eq!(failed.status.code(), Some(3));
    assert!(!fs::read_to_string(&times).unwrap().contains("echo no"));
}

#[test]
fn a_file_that_holds_no_times_is_not_written_over() {
    let place = folder("no-times");
    let notes = place.join("notes.json");
    fs::write(&notes, "[\"mine\"]").unwrap();
    let output =
        wrapped(&["--on-success", "compare", "--times", notes.to_str().unwrap()], "echo built").output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), "built\n"));
    assert!(text(&output.stderr).contains("name a file for them with --times"), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(&notes).unwrap(), "[\"mine\"]");
}

#[test]
fn a_report_tells_the_command_its_place_and_its_end_and_no_secret() {
    let out = folder("report");
    let script = "echo 'error: the widget is bent'; exit 137";
    let mut command = bare(env!("CARGO_BIN_EXE_firefighter"));
    command.args(["run", "--out"]).arg(&out).args(["--", "sh", "-c", script]);
    command.args([
        "deploy",
        "--password=hunter2secret",
        "--token",
        "q8Zr1Lk0pXw93NfT",
        "https://anna:sesame77@host.example/x",
    ]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(137));
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("firefighter.json")).unwrap()).unwrap();
    let all = report.to_string() + &text(&output.stderr);
    for word in ["sh -c", "deploy", "128 + 9: SIGKILL", "Folder: /", "System: linux", "the widget is bent"] {
        assert!(all.contains(word), "{word} is not in {all}");
    }
    for secret in ["hunter2secret", "q8Zr1Lk0pXw93NfT", "sesame77"] {
        assert!(!all.contains(secret), "{secret} is in {all}");
    }
}

#[test]
fn on_a_build_server_it_speaks_as_the_server_wants_and_the_command_as_it_likes() {
    let place = folder("github");
    let script = "echo '::warning::mine'; echo 'error: ::error::the widget is bent'; exit 1";
    let mut command = wrapped(&[], script);
    command.current_dir(&place).env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", place.join("summary"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "::warning::mine\nerror: ::error::the widget is bent\n");
    let said = text(&output.stderr);
    let errors = said.lines().filter(|line| line.trim_start().starts_with("::error")).count();
    assert!(errors >= 1 && said.contains("the widget is bent"), "{said}");
    assert!(!said.lines().any(|line| line.trim_start().starts_with("::error::the")), "{said}");
    assert!(fs::read_to_string(place.join("summary")).unwrap().contains("the widget is bent"));
}

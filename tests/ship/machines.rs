//! The machines that a shipped program is started on: this one, an empty root, another processor, another system.
//!
//! In comes a folder, out comes a command that starts the program there. The one rule: a machine that is not to be had here is
//! named and skipped, unless `FIREFIGHTER_REQUIRE_SHIP` demands it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A machine, and the program for it.
pub(crate) struct Machine {
    pub(crate) name: &'static str,
    /// Its folder below `target/ship`; empty for the program that tests are built with.
    pub(crate) target: &'static str,
    /// What it needs besides the program, and how it is started in a folder. An error says what is not there.
    lay: fn(&Path, &Path) -> Result<Laid, String>,
    /// How the program names a file of that folder.
    pub(crate) path: fn(&Path, &str) -> String,
}

/// A program that lies ready: the words that start it, and the variables that whatever starts it needs.
struct Laid {
    words: Vec<String>,
    env: BTreeMap<String, String>,
}

impl Laid {
    fn of(words: &[&str]) -> Self {
        Self { words: words.iter().map(|word| (*word).to_owned()).collect(), env: BTreeMap::new() }
    }
}

/// All of them.
pub(crate) const MACHINES: &[Machine] = &[
    Machine { name: "this machine", target: "", lay: here, path: plain },
    Machine { name: "an empty root", target: "x86_64-unknown-linux-musl", lay: empty_root, path: inside },
    Machine { name: "arm64, emulated", target: "aarch64-unknown-linux-musl", lay: emulated, path: plain },
    Machine { name: "Windows, by Wine", target: "x86_64-pc-windows-gnu", lay: wine, path: drive },
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Machine {
    /// The shipped program; `None` where it was not built.
    pub(crate) fn program(&self) -> Option<PathBuf> {
        let end = if self.target.contains("windows") { ".exe" } else { "" };
        let shipped = root().join("target/ship").join(self.target).join(format!("firefighter{end}"));
        let program = if self.target.is_empty() { PathBuf::from(env!("CARGO_BIN_EXE_firefighter")) } else { shipped };
        program.is_file().then_some(program)
    }

    /// A command that starts the program in `folder`, with nothing in its environment.
    pub(crate) fn command(&self, folder: &Path) -> Option<Command> {
        let laid = match self.program() {
            Some(program) => (self.lay)(&program, folder),
            None => Err(format!("dist/build {} was not run", self.target)),
        };
        let laid = match laid {
            Ok(laid) => laid,
            Err(reason) => {
                let demanded = std::env::var_os("FIREFIGHTER_REQUIRE_SHIP").is_some();
                assert!(!demanded, "{} is demanded: {reason}", self.name);
                #[allow(clippy::print_stderr, reason = "whoever runs the tests sees what was left out")]
                {
                    eprintln!("{}: {reason}; skipped", self.name);
                }
                return None;
            }
        };
        let (first, others) = laid.words.split_first().unwrap();
        let mut command = Command::new(first);
        // Without it Windows itself opens no socket.
        let system = std::env::var_os("SystemRoot").map(|value| ("SystemRoot", value));
        command.args(others).env_clear().envs(system).envs(laid.env).current_dir(folder).stdin(Stdio::null());
        Some(command)
    }
}

/// Whether this machine has a program; its path.
fn tool(name: &str) -> Result<String, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|place| place.join(name));
    places.find(|file| file.is_file()).map(|file| file.display().to_string()).ok_or(format!("{name} is not there"))
}

#[allow(clippy::unnecessary_wraps, reason = "one of several machines, of which others may be missing")]
fn here(program: &Path, _: &Path) -> Result<Laid, String> {
    Ok(Laid::of(&[&program.display().to_string()]))
}

fn plain(folder: &Path, file: &str) -> String {
    folder.join(file).display().to_string()
}

/// A root with nothing in it but the program: no library, no shell, no `/etc`, no `/tmp`, no `/dev`.
fn empty_root(program: &Path, folder: &Path) -> Result<Laid, String> {
    let chroot = tool("chroot")?;
    let is_root = Command::new(&chroot).args(["/", "true"]).output().is_ok_and(|output| output.status.success());
    if !is_root {
        return Err("only root may change a program's root".to_owned());
    }
    let inner = folder.join("firefighter");
    if !inner.is_file() {
        fs::copy(program, inner).unwrap();
    }
    Ok(Laid::of(&[&chroot, &folder.display().to_string(), "/firefighter"]))
}

fn inside(_: &Path, file: &str) -> String {
    format!("/{file}")
}

fn emulated(program: &Path, _: &Path) -> Result<Laid, String> {
    let program = program.display().to_string();
    if cfg!(target_arch = "aarch64") {
        return Ok(Laid::of(&[&program]));
    }
    let qemu = tool("qemu-aarch64").or_else(|_| tool("qemu-aarch64-static"))?;
    Ok(Laid::of(&[&qemu, &program]))
}

/// A library that Wine before version 9 has not, and that the standard library asks for random numbers.
const RANDOM: &str = "#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) { return SystemFunction036(data, (ULONG) size); }
";

/// The folder with the program, and Wine's own: made once, for a first start takes long.
fn wine(program: &Path, _: &Path) -> Result<Laid, String> {
    static READY: OnceLock<Result<(), String>> = OnceLock::new();
    let wine = tool("wine64").or_else(|_| tool("wine"))?;
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wine");
    let env: BTreeMap<String, String> = [
        ("WINEPREFIX", place.join("prefix").display().to_string()),
        ("WINEDEBUG", "-all".to_owned()),
        ("HOME", place.display().to_string()),
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        // Else no letter beyond ASCII gets through to the program.
        ("LC_ALL", "C.UTF-8".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    READY
        .get_or_init(|| {
            let gcc = tool("x86_64-w64-mingw32-gcc")?;
            fs::create_dir_all(&place).unwrap();
            fs::copy(program, place.join("firefighter.exe")).unwrap();
            fs::write(place.join("random.c"), RANDOM).unwrap();
            let made = Command::new(gcc)
                .args(["-shared", "-o", "bcryptprimitives.dll", "random.c", "-ladvapi32"])
                .current_dir(&place)
                .output()
                .unwrap();
            assert!(made.status.success(), "{made:?}");
            let words = [place.join("firefighter.exe").display().to_string(), "--version".to_owned()];
            let first = Command::new(&wine).args(words).env_clear().envs(&env).stdin(Stdio::null()).output().unwrap();
            assert!(String::from_utf8_lossy(&first.stdout).starts_with("firefighter "), "{first:?}");
            Ok(())
        })
        .clone()?;
    let mut laid = Laid::of(&[&wine, &place.join("firefighter.exe").display().to_string()]);
    laid.env = env;
    Ok(laid)
}

/// Wine shows the whole machine as a drive.
fn drive(folder: &Path, file: &str) -> String {
    format!("Z:{}", folder.join(file).display().to_string().replace('/', "\\"))
}

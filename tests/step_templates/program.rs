//! How the bash step finds its program: in a package, on the worker, behind an address; and what it says where it finds none that runs.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;

use super::runs::{TELLS, calm, failed, program, told, with_program};
use super::step_host::StepHost;

fn platform() -> (&'static str, &'static str) {
    let os = if cfg!(target_os = "macos") { "macos" } else { "linux" };
    (os, if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" })
}

#[test]
fn the_program_is_found_in_a_package_by_platform_and_made_executable() {
    let (os, arch) = platform();
    for folder in [String::new(), format!("{os}-{arch}")] {
        let mut host = failed(&format!("package{folder}"));
        let package = host.folder.join("Firefighter");
        let path = package.join(folder).join("firefighter");
        program(&path, TELLS);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        host.set("Octopus.Action.Package[Firefighter].ExtractedPath", package.to_str().unwrap());
        assert_eq!(told(&host)["FIREFIGHTER_HOST"], "octopus");
    }
    let mut host = failed("package-other");
    let package = host.folder.join("Firefighter");
    program(&package.join("other-x64/firefighter"), TELLS);
    host.set("Octopus.Action.Package[Firefighter].ExtractedPath", package.to_str().unwrap());
    calm(&host, "the package holds no program");
}

/// A tool of the worker that behaves as told, before those of the system.
fn tool(host: &mut StepHost, name: &str, text: &str) {
    let folder = host.beside("own bin");
    program(&folder.join(name), &format!("#!/bin/bash\n{text}\n"));
    host.env.insert("PATH".to_owned(), format!("{}:/usr/bin:/bin", folder.display()));
}

#[test]
fn each_platform_has_its_folder_in_the_package() {
    let platforms = [
        ("Linux", "x86_64", "linux-x64/firefighter"),
        ("Linux", "aarch64", "linux-arm64/firefighter"),
        ("Darwin", "arm64", "osx-arm64/firefighter"),
        ("Darwin", "arm64", "macos-arm64/firefighter"),
        ("MINGW64_NT-10.0", "x86_64", "win-x64/firefighter.exe"),
        ("MSYS_NT-10.0", "x86_64", "firefighter.exe"),
    ];
    for (system, machine, path) in platforms {
        let mut host = failed("platforms");
        tool(&mut host, "uname", &format!("[ \"$1\" = -s ] && echo {system} || echo {machine}"));
        let package = host.folder.join("Firefighter");
        program(&package.join(path), TELLS);
        program(&package.join("linux-riscv/firefighter"), "#!/bin/bash\nexit 1\n");
        host.set("Octopus.Action.Package[Firefighter].ExtractedPath", package.to_str().unwrap());
        told(&host);
    }
}

#[test]
fn a_program_in_a_folder_that_cannot_be_written_is_copied() {
    let mut host = failed("read-only");
    let package = host.beside("package");
    program(&package.join("firefighter"), TELLS);
    fs::set_permissions(package.join("firefighter"), fs::Permissions::from_mode(0o644)).unwrap();
    host.set("Octopus.Action.Package[Firefighter].ExtractedPath", package.to_str().unwrap());
    tool(&mut host, "chmod", "case \"$*\" in */package/*) exit 1 ;; esac\nexec /bin/chmod \"$@\"");
    told(&host);
    assert!(host.folder.join("firefighter-copy").exists());
    tool(&mut host, "chmod", "exit 1");
    fs::remove_file(host.folder.join("firefighter-copy")).unwrap();
    calm(&host, "may not be made executable");
}

#[test]
fn the_program_is_found_in_a_folder_on_the_path_and_under_a_plain_name() {
    let mut host = failed("folder");
    program(&host.beside("tools").join("firefighter"), TELLS);
    host.set("Firefighter.BinaryPath", host.beside("tools").to_str().unwrap());
    told(&host);
    let mut host = failed("path");
    let path = format!("{}:/usr/bin:/bin", host.beside("tools").display());
    program(&host.beside("tools").join("firefighter"), TELLS);
    host.env.insert("PATH".to_owned(), path);
    told(&host);
    let mut host = failed("plain");
    for name in ["my program", "-n/firefighter"] {
        program(&host.folder.join(name), TELLS);
        fs::set_permissions(host.folder.join(name), fs::Permissions::from_mode(0o644)).unwrap();
        host.set("Firefighter.BinaryPath", name);
        told(&host);
    }
}

/// The folder's tools and no others.
fn only(host: &mut StepHost, tools: &[&str]) {
    let folder = host.beside("bin");
    for tool in tools {
        let found = ["/usr/bin", "/bin"].iter().map(|place| Path::new(place).join(tool)).find(|path| path.exists());
        symlink(found.unwrap_or_else(|| panic!("{tool} is needed by this test")), folder.join(tool)).unwrap();
    }
    host.env.insert("PATH".to_owned(), folder.to_str().unwrap().to_owned());
}

/// Answers each request with `body`, or with 404 where the path is another than `path`.
fn serve(path: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap() == 0 {
                    break;
                }
                request.push(byte[0]);
            }
            // A proxy is asked for the whole address.
            let asked = format!("{path} ");
            let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
            let (status, body) = if line.starts_with("GET ") && line.contains(&asked) {
                ("200 OK", body)
            } else {
                ("404 Not Found", "")
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
    });
    format!("http://{address}")
}

fn sum(host: &StepHost, text: &str) -> String {
    let file = host.beside("sum").join("file");
    fs::write(&file, text).unwrap();
    let output = Command::new("openssl").args(["dgst", "-sha256", "-r"]).arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_download_is_run_when_it_is_what_was_promised() {
    let (os, arch) = platform();
    let path: &'static str = format!("/firefighter-{os}-{arch}").leak();
    let url = format!("{}/firefighter-{{os}}-{{arch}}", serve(path, TELLS));
    let mut host = failed("download");
    host.set("Firefighter.DownloadUrl", &url);
    let right = sum(&host, TELLS);
    host.set("Firefighter.DownloadSha256", right.to_uppercase());
    told(&host);
    let list = format!("{}  firefighter-other\n{right}  firefighter-{os}-{arch}\n", "0".repeat(64));
    host.set("Firefighter.DownloadSha256", list);
    told(&host);
    let basic = ["bash", "openssl", "uname", "tr", "grep", "chmod", "env", "rm"];
    let mut tools = vec!["wget"];
    if !Path::new("/usr/bin/wget").exists() {
        tools = vec!["curl"];
    }
    only(&mut host, &[&basic[..], &tools[..]].concat());
    told(&host);
    host.set("Firefighter.DownloadSha256", sum(&host, "another"));
    calm(&host, "not the file its SHA-256 promises");
    assert!(!host.folder.join("firefighter-download").exists(), "what is not trusted is not kept");
}

#[test]
fn a_download_that_cannot_be_trusted_or_had_is_told_calmly() {
    let url = serve("/there", TELLS);
    let mut host = failed("no-download");
    host.set("Firefighter.DownloadUrl", format!("{url}/there"));
    calm(&host, "has no checksum");
    host.set("Firefighter.DownloadSha256", "a".repeat(64));
    calm(&host, "not the file its SHA-256 promises");
    // Half a checksum promises nothing.
    let right = sum(&host, TELLS);
    host.set("Firefighter.DownloadSha256", right.get(..32).unwrap());
    calm(&host, "not the file its SHA-256 promises");
    host.set("Firefighter.DownloadSha256", right).set("Firefighter.DownloadUrl", format!("{url}/gone"));
    calm(&host, "the download failed");
    host.set("Firefighter.DownloadUrl", "file:///bin/true");
    calm(&host, "not one of http or https");
    host.set("Firefighter.DownloadUrl", format!("{url}/there"));
    only(&mut host, &["bash", "openssl", "uname", "tr", "grep"]);
    calm(&host, "neither curl nor wget");
}

#[test]
fn a_download_goes_by_the_workers_proxy_which_the_program_is_told_of_too() {
    let proxy = serve("http://files.invalid/firefighter", TELLS);
    let mut host = failed("proxy");
    host.set("Firefighter.DownloadUrl", "http://files.invalid/firefighter");
    let right = sum(&host, TELLS);
    host.set("Firefighter.DownloadSha256", right);
    // Octopus sets each of them in both spellings.
    for name in ["http_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        host.env.insert(name.to_owned(), proxy.clone());
    }
    host.env.insert("NO_PROXY".to_owned(), "127.0.0.1,localhost".to_owned());
    let told = told(&host);
    assert_eq!([&told["HTTPS_PROXY"], &told["HTTP_PROXY"]], [&proxy, &proxy]);
    assert_eq!(told["NO_PROXY"], "127.0.0.1,localhost");
    host.env.insert("http_proxy".to_owned(), "http://127.0.0.1:1".to_owned());
    calm(&host, "the worker's proxy");
}

#[test]
fn a_worker_without_internet_is_told_what_to_do_and_a_package_needs_none() {
    let mut host = failed("no-internet");
    host.set("Firefighter.DownloadUrl", "http://127.0.0.1:1/firefighter")
        .set("Firefighter.DownloadSha256", "a".repeat(64));
    calm(&host, "Without internet, use Binary path or a package");
    let package = host.folder.join("Firefighter");
    program(&package.join("firefighter"), TELLS);
    host.set("Octopus.Action.Package[Firefighter].ExtractedPath", package.to_str().unwrap());
    tool(&mut host, "curl", "echo called >>\"$PWD/called\"");
    tool(&mut host, "wget", "echo called >>\"$PWD/called\"");
    told(&host);
    assert!(!host.folder.join("called").exists(), "nothing is fetched where a package is");
}

#[test]
fn a_path_with_spaces_and_quotes_is_one_path() {
    let mut host = failed("spaces");
    let folder = host.beside("program files (x86) 'own' $HOME");
    program(&folder.join("firefighter"), TELLS);
    fs::set_permissions(folder.join("firefighter"), fs::Permissions::from_mode(0o644)).unwrap();
    for name in ["Firefighter.BinaryPath", "Octopus.Action.Package[Firefighter].ExtractedPath"] {
        host.variables.retain(|known, _| !known.starts_with("Firefighter.") && !known.contains("Package"));
        host.set(name, folder.to_str().unwrap());
        told(&host);
    }
}

#[test]
fn no_program_is_told_calmly() {
    calm(&failed("no-program"), "there is no program");
    let mut host = failed("wrong-path");
    host.set("Firefighter.BinaryPath", "/not/there ##octopus[stdout-error]");
    calm(&host, "parameter Binary path");
}

#[test]
fn a_program_of_another_machine_is_told_calmly() {
    // The program itself, as it would be for another processor.
    let mut host = failed("other-machine");
    let mut bytes = fs::read(env!("CARGO_BIN_EXE_firefighter")).unwrap();
    if bytes.starts_with(b"\x7fELF") {
        let other: u8 = if cfg!(target_arch = "aarch64") { 62 } else { 183 };
        bytes.get_mut(18..20).unwrap().copy_from_slice(&[other, 0]);
        let path = host.beside("tools").join("firefighter");
        fs::write(&path, bytes).unwrap();
        host.set("Firefighter.BinaryPath", path.to_str().unwrap());
        let (os, arch) = platform();
        calm(&host, &format!("does not run on this machine ({os}-{arch}). Use the one built for it."));
    }
    calm(&with_program("garbage", "\u{7f}ELF\0\0\0\u{1}not for here\0\n"), "does not run on this machine");
    calm(&with_program("interpreter", "#!/not/there\n"), "does not run on this machine");
    calm(&with_program("early-crash", "#!/bin/bash\nkill -ILL $$\n"), "does not run on this machine");
}

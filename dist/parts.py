"""What the program is made of: dist/parts.py FOLDER [TARGET…]

Writes into FOLDER a bill of materials (firefighter.cdx.json, CycloneDX 1.5) and the licences of everything that is linked in
(THIRD-PARTY-LICENSES.txt), for all TARGETs together. Both are made from what cargo resolves and from the crates' own files, so
they name what is in the program: no crate that only tests or builds need, as a reading of Cargo.lock alone would.
The standard library is enough for it.
"""

import collections
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LICENSE_FILE = re.compile(r"(?i)^(licen[sc]e|copying|copyright|notice|unlicense)")
MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify,
merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to
do so, subject to the following conditions: The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING
BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def said(*command):
    """What a command prints; empty where it is not there."""
    try:
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def metadata(target):
    """What cargo resolves for a target."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)


def is_macro(package):
    return any("proc-macro" in target["kind"] for target in package["targets"])


def linked(targets):
    """Our own package, and by id each one that is linked in: the package, and the ids that it links in itself.

    Of a macro the output is linked in: it is named, and what it is built with is not.
    """
    packages, links, root = {}, collections.defaultdict(set), None
    for target in targets:
        found = metadata(target)
        by_id = {package["id"]: package for package in found["packages"]}
        nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
        root = by_id[found["resolve"]["root"]]
        todo = [root["id"]]
        seen = set()
        while todo:
            one = todo.pop()
            if one in seen:
                continue
            seen.add(one)
            packages[one] = by_id[one]
            if is_macro(by_id[one]):
                continue
            for dep in nodes[one]["deps"]:
                if any(kind["kind"] is None for kind in dep["dep_kinds"]):
                    links[one].add(dep["pkg"])
                    todo.append(dep["pkg"])
    return root, packages, links


def checksums():
    """Each crate's SHA-256, by name and version, as Cargo.lock has it."""
    found = {}
    for block in (ROOT / "Cargo.lock").read_text(encoding="utf-8").split("[[package]]")[1:]:
        entry = dict(re.findall(r'^(\w+) = "(.*)"$', block, re.M))
        if "checksum" in entry:
            found[entry["name"], entry["version"]] = entry["checksum"]
    return found


def spdx(package):
    """The licence as an SPDX expression: old crates have a slash for OR."""
    return re.sub(r"\s*/\s*", " OR ", package["license"] or "NOASSERTION")


def runtime(targets):
    """What is linked in and is no crate: name, version, licence, and the files that hold its text."""
    sysroot = pathlib.Path(said("rustc", "--print", "sysroot") or "/")
    version = said("rustc", "--version").split(" ")
    # Where rustup keeps them, and Debian.
    texts = [sysroot / "share/doc/rust/licenses/MIT.txt", sysroot / "share/doc/rust/licenses/Apache-2.0.txt",
             pathlib.Path("/usr/share/doc/rustc-web/copyright")]
    parts = [("rust-std", version[1] if len(version) > 1 else "", "MIT OR Apache-2.0", texts)]
    if any(target.endswith("-musl") for target in targets):
        zig = said("python3", "-c", "import ziglang, os; print(os.path.dirname(ziglang.__file__))")
        parts.append(("musl", "", "MIT", [pathlib.Path(zig) / "lib/libc/musl/COPYRIGHT"]))
    if any(target.endswith("-windows-gnu") for target in targets):
        parts.append(("mingw-w64-crt", "", "ZPL-2.1", [pathlib.Path("/usr/share/doc/mingw-w64-common/copyright")]))
        parts.append(("libgcc", "", "GPL-3.0-or-later WITH GCC-exception-3.1",
                      [pathlib.Path("/usr/share/doc/gcc-mingw-w64-base/copyright")]))
    return parts


def bill(root, packages, links, parts, epoch):
    """The bill of materials. Nothing in it depends on where or when it was made."""
    sums = checksums()
    reference = lambda package: f"pkg:cargo/{package['name']}@{package['version']}"
    component = lambda package: {
        "type": "library", "bom-ref": reference(package), "name": package["name"], "version": package["version"],
        "purl": reference(package), "licenses": [{"expression": spdx(package)}],
        **({"hashes": [{"alg": "SHA-256", "content": sums[package["name"], package["version"]]}]}
           if (package["name"], package["version"]) in sums else {}),
        **({"externalReferences": [{"type": "vcs", "url": package["repository"]}]} if package["repository"] else {}),
    }
    own = {**component(root), "type": "application"}
    others = sorted((package for one, package in packages.items() if one != root["id"]), key=reference)
    extra = [{"type": "library", "bom-ref": f"runtime:{name}", "name": name, "version": version,
              "licenses": [{"expression": licence}]} for name, version, licence, _ in parts]
    graph = [{"ref": reference(package), "dependsOn": sorted(reference(packages[dep]) for dep in links[one])}
             for one, package in packages.items()]
    serial = hashlib.sha256(json.dumps([own, others], sort_keys=True).encode()).hexdigest()
    uuid = f"{serial[:8]}-{serial[8:12]}-5{serial[13:16]}-8{serial[17:20]}-{serial[20:32]}"
    stamp = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{uuid}", "version": 1,
            "metadata": {"timestamp": stamp.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": own},
            "components": [component(package) for package in others] + extra,
            "dependencies": sorted(graph, key=lambda row: row["ref"])}


def texts(package):
    """The licence files of a crate; where it has none, what its manifest says."""
    folder = pathlib.Path(package["manifest_path"]).parent
    found = [path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n").strip()
             for path in sorted(folder.iterdir()) if path.is_file() and LICENSE_FILE.match(path.name)]
    if not found and "MIT" in spdx(package):
        by = ", ".join(re.sub(r"\s*<.*?>", "", author) for author in package["authors"]) or f"the authors of {package['name']}"
        found = [f"MIT License\n\nCopyright (c) {by}\n\n{MIT}".strip()]
    return found


def licences(root, packages, parts):
    """All licences: a list of what is linked in, then each text once, with those that it is for."""
    rows, holders = [], collections.OrderedDict()
    for one, package in sorted(packages.items(), key=lambda pair: (pair[1]["name"], pair[1]["version"])):
        if one == root["id"]:
            continue
        name = f"{package['name']} {package['version']}"
        rows.append(f"{name}: {spdx(package)}{', ' + package['repository'] if package['repository'] else ''}")
        for text in texts(package):
            holders.setdefault(text, []).append(name)
    for name, version, licence, files in parts:
        rows.append(f"{name} {version}".strip() + f": {licence}")
        for path in files:
            if path.is_file():
                holders.setdefault(path.read_text(encoding="utf-8", errors="replace").strip(), []).append(name)
    line = "=" * 80
    blocks = [f"{line}\n{', '.join(names)}\n{line}\n\n{text}\n" for text, names in holders.items()]
    head = "Firefighter is under Apache-2.0 (see LICENSE). These are linked into it, each under its own terms.\n\n"
    return head + "\n".join(rows) + "\n\n" + "\n".join(blocks)


def write(folder, targets):
    """Writes both files into `folder`."""
    root, packages, links = linked(targets)
    parts = runtime(targets)
    epoch = int(subprocess.run([ROOT / "dist/epoch"], check=True, capture_output=True, text=True).stdout)
    folder = pathlib.Path(folder)
    os.makedirs(folder, exist_ok=True)
    made = bill(root, packages, links, parts, epoch)
    (folder / "firefighter.cdx.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8", newline="\n")
    (folder / "THIRD-PARTY-LICENSES.txt").write_text(licences(root, packages, parts), encoding="utf-8", newline="\n")
    return root["version"]


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    write(sys.argv[1], sys.argv[2:] or ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl", "x86_64-pc-windows-gnu"])

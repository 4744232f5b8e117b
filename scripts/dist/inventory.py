#!/usr/bin/env python3
"""inventory.py FOLDER: lists the libraries in the programs of a release, and their licences.

Writes bailiwick.cdx.json, an inventory (SBOM) in the format CycloneDX 1.6, and THIRD-PARTY-NOTICES.txt.
The same sources give the same bytes: no time, no random number.
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = "x86_64-unknown-linux-gnu"
# The packages whose programs are shipped.
PROGRAMS = ["server", "audit"]
OURS = "Apache-2.0"

# C and C++ libraries that crates contain: crate, name, licence (SPDX), where the version stands, website.
CONTAINED = [
    ("llama-cpp-sys-2", "llama.cpp", "MIT", None, "https://github.com/ggml-org/llama.cpp"),
    ("llama-cpp-sys-2", "ggml", "MIT", ("llama.cpp/ggml/CMakeLists.txt", r"GGML_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)"), "https://github.com/ggml-org/ggml"),
    ("libsqlite3-sys", "SQLite", "blessing", ("sqlite3/sqlite3.h", r'#define SQLITE_VERSION\s+"([\d.]+)"'), "https://sqlite.org"),
]
# Statically linked parts of the compilers.
RUNTIMES = [
    ("Rust standard library", "MIT OR Apache-2.0", ["rustc", "--version"], "https://www.rust-lang.org"),
    ("GCC OpenMP runtime (libgomp)", "GPL-3.0-or-later WITH GCC-exception-3.1", ["cc", "--version"], "https://gcc.gnu.org"),
]
NOTICE = re.compile(r"(?i)^(licen[cs]e|copying|notice|unlicense|copyright)")
# Cargo writes alternatives of old manifests with a slash; SPDX has OR.
SLASH = re.compile(r"\s*/\s*")


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def metadata():
    return json.loads(run("cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET))


def crates(known):
    """The crates that are linked into the programs or that build them, with their manifests' facts."""
    arguments = ["tree", "--locked", "--target", TARGET, "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]
    for program in PROGRAMS:
        arguments += ["--package", program]
    wanted = set()
    for line in run("cargo", *arguments).splitlines():
        if match := re.match(r"(\S+) v(\S+)", line):
            wanted.add(match.groups())
    found = [package for package in known["packages"] if (package["name"], package["version"]) in wanted]
    assert len(found) == len(wanted), "cargo tree and cargo metadata name different crates"
    return sorted(found, key=lambda package: (package["name"], package["version"]))


def checksums():
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}


def contained(folder, place):
    """The version of a library inside a crate."""
    if place is None:
        return None
    path, pattern = place
    return ".".join(re.findall(pattern, (folder / path).read_text()))


def components(packages):
    sums = checksums()
    for package in packages:
        name, version = package["name"], package["version"]
        purl = f"pkg:cargo/{name}@{version}"
        component = {"type": "library", "bom-ref": purl, "name": name, "version": version}
        if package["source"]:
            component["purl"] = purl
            component["hashes"] = [{"alg": "SHA-256", "content": sums[name, version]}]
        licence = SLASH.sub(" OR ", package["license"] or "NOASSERTION")
        component["licenses"] = [{"expression": licence}]
        if package["repository"]:
            component["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
        yield component
        for crate, inner, licence, place, url in CONTAINED:
            if crate == name:
                found = contained(Path(package["manifest_path"]).parent, place) or f"as in {name} {version}"
                yield library(inner, found, licence, url)
    for name, licence, command, url in RUNTIMES:
        yield library(name, re.search(r"\d+\.\d+\.\d+", run(*command))[0], licence, url)


def library(name, version, licence, url):
    return {
        "type": "library",
        "bom-ref": f"{name}@{version}",
        "name": name,
        "version": version,
        "licenses": [{"expression": licence}] if licence != "blessing" else [{"license": {"id": licence}}],
        "externalReferences": [{"type": "website", "url": url}],
    }


def edges(packages, known):
    """The dependencies between the listed crates."""
    names = {(package["name"], package["version"]): f"pkg:cargo/{package['name']}@{package['version']}" for package in packages}
    ids = {package["id"]: names.get((package["name"], package["version"])) for package in known["packages"]}
    for node in sorted(known["resolve"]["nodes"], key=lambda node: node["id"]):
        if not ids[node["id"]]:
            continue
        normal = [dep["pkg"] for dep in node["deps"] if any(kind["kind"] != "dev" for kind in dep["dep_kinds"])]
        yield {"ref": ids[node["id"]], "dependsOn": sorted({ids[pkg] for pkg in normal if ids[pkg]})}


def inventory(packages, known, version):
    program = {"type": "application", "bom-ref": "bailiwick", "name": "bailiwick", "version": version, "licenses": [{"expression": OURS}]}
    tops = [f"pkg:cargo/{name}@{version}" for name in sorted(PROGRAMS)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": program},
        "components": list(components(packages)),
        "dependencies": [{"ref": "bailiwick", "dependsOn": tops}, *edges(packages, known)],
    }


def notices(packages):
    """The licence texts of all crates; crates with the same text stand above it together."""
    texts = {}
    for package in packages:
        if not package["source"]:
            continue
        folder = Path(package["manifest_path"]).parent
        files = [file for file in folder.iterdir() if file.is_file() and NOTICE.match(file.name)]
        inner = [folder / "llama.cpp/LICENSE"] if package["name"] == "llama-cpp-sys-2" else []
        if not files + inner:
            texts.setdefault(f"The crate has no file with its licence, which is: {package['license']}", set()).add(title(package))
        for file in files + inner:
            texts.setdefault(file.read_text(encoding="utf-8", errors="replace").strip(), set()).add(title(package))
    yield "Bailiwick contains these libraries. Each licence text stands below the libraries that have it.\n"
    for text, names in sorted(texts.items(), key=lambda item: (sorted(item[1]), hashlib.sha256(item[0].encode()).digest())):
        yield f"{'=' * 100}\n{chr(10).join(sorted(names))}\n{'-' * 100}\n{text}\n"


def title(package):
    return f"{package['name']} {package['version']} ({package['license']})"


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    known = metadata()
    packages = crates(known)
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    (out / "bailiwick.cdx.json").write_text(json.dumps(inventory(packages, known, version), indent=1, ensure_ascii=False) + "\n")
    (out / "THIRD-PARTY-NOTICES.txt").write_text("\n".join(notices(packages)))


if __name__ == "__main__":
    main()

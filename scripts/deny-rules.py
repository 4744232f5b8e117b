#!/usr/bin/env python3
"""Breaks each rule of deny.toml, and checks that cargo-deny reports it.

Part of `make lint`; scripts/deny.sh calls it with the path of cargo-deny. The broken dependencies exist
only in a changed copy of `cargo metadata`: nothing is fetched or built.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"
# The crate that takes the forbidden dependencies: an auditor reads it, and it may have none of them.
TAKER = "tlog"


class Graph:
    """`cargo metadata` of the workspace, to be changed."""

    METADATA = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--locked", "--all-features", "--filter-platform", "x86_64-unknown-linux-gnu"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE,
    ).stdout

    def __init__(self):
        self.data = json.loads(self.METADATA)
        self.taker = self.package(TAKER)

    def package(self, name):
        return next(package for package in self.data["packages"] if package["name"] == name)

    def add_package(self, name, version="1.0.0", license="MIT", source=CRATES_IO):
        """A crate that the workspace does not have, as a dependency of the taker."""
        copied = json.loads(json.dumps(self.package("subtle")))
        identity = f"{source}#{name}@{version}"
        copied |= {"name": name, "version": version, "license": license, "source": source, "id": identity}
        # Without a file from which a licence could be read.
        copied |= {"dependencies": [], "features": {}, "license_file": None, "manifest_path": "/nonexistent/Cargo.toml"}
        self.data["packages"].append(copied)
        self.data["resolve"]["nodes"].append({"id": identity, "dependencies": [], "deps": [], "features": []})
        self.depend(copied)

    def depend(self, package):
        """Makes the taker depend on this package."""
        name = package["name"]
        self.taker["dependencies"].append({
            "name": name, "source": package["source"], "req": f"={package['version']}", "kind": None, "rename": None,
            "optional": False, "uses_default_features": True, "features": [], "target": None, "registry": None,
        })
        node = next(node for node in self.data["resolve"]["nodes"] if node["id"] == self.taker["id"])
        node["dependencies"].append(package["id"])
        kinds = [{"kind": None, "target": None}]
        node["deps"].append({"name": name.replace("-", "_"), "pkg": package["id"], "dep_kinds": kinds})

    def findings(self, deny, check):
        """The errors of one check, as a list of (code, text of the whole diagnosis)."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(self.data, file)
            file.flush()
            command = [deny, "--locked", "--format", "json", "--metadata-path", file.name, "check", check]
            output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stderr
        lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        fields = [line["fields"] for line in lines if line["type"] == "diagnostic"]
        return [(found["code"], json.dumps(found)) for found in fields if found["severity"] == "error"]


def expect(problems, found, rule, code, text):
    if not any(code == is_code and text in is_text for is_code, is_text in found):
        problems.append(f"{rule}: cargo-deny did not report `{code}` for {text}")


def broken_bans(deny, rules, problems):
    graph = Graph()
    present = {package["name"] for package in graph.data["packages"]}
    for rule in rules["deny"]:
        if rule["crate"] in present:
            graph.depend(graph.package(rule["crate"]))
        elif "wrappers" in rule:
            problems.append(f"bans.deny: `{rule['crate']}` has wrappers, and nothing depends on it")
        else:
            graph.add_package(rule["crate"])
    graph.add_package("serde", version="0.9.0")
    found = graph.findings(deny, "bans")
    for rule in rules["deny"]:
        expect(problems, found, "bans.deny", "banned", f"crate '{rule['crate']} = ")
    expect(problems, found, "bans.multiple-versions", "duplicate", "'serde'")


def broken_licenses(deny, problems):
    graph = Graph()
    copyleft = ["AGPL-3.0-only", "GPL-2.0-only OR GPL-3.0-only", "LGPL-3.0-only", "MPL-2.0", "MIT AND SSPL-1.0", None]
    for number, license in enumerate(copyleft):
        graph.add_package(f"broken-{number}", license=license)
    # An exception is for the crate that it names.
    graph.add_package("broken-exception", license="CDLA-Permissive-2.0")
    found = graph.findings(deny, "licenses")
    for number, license in enumerate(copyleft):
        code = "rejected" if license else "unlicensed"
        expect(problems, found, "licenses.allow", code, f"broken-{number}")
    expect(problems, found, "licenses.exceptions", "rejected", "broken-exception")


def broken_sources(deny, problems):
    graph = Graph()
    graph.add_package("broken-git", source="git+https://example.com/broken?rev=0123456#0123456789012345678901234567890123456789")
    graph.add_package("broken-registry", source="registry+https://example.com/index")
    found = graph.findings(deny, "sources")
    for name in ("broken-git", "broken-registry"):
        expect(problems, found, "sources", "source-not-allowed", name)


def main():
    deny = sys.argv[1]
    rules = tomllib.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))
    problems = []
    broken_bans(deny, rules["bans"], problems)
    broken_licenses(deny, problems)
    broken_sources(deny, problems)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

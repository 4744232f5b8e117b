#!/usr/bin/env python3
"""Checks facts that no compiler checks. Part of `make lint`.

- Each name in the tables of docs/promises.md and docs/testing.md exists: type, policy, specification,
  entry of the log, test.
- A crate imports only the crates that ARCHITECTURE.md draws below it, and has a description.
- The documents name the same version of Rust as Cargo.toml.
- Each setting that a page, a comment or an error names (`limits.drain_ms`) is in bailiwick.example.toml.
- Text files follow .editorconfig: no blanks at the end of a line, a line feed at the end of the file.

Each run also checks that a changed name is reported.
"""

import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRATES = ROOT / "crates"
CEDAR = CRATES / "policy/cedar"
TESTS = CRATES / "server/tests/it"

# The drawing of ARCHITECTURE.md: the crates that each crate may import.
IMPORTS = {
    "tlog": set(),
    "policy": {"tlog"},
    "egress": set(),
    "store": {"policy", "tlog"},
    "train": set(),
    "engine": {"policy", "tlog", "train"},
    "wire": {"policy", "engine"},
    "upstream": {"policy", "tlog", "engine", "egress"},
    "audit": {"tlog", "egress"},
    "audit-wasm": {"audit", "tlog"},
    "pages": {"tlog"},
    "evidence": {"pages"},
    "server": {"policy", "tlog", "audit", "store", "egress", "engine", "wire", "upstream", "pages", "evidence"},
    "manual": {"server", "audit"},
    "prove": {"policy"},
    "guard": {"policy"},
}


@cache
def text(path):
    return path.read_text(encoding="utf-8")


@cache
def module_files(crate, path, nested=True):
    """The files of a module of a crate, all for an empty path. `nested`: the module may be inside of another."""
    files = sorted((CRATES / crate / "src").rglob("*.rs"))
    if not path:
        return files
    place = ("/" if nested else f"/{crate}/src/") + path.replace("::", "/")
    return [file for file in files if f"{place}.rs" in str(file) or f"{place}/" in str(file)]


@cache
def defined(file):
    """The items, variants and actions that a file defines."""
    items = re.findall(r"\b(?:struct|enum|trait|type|fn|mod|const) (\w+)", text(file))
    variants = re.findall(r"^\s+([A-Z]\w*)(?:,|\(| \{| = \")", text(file), re.MULTILINE)
    return {*items, *variants}


@cache
def is_type(name):
    """A path such as `retention::StoreUntil`, with or without its crate."""
    *modules, last = name.split("::")
    # `Word::YesAndSwitch`: a variant after its enum.
    if modules and modules[-1][:1].isupper():
        return is_type("::".join(modules)) and is_type(last)
    path = "::".join(modules)
    places = [(crate, path) for crate in IMPORTS]
    if modules and modules[0] in IMPORTS:
        places = [(modules[0], "::".join(modules[1:]))]
    return any(last in defined(file) for place in places for file in module_files(*place))


@cache
def is_test(name):
    """A file of the integration tests, one of its tests, or a crate or module that has tests."""
    first, *rest = name.split("::")
    topic = TESTS / f"{first}.rs"
    if topic.exists() and (not rest or re.search(rf"#\[test\]\s+fn {rest[0]}\(", text(topic))):
        return True
    files = module_files(first, "::".join(rest), nested=False) if first in IMPORTS else []
    return any("#[test]" in text(file) or "#[tokio::test" in text(file) for file in files)


def is_specification(name):
    return (CEDAR / "specifications" / name).exists()


def is_policy(name):
    if name.endswith(".cedar"):
        return (CEDAR / name).exists()
    # `guard-open-…` stands for all policies that begin with it.
    end = "" if name.endswith("…") else '"'
    start = f'@id("{name.removesuffix("…")}{end}'
    return any(start in text(file) for file in CEDAR.glob("*.cedar"))


def is_entry(name):
    return name in defined(CRATES / "tlog/src/entry.rs")


# The columns whose names are checked: page, heading of the table's last column, column, check.
COLUMNS = [
    ("docs/promises.md", "tests", 1, is_type),
    ("docs/promises.md", "tests", 2, is_policy),
    ("docs/promises.md", "tests", 3, is_specification),
    ("docs/promises.md", "tests", 4, is_entry),
    ("docs/promises.md", "tests", 5, is_test),
    ("docs/testing.md", "the test", 2, is_test),
]


def rows(page, last):
    """The rows of the table whose last heading is `last`, as (line, cells)."""
    inside = False
    for number, line in enumerate(text(ROOT / page).split("\n"), 1):
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if inside and not set(line) <= set("|-: "):
            yield number, cells
        inside = inside or cells[-1] == last


def names(cell):
    """The names in backticks, outside of links; `Permit<A>` is two names, a placeholder is none."""
    cell = re.sub(r"\[[^]]*\]\([^)]*\)", "", cell)
    found = [part for code in re.findall(r"`([^`]+)`", cell) for part in re.split(r"[<>, ]+", code)]
    return [name for name in found if len(name) > 1]


def tables():
    """The problems of the tables."""
    for page, last, column, check in COLUMNS:
        count = 0
        for number, cells in rows(page, last):
            for name in names(cells[column]):
                count += 1
                if not check(name):
                    yield f"{page}:{number}: `{name}` does not exist; correct the name, or the row"
                if check(name.removesuffix("…") + "-other") or check("other_" + name):
                    yield f"scripts/tidy.py: {check.__name__} accepts every name like `{name}`"
        if count == 0:
            yield f"scripts/tidy.py: finds no name in column {column} of the table `{last}` in {page}"


def crates():
    """The problems of the crates' Cargo.toml."""
    for folder in sorted(path.parent for path in CRATES.glob("*/Cargo.toml")):
        manifest = tomllib.loads(text(folder / "Cargo.toml"))
        where = (folder / "Cargo.toml").relative_to(ROOT)
        if len(manifest["package"].get("description", "")) < 20:
            yield f"{where}: the description is missing; say in one sentence what the crate is for"
        if folder.name not in IMPORTS:
            yield f"{where}: the crate is new; draw it in ARCHITECTURE.md and add it to IMPORTS in scripts/tidy.py"
            continue
        kinds = ["dependencies", "build-dependencies"]
        targets = [manifest, *manifest.get("target", {}).values()]
        used = {name for target in targets for kind in kinds for name in target.get(kind, {})}
        ours = {path.parent.name for path in CRATES.glob("*/Cargo.toml")}
        for name in sorted((used & ours) - IMPORTS[folder.name]):
            yield f"{where}: imports `{name}`, which ARCHITECTURE.md does not draw below it"
    if text(ROOT / "ARCHITECTURE.md").count("A crate imports only crates that are drawn below it") != 1:
        yield "ARCHITECTURE.md: the rule about imports is missing; it is checked in scripts/tidy.py"


def versions():
    """The problems of the version of Rust."""
    wanted = tomllib.loads(text(ROOT / "Cargo.toml"))["workspace"]["package"]["rust-version"]
    for page in ["README.md", "CONTRIBUTING.md"]:
        found = re.findall(r"Rust (\d+\.\d+)", text(ROOT / page))
        if not found or set(found) != {wanted}:
            yield f"{page}: names Rust {found}, and Cargo.toml says rust-version = {wanted}; make them equal"


# Names of the same form that are no settings: a claim of receipts, a host in tests, kinds of notices.
NO_SETTINGS = {"retention.class", "log.example", "review.flagged", "review.approval", "review.consent"}


def settings():
    """The names of settings that do not exist."""
    known, section = set(), ""
    for line in text(ROOT / "bailiwick.example.toml").split("\n"):
        if match := re.fullmatch(r"(?:# ?)?\[\[?([a-z_]+)\]\]?", line):
            section = match.group(1)
            known.add(section)
        elif match := re.match(r"(?:# ?)?([a-z_]+) *=", line):
            known.add(f"{section}.{match.group(1)}")
    if not {"limits.drain_ms", "egress.url", "review.workstation_ca"} <= known or "egress.destinations" in known:
        yield "scripts/tidy.py: does not read the settings of bailiwick.example.toml"
    sources = (file for file in CRATES.rglob("*.rs") if "target" not in file.relative_to(CRATES).parts)
    pages = [*sources, *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for page in sorted(pages):
        for match in re.finditer(r"`([a-z]+)\.([a-z_]+)`", text(page)):
            name = f"{match.group(1)}.{match.group(2)}"
            is_setting = match.group(1) in known and match.group(2) != "cedar" and name not in NO_SETTINGS
            if is_setting and name not in known:
                line = text(page).count("\n", 0, match.start()) + 1
                yield f"{page.relative_to(ROOT)}:{line}: there is no setting `{name}`; see bailiwick.example.toml"


def endings(content):
    """The problem of the ends of lines and of the file, or none."""
    if b"\r" in content:
        return "has a carriage return; end lines with a line feed"
    if re.search(rb"[ \t]$", content, re.MULTILINE):
        return "has blanks at the end of a line; remove them"
    if content and not content.endswith(b"\n"):
        return "does not end with a line feed; add one"
    return None


def files():
    """The problems of the text files."""
    for wrong in (b"a \n", b"a\r\n", b"a"):
        if not endings(wrong):
            yield f"scripts/tidy.py: accepts a file with the bytes {wrong}"
    kinds = [f"*.{kind}" for kind in ["rs", "py", "sh", "md", "toml", "cedar", "js", "ts"]]
    listed = subprocess.run(["git", "ls-files", "-z", *kinds, "Makefile"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        if path.exists() and (problem := endings(path.read_bytes())):
            yield f"{name}: {problem}"


def main():
    problems = [*tables(), *crates(), *versions(), *settings(), *files()]
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

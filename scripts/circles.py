#!/usr/bin/env python3
"""Checks that the modules of each crate use each other in one direction: no circles. Part of `make lint`.

A module and its own parts (`manage` and `manage::roles`) may use each other. Tests do not count.

    scripts/circles.py              check all crates
    scripts/circles.py MODULE…      list what these modules use (server::gateway, store::ledger)
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Circles that stand. A new one needs a reason here, and one that is opened is deleted here.
KNOWN = {
    # Each check returns a `Report`, and the report puts the checks' results into words.
    frozenset({
        "audit::accesses",
        "audit::compact",
        "audit::erasure",
        "audit::keys",
        "audit::log",
        "audit::receipt",
        "audit::receipt::filter",
        "audit::receipt::objects",
        "audit::receipt::place",
        "audit::report",
    }),
    # The command line of `mirror` is beside the code that it calls.
    frozenset({"audit::command", "audit::mirror", "audit::mirror::source"}),
}


def code(path):
    """A file without comments and without its tests."""
    text = re.sub(r"#\[cfg\(test\)\]\s*mod \w+ \{.*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"//.*", "", text)


def modules(source):
    """The modules of a crate: path as a tuple, and file."""
    found = {}
    for file in sorted(source.rglob("*.rs")):
        parts = file.relative_to(source).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "mod" else parts
        if parts not in [("lib",), ("main",)] and "tests" not in parts:
            found[parts] = file
    return found


def items(tree, prefix):
    """The paths in a tree such as `a::{self, b::C}, d`."""
    depth, start = 0, 0
    for at, letter in enumerate(tree + ","):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            item, start = tree[start:at].strip(), at + 1
            if match := re.fullmatch(r"([\w:]*?)(?:::)?\{(.*)\}", item, re.DOTALL):
                yield from items(match.group(2), prefix + [part for part in match.group(1).split("::") if part])
            elif item:
                name = re.sub(r"\s+as\s+\w+", "", item)
                yield prefix + [part for part in name.split("::") if part not in ("", "*", "self")]


def paths(module, text):
    """The paths that a module uses, from the root of its crate."""
    for base, inner, tree in re.findall(r"\buse (crate|super|self)((?:::\w+)*)(?:::(\{.*?\}))?;", text, re.DOTALL):
        start = {"crate": [], "super": list(module[:-1]), "self": list(module)}[base]
        for part in filter(None, inner.split("::")):
            start = start[:-1] if part == "super" else [*start, part]
        yield from items(tree, start) if tree else [start]
    for inner in re.findall(r"\bcrate((?:::\w+)+)", re.sub(r"\buse [^;]*;", "", text)):
        yield inner.split("::")[1:]


def uses(source):
    """Which modules of a crate each module uses; use of an own ancestor does not count."""
    known = modules(source)
    graph = {module: set() for module in known}
    for module, file in known.items():
        for path in paths(module, code(file)):
            ends = (tuple(path[:length]) for length in range(len(path), 0, -1))
            used = next((end for end in ends if end in known), None)
            if used and used != module[: len(used)]:
                graph[module].add(used)
    return graph


def circles(graph):
    """The sets of modules of which each leads to each other."""
    def reached(start):
        seen, waiting = set(), [start]
        while waiting:
            new = graph[waiting.pop()] - seen
            seen |= new
            waiting += new
        return seen

    after = {module: reached(module) for module in graph}
    rings = {module: frozenset(other for other in after[module] if module in after[other]) for module in graph}
    return set(rings.values()) - {frozenset()}


def main():
    sources = sorted(path for path in (ROOT / "crates").glob("*/src"))
    crates = {source.parent.name: uses(source) for source in sources}
    if sys.argv[1:]:
        for name in sys.argv[1:]:
            crate, *module = name.split("::")
            for used in sorted(crates[crate][tuple(module)]):
                print(f"{name} uses {'::'.join(used)}")
        return 0
    problems = []
    if circles({1: {2}, 2: {3}, 3: {1}, 4: {1}, 5: set()}) != {frozenset({1, 2, 3})}:
        problems.append("scripts/circles.py does not find a circle")
    if ("openai",) not in crates["server"] or not crates["server"][("gateway",)]:
        problems.append("scripts/circles.py does not see what `server::gateway` uses")
    found = {frozenset("::".join([crate, *module]) for module in ring) for crate, graph in crates.items() for ring in circles(graph)}
    for ring in found - KNOWN:
        problems.append(f"a circle of modules: {', '.join(sorted(ring))}; move what they share below them")
    for ring in KNOWN - found:
        problems.append(f"this circle is open: {', '.join(sorted(ring))}; delete it in scripts/circles.py")
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

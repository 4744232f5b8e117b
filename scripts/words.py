#!/usr/bin/env python3
"""Counts words that make sentences hard to read, in comments and documents; docs/style.md says why.

Part of `make lint`. Prints each hit of a part that is over its limit as FILE:LINE, and fails.

    scripts/words.py              check all parts
    scripts/words.py PART…        list every hit of these parts (crates/tlog, docs, README.md, …)

Not counted: code in backticks, fenced blocks, HTML comments, headings and questions.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Each group of words, with its limit: hits per 1,000 words of prose in one part.
GROUPS = {
    "what/who": (2.0, r"what|who|whom"),
    "whoever/nobody": (0.0, r"whoever|whatever|whomever|nobody|somebody"),
    "told/tell": (0.0, r"told|tell|tells"),
}

ERROR_TEXT = re.compile(r'#\[error\(\s*"((?:[^"\\]|\\.)*)"', re.DOTALL)


def parts():
    """The parts, each with its files."""
    found = {}
    for crate in sorted((ROOT / "crates").iterdir()):
        files = [file for file in crate.rglob("*.rs") if "target" not in file.relative_to(crate).parts]
        found[f"crates/{crate.name}"] = files
    found["docs"] = list((ROOT / "docs").rglob("*.md"))
    for file in sorted(ROOT.glob("*.md")):
        found[file.name] = [file]
    return {part: sorted(files) for part, files in found.items()}


def prose_of_rust(text):
    """Lines of comments and error texts, as (number, text); a code line is an empty one."""
    lines = text.split("\n")
    prose = [""] * len(lines)
    for number, line in enumerate(lines):
        if match := re.match(r"\s*//[/!]?(.*)", line):
            prose[number] = match.group(1)
    for match in ERROR_TEXT.finditer(text):
        first = text.count("\n", 0, match.start(1))
        # A name in braces stands for a value.
        message = re.sub(r"\{[^{}\n]*\}", "…", match.group(1))
        for offset, line in enumerate(message.split("\n")):
            if not prose[first + offset]:
                prose[first + offset] = line
    return prose


def without_code(lines):
    """The text of these lines, as long as before, with blanks for all that does not count."""
    kept, fence = [], None
    for line in lines:
        start = line.strip()[:3]
        if start in ("```", "~~~"):
            fence = None if fence == start else fence or start
            kept.append("")
        elif fence or line.lstrip().startswith("#"):
            kept.append("")
        else:
            kept.append(line)
    text = "\n".join(kept)
    blank = lambda match: re.sub(r"[^\n]", " ", match.group())
    text = re.sub(r"<!--.*?-->", blank, text, flags=re.DOTALL)
    # A code span may go over a line's end, and not over the end of a paragraph.
    text = re.sub(r"(`+)(?:(?!\1)(?:[^\n]|\n(?!\s*\n)))+\1", blank, text)
    # Link targets, and questions.
    text = re.sub(r"\]\([^)\s]*\)", blank, text)
    return re.sub(r"[^.!?:;|\n]*\?", blank, text)


def look_at(files):
    """The number of words in these files, and the hits of each group as (file, line, word)."""
    words, hits = 0, {group: [] for group in GROUPS}
    for file in files:
        text = file.read_text(encoding="utf-8")
        lines = prose_of_rust(text) if file.suffix == ".rs" else text.split("\n")
        text = without_code(lines)
        words += len(re.findall(r"[A-Za-z']+", text))
        for group, (_, pattern) in GROUPS.items():
            for match in re.finditer(rf"\b(?:{pattern})\b", text, re.IGNORECASE):
                line = text.count("\n", 0, match.start()) + 1
                hits[group].append((file.relative_to(ROOT), line, match.group()))
    return words, hits


def limit(group, words):
    return int(GROUPS[group][0] * words / 1000)


def main(arguments):
    all_parts = parts()
    unknown = [part for part in arguments if part not in all_parts]
    if unknown:
        print(f"no such part: {', '.join(unknown)}; there are {', '.join(all_parts)}", file=sys.stderr)
        return 2
    found = {part: look_at(files) for part, files in all_parts.items()}
    failed = False
    for part, (words, hits) in found.items():
        if arguments and part not in arguments:
            continue
        for group in GROUPS:
            allowed, count = limit(group, words), len(hits[group])
            if arguments or count > allowed:
                for file, line, word in hits[group]:
                    print(f"{file}:{line}: {word}")
            if arguments:
                print(f"{part}: {group}: {count} in {words} words; allowed: {allowed}")
            elif count > allowed:
                failed = True
                print(f"error: {part}: {group}: {count} in {words} words; allowed: {allowed}", file=sys.stderr)
    if failed:
        print("       Rewrite the sentences at these places; docs/style.md shows how.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

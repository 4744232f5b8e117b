#!/usr/bin/env python3
"""Checks that each relative link in the Markdown pages leads to a file, and to a heading if it has a `#`. Part of `make lint`."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def anchors(page):
    """The anchors of a page's headings, as GitHub and GitLab make them."""
    text = re.sub(r"^```.*?^```", blank, page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ +(.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def main():
    failed = False
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]):
        text = page.read_text(encoding="utf-8")
        text = re.sub(r"^```.*?^```", blank, text, flags=re.DOTALL | re.MULTILINE)
        text = re.sub(r"`[^`\n]*`", blank, text)
        for match in re.finditer(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = match.group(1).partition("#")
            if re.match(r"\w+:", path):
                continue
            target = page.parent / path if path else page
            if not target.exists():
                problem = "there is no such file"
            elif anchor and anchor not in anchors(target):
                problem = "the page has no such heading"
            else:
                continue
            failed = True
            line = text.count("\n", 0, match.start()) + 1
            print(f"error: {page.relative_to(ROOT)}:{line}: {match.group(1)}: {problem}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

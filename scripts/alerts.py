#!/usr/bin/env python3
"""Compares the Prometheus alerts and the Grafana dashboard with the service. `scripts/alerts.sh` runs it.

    scripts/alerts.py            check
    scripts/alerts.py queries    print the dashboard's queries as a file of rules, for promtool

- Each metric of the source is in a table of docs/operate, with its kind, and the other way round.
- Each metric and each label in an alert or a query is in these tables.
- Each alert has a severity, a summary, a page that exists, a test, and a row in monitoring.md.
- The dashboard is JSON; its panels have unique ids and do not overlap; its variables exist.

Each run also checks that changed names are reported.
"""

import json
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from links import anchors  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "crates/server/src"
ALERTS = ROOT / "packages/prometheus/alerts.yml"
TESTS = ROOT / "packages/prometheus/alerts_test.yml"
DASHBOARD = ROOT / "packages/grafana/bailiwick.json"
PAGE = ROOT / "docs/operate/monitoring.md"

KINDS = "Counter|Gauge|Histogram"
SUFFIXES = {"Counter": ["_total"], "Gauge": [""], "Histogram": ["_bucket", "_sum", "_count"]}
# Prometheus sets these, and the blackbox exporter's probes have no others that we use.
EVERYWHERE = {"job", "instance"}
# Variables that Grafana sets, with a value for promtool.
BUILT_IN = {"__rate_interval": "5m", "__range": "1h", "__interval": "1m"}
SEVERITIES = {"critical", "warning", "info"}


def kind_of(code, value):
    """The kind of the metric that the expression `value` names in a file, or none."""
    name = re.escape(value.removeprefix("&").removesuffix(".clone()"))
    ways = [
        # A field, and a variable with a type: `calls: Family<CallLabels, Counter>`.
        rf"\b{name}: (?:Family<\w+, )?({KINDS})\b",
        rf"let {name} = (?:Family::<\w+, )?({KINDS})\b",
        # A vector that is filled in a loop, and one that is collected.
        rf"\b{name}\.push\(\(.{{0,80}}?Const({KINDS})::new",
        rf"let {name}: Vec<_> = .{{0,400}}?Const({KINDS})::new",
        rf"let {name} = Const({KINDS})::new",
    ]
    # The function `gauge` makes one.
    if re.search(rf"let {name} = gauge\(|\b{name}\.push\(\(.{{0,80}}?gauge\(|let {name} =\s.{{0,80}}\.map\(.{{0,80}}?gauge\(", code, re.DOTALL):
        return "Gauge"
    if value.startswith("self.0"):
        ways = [rf"struct \w+\(Family<\w+, ({KINDS})>\)"]
    if re.search(rf"let {name} = each\(", code):
        name, ways = "each", [rf"let each = .{{0,300}}?Const({KINDS})::new"]
    for way in ways:
        if found := re.search(way, code, re.DOTALL):
            return found.group(1)
    return None


def registered():
    """The metrics of the source: names without prefix and suffix, with their kinds (or none)."""
    metrics = {}
    for file in sorted([SOURCE / "metrics.rs", *(SOURCE / "metrics").glob("*.rs")]):
        code = file.read_text(encoding="utf-8").split("#[cfg(test)]")[0]
        calls = [
            *re.finditer(r'\.register\(\s*"(\w+)",\s*(?:"[^"]*"|\w+),\s*([\w.()]+?),?\s*\);', code),
            *re.finditer(r'\bfamily\(\s*(?:&mut )?\w+,\s*"(\w+)",\s*(?:"[^"]*"|\w+),\s*(&\w+)\s*,?\s*\)', code),
            *re.finditer(r'\bsingle\(\s*(?:&mut )?\w+,\s*"(\w+)",\s*(?:"[^"]*"|\w+),\s*(&\w+)\s*,?\s*\)', code),
            *re.finditer(r'encode_descriptor\(\s*"(\w+)",\s*\w+,\s*None,\s*(\w+)\.metric_type\(\)', code),
        ]
        # One that is written in another way must not be missed.
        written = re.findall(r'\.register\(\s*"|\b(?:family|single)\(\s*(?:&mut )?\w+,\s*"|encode_descriptor\(\s*"', code)
        if len(calls) != len(written):
            metrics[f"{file.name}: {len(written) - len(calls)} of its metrics"] = None
        for call in calls:
            metrics[call.group(1)] = kind_of(code, call.group(2))
    return metrics


def documented():
    """The metrics in the tables of the pages: full names without suffix, with kind, labels and page."""
    rows = {}
    for page in sorted((ROOT / "docs/operate").glob("*.md")):
        for match in re.finditer(r"^\| `(bailiwick_\w+)` \|([^|]*)\|([^|]*)\|", page.read_text(encoding="utf-8"), re.MULTILINE):
            name, labels, meaning = match.groups()
            kind = "Gauge"
            if name.endswith("_total"):
                kind = "Counter"
            elif "istogram" in meaning:
                kind = "Histogram"
            base = name.removeprefix("bailiwick_").removesuffix("_total")
            # "`act`: `flag`, `notice`" is one label and its values.
            labels = set(re.findall(r"`(\w+)`", labels.split(":")[0]))
            rows[base] = (kind, labels, page.relative_to(ROOT))
    return rows


def compared(source, pages):
    """The differences between source and pages."""
    for name, kind in source.items():
        if kind is None:
            yield f"crates/server/src/metrics: the kind of {name} is not clear; teach it to scripts/alerts.py"
        elif name not in pages:
            yield f"crates/server/src/metrics: `{name}` is in no table of docs/operate; add it to monitoring.md"
        elif pages[name][0] != kind:
            yield f"{pages[name][2]}: describes `{name}` as a {pages[name][0]}, and the source has a {kind}"
    for name in pages.keys() - source.keys():
        yield f"{pages[name][2]}: the service has no metric `{name}`; correct or delete the row"


def series(pages):
    """The names of all series, each with its labels."""
    names = {}
    for base, (kind, labels, _) in pages.items():
        for suffix in SUFFIXES[kind]:
            names[f"bailiwick_{base}{suffix}"] = labels | ({"le"} if suffix == "_bucket" else set()) | EVERYWHERE
    return names


def misused(text, names):
    """The metrics and labels in a text that do not exist."""
    # Each alert is a series of its own, with its name as a label.
    labels = {"alertname"}.union(*names.values())
    for match in re.finditer(r"\b(bailiwick_\w+)\b(?:\{([^}]*)\})?", text):
        name, selector = match.groups()
        if name not in names:
            yield f"there is no metric `{name}`"
            continue
        for label in re.findall(r"(\w+) *(?:=~|!~|!=|=) *\"", selector or ""):
            if label not in names[name]:
                yield f"`{name}` has no label `{label}`"
    used = re.findall(r"\b(?:by|without|on|ignoring) *\(([^)]*)\)", text) + re.findall(r"\$labels\.(\w+)", text)
    for label in re.findall(r"\w+", " ".join(used)):
        if label not in labels:
            yield f"no metric has the label `{label}`"


def alerts(text, tests, page, names):
    """The problems of the file with the alerts."""
    # Comments name no metrics.
    text = re.sub(r"^ *#.*$", "", text, flags=re.MULTILINE)
    yield from misused(text, names)
    blocks = re.split(r"^ +- alert: ", text, flags=re.MULTILINE)[1:]
    called = [block.split("\n")[0].strip() for block in blocks]
    if len(set(called)) != len(called) or not called:
        yield "has no alert, or two with one name"
    for name, block in zip(called, blocks):
        severity = re.search(r"^ +severity: (\w+)$", block, re.MULTILINE)
        if not severity or severity.group(1) not in SEVERITIES:
            yield f"{name}: the severity is not one of {', '.join(sorted(SEVERITIES))}"
        for field in ["for", "summary"]:
            if not re.search(rf"^ +{field}: \S", block, re.MULTILINE):
                yield f"{name}: has no `{field}`"
        runbook = re.search(r"^ +runbook: (docs/\S+\.md)#(\S+)$", block, re.MULTILINE)
        if not runbook:
            yield f"{name}: has no runbook of the form docs/PAGE.md#HEADING"
        elif not (ROOT / runbook.group(1)).exists() or runbook.group(2) not in anchors(ROOT / runbook.group(1)):
            yield f"{name}: the runbook {runbook.group(1)}#{runbook.group(2)} does not exist"
        if f'"{name}"' not in tests:
            yield f"{name}: no test in alerts_test.yml expects it"
        if f"| `{name}` |" not in page:
            yield f"{name}: has no row in docs/operate/monitoring.md"
    for name in re.findall(r"^\| `(Bailiwick\w+)` \|", page, re.MULTILINE):
        if name not in called:
            yield f"docs/operate/monitoring.md: there is no alert `{name}`"


def panels(dashboard):
    """All panels, those of collapsed rows, too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def overlap(one, other):
    """Whether two panels cover each other."""
    a, b = one["gridPos"], other["gridPos"]
    return a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


def dashboard_problems(dashboard, names):
    """The problems of the dashboard."""
    everything = list(panels(dashboard))
    ids = [panel["id"] for panel in everything]
    for number in sorted({number for number in ids if ids.count(number) > 1}):
        yield f"two panels have the id {number}"
    for index, panel in enumerate(everything):
        title = panel.get("title") or "?"
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
            yield f"the panel `{title}` is wider than the page"
        for other in everything[:index]:
            if overlap(panel, other):
                yield f"the panels `{other['title']}` and `{title}` overlap"
        targets = panel.get("targets", [])
        if panel["type"] == "row":
            continue
        if not targets or not panel.get("description"):
            yield f"the panel `{title}` has no query, or no description"
        if any(part.get("datasource", {}).get("uid") != "${DS_PROMETHEUS}" for part in [panel, *targets]):
            yield f"the panel `{title}` does not use ${{DS_PROMETHEUS}}"
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    if "DS_PROMETHEUS" not in variables or [one["name"] for one in dashboard["__inputs"]] != ["DS_PROMETHEUS"]:
        yield "DS_PROMETHEUS is not an input and a variable"
    for where, query in queries(dashboard):
        for problem in misused(query, names):
            yield f"{where}: {problem}"
        if not re.search(r"bailiwick_|probe_|ALERTS|\bup\{", query):
            yield f"{where}: the query names no metric"
        for variable in re.findall(r"\$\{?(\w+)", query):
            if variable not in variables | BUILT_IN.keys():
                yield f"{where}: there is no variable `{variable}`"
    for variable in dashboard["templating"]["list"]:
        if found := re.fullmatch(r"label_values\((\w+), (\w+)\)", str(variable.get("definition", ""))):
            yield from misused(f'{found.group(1)}{{{found.group(2)}=""}}', names)
        elif variable["type"] == "query":
            yield f"the variable `{variable['name']}` is no label_values(METRIC, LABEL)"


def queries(dashboard):
    """The queries, each with its place."""
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield f"panel {panel['id']} {target['refId']}", target["expr"]


def as_rules(dashboard):
    """The queries as a file of rules; JSON is YAML, too."""

    def value(match):
        return BUILT_IN.get(match.group(1), ".*")

    rules = [
        {"record": re.sub(r"\W", "_", where), "expr": re.sub(r"\$\{?(\w+)\}?", value, query)}
        for where, query in queries(dashboard)
    ]
    return json.dumps({"groups": [{"name": "dashboard", "rules": rules}]})


def blind(text, dashboard, names, source, pages):
    """The wrong files that the checks accept."""
    tests, page = TESTS.read_text(encoding="utf-8"), PAGE.read_text(encoding="utf-8")
    for right, wrong in [
        ("bailiwick_doctor_findings > 0", "bailiwick_doctor_finding > 0"),
        ("bailiwick_refused_total{status=", "bailiwick_refused_total{state="),
        ("bailiwick_requests_total[", "bailiwick_requests["),
        ("severity: info", "severity: low"),
        ("doctor.md#after-a-finding", "doctor.md#after"),
        ("- alert: BailiwickDown", "- alert: BailiwickGone"),
    ]:
        if right not in text or not any(alerts(text.replace(right, wrong), tests, page, names)):
            yield f"scripts/alerts.py: accepts alerts with `{wrong}`"
    for change in ["id", "gridPos"]:
        other = json.loads(json.dumps(dashboard))
        other["panels"][2][change] = other["panels"][1][change]
        if not any(dashboard_problems(other, names)):
            yield f"scripts/alerts.py: accepts two panels with one {change}"
    name, kind = next(iter(source.items()))
    if not any(compared({**source, "new": kind}, pages)) or not any(compared({**source, name: "Gauge"}, pages)):
        yield "scripts/alerts.py: accepts a metric that no page describes, or with another kind"


def main():
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    if sys.argv[1:] == ["queries"]:
        print(as_rules(dashboard))
        return 0
    source, pages = registered(), documented()
    names = series(pages)
    text, tests, page = (file.read_text(encoding="utf-8") for file in (ALERTS, TESTS, PAGE))
    problems = [
        *compared(source, pages),
        *(f"packages/prometheus/alerts.yml: {problem}" for problem in alerts(text, tests, page, names)),
        *(f"packages/prometheus/alerts_test.yml: {problem}" for problem in misused(re.sub(r"#.*", "", tests), names)),
        *(f"packages/grafana/bailiwick.json: {problem}" for problem in dashboard_problems(dashboard, names)),
        *blind(text, dashboard, names, source, pages),
    ]
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

"""What suites have found, kept in docs/results/conformance.json and shown in conformance.md.

A run replaces the suites and targets that it has run and leaves the others, so that a single suite
can be run again; each says of what commit it is. The JSON: {suite: {target: {"commit", "date",
"version", "outcomes": [Outcome, ...]}}}.
"""

import datetime
import json
import re
from dataclasses import asdict
from pathlib import Path

from perf.result import CHANGED, commit
from tests.conformance.catalogue import SUITES
from tests.conformance.known import KNOWN
from tests.conformance.outcome import FAILED, PASSED, Outcome, is_good
from tests.conformance.targets import KAFKA, NAMES

FOLDER = Path(__file__).parents[2] / "docs" / "results"
JSON, PAGE = FOLDER / "conformance.json", FOLDER / "conformance.md"
REASON_LENGTH_MAX = 300
OURS = tuple(name for name in NAMES if name != KAFKA)
Row = tuple[str, list[Outcome | None]]  # a scenario, and what came of it on each of NAMES
HERE = re.compile(r"/\S*?/\.cache/")  # where this tree is concerns nobody


class Report:
    """All that is known of all suites."""

    def __init__(self, path: Path = JSON) -> None:
        self.path = path
        self.told: dict[str, dict[str, dict]] = {}
        if path.exists():
            self.told = json.loads(path.read_text())

    def put(self, suite: str, target: str, version: str, outcomes: list[Outcome]) -> None:
        """What one suite found on one broker, instead of what it had found before."""
        entry = {
            "commit": commit(),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "version": version,
            "outcomes": [
                {**asdict(outcome), "reason": HERE.sub(".cache/", outcome.reason)}
                for outcome in outcomes
            ],
        }
        self.told.setdefault(suite, {})[target] = entry

    def is_of_this_commit(self, suite: str, target: str) -> bool:
        """Whether it is known, and nothing has changed since."""
        known, now = self.told.get(suite, {}).get(target, {}).get("commit"), commit()
        return known == now and not now.endswith(CHANGED)

    def outcomes(self, suite: str, target: str) -> dict[str, Outcome]:
        """By scenario."""
        entry = self.told.get(suite, {}).get(target, {"outcomes": []})
        return {row["scenario"]: Outcome(**row) for row in entry["outcomes"]}

    def rows(self, suite: str) -> list[Row]:
        """Scenario, and what each target did."""
        found = [self.outcomes(suite, target) for target in NAMES]
        names = dict.fromkeys(name for outcomes in found for name in outcomes)
        return [(name, [outcomes.get(name) for outcomes in found]) for name in names]

    def broken(self, suite: str) -> list[str]:
        """The scenarios in which busd, one or three, does not do what Kafka does, and should."""
        rows = self.rows(suite)
        bad = [name for name, (kafka, *ours) in rows if not all(is_good(kafka, o) for o in ours)]
        return [name for name in bad if (suite, name) not in KNOWN]

    def save(self) -> None:
        """The JSON, and the page beside it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        ordered = {name: self.told[name] for name in SUITES if name in self.told}
        self.path.write_text(lines_of(ordered))
        self.path.with_suffix(".md").write_text(page(self))


def lines_of(told: dict[str, dict[str, dict]]) -> str:
    """JSON with one outcome a line, so that a difference between two runs can be read."""
    suites = []
    for name, by_target in told.items():
        targets = []
        for target, entry in by_target.items():
            rest = {key: value for key, value in entry.items() if key != "outcomes"}
            rows = ",\n   ".join(json.dumps(row) for row in entry["outcomes"])
            targets.append(
                f'{json.dumps(target)}: {json.dumps(rest)[:-1]}, "outcomes": [\n   {rows}]}}'
            )
        suites.append(f"{json.dumps(name)}: {{\n  " + ",\n  ".join(targets) + "}")
    return "{\n " + ",\n ".join(suites) + "\n}\n"


def page(report: Report) -> str:
    """The whole as Markdown: a table of suites, then every scenario that is not passed by all."""
    lines = [
        "# Conformance\n",
        "Clients, tools and frameworks that others wrote, on Apache Kafka, on busd alone, and on",
        "three busd as a cluster: there each topic of the scenarios has three copies, of which two",
        "must be in sync. Written by `./run conformance`, which installs what it needs. A suite",
        "passes if whatever passes on Kafka passes on busd, alone and as a cluster, but for what",
        "needs requests that are not served yet ([kafka.md](../kafka.md)); these are counted, and",
        "named below.\n",
        "| suite | what | on Kafka | on busd | on three | verdict | busd at | three at |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, suite in SUITES.items():
        if name in report.told:
            counts = [_count(report.outcomes(name, target)) for target in NAMES]
            at = [report.told[name].get(target, {}).get("commit", "") for target in OURS]
            lines.append(_row(name, suite.what, *counts, _verdict(report, name), *at))
    lines += ["\n## What is not passed by all\n"]
    lines += [_row("suite", "scenario", "on Kafka", "on busd", "on three"), "|---|---|---|---|---|"]
    for name in SUITES:
        for scenario, outcomes in report.rows(name):
            if any(one is None or one.state != PASSED for one in outcomes):
                kafka, *ours = map(cell, outcomes)
                if missing := KNOWN.get((name, scenario)):
                    ours = [f"{missing} is not served yet"] * len(ours)
                lines.append(_row(name, scenario, kafka, *ours))
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _verdict(report: Report, suite: str) -> str:
    if broken := report.broken(suite):
        return f"**{len(broken)} broken**"
    known = sum(name == suite for name, _ in KNOWN)
    return f"passes, but for {known} that are not served yet" if known else "passes"


def cell(outcome: Outcome | None) -> str:
    """One outcome in a table."""
    if outcome is None:
        return "not run"
    reason = " ".join(outcome.reason.split())[:REASON_LENGTH_MAX].replace("|", "/")
    mark = f"**{outcome.state}**" if outcome.state == FAILED else outcome.state
    return f"{mark}: {reason}" if reason else mark


def _count(outcomes: dict[str, Outcome]) -> str:
    if not outcomes:
        return "not run"
    return f"{sum(one.state == PASSED for one in outcomes.values())} of {len(outcomes)}"

"""What suites have found, kept in docs/results/conformance.json and shown in conformance.md.

A run replaces the suites and brokers that it has run and leaves the others, so that a single suite
can be run again; each says of what commit it is. The JSON: {suite: {broker: {"commit", "date",
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
from tests.conformance.targets import BUSD, KAFKA

FOLDER = Path(__file__).parents[2] / "docs" / "results"
JSON, PAGE = FOLDER / "conformance.json", FOLDER / "conformance.md"
REASON_LENGTH_MAX = 300
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

    def rows(self, suite: str) -> list[tuple[str, Outcome | None, Outcome | None]]:
        """Scenario, what Kafka did, what busd did."""
        kafka, busd = self.outcomes(suite, KAFKA), self.outcomes(suite, BUSD)
        names = dict.fromkeys([*kafka, *busd])
        return [(name, kafka.get(name), busd.get(name)) for name in names]

    def broken(self, suite: str) -> list[str]:
        """The scenarios in which busd does not do what Kafka does, and should."""
        rows = self.rows(suite)
        bad = [name for name, kafka, busd in rows if not is_good(kafka, busd)]
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
    """The whole as Markdown: a table of suites, then every scenario that is not passed on both."""
    lines = [
        "# Conformance\n",
        "Clients, tools and frameworks that others wrote, on Apache Kafka and on busd. Written by",
        "`./run conformance`, which installs what it needs. A suite passes if whatever passes on",
        "Kafka passes on busd, but for what needs requests that are not served yet",
        "([kafka.md](../kafka.md)); these are counted, and named below.\n",
        "| suite | what | on Kafka | on busd | verdict | busd at |",
        "|---|---|---|---|---|---|",
    ]
    for name, suite in SUITES.items():
        if name in report.told:
            kafka, busd = (_count(report.outcomes(name, target)) for target in (KAFKA, BUSD))
            at = report.told[name].get(BUSD, {}).get("commit", "")
            verdict = _verdict(report, name)
            lines.append(f"| {name} | {suite.what} | {kafka} | {busd} | {verdict} | {at} |")
    lines += ["\n## What is not passed on both\n"]
    lines += ["| suite | scenario | on Kafka | on busd |", "|---|---|---|---|"]
    for name in SUITES:
        for scenario, kafka, busd in report.rows(name):
            if any(one is None or one.state != PASSED for one in (kafka, busd)):
                missing = KNOWN.get((name, scenario))
                here = f"{missing} is not served yet" if missing else cell(busd)
                lines.append(f"| {name} | {scenario} | {cell(kafka)} | {here} |")
    return "\n".join(lines) + "\n"


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

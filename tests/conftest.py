"""Every run ends with a table of what ran and what was skipped, and why.

With CI set, a skip whose reason does not stand in `allowed_skips.toml` fails the run: what a
machine lacks must be installed by the project, or be named.
"""

import os
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from tests.side_by_side import SideBySide, ordered

HERE = Path(__file__).parent
KINDS = sorted(path.name for path in HERE.iterdir() if (path / "__init__.py").exists())


def kind_of(node_id: str) -> str:
    parts = node_id.split("/")
    return parts[1] if len(parts) > 2 and parts[1] in KINDS else "other"


def reason_of(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def not_allowed(reasons: Counter[str]) -> list[str]:
    allowed = tomllib.loads((HERE / "allowed_skips.toml").read_text())["reasons"]
    return [reason for reason in reasons if reason not in allowed]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = ordered(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> SideBySide:
    return SideBySide(config, log)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    reasons = Counter(reason_of(report) for report in reporter.stats.get("skipped", []))
    if not_allowed(reasons) and exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ran: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for outcome in ("passed", "failed", "skipped", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            kind = kind_of(report.nodeid)
            (skipped if outcome == "skipped" else ran)[kind] += 1
            seconds[kind] += getattr(report, "duration", 0.0)  # collecting has none
    terminalreporter.section("what ran")
    terminalreporter.write_line(f"{'kind':<12} {'ran':>6} {'skipped':>8} {'seconds':>8}")
    for kind in sorted(ran | skipped):
        line = f"{kind:<12} {ran[kind]:>6} {skipped[kind]:>8} {seconds[kind]:>8.1f}"
        terminalreporter.write_line(line)
    reasons = Counter(reason_of(report) for report in terminalreporter.stats.get("skipped", []))
    forbidden = not_allowed(reasons)
    for reason, count in reasons.items():
        mark = "  (not in tests/allowed_skips.toml)" if reason in forbidden else ""
        terminalreporter.write_line(f"skipped {count}: {reason}{mark}")

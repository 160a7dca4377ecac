"""`./run conformance [SUITE...] [--target kafka|busd|cluster|all]`: other people's clients.

Each suite runs on Apache Kafka, which is the baseline, on busd, and on three busd as a cluster, all
of them fresh. It ends with 0 if whatever passes on Kafka passes on busd, alone and as a cluster.
With one target, the others' side is what docs/results/conformance.json has of it. Without SUITE,
what that file has of this very commit is not run again: so one that was stopped goes on where it
was.
"""

import argparse
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from perf.foreign.debian import InstallFailed
from tests.conformance.catalogue import SUITES
from tests.conformance.known import KNOWN
from tests.conformance.outcome import ABSENT, FAILED, NOT_RUN, PASSED, Outcome
from tests.conformance.report import JSON, Report
from tests.conformance.targets import NAMES, running

console = Console(highlight=False)
COLOURS = {PASSED: "green", FAILED: "red", ABSENT: "dim", NOT_RUN: "yellow"}


def run_suite(name: str, target: str, report: Report) -> None:
    """One suite on a fresh target of its own, each outcome shown when it is there."""
    started, outcomes = time.monotonic(), []
    head = f"{name} on {target}"
    with (
        console.status(head) as status,
        tempfile.TemporaryDirectory(prefix="conformance-") as folder,
        running(target, Path(folder), **SUITES[name].settings) as fresh,
    ):
        for outcome in SUITES[name].run(fresh, Path(folder)):
            outcomes.append(outcome)
            passed = sum(one.state == PASSED for one in outcomes)
            seconds = time.monotonic() - started
            status.update(f"{head}: {passed} of {len(outcomes)} passed, {seconds:.0f} s")
            say(head, outcome)
        report.put(name, target, fresh.version, outcomes)
    report.save()


def say(head: str, outcome: Outcome) -> None:
    """One line."""
    colour = COLOURS[outcome.state]
    reason = escape(" ".join(outcome.reason.split())[:300])
    name = escape(f"{outcome.scenario:<26}")
    text = f"{name} [{colour}]{outcome.state:<8}[/] {outcome.seconds:6.1f} s"
    console.print(f"{head:<28} {text}  {reason}", soft_wrap=True)


def show(names: list[str], report: Report) -> bool:
    """Every suite's scenarios beside each other; whether all is well."""
    table = Table("suite", "scenario", "Kafka", "busd", "cluster", box=None)
    for name in names:
        broken = report.broken(name)
        for scenario, outcomes in report.rows(name):
            cells = [
                f"[{COLOURS[one.state]}]{one.state}[/]" if one else "[yellow]not run[/]"
                for one in outcomes
            ]
            mark = "[red] <-[/]" if scenario in broken else ""
            if missing := KNOWN.get((name, scenario)):
                mark = f" ({missing} is not served yet)"
            table.add_row(name, escape(scenario), *cells[:-1], cells[-1] + mark)
    console.print(table)
    return not any(map(report.broken, names))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="./run conformance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("suites", metavar="SUITE", nargs="*", help=", ".join(SUITES))
    parser.add_argument("--target", choices=[*NAMES, "all"], default="all")
    parser.add_argument("--json", type=Path, default=JSON, help="where results are kept")
    given = parser.parse_args(arguments)
    names = given.suites or list(SUITES)
    targets = NAMES if given.target == "all" else (given.target,)
    if unknown := set(names) - set(SUITES):
        parser.error(f"no suite {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    report = Report(given.json)
    try:
        for name, target in product(names, targets):
            if not given.suites and report.is_of_this_commit(name, target):
                console.print(f"{name} on {target}: known of this commit; name it to run it")
            else:
                run_suite(name, target, report)
    except (InstallFailed, RuntimeError) as error:  # of what is needed, of a broker
        console.print(f"conformance: {escape(str(error))}")
        return 1
    except KeyboardInterrupt:
        console.print("conformance: stopped; the suites before this one are kept")
        return 130
    good = show(names, report)
    console.print(f"written: {report.path} and {report.path.with_suffix('.md')}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

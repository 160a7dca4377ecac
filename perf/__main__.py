"""`./run perf`: measure, print, and keep what was measured."""

import argparse
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.markup import escape

from perf.bench import Bench, Failed
from perf.catalogue import (
    ALL,
    CLUSTER,
    CLUSTER_PARTS,
    COUNTS,
    KAFKA,
    KAFKA_PARTS,
    MICRO,
    OURS,
    PUBLISH,
    REPORT,
    RIVALS,
    SCENARIOS,
    VERSUS,
    Scenario,
)
from perf.counts import ACCEPTED, accept, count_all
from perf.kafka.table import is_of_clients
from perf.publish import publish
from perf.result import ROOT, Result, load, merged, save, save_with_earlier
from perf.rivals.plot import write_plot
from perf.rivals.versus import ratios
from perf.screen import (
    console,
    show_counts,
    show_kafka,
    show_list,
    show_report,
    show_results,
    show_versus,
)
from perf.targets import beaten_limits

LATEST = ROOT / "perf" / "results" / "latest.json"
LATEST_CLUSTER = LATEST.with_name("latest-cluster.json")
KNOWN = {**SCENARIOS, **RIVALS, **KAFKA_PARTS}
LATEST_KAFKA = LATEST.with_name("latest-kafka.json")


def main(arguments: list[str]) -> int:
    """0 if all went well, 1 if a figure is wrong or a target of `all` missed, 2 if misused."""
    options = _parser().parse_args(arguments)
    names = options.names or ["list"]
    if names == ["list"]:
        show_list()
        return 0
    if names[0] in (REPORT, PUBLISH):
        return _from_file(names[0], names[1:])
    if names == [MICRO]:
        return _micro(options.json)
    if names == [COUNTS]:
        return _counts(options.accept)
    bench = Bench(
        directory=options.dir,
        scale=options.scale,
        repeats=options.repeats,
        rounds=options.rounds,
        say=lambda text: console.print(f"  [dim]{text}[/]"),
    )
    whole = {VERSUS: RIVALS, KAFKA: KAFKA_PARTS, CLUSTER: CLUSTER_PARTS}.get(names[0])
    known = {**SCENARIOS, ALL: None} if whole is None else whole
    for name in names if whole is None else names[1:]:
        if name not in known:
            console.print(f"perf: no scenario {name!r}; `./run perf list` shows them.")
            return 2
    if names[0] == VERSUS:
        return _versus(names[1:] or list(RIVALS), bench, options.json or LATEST)
    if names[0] == KAFKA:
        parts = names[1:] or list(KAFKA_PARTS)
        return _in_parts(parts, bench, options.json or LATEST_KAFKA, show_kafka)
    if names[0] == CLUSTER:
        parts = names[1:] or list(CLUSTER_PARTS)
        return _in_parts(parts, bench, options.json or LATEST_CLUSTER, known=CLUSTER_PARTS)
    return _own(names, bench, options.json)


def _own(names: list[str], bench: Bench, json: Path | None) -> int:
    results, failed = _measure(list(SCENARIOS) if ALL in names else names, bench)
    if json:
        save(json, results)
    show_results(results)
    reached = show_report(results) if ALL in names else True
    beaten = beaten_limits({result.name: result for result in results})
    for sentence in [*failed, *([] if ALL in names else beaten)]:
        console.print(f"[red]{escape(sentence)}[/]")
    return 0 if reached and not failed and not beaten else 1


def _versus(rivals: list[str], bench: Bench, json: Path) -> int:
    """What others do beside us, in rounds, so that a busy minute meets all; kept with its plot."""
    rounds: list[list[Result]] = []
    failed: list[str] = []
    for number in range(bench.repeats):
        console.print(f"round {number + 1} of {bench.repeats}")
        results, told = _measure([*OURS, *rivals], replace(bench, repeats=1))
        rounds.append(results)
        failed += told
    results = merged(rounds)
    save(json, results)
    reached = show_versus(results)
    for path in (json, write_plot(json)):
        console.print(f"written: {path}")
    for sentence in dict.fromkeys(failed):
        console.print(f"[red]{escape(sentence)}[/]")
    return 0 if reached and not failed else 1


def _in_parts(
    parts: list[str],
    bench: Bench,
    json: Path,
    judge: Callable[[list[Result]], bool] = lambda _: True,
    known: dict[str, Scenario] = KNOWN,
) -> int:
    """One part after the other, each kept once it is done, beside earlier ones of this commit."""
    results: list[Result] = []
    failed: list[str] = []
    for name in parts:
        measured, told = _measure([name], bench, known)
        results = save_with_earlier(json, measured)
        failed += told
    show_results(results)
    reached = judge(results)
    console.print(f"written: {json}")
    for sentence in failed:
        console.print(f"[red]{escape(sentence)}[/]")
    return 0 if reached and not failed else 1


def _measure(
    names: list[str], bench: Bench, known: dict[str, Scenario] = KNOWN
) -> tuple[list[Result], list[str]]:
    """All results, and a sentence for each scenario that failed; the others still run."""
    results: list[Result] = []
    failed: list[str] = []
    for name in names:
        scenario = known[name]
        console.print(f"[bold]{name}[/]: {escape(scenario.what)}")
        try:
            results += scenario.run(bench)
        except Failed as error:
            failed.append(f"{name}: {error}")
        except Exception as error:
            if name in SCENARIOS:
                raise
            failed.append(f"{name} could not be measured: {_plain(error)}")
    return results, failed


def _plain(error: Exception) -> str:
    """An error of a rival or its client, which may quote the bytes it was given."""
    text = f"{type(error).__name__}: {error}"
    return "".join(letter if letter.isprintable() else " " for letter in text)[-300:]


def _from_file(verb: str, files: list[str]) -> int:
    if len(files) != 1 or not Path(files[0]).is_file():
        console.print(f"perf: {verb} needs the JSON file of an earlier run.")
        return 2
    path = Path(files[0])
    if verb == PUBLISH:
        publish(path)
        return 0
    results = load(path)
    if is_of_clients(results):
        return 0 if show_kafka(results) else 1
    if any(ratios(results)):
        return 0 if show_versus(results) else 1
    return 0 if show_report(results) else 1


def _counts(accepted: bool) -> int:
    try:
        with tempfile.TemporaryDirectory() as folder:
            counts = count_all(Path(folder))
    except Failed as error:
        console.print(f"perf: {escape(str(error))}")
        return 2
    show_counts(counts)
    if accepted:
        accept(counts)
        console.print(f"written: {ACCEPTED}")
    return 0 if accepted or not any(count.is_too_many for count in counts) else 1


def _micro(json: Path | None) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "--benchmark-only", "perf/micro"]
    if json:
        command.append(f"--benchmark-json={json}")
    return subprocess.run(command, cwd=Path(__file__).parents[1]).returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run perf",
        description="Measure busd and the machine it runs on.",
        epilog="examples: ./run perf list | ./run perf produce-batch limits-produce --scale 0.1 | "
        "./run perf all --json results.json | ./run perf report results.json | ./run perf versus",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="list, all, report FILE or names")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the results here")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of records")
    parser.add_argument("--accept", action="store_true", help="counts: compare with these from now")
    parser.add_argument("--repeats", type=int, default=3, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=0, help="of kills in cluster failover")
    parser.add_argument(
        "--dir", type=Path, default=Path("build/perf"), help="where data goes (the disk measured)"
    )
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as Ctrl-C does
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        console.print("perf: stopped; what it had started is ended.")
        sys.exit(130)

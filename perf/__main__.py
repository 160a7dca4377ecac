"""`./run perf`: measure, print, and keep what was measured."""

import argparse
import subprocess
import sys
from pathlib import Path

from rich.markup import escape

from perf.bench import Bench, Failed
from perf.catalogue import ALL, MICRO, REPORT, SCENARIOS
from perf.result import Result, load, save
from perf.screen import console, show_list, show_report, show_results
from perf.targets import beaten_limits


def main(arguments: list[str]) -> int:
    """0 if all went well, 1 if a figure is wrong or a target of `all` missed, 2 if misused."""
    options = _parser().parse_args(arguments)
    names = options.names or ["list"]
    if names == ["list"]:
        show_list()
        return 0
    if names[0] == REPORT:
        return _report(names[1:])
    if names == [MICRO]:
        return _micro(options.json)
    wanted = list(SCENARIOS) if ALL in names else names
    unknown = [name for name in wanted if name not in SCENARIOS]
    if unknown:
        console.print(f"perf: no scenario {unknown[0]!r}; `./run perf list` shows them.")
        return 2
    bench = Bench(
        directory=options.dir,
        scale=options.scale,
        repeats=options.repeats,
        say=lambda text: console.print(f"  [dim]{text}[/]"),
    )
    results, failed = _measure(wanted, bench)
    if options.json:
        save(options.json, results)
    show_results(results)
    reached = show_report(results) if ALL in names else True
    beaten = beaten_limits({result.name: result for result in results})
    for sentence in [*failed, *([] if ALL in names else beaten)]:
        console.print(f"[red]{sentence}[/]")
    return 0 if reached and not failed and not beaten else 1


def _measure(names: list[str], bench: Bench) -> tuple[list[Result], list[str]]:
    """All results, and a sentence for each scenario that failed; the others still run."""
    results: list[Result] = []
    failed: list[str] = []
    for name in names:
        console.print(f"[bold]{name}[/]: {escape(SCENARIOS[name].what)}")
        try:
            results += SCENARIOS[name].run(bench)
        except Failed as error:
            failed.append(f"{name}: {error}")
    return results, failed


def _report(files: list[str]) -> int:
    if len(files) != 1 or not Path(files[0]).is_file():
        console.print("perf: report needs the JSON file of an earlier run.")
        return 2
    return 0 if show_report(load(Path(files[0]))) else 1


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
        "./run perf all --json results.json | ./run perf report results.json",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="list, all, report FILE or names")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the results here")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of records")
    parser.add_argument("--repeats", type=int, default=3, help="of each measurement")
    parser.add_argument(
        "--dir", type=Path, default=Path("build/perf"), help="where data goes (the disk measured)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

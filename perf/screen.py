"""What is printed: the list of scenarios, the figures, and the report on the targets."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from perf.catalogue import (
    ALL,
    CLUSTER,
    CLUSTER_PARTS,
    COUNTS,
    KAFKA,
    KAFKA_PARTS,
    MICRO,
    PUBLISH,
    REPORT,
    RIVALS,
    SCENARIOS,
    VERSUS,
)
from perf.counts import TOLERANCE, Count
from perf.kafka.table import verdicts
from perf.result import Result
from perf.rivals.versus import OURS, THEIRS, ratios, short
from perf.targets import TARGETS, beaten_limits, judge

console = Console(highlight=False)
if not console.is_terminal:
    console.width = 160  # a file or a pipe has no width of its own


def show_list() -> None:
    """What `./run perf NAME` knows."""
    table = Table("name", "what it measures", box=None)
    table.add_row(MICRO, "the native parts, by pytest-benchmark")
    table.add_row(COUNTS, "instructions of the hot native functions, against what is accepted")
    for scenario in SCENARIOS.values():
        table.add_row(scenario.name, escape(scenario.what))
    table.add_row(ALL, "everything, then the report")
    table.add_row(f"{REPORT} FILE", "the table of targets from a JSON document")
    names = escape(" ".join(f"[{name}]" for name in RIVALS))
    table.add_row(f"{VERSUS} {names}", "what others reach beside us in the same run; a plot")
    parts = escape(" ".join(f"[{name}]" for name in KAFKA_PARTS))
    table.add_row(f"{KAFKA} {parts}", "Kafka's clients on Kafka, on busd and on a null broker")
    parts = escape(" ".join(f"[{name}]" for name in CLUSTER_PARTS))
    table.add_row(f"{CLUSTER} {parts}", "three brokers and their etcd on this machine")
    table.add_row(f"{PUBLISH} FILE", "a run of all, versus, kafka or cluster, in README and docs")
    console.print(table)


def show_results(results: list[Result]) -> None:
    """One line a result."""
    table = Table("result", "figure", "MB/s", "each repeat", "CPU s per M", "RssAnon MB", "how")
    for result in results:
        table.add_row(
            result.name,
            _figure(result),
            f"{result.metrics['mb_per_second']:.0f}" if result.rate() else "",
            " ".join(_short(run) for run in result.runs),
            _each(result, "cpu_seconds_per_million"),
            _each(result, "rss_anon_mb"),
            " ".join(f"{key}={value}" for key, value in result.facts.items() if key != "tried"),
        )
    console.print(table)


def show_counts(counts: list[Count]) -> None:
    """Instructions, in all and a record, and how they compare."""
    table = Table("function", "instructions", "a record", "accepted", "growth")
    for count in counts:
        growth = f"{count.growth:+.1%}" if count.accepted else "-"
        table.add_row(
            count.name,
            f"{count.instructions:,}",
            f"{count.a_record:.1f}",
            f"{count.accepted:,}" if count.accepted else "none",
            f"[red]{growth}, more than {TOLERANCE:.0%}[/]" if count.is_too_many else growth,
        )
    console.print(table)


def show_report(results: list[Result]) -> bool:
    """The table of targets; True if every one that was measured is reached."""
    by_name = {result.name: result for result in results}
    table = Table("what", "target", "result", "share of the limit", "")
    verdicts = [judge(target, by_name) for target in TARGETS]
    words = {True: "[green]pass[/]", False: "[red]FAIL[/]", None: "-"}
    for verdict in verdicts:
        table.add_row(
            escape(verdict.what),
            verdict.target,
            verdict.found,
            verdict.share,
            words[verdict.passed],
        )
    console.print(table)
    for sentence in beaten_limits(by_name):
        console.print(f"[red]{sentence}[/]")
    return all(verdict.passed is not False for verdict in verdicts)


def show_versus(results: list[Result]) -> bool:
    """The table of ratios; True if every target that could be asked is reached."""
    table = Table("", "busd", "M/s", "beside", "M/s", "its disk", "ratio", "target", "")
    words = {True: "[green]pass[/]", False: "[red]FAIL[/]", None: ""}
    found, chapter = ratios(results), ""
    for ratio in found:
        row = ratio.row
        table.add_row(
            "" if row.chapter == chapter else row.chapter,
            escape(OURS[row.ours]),
            short(ratio.ours),
            escape(THEIRS[row.theirs]),
            short(ratio.theirs),
            ratio.policy,
            f"{ratio.times:.1f}",
            "" if row.target is None else f"{row.target:g}",
            words[ratio.reached],
        )
        chapter = row.chapter
    console.print(table)
    return all(ratio.reached is not False for ratio in found)


def show_kafka(results: list[Result]) -> bool:
    """What Kafka's clients reach; True if every aim that was measured is reached."""
    table = Table("", "busd", "Kafka", "null broker", "", "aim", "")
    found = list(verdicts(results))
    for one in found:
        word = "[green]pass[/]" if one.reached else "[red]FAIL[/]"
        cells = (one.what, one.busd, one.kafka, one.null, one.found, one.aim)
        table.add_row(*map(escape, cells), word)
    console.print(table)
    return all(one.reached for one in found)


def _figure(result: Result) -> str:
    rate = result.rate()
    if rate is not None:
        return f"{rate / 1e6:.3g} M records/s"
    return "\n".join(f"{name} {value:.3g}" for name, value in result.metrics.items())


def _short(run: float) -> str:
    return f"{run / 1e6:.2f}" if run > 1e5 else f"{run:.3g}"


def _each(result: Result, name: str) -> str:
    return " ".join(
        f"{process} {used[name]:.3g}" for process, used in result.processes.items() if name in used
    )

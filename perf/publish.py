"""What a reader sees of measurements: tables in the README and docs/performance.md, and a plot.

All figures come from committed documents: `perf/results/reached.json`, a run of `all`,
`versus.json` and `kafka.json`, the comparisons with others, and `cluster.json`, three brokers.
What stands between the markers is written by `./run perf publish FILE` and by nobody else, and
a test holds them together.
"""

import shutil
from pathlib import Path

from perf.cluster.table import is_of_cluster
from perf.cluster.table import verdicts as cluster_verdicts
from perf.kafka.table import Verdict, is_of_clients, verdicts
from perf.result import ROOT, Document, Result, load_document
from perf.rivals.plot import svg
from perf.rivals.versus import OURS, THEIRS, Ratio, ratios, short, versions
from perf.targets import TARGETS, judge

RESULTS = ROOT / "perf" / "results"
REACHED, VERSUS = RESULTS / "reached.json", RESULTS / "versus.json"
KAFKA, CLUSTER = RESULTS / "kafka.json", RESULTS / "cluster.json"
PLOT = VERSUS.with_suffix(".svg")
README, PAGE = ROOT / "README.md", ROOT / "docs" / "performance.md"
DETAILS = ("records_a_repeat", "pipeline", "count", "pending", "call_records", "pages")


def publish(document: Path) -> None:
    """Make this document the published one, and write all that shows it."""
    results = load_document(document).results
    kept, pages = REACHED, reached_pages
    if any(ratios(results)):
        kept, pages = VERSUS, versus_pages
    elif is_of_clients(results):
        kept, pages = KAFKA, kafka_pages
    elif is_of_cluster(results):
        kept, pages = CLUSTER, cluster_pages
    RESULTS.mkdir(exist_ok=True)
    if document.resolve() != kept:
        shutil.copyfile(document, kept)
    for path, text in pages().items():
        path.write_text(text)


def reached_pages() -> dict[Path, str]:
    """Every file that shows what is reached, as it must read."""
    return {README: _between("reached", README.read_text(), reached_table(load_document(REACHED)))}


def versus_pages() -> dict[Path, str]:
    """Every file that shows the comparison, as it must read."""
    told = load_document(VERSUS)
    return {
        PLOT: svg(told),
        README: _between("versus", README.read_text(), short_table(told)),
        PAGE: _between("versus", PAGE.read_text(), long_table(told)),
    }


def kafka_pages() -> dict[Path, str]:
    """Every file that shows what Kafka's clients reach, as it must read."""
    told = load_document(KAFKA)
    return {
        README: _between("kafka", README.read_text(), kafka_table(told)),
        PAGE: _between("kafka", PAGE.read_text(), kafka_table(told) + kafka_repeats(told)),
    }


def cluster_pages() -> dict[Path, str]:
    """Every file that shows what three brokers reach, as it must read."""
    told = load_document(CLUSTER)
    return {README: _between("cluster", README.read_text(), cluster_table(told))}


def cluster_table(told: Document) -> str:
    """Each row that was measured."""
    lines = [
        f"{_conditions(told, 'one run a part')} Bold reaches its aim.\n",
        "| what | busd | Kafka | the raw path | | aim |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_verdict(one) for one in cluster_verdicts(told.results)]
    return "\n".join(lines) + "\n"


def kafka_table(told: Document) -> str:
    """Each row that was measured."""
    lines = [
        f"{_conditions(told, 'one run a part')} Bold reaches its aim.\n",
        "| what | busd | Kafka | null broker | | aim |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_verdict(one) for one in verdicts(told.results)]
    return "\n".join(lines) + "\n"


def kafka_repeats(told: Document) -> str:
    """Each rate with its repeats, then the versions."""
    lines = [
        "\n| result | median, M/s | repeats, M/s | CPU s per M of the broker "
        "| most of the CPU's time stolen |",
        "|---|---|---|---|---|",
    ]
    for result in told.results:
        if result.rate() is not None and "broker" in result.processes:
            runs = " ".join(short(run) for run in result.runs)
            cpu = result.processes["broker"]["cpu_seconds_per_million"]
            lines.append(
                f"| {result.name} | {short(result.rate() or 0)} | {runs} | {cpu:.2f} "
                f"| {result.facts['steal']:.1%} |"
            )
    lines.append(f"\nVersions: {', '.join(versions(told.results))}; busd at {told.commit}.")
    return "\n".join(lines) + "\n"


def reached_table(told: Document) -> str:
    """Each target that was measured, with the figure and the command."""
    by_name = {result.name: result for result in told.results}
    lines = [
        f"{_conditions(told)} A bold figure reaches its aim.\n",
        "| what | reached | aim | of the limit, or times the relay |",
        "|---|---|---|---|",
    ]
    for target in TARGETS:
        verdict = judge(target, by_name)
        if verdict.passed is not None:
            found = f"**{verdict.found}**" if verdict.passed else verdict.found
            lines.append(f"| {verdict.what} | {found} | {verdict.target} | {verdict.share} |")
    return "\n".join(lines) + "\n"


def short_table(told: Document) -> str:
    """The rows that have a target, for the README."""
    lines = [
        f"{_conditions(told)} A bold ratio reaches its aim.\n",
        "| busd | M/s | beside | M/s | ratio | aim |",
        "|---|---|---|---|---|---|",
    ]
    asked = [ratio for ratio in ratios(told.results) if ratio.row.target is not None]
    lines += [f"| {_cells(ratio)} | {ratio.row.target:g}x |" for ratio in asked]
    return "\n".join(lines) + "\n"


def long_table(told: Document) -> str:
    """All rows, then each result with its repeats, then the versions."""
    lines = [f"{_conditions(told)} A bold ratio reaches its aim.\n"]
    chapter = ""
    for ratio in ratios(told.results):
        if ratio.row.chapter != chapter:
            chapter = ratio.row.chapter
            lines += [
                f"\n### {chapter.capitalize()}\n",
                "| busd | M/s | beside | M/s | ratio | aim | how it comes to its disk |",
                "|---|---|---|---|---|---|---|",
            ]
        aim = "" if ratio.row.target is None else f"{ratio.row.target:g}x"
        lines.append(f"| {_cells(ratio)} | {aim} | {ratio.policy} |")
    lines += [
        "\n### Each repeat\n",
        "| result | median, M/s | repeats, M/s | most of the CPU's time stolen | how |",
        "|---|---|---|---|---|",
    ]
    lines += [_repeats(result) for result in told.results if result.rate() is not None]
    lines.append(f"\nVersions: {', '.join(versions(told.results))}; busd at {told.commit}.")
    return "\n".join(lines) + "\n"


def _verdict(one: Verdict) -> str:
    what = f"**{one.what}**" if one.reached else one.what
    return f"| {' | '.join((what, one.busd, one.kafka, one.null, one.found, one.aim))} |"


def _cells(ratio: Ratio) -> str:
    times = f"{ratio.times:.1f}x" if ratio.times < 20 else f"{ratio.times:.0f}x"
    if ratio.reached:
        times = f"**{times}**"
    names = OURS[ratio.row.ours], THEIRS[ratio.row.theirs]
    return f"{names[0]} | {short(ratio.ours)} | {names[1]} | {short(ratio.theirs)} | {times}"


def _repeats(result: Result) -> str:
    rate = result.rate() or 0.0
    runs = " ".join(short(run) for run in result.runs)
    how = ", ".join(
        f"{name.replace('_', ' ')} {result.facts[name]}" for name in DETAILS if name in result.facts
    )
    return f"| {result.name} | {short(rate)} | {runs} | {result.facts['steal']:.1%} | {how} |"


def _conditions(told: Document, how: str = "one run") -> str:
    busy = float(told.machine["load_before"]) > float(told.machine["cores"]) / 2
    return (
        f"{told.day}, {how}, 100-byte records, one partition, loopback, medians of repeats; "
        f"{told.where}; load of others at the start {told.machine['load_before']}, "
        f"time that the host took away {told.machine['steal']:.1%}."
        + (" The machine was busy with other work: every rate is below what it can be." * busy)
    )


def _between(name: str, text: str, section: str) -> str:
    """`text` with what stands between the markers of that name replaced."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, rest = text.split(begin)
    return before + begin + section + end + rest.split(end)[1]

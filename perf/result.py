"""One measured figure with all that is needed to judge it, and the document that holds many.

The JSON document: {"commit", "date", "machine": {...}, "results": [Result, ...]}. A result's
`metrics` are numbers under fixed names (records_per_second, mb_per_second, p50_ms, ...), its
`processes` say what each process used, its `facts` say how it was measured.
"""

import datetime
import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from perf.stats import median
from perf.usage import cpu_ticks, stolen

ROOT = Path(__file__).parents[1]
CHANGED = "+changes"  # since that commit
LOAD_BEFORE = round(os.getloadavg()[0], 2)  # of the others: we have done nothing yet
TICKS_BEFORE = cpu_ticks()


@dataclass(slots=True)
class Result:
    """A scenario's outcome; the main figure is the median of `runs`."""

    name: str
    metrics: dict[str, float]
    runs: list[float] = field(default_factory=list)  # the main figure of each repeat
    processes: dict[str, dict[str, float]] = field(default_factory=dict)
    facts: dict[str, str | int | float] = field(default_factory=dict)
    limit: str | None = None  # the name of the limit that bounds it

    def rate(self) -> float | None:
        """Records a second, if that is what was measured."""
        return self.metrics.get("records_per_second")


def merged(rounds: list[list[Result]]) -> list[Result]:
    """One result a name from several rounds: all runs, and the median of each metric."""
    by_name: dict[str, list[Result]] = {}
    for result in (result for results in rounds for result in results):
        by_name.setdefault(result.name, []).append(result)
    return [_merged(same) for same in by_name.values()]


def _merged(same: list[Result]) -> Result:
    first = same[0]
    return replace(
        first,
        metrics=_medians([result.metrics for result in same]),
        runs=[run for result in same for run in result.runs],
        processes={
            name: _medians([result.processes[name] for result in same]) for name in first.processes
        },
        facts={**first.facts, "steal": max(result.facts.get("steal", 0.0) for result in same)},
    )


def _medians(figures: list[dict[str, float]]) -> dict[str, float]:
    return {name: median([figure[name] for figure in figures]) for name in figures[0]}


@dataclass(frozen=True, slots=True)
class Document:
    """All results with where, when and of what they were measured."""

    commit: str
    date: str
    machine: dict[str, str | int | float]
    results: list[Result]

    @property
    def day(self) -> str:
        return self.date[:10]

    @property
    def where(self) -> str:
        """The machine in a few words."""
        machine = self.machine
        return f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_gb']:.0f} GB"


def document(results: list[Result]) -> Document:
    """These results as of now and here."""
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Document(commit(), date, machine(), results)


def load_document(path: Path) -> Document:
    """A document on disk."""
    told = json.loads(path.read_text())
    return Document(**{**told, "results": [Result(**entry) for entry in told["results"]]})


def load(path: Path) -> list[Result]:
    """The results of a document on disk."""
    return load_document(path).results


def save(path: Path, results: list[Result]) -> None:
    """Write the document, readable and comparable by line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(document(results)), indent=1) + "\n")


def save_with_earlier(path: Path, results: list[Result]) -> list[Result]:
    """Write these beside what `path` holds of the same commit; all of them."""
    made = document(results)
    if path.exists():
        earlier = load_document(path)
        if earlier.commit == made.commit:
            names = {result.name for result in results}
            results = [one for one in earlier.results if one.name not in names] + results
            for name in ("load_before", "steal"):
                made.machine[name] = max(float(earlier.machine[name]), float(made.machine[name]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(replace(made, results=results)), indent=1) + "\n")
    return results


def machine() -> dict[str, str | int | float]:
    """What the figures depend on."""
    import zmq

    return {
        "cpu": _line("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "libzmq": zmq.zmq_version(),
        "load_before": LOAD_BEFORE,
        "steal": round(stolen(TICKS_BEFORE, cpu_ticks()), 4),
    }


def _line(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def commit() -> str:
    """Of this tree, and whether it was changed since, but for results."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip()

    changed = git("status", "-s", "--", ".", ":!docs/results", ":!perf/results")
    return git("rev-parse", "--short=12", "HEAD") + (CHANGED if changed else "")

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
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]


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


def document(results: list[Result]) -> dict[str, object]:
    """All results with where, when and of what they were measured."""
    return {
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "results": [asdict(result) for result in results],
    }


def load(path: Path) -> list[Result]:
    """The results of a document on disk."""
    return [Result(**entry) for entry in json.loads(path.read_text())["results"]]


def save(path: Path, results: list[Result]) -> None:
    """Write the document, readable and comparable by line."""
    path.write_text(json.dumps(document(results), indent=1) + "\n")


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
        "load_before": round(os.getloadavg()[0], 2),
    }


def _line(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _commit() -> str:
    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip()

    return git("rev-parse", "--short=12", "HEAD") + ("+changes" if git("status", "-s") else "")

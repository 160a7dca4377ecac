"""What a scenario is given: where to put files, how much to do, how often."""

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perf.pool import CALL_RECORDS, VALUE_BYTES
from perf.result import Result
from perf.stats import median
from perf.usage import Stopwatch


class Failed(Exception):
    """What was measured is wrong: a lost record, a wrong checksum, a figure above its limit."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The conditions of one run of the harness."""

    directory: Path  # on the disk that is measured
    scale: float = 1.0  # of the number of records; the targets are meant at 1
    repeats: int = 3
    rounds: int = 0  # of kills; 0 is as many as the scale says
    say: Callable[[str], None] = lambda text: None  # progress, one line

    def calls(self, records: int) -> int:
        """How many calls of CALL_RECORDS make `records` at this scale."""
        return max(4, int(records * self.scale) // CALL_RECORDS)

    @contextmanager
    def fresh_directory(self):
        """An empty directory that goes when the scenario is done with it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(dir=self.directory))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def throughput(
    name: str,
    bench: Bench,
    once: Callable[[Stopwatch, int], int],
    pids: dict[str, int],
    *,
    limit: str | None = None,
    value_bytes: int = VALUE_BYTES,
    **facts: str | int | float,
) -> Result:
    """Repeat `once(stopwatch, repeat)`, which returns the records of the stretch it timed."""
    stopwatch = Stopwatch(client=os.getpid(), **pids)
    rates, records = [], 0
    for repeat in range(bench.repeats):
        done = once(stopwatch, repeat)
        rates.append(done / stopwatch.last)
        records += done
        bench.say(f"{name}: {rates[-1] / 1e6:.3g} M records/s")
    facts = {"records_a_repeat": records // bench.repeats, **facts}
    result = of_rates(name, rates, stopwatch, value_bytes, **facts)
    result.processes, result.limit = stopwatch.processes(records), limit
    return result


def fastest(tried: list[Result], size: str) -> Result:
    """The best of several attempts, with a note of all; they differ in the fact `size`, bytes."""
    best = max(tried, key=lambda result: result.metrics["records_per_second"])
    best.facts["tried"] = ", ".join(
        f"{int(r.facts[size]) // 1024} KiB: {r.metrics['records_per_second'] / 1e6:.1f} M"
        for r in tried
    )
    return best


def of_rates(
    name: str,
    rates: list[float],
    stopwatch: Stopwatch,
    value_bytes: int = VALUE_BYTES,
    **facts: str | int | float,
) -> Result:
    """The result whose figure is the median of `rates`, timed while `stopwatch` ran."""
    rate = median(rates)
    return Result(
        name=name,
        metrics={"records_per_second": rate, "mb_per_second": rate * value_bytes / 1e6},
        runs=rates,
        facts={"value_bytes": value_bytes, **facts, "steal": round(max(stopwatch.steal), 3)},
    )

"""Reading back from a `busd` of the same machine: columns, list[bytes], record by record; warm.

As a consumer does by itself, out of the broker's files; and all of it over ZeroMQ/TCP, as from
another machine.
"""

import itertools
from typing import Any

import bus
from perf.bench import Bench, Failed, throughput
from perf.daemon import Daemon
from perf.macro.client import make_topic, read, send_calls, verify
from perf.pool import CALL_RECORDS, VALUE_BYTES, Pool
from perf.result import Result
from perf.usage import Stopwatch

RECORDS = 10_000_000
WAYS = [("consume", "limit-file", True), ("consume-socket", "limit", False)]


def run(bench: Bench) -> list[Result]:
    """consume columns, list and records; consume-socket columns, list and records."""
    pool = Pool()
    calls = bench.calls(RECORDS)
    with bench.fresh_directory() as directory, Daemon(directory / "data") as daemon:
        topic = make_topic(daemon.endpoint, "os")
        with bus.Producer(daemon.endpoint) as producer:
            send_calls(producer, topic, pool, calls)
        results, records, pids = [], calls * CALL_RECORDS, {"busd": daemon.pid}
        for name, limit, read_files in WAYS:
            with bus.Consumer(daemon.endpoint, read_files=read_files) as consumer:
                verify(consumer, topic, pool, calls)
                results += measure_ways(name, bench, consumer, topic, records, pids, limit)
        return results


def measure_ways(
    name: str,
    bench: Bench,
    consumer: Any,
    topic: str,
    records: int,
    pids: dict[str, int],
    limits: str | None = None,
) -> list[Result]:
    """Three ways to read the same topic again and again; `limits` begins their limits' names."""
    ways = {"columns": by_columns, "list": by_list, "records": by_record}
    results = []
    for way, take in ways.items():

        def once(stopwatch: Stopwatch, _: int, way: str = way, take: Any = take) -> int:
            with stopwatch:
                size = take(consumer, topic, records)
            if size != records * VALUE_BYTES:
                raise Failed(f"{name} {way}: {size} bytes of values, not {records * VALUE_BYTES}")
            return records

        limit = f"{limits}-{way}" if limits else None
        results.append(throughput(f"{name} {way}", bench, once, pids, limit=limit, pages="warm"))
    return results


def by_columns(consumer: Any, topic: str, records: int) -> int:
    """Bytes of all values, by the spans of each batch."""
    sizes: list[int] = []

    def look(batch: Any) -> None:
        spans = batch.value_spans
        sizes.append(int(spans[:, 2].sum() - spans[:, 1].sum()))

    read(consumer, topic, records, look)
    return sum(sizes)


def by_list(consumer: Any, topic: str, records: int) -> int:
    """Bytes of all values, each batch as a list."""
    counts: list[int] = []
    read(consumer, topic, records, lambda batch: counts.append(len(batch.values)))
    return sum(counts) * VALUE_BYTES


def by_record(consumer: Any, topic: str, records: int) -> int:
    """Bytes of all values, in a loop over records."""
    consumer.assign([(topic, 0)])
    consumer.seek(topic, 0, 0)
    return sum(len(record.value) for record in itertools.islice(consumer, records))

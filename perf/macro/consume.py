"""Reading back over ZeroMQ/TCP: columns, list[bytes], and record by record; warm pages."""

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


def run(bench: Bench) -> list[Result]:
    """consume columns, consume list and consume records."""
    pool = Pool()
    calls = bench.calls(RECORDS)
    with bench.fresh_directory() as directory, Daemon(directory / "data") as daemon:
        topic = make_topic(daemon.endpoint, "os")
        with bus.Producer(daemon.endpoint) as producer:
            send_calls(producer, topic, pool, calls)
        with bus.Consumer(daemon.endpoint) as consumer:
            verify(consumer, topic, pool, calls)
            pids = {"busd": daemon.pid}
            return measure_ways("consume", bench, consumer, topic, calls * CALL_RECORDS, pids)


def measure_ways(
    name: str, bench: Bench, consumer: Any, topic: str, records: int, pids: dict[str, int]
) -> list[Result]:
    """Three ways to read the same topic again and again."""
    ways = {"columns": by_columns, "list": by_list, "records": by_record}
    results = []
    for way, take in ways.items():

        def once(stopwatch: Stopwatch, _: int, way: str = way, take: Any = take) -> int:
            with stopwatch:
                size = take(consumer, topic, records)
            if size != records * VALUE_BYTES:
                raise Failed(f"{name} {way}: {size} bytes of values, not {records * VALUE_BYTES}")
            return records

        limit = f"limit-{way}" if pids else None  # the limits have ZeroMQ in them
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

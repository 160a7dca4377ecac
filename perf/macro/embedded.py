"""The same in one process: bus.Broker("data/") with its own producer and consumer."""

from pathlib import Path

import bus
from perf.bench import Bench, throughput
from perf.macro.client import RECYCLED, send_calls, verify
from perf.macro.consume import measure_ways
from perf.macro.produce_send import send_each
from perf.pool import CALL_RECORDS, Pool
from perf.result import Result
from perf.usage import Stopwatch

RECORDS = 10_000_000
SEND_RECORDS = 3_000_000
WARM_UP_CALLS = 20


def run(bench: Bench) -> list[Result]:
    """embedded produce os, produce group and send os; embedded columns, list and records."""
    pool = Pool()
    results = []
    with bench.fresh_directory() as directory:
        results += _produce(bench, pool, directory)
    with bench.fresh_directory() as directory:
        results += _consume(bench, pool, directory)
    return results


def _produce(bench: Bench, pool: Pool, directory: Path) -> list[Result]:
    ways = [
        ("produce", "os", send_calls, RECORDS),
        ("produce", "group", send_calls, RECORDS),
        ("send", "os", send_each, SEND_RECORDS),
    ]
    results = []
    with bus.Broker(str(directory / "data")) as broker, broker.producer() as producer:
        for way, flush, send, records in ways:
            calls = bench.calls(records)

            def once(
                stopwatch: Stopwatch, repeat: int, send=send, name=(way, flush), calls=calls
            ) -> int:
                topic = "-".join((*name, str(repeat)))
                broker.admin().create_topic(
                    topic, partitions=1, config={"flush": name[1], **RECYCLED}
                )
                with stopwatch:
                    send(producer, topic, pool, calls)
                with broker.consumer() as consumer:
                    verify(consumer, topic, pool, calls)
                return calls * CALL_RECORDS

            name = f"embedded {way} {flush}"
            results.append(throughput(name, bench, once, {}, flush=flush, pages="recycled"))
    return results


def _consume(bench: Bench, pool: Pool, directory: Path) -> list[Result]:
    calls = bench.calls(RECORDS)
    with bus.Broker(str(directory / "data")) as broker:
        broker.admin().create_topic("read", partitions=1, config={"flush": "os"})
        with broker.producer() as producer:
            send_calls(producer, "read", pool, calls)
        with broker.consumer() as consumer:
            verify(consumer, "read", pool, calls)
            return measure_ways("embedded", bench, consumer, "read", calls * CALL_RECORDS, {})

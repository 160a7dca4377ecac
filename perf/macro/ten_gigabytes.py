"""10 GB in a row into fresh files, flush=os: the average, and the slowest second.

A thread counts, each second, the records acknowledged so far. The first second and the last,
unfinished one do not count for the slowest.
"""

import os
import threading
import time

import bus
from perf.bench import Bench, Failed
from perf.daemon import Daemon
from perf.macro.client import RECYCLED, make_topic, send_calls, verify
from perf.pool import CALL_RECORDS, VALUE_BYTES, Pool
from perf.result import Result
from perf.usage import Stopwatch

RECORDS = 100_000_000
DEPTH = 64  # calls whose deliveries are looked at behind the sender


class Progress:
    """Counts acknowledged calls in order, and notes the count each second."""

    def __init__(self) -> None:
        self.acknowledged = 0  # records
        self.seconds: list[int] = []  # records acknowledged in each whole second
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        before, due = 0, time.monotonic() + 1
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            now = self.acknowledged
            self.seconds.append(now - before)
            before = now
            due += 1


def run(bench: Bench) -> list[Result]:
    """ten-gigabytes; one repeat, for it is long."""
    pool = Pool()
    calls = bench.calls(RECORDS)
    records = calls * CALL_RECORDS
    with bench.fresh_directory() as directory, Daemon(directory / "data") as daemon:
        with bus.Producer(daemon.endpoint) as producer:
            send_calls(producer, make_topic(daemon.endpoint, "os", **RECYCLED), pool, 50)
            topic = make_topic(daemon.endpoint, "os", **RECYCLED)
            stopwatch = Stopwatch(client=os.getpid(), busd=daemon.pid)
            with Progress() as progress, stopwatch:
                _send(producer, topic, pool, calls, progress)
        if progress.acknowledged != records:
            raise Failed(f"{progress.acknowledged} records were acknowledged, not {records}")
        with bus.Consumer(daemon.endpoint) as consumer:
            verify(consumer, topic, pool, calls)
    rate = records / stopwatch.seconds
    later = progress.seconds[1:] or [int(rate)]
    bench.say(f"ten-gigabytes: {rate / 1e6:.2f} M records/s, slowest second {min(later) / 1e6:.2f}")
    return [
        Result(
            "ten-gigabytes",
            {
                "records_per_second": rate,
                "mb_per_second": rate * VALUE_BYTES / 1e6,
                "slowest_second": float(min(later)),
            },
            runs=[float(second) for second in progress.seconds],
            processes=stopwatch.processes(records),
            facts={"flush": "os", "pages": "recycled", "records": records, "runs_are": "seconds"},
            limit="limit-produce",
        )
    ]


def _send(producer: bus.Producer, topic: str, pool: Pool, calls: int, progress: Progress) -> None:
    sent = []
    for index in range(calls):
        sent.append(producer.send_batch(topic, pool.call(index)))
        while len(sent) > DEPTH or (sent and sent[0].done):
            _take(sent, progress)
    producer.flush()
    while sent:
        _take(sent, progress)


def _take(sent: list, progress: Progress) -> None:
    deliveries = sent.pop(0)
    deliveries.result(30)
    progress.acknowledged += deliveries.count_records

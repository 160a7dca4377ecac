"""One partition read live by many: 1, 8 and 200 subscribers, and a paced open loop.

result              load
------              ----
fanout lone         calls of 10,000 records as fast as they go, nobody reads
fanout 1, fanout 8  the same calls paced to 1 M records/s; each subscriber is a process
fanout 8 unpaced    as fast as they go, eight subscribers follow; the producer's rate
fanout 200          one record a call, 1,000 a second; 200 subscribers in four processes
open loop           one record a call, 10,000 a second; one subscriber

All with flush=os over ZeroMQ/TCP. Latency is from the moment at which a call was due to the poll
that hands out its first record. Each subscriber sees every record, once and in order.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bus
from perf.bench import Bench, throughput
from perf.daemon import Daemon
from perf.macro.client import RECYCLED, make_topic
from perf.macro.subscribers import apart, latencies, tell, together
from perf.paced import Sent, moments
from perf.pool import CALL_RECORDS, Pool
from perf.result import Result
from perf.stats import latencies as percentiles
from perf.stats import median
from perf.usage import Stopwatch, memory_mb

POOL_CALLS = 8
WARM_UP_CALLS = 20
RECORDS = 3_000_000  # of a repeat
PACE = 1_000_000  # records a second
SECONDS_SINGLE = 5.0  # of a repeat of single records
MANY_PACE, MANY_PROCESSES, MANY_EACH = 1_000, 4, 50
OPEN_PACE = 10_000


def run(bench: Bench) -> list[Result]:
    """All of the above, each with a busd of its own."""
    pool = Pool(calls=POOL_CALLS)
    single = Pool(call_records=1, calls=1000)
    return [
        _lone(bench, pool),
        *_calls(bench, pool, 1),
        *_calls(bench, pool, 8),
        _single(bench, single, "fanout 200", MANY_PACE, MANY_EACH),
        _single(bench, single, "open loop", OPEN_PACE, 0),
    ]


@contextmanager
def _served(bench: Bench) -> Iterator[tuple[Daemon, str, Any]]:
    """A fresh busd with a topic and a producer that waits for nothing."""
    with (
        bench.fresh_directory() as directory,
        Daemon(directory / "data") as daemon,
        bus.Producer(daemon.endpoint, linger_ms=0) as producer,
    ):
        yield daemon, make_topic(daemon.endpoint, "os", **RECYCLED), producer


def _lone(bench: Bench, pool: Pool) -> Result:
    with _served(bench) as (daemon, topic, producer):
        sent = Sent(pool)
        _unpaced(producer, topic, sent, WARM_UP_CALLS)

        def once(stopwatch: Stopwatch, _: int) -> int:
            with stopwatch:
                _unpaced(producer, topic, sent, bench.calls(RECORDS))
            return bench.calls(RECORDS) * CALL_RECORDS

        return throughput("fanout lone", bench, once, {"busd": daemon.pid}, flush="os")


def _calls(bench: Bench, pool: Pool, subscribers: int) -> list[Result]:
    """The paced result, and of several subscribers the unpaced one too."""
    calls = bench.calls(RECORDS)
    with _served(bench) as (daemon, topic, producer):
        sent = Sent(pool, subscribers)
        _unpaced(producer, topic, sent, WARM_UP_CALLS)
        with apart(subscribers, daemon.endpoint, topic, sent) as workers:
            pids = {"busd": daemon.pid, "subscriber": workers[0].pid}
            found: list[dict[str, float]] = []

            def paced(stopwatch: Stopwatch, _: int) -> int:
                tell(workers, sent.records + calls * CALL_RECORDS)
                with stopwatch:
                    for due in moments(PACE / CALL_RECORDS, calls):
                        producer.send_batch(topic, sent.call(due))
                    producer.flush()
                found.append(percentiles(latencies(workers, sent)))
                return calls * CALL_RECORDS

            def unpaced(stopwatch: Stopwatch, _: int) -> int:
                tell(workers, sent.records + calls * CALL_RECORDS)
                with stopwatch:
                    _unpaced(producer, topic, sent, calls)
                latencies(workers, sent)
                return calls * CALL_RECORDS

            name = f"fanout {subscribers}"
            results = [throughput(name, bench, paced, pids, flush="os", paced=PACE)]
            results[0].metrics |= _said(bench, name, found)
            if subscribers > 1:
                results.append(throughput(f"{name} unpaced", bench, unpaced, pids, flush="os"))
            return results


def _single(bench: Bench, pool: Pool, name: str, pace: float, each: int) -> Result:
    """One record a call; `each` subscribers in MANY_PROCESSES, or 0: one in all."""
    count = int(pace * max(1.0, SECONDS_SINGLE * bench.scale))
    with _served(bench) as (daemon, topic, producer):
        sent = Sent(pool)
        _unpaced(producer, topic, sent, WARM_UP_CALLS)
        at = (daemon.endpoint, topic, sent)
        with together(MANY_PROCESSES, each, *at) if each else apart(1, *at) as workers:
            found: list[dict[str, float]] = []

            def once(stopwatch: Stopwatch, _: int) -> int:
                tell(workers, sent.records + count)
                with stopwatch:
                    for due in moments(pace, count):
                        producer.send(topic, *sent.call(due))
                    producer.flush()
                found.append(percentiles(latencies(workers, sent)))
                return count

            pids = {"busd": daemon.pid, "subscribers": workers[0].pid}
            result = throughput(name, bench, once, pids, flush="os", paced=pace)
            result.metrics |= _said(bench, name, found)
            result.metrics["rss_mb"] = round(memory_mb(daemon.pid, "VmRSS"), 1)
            return result


def _unpaced(producer: Any, topic: str, sent: Sent, calls: int) -> None:
    for _ in range(calls):
        producer.send_batch(topic, sent.call(time.monotonic_ns()))
    producer.flush()


def _said(bench: Bench, name: str, found: list[dict[str, float]]) -> dict[str, float]:
    """The median over the repeats of each percentile."""
    medians = {key: median([one[key] for one in found]) for key in found[0]}
    bench.say(f"{name}: p50 {medians['p50_ms']:.2f} ms, p99 {medians['p99_ms']:.2f} ms")
    return medians

"""send_batch of list[bytes] to a busd of its own over ZeroMQ/TCP, flush=os and flush=group.

Each repeat fills a topic of its own: fresh files, whose closed segments leave the page cache. The
clock stops after the last acknowledgement; then all is read back and compared.
"""

import bus
from perf.bench import Bench, throughput
from perf.daemon import Daemon
from perf.lag import LoopLag
from perf.macro.client import RECYCLED, make_topic, send_calls, verify
from perf.pool import CALL_RECORDS, Pool
from perf.result import Result
from perf.usage import Stopwatch

RECORDS = 10_000_000
WARM_UP_CALLS = 50


def run(bench: Bench) -> list[Result]:
    """produce-batch os and produce-batch group."""
    pool = Pool()
    return [_measure(bench, pool, flush) for flush in ("os", "group")]


def _measure(bench: Bench, pool: Pool, flush: str) -> Result:
    calls = bench.calls(RECORDS)
    with bench.fresh_directory() as directory, Daemon(directory / "data") as daemon:
        with bus.Producer(daemon.endpoint) as producer:
            send_calls(
                producer, make_topic(daemon.endpoint, flush, **RECYCLED), pool, WARM_UP_CALLS
            )
            lag = LoopLag()

            def once(stopwatch: Stopwatch, _: int) -> int:
                topic = make_topic(daemon.endpoint, flush, **RECYCLED)
                with lag, stopwatch:
                    send_calls(producer, topic, pool, calls)
                with bus.Consumer(daemon.endpoint) as consumer:
                    verify(consumer, topic, pool, calls)
                return calls * CALL_RECORDS

            result = throughput(
                f"produce-batch {flush}",
                bench,
                once,
                {"busd": daemon.pid},
                limit="limit-produce",
                flush=flush,
                pages="recycled",
                call_records=CALL_RECORDS,
            )
        result.metrics |= lag.percentiles()
        return result

"""kill -9 with 1 GiB beyond the checkpoint: how long until busd is ready again.

The checkpoint is kept out of the way by its interval, so all that was written since the start
lies beyond it. After the restart every acknowledged record must be there.
"""

import bus
from perf.bench import Bench
from perf.daemon import Daemon
from perf.macro.client import make_topic, send_calls, verify
from perf.pool import CALL_RECORDS, VALUE_BYTES, Pool
from perf.result import Result
from perf.stats import median

BYTES = 1 << 30
RECORDS = BYTES // (VALUE_BYTES + 8)  # with what a record costs in the log
NO_CHECKPOINT = ("--set", "checkpoint.interval.ms=60000")


def run(bench: Bench) -> list[Result]:
    """recovery; the median of the repeats."""
    pool = Pool()
    calls = bench.calls(RECORDS)
    times = [_once(bench, pool, calls) for _ in range(bench.repeats)]
    bench.say(f"recovery: {median(times):.3f} s")
    return [
        Result(
            "recovery",
            {"ready_s": median(times)},
            runs=times,
            facts={"flush": "os", "pages": "warm", "records": calls * CALL_RECORDS},
        )
    ]


def _once(bench: Bench, pool: Pool, calls: int) -> float:
    with bench.fresh_directory() as directory:
        daemon = Daemon(directory / "data", *NO_CHECKPOINT)
        try:
            topic = make_topic(daemon.endpoint, "os")
            with bus.Producer(daemon.endpoint) as producer:
                send_calls(producer, topic, pool, calls)
        finally:
            daemon.kill()
        with Daemon(directory / "data") as again, bus.Consumer(again.endpoint) as consumer:
            verify(consumer, topic, pool, calls)
            return again.ready_seconds

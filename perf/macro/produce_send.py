"""send(), one record a call, to a busd of its own over ZeroMQ/TCP, flush=os."""

import bus
from perf.bench import Bench, throughput
from perf.daemon import Daemon
from perf.macro.client import RECYCLED, make_topic, verify
from perf.pool import CALL_RECORDS, Pool
from perf.result import Result
from perf.usage import Stopwatch

RECORDS = 3_000_000
WARM_UP_CALLS = 10


def run(bench: Bench) -> list[Result]:
    """produce-send os."""
    pool = Pool()
    with bench.fresh_directory() as directory, Daemon(directory / "data") as daemon:
        return [_measure(bench, pool, daemon)]


def _measure(bench: Bench, pool: Pool, daemon: Daemon) -> Result:
    calls = bench.calls(RECORDS)
    with bus.Producer(daemon.endpoint) as producer:
        send_each(producer, make_topic(daemon.endpoint, "os", **RECYCLED), pool, WARM_UP_CALLS)

        def once(stopwatch: Stopwatch, _: int) -> int:
            topic = make_topic(daemon.endpoint, "os", **RECYCLED)
            with stopwatch:
                send_each(producer, topic, pool, calls)
            with bus.Consumer(daemon.endpoint) as consumer:
                verify(consumer, topic, pool, calls)
            return calls * CALL_RECORDS

        return throughput(
            "produce-send os",
            bench,
            once,
            {"busd": daemon.pid},
            limit="limit-produce",
            flush="os",
            pages="recycled",
            call_records=1,
        )


def send_each(producer: bus.Producer, topic: str, pool: Pool, calls: int) -> None:
    """Each value of `calls` calls by itself, and all of them acknowledged."""
    send = producer.send
    for index in range(calls):
        for value in pool.call(index):
            send(topic, value)
    producer.flush()

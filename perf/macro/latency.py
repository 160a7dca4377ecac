"""One message at a time, end to end: producer process, busd, consumer process; and the relay.

The value begins with the monotonic clock at the call of send(); the consumer takes the time when
the record is in its hands, and tells the producer, which then sends the next. The bare relay
(perf/limits) runs between the two flush modes in the same way.
"""

import time
from multiprocessing.connection import Connection

import bus
from perf.bench import Bench
from perf.daemon import Daemon
from perf.limits.processes import worker
from perf.limits.relay import MESSAGES, WARM_UP
from perf.limits.relay import run as run_relay
from perf.macro.client import make_topic
from perf.pool import VALUE_BYTES
from perf.result import Result
from perf.stats import latencies


def run(bench: Bench) -> list[Result]:
    """latency os, limit-relay and latency group."""
    return [_measure(bench, "os"), *run_relay(bench), _measure(bench, "group")]


def _measure(bench: Bench, flush: str) -> Result:
    count = WARM_UP + max(500, int(MESSAGES * bench.scale))
    with bench.fresh_directory() as directory, Daemon(directory / "data") as daemon:
        topic = make_topic(daemon.endpoint, flush)
        with (
            worker(_consumer, daemon.endpoint, topic) as consumer,
            bus.Producer(daemon.endpoint, linger_ms=0) as producer,
        ):
            body = bytes(VALUE_BYTES - 8)
            times = []
            for _ in range(count):
                producer.send(topic, time.monotonic_ns().to_bytes(8, "big") + body)
                times.append(consumer.pipe.recv())
    found = latencies(times[WARM_UP:])
    bench.say(f"latency {flush}: p50 {found['p50_ms']:.3f} ms, p99 {found['p99_ms']:.3f} ms")
    return Result(
        f"latency {flush}",
        found,
        facts={"flush": flush, "value_bytes": VALUE_BYTES, "messages": count - WARM_UP},
    )


def _consumer(pipe: Connection, endpoint: str, topic: str) -> None:
    with bus.Consumer(endpoint) as consumer:
        consumer.assign([(topic, 0)])
        pipe.send(None)
        for record in consumer:
            pipe.send(time.monotonic_ns() - int.from_bytes(record.value[:8], "big"))

"""5,000 records a second, paced: from when a call was due until its records are acknowledged.

A call of 50 records each 10 ms, by our client on both clusters, RF 3, min ISR 2, acks=all. A call
is a request: a thousand small ones a second are more than two cores do for three brokers and a
client, and what is measured then is a queue. A sender that is late cannot hide it: its lateness is
in the latency (no coordinated omission).
"""

import time
from functools import partial

import bus
from perf.bench import Bench, Failed
from perf.cluster.produce import MIN_IN_SYNC, NODES
from perf.cluster.sides import Side, both
from perf.kafka.sides import BUSD, KAFKA
from perf.paced import moments
from perf.pool import VALUE_BYTES, Pool
from perf.result import Result
from perf.stats import latencies, median

CALL_RECORDS, CALLS_A_SECOND = 50, 100
SECONDS = 20.0  # of a repeat
WARM_UP_SECONDS = 3.0
WAYS = [(KAFKA, "os"), (BUSD, "os"), (BUSD, "group")]  # and their flush policies


def run(bench: Bench) -> list[Result]:
    """cluster latency kafka os, cluster latency busd os and group."""
    pool = Pool(call_records=CALL_RECORDS, calls=1_000)
    found: dict[str, list[dict[str, float]]] = {}
    with both(bench) as sides:
        by_name = {side.name: side for side in sides}
        for repeat in range(bench.repeats):
            for name, flush in WAYS:
                told = _once(bench, by_name[name], pool, flush, repeat)
                found.setdefault(f"cluster latency {name} {flush}", []).append(told)
                bench.say(f"{name} {flush}: p50 {told['p50_ms']:.2f}, p99 {told['p99_ms']:.1f} ms")
    return [_result(name, repeats) for name, repeats in found.items()]


def _once(bench: Bench, side: Side, pool: Pool, flush: str, repeat: int) -> dict[str, float]:
    with bus.Admin(side.servers) as admin, bus.Producer(side.servers, linger_ms=0) as producer:
        topic = side.make_topic(admin, f"paced-{flush}-{repeat}", flush)
        _paced(producer, topic, pool, WARM_UP_SECONDS)
        took = _paced(producer, topic, pool, max(WARM_UP_SECONDS, SECONDS * bench.scale))
        admin.delete_topic(topic)
    return latencies(took)


def _paced(producer: bus.Producer, topic: str, pool: Pool, seconds: float) -> list[int]:
    """Latency (ns) of each call."""
    took: list[int] = []

    def note(due: int) -> None:
        took.append(time.monotonic_ns() - due)

    sent = []
    for index, due in enumerate(moments(CALLS_A_SECOND, int(seconds * CALLS_A_SECOND))):
        deliveries = producer.send_batch(topic, pool.call(index))
        deliveries.batches[-1].when_done(partial(note, due))
        sent.append(deliveries)
    producer.flush()
    for deliveries in sent:
        for delivery in deliveries:
            delivery.result(0)
    if len(took) != len(sent):
        raise Failed(f"{len(sent)} calls were made, and {len(took)} were answered")
    return took


def _result(name: str, repeats: list[dict[str, float]]) -> Result:
    figures = {key: median([told[key] for told in repeats]) for key in repeats[0]}
    facts: dict[str, str | int | float] = {
        "value_bytes": VALUE_BYTES,
        "records_per_second": CALL_RECORDS * CALLS_A_SECOND,
        "call_records": CALL_RECORDS,
        "replication_factor": NODES,
        "min_insync_replicas": MIN_IN_SYNC,
    }
    return Result(name, figures, [told["p99_ms"] for told in repeats], {}, facts)

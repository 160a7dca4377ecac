"""confluent-kafka on each broker in turn: produce() and consume(), acks=all, flush=os."""

import time
from contextlib import closing

from perf.bench import Bench, Failed
from perf.kafka.sides import BUSD, KAFKA, NULL, Side, facts, running
from perf.pool import CALL_RECORDS, VALUE_BYTES, Pool
from perf.result import Result
from perf.rivals import confluent

RECORDS = 3_000_000
WARM_UP_CALLS = 30
READ_WARM_UP_CALLS = 2
PRODUCE, CONSUME = "confluent produce", "confluent consume"


def run(bench: Bench) -> list[Result]:
    """confluent produce and confluent consume, of kafka, busd and null."""
    pool, calls = Pool(), bench.calls(RECORDS)
    records = calls * CALL_RECORDS
    with running(bench, KAFKA, BUSD, NULL) as sides:
        for side in sides:
            side.make_topic("warm-up")
            produce(side, "warm-up", pool, WARM_UP_CALLS)
        for repeat in range(bench.repeats):
            topic = f"confluent-{repeat}"
            for side in sides:
                side.make_topic(topic)
                written = side.time(PRODUCE, records, produce, topic, pool, calls)
                if side.name != NULL and repeat == 0:
                    confluent.verify(side.endpoint, topic, pool, calls)
                read = side.time(CONSUME, records, consume, topic, records)
                bench.say(f"{side.name}: {written / 1e6:.3g} in, {read / 1e6:.3g} M records/s out")
        told = facts()
        return [result for side in sides for result in side.results(told)]


def produce(side: Side, topic: str, pool: Pool, calls: int) -> float:
    """produce() of each value, and all of them acknowledged; records a second."""
    sender = confluent.producer(side.endpoint)
    before = time.perf_counter()
    confluent.send_each(sender, topic, pool, calls)
    return calls * pool.call_records / (time.perf_counter() - before)


def consume(side: Side, topic: str, records: int) -> float:
    """consume() of many at a time from the beginning; records a second, once some have come."""
    first = READ_WARM_UP_CALLS * CALL_RECORDS
    with closing(confluent.consumer(side.endpoint, topic)) as reader:
        confluent.read_lists(reader, first)
        before = time.perf_counter()
        size = confluent.read_lists(reader, records - first)
        seconds = time.perf_counter() - before
    if size != (records - first) * VALUE_BYTES:
        raise Failed(f"{side.name}: {size} bytes of values came")
    return (records - first) / seconds

"""Our client and confluent-kafka on one Apache Kafka, in batches: `bus.Producer("kafka://...")`.

Lists of 10,000 values by send_batch() beside produce_batch(), and poll_batch() beside consume():
once with every value as `bytes` in the caller's hands, which is what confluent-kafka gives, and
once as columns, which is what our batches are.
"""

import time
from collections.abc import Callable

import bus
from perf.bench import Bench, Failed
from perf.kafka.confluent_client import consume as confluent_consume
from perf.kafka.sides import KAFKA, Side, facts, running
from perf.macro.client import send_calls, verify
from perf.macro.consume import by_columns, by_list
from perf.pool import CALL_RECORDS, VALUE_BYTES, Pool
from perf.result import Result
from perf.rivals import confluent

RECORDS = 3_000_000
WARM_UP_CALLS = 30
OURS_PRODUCE, THEIRS_PRODUCE = "own send_batch", "own produce_batch"
OURS_LIST, OURS_COLUMNS, THEIRS_CONSUME = "own list", "own columns", "own consume"


def run(bench: Bench) -> list[Result]:
    """own send_batch and produce_batch, own list, columns and consume, all of kafka."""
    pool, calls = Pool(), bench.calls(RECORDS)
    records = calls * CALL_RECORDS
    with running(bench, KAFKA) as (side,):
        side.make_topic("warm-up")
        _send_ours(side, "warm-up", pool, WARM_UP_CALLS)
        _send_theirs(side, "warm-up", pool, WARM_UP_CALLS)
        for repeat in range(bench.repeats):
            ours, theirs = f"ours-{repeat}", f"theirs-{repeat}"
            side.make_topic(ours)
            side.make_topic(theirs)
            work: dict[str, tuple[Callable[..., float], object, ...]] = {
                THEIRS_PRODUCE: (_send_theirs, theirs, pool, calls),
                OURS_PRODUCE: (_send_ours, ours, pool, calls),
                THEIRS_CONSUME: (confluent_consume, theirs, records),
                OURS_LIST: (_read_ours, theirs, records, by_list),
                OURS_COLUMNS: (_read_ours, theirs, records, by_columns),
            }
            for what, once in work.items():
                bench.say(f"{what}: {side.time(what, records, *once) / 1e6:.3g} M records/s")
            confluent.verify(side.endpoint, ours, pool, calls)
            with bus.Consumer(f"kafka://{side.endpoint}") as consumer:
                verify(consumer, theirs, pool, calls)
        return side.results(facts())


def _send_ours(side: Side, topic: str, pool: Pool, calls: int) -> float:
    with bus.Producer(f"kafka://{side.endpoint}") as producer:
        before = time.perf_counter()
        send_calls(producer, topic, pool, calls)
        return calls * pool.call_records / (time.perf_counter() - before)


def _send_theirs(side: Side, topic: str, pool: Pool, calls: int) -> float:
    sender = confluent.producer(side.endpoint)
    before = time.perf_counter()
    confluent.send_lists(sender, topic, pool, calls)
    return calls * pool.call_records / (time.perf_counter() - before)


def _read_ours(side: Side, topic: str, records: int, take: Callable[..., int]) -> float:
    with bus.Consumer(f"kafka://{side.endpoint}") as consumer:
        before = time.perf_counter()
        size = take(consumer, topic, records)
        seconds = time.perf_counter() - before
    if size != records * VALUE_BYTES:
        raise Failed(f"ours: {size} bytes of values came, not {records * VALUE_BYTES}")
    return records / seconds

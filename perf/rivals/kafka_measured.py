"""Kafka in all its ways: its Java tools, and confluent-kafka from Python, on one broker.

`flush.messages=1` makes it fsync what a request brought before it answers, beside flush=group.
Without it the page cache has the records, beside flush=os. All producers ask for acks=all.
"""

from contextlib import closing
from pathlib import Path

from perf.bench import Bench, Failed, of_rates, throughput
from perf.foreign.kafka_broker import KafkaBroker
from perf.foreign.maven import java_version
from perf.pool import CALL_RECORDS, VALUE_BYTES, Pool
from perf.result import Result
from perf.rivals import confluent, kafka_tools
from perf.usage import Stopwatch

JAVA_RECORDS = {"os": 10_000_000, "group": 3_000_000}
JAVA_WARM_UP = 3_000_000  # for the broker's own JVM
PYTHON_RECORDS = 2_000_000
WARM_UP_CALLS = 20
READ_WARM_UP_CALLS = 2
CONFIG = {"os": {}, "group": {"flush.messages": "1"}}
POLICY = {"os": "no fsync", "group": "flush.messages=1"}


def run(bench: Bench) -> list[Result]:
    """kafka java produce os and group, java consume; confluent produce, produce_batch, reading."""
    with bench.fresh_directory() as directory, KafkaBroker(directory / "kafka") as broker:
        return [
            *_java_produce(bench, broker),
            _java_consume(bench, broker, directory / "consumer.properties"),
            *_confluent(bench, broker),
        ]


def _java_produce(bench: Bench, broker: KafkaBroker) -> list[Result]:
    results = []
    warm_up = max(1, int(JAVA_WARM_UP * bench.scale))
    confluent.make_topic(broker.endpoint, "warm-up")
    kafka_tools.produce(broker.jars, broker.endpoint, "warm-up", warm_up, VALUE_BYTES)
    for flush, config in CONFIG.items():
        topic, records = f"java-{flush}", int(JAVA_RECORDS[flush] * bench.scale)
        confluent.make_topic(broker.endpoint, topic, **config)
        name, rates, stopwatch = f"kafka java produce {flush}", [], Stopwatch()
        for repeat in range(bench.repeats):
            with stopwatch:
                timed = kafka_tools.produce(
                    broker.jars, broker.endpoint, topic, records, VALUE_BYTES
                )
            held = confluent.end_offset(broker.endpoint, topic)
            if held != records * (repeat + 1):
                raise Failed(f"Kafka holds {held} records, not {records * (repeat + 1)}")
            rates.append(timed.rate)
            bench.say(f"{name}: {timed.rate / 1e6:.3g} M records/s")
        results.append(of_rates(name, rates, stopwatch, **_java_facts(broker, flush, records)))
    return results


def _java_consume(bench: Bench, broker: KafkaBroker, settings: Path) -> Result:
    """What the Java producer has left in the topic of flush=os."""
    records = int(JAVA_RECORDS["os"] * bench.scale)
    rates, stopwatch = [], Stopwatch()
    for _ in range(bench.repeats):
        with stopwatch:
            timed = kafka_tools.consume(broker.jars, broker.endpoint, "java-os", records, settings)
        rates.append(timed.rate)
        bench.say(f"kafka java consume: {timed.rate / 1e6:.3g} M records/s")
    return of_rates("kafka java consume", rates, stopwatch, **_java_facts(broker, "os", records))


def _java_facts(broker: KafkaBroker, flush: str, records: int) -> dict[str, str | int]:
    return {
        "records_a_repeat": records,
        "policy": POLICY[flush],
        "versions": f"Kafka {broker.version}, its Java client, Java {java_version()}",
    }


def _confluent(bench: Bench, broker: KafkaBroker) -> list[Result]:
    pool, calls = Pool(), bench.calls(PYTHON_RECORDS)
    facts = {
        "policy": POLICY["os"],
        "versions": f"Kafka {broker.version}, {confluent.versions()}",
    }
    results = []
    ways = {"produce": confluent.send_each, "produce_batch": confluent.send_lists}
    for way, send in ways.items():
        sender = confluent.producer(broker.endpoint)
        confluent.make_topic(broker.endpoint, f"{way}-warm-up")
        send(sender, f"{way}-warm-up", pool, WARM_UP_CALLS)

        def once(
            stopwatch: Stopwatch, repeat: int, way: str = way, send=send, sender=sender
        ) -> int:
            topic = f"{way}-{repeat}"
            confluent.make_topic(broker.endpoint, topic)
            with stopwatch:
                send(sender, topic, pool, calls)
            confluent.verify(broker.endpoint, topic, pool, calls)
            return calls * CALL_RECORDS

        pids = {"kafka": broker.pid}
        results.append(throughput(f"confluent {way} os", bench, once, pids, **facts))
    return [*results, *_confluent_read(bench, broker, calls, facts)]


def _confluent_read(
    bench: Bench, broker: KafkaBroker, calls: int, facts: dict[str, str]
) -> list[Result]:
    """What produce() has left in its first topic."""
    results = []
    records = (calls - READ_WARM_UP_CALLS) * CALL_RECORDS
    ways = {"poll": confluent.read_each, "consume": confluent.read_lists}
    for way, take in ways.items():

        def once(stopwatch: Stopwatch, _: int, way: str = way, take=take) -> int:
            with closing(confluent.consumer(broker.endpoint, "produce-0")) as reader:
                take(reader, READ_WARM_UP_CALLS * CALL_RECORDS)
                with stopwatch:
                    size = take(reader, records)
            if size != records * VALUE_BYTES:
                raise Failed(f"confluent {way}: {size} bytes, not {records * VALUE_BYTES}")
            return records

        pids = {"kafka": broker.pid}
        results.append(throughput(f"confluent {way}", bench, once, pids, **facts))
    return results

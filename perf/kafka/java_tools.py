"""Kafka's own producer and consumer tools on each broker in turn, acks=all, flush=os."""

from perf.bench import Bench, Failed
from perf.foreign.maven import jars
from perf.kafka.sides import BUSD, KAFKA, NULL, Side, facts, running, warm_pages
from perf.pool import VALUE_BYTES
from perf.result import Result
from perf.rivals import confluent, kafka_tools

RECORDS = 12_000_000
WARM_UP = 2_000_000  # for Kafka's JVM; the others get the same
RECORD_BYTES = 111  # of a record in a batch
PRODUCE, CONSUME = "java produce", "java consume"


def run(bench: Bench) -> list[Result]:
    """java produce and java consume, of kafka, busd and null."""
    records = int(RECORDS * bench.scale)
    folder = jars("broker")
    with bench.fresh_directory() as scratch, running(bench, KAFKA, BUSD, NULL) as sides:
        settings = scratch / "consumer.properties"

        def produce(side: Side, topic: str, count: int) -> float:
            return kafka_tools.produce(folder, side.endpoint, topic, count, VALUE_BYTES).rate

        def consume(side: Side, topic: str, count: int) -> float:
            return kafka_tools.consume(folder, side.endpoint, topic, count, settings).rate

        for side in sides:
            side.make_topic("warm-up")
            produce(side, "warm-up", max(1, int(WARM_UP * bench.scale)))
        for repeat in range(bench.repeats):
            topic = f"java-{repeat}"
            for side in sides:
                side.make_topic(topic)
                warm_pages(scratch, records * RECORD_BYTES)
                written = side.time(PRODUCE, records, produce, topic, records)
                _check(side, topic, records)
                read = side.time(CONSUME, records, consume, topic, records)
                side.delete_topic(topic)
                bench.say(f"{side.name}: {written / 1e6:.3g} in, {read / 1e6:.3g} M records/s out")
        told = facts(folder)
        return [result for side in sides for result in side.results(told)]


def _check(side: Side, topic: str, records: int) -> None:
    if side.name != NULL and confluent.end_offset(side.endpoint, topic) != records:
        raise Failed(f"{side.name} does not hold the {records} records that were acknowledged")

"""Kafka's own producer tool on three brokers of Kafka and of busd in turn: RF 3, acks=all.

Min ISR 2, both leave records to the page cache.
"""

import bus
from perf.bench import Bench, Failed
from perf.cluster.produce import MIN_IN_SYNC, NODES
from perf.cluster.sides import both
from perf.foreign.maven import jars
from perf.kafka.sides import Timing, facts, warm_pages
from perf.pool import VALUE_BYTES
from perf.result import Result
from perf.rivals import confluent, kafka_tools
from perf.usage import Stopwatch

RECORDS = 6_000_000
WARM_UP = 1_000_000
RECORD_BYTES = 111  # of a record in a batch


def run(bench: Bench) -> list[Result]:
    """cluster java kafka and cluster java busd."""
    records = int(RECORDS * bench.scale)
    folder = jars("broker")
    with bench.fresh_directory() as scratch, both(bench) as sides:
        timings = {side.name: Timing(Stopwatch(**side.pids)) for side in sides}
        for repeat in range(-1, bench.repeats):
            for side in sides:
                count = records if repeat >= 0 else max(1, int(WARM_UP * bench.scale))
                with bus.Admin(side.servers) as admin:
                    topic = side.make_topic(admin, f"java-{repeat + 1}")
                    warm_pages(scratch, NODES * count * RECORD_BYTES)
                    timing = timings[side.name] if repeat >= 0 else Timing(Stopwatch())
                    with timing.stopwatch:
                        timed = kafka_tools.produce(
                            folder, side.endpoint, topic, count, VALUE_BYTES
                        )
                    _check(side.endpoint, topic, count)
                    admin.delete_topic(topic)
                timing.rates.append(timed.rate)
                timing.records += count
                bench.say(f"{side.name}: {timed.rate / 1e6:.3g} M records/s")
        told = facts(folder) | {
            "replication_factor": str(NODES),
            "min_insync_replicas": str(MIN_IN_SYNC),
        }
        return [timings[side.name].result(f"cluster java {side.name}", **told) for side in sides]


def _check(endpoint: str, topic: str, records: int) -> None:
    held = confluent.end_offset(endpoint, topic)
    if held != records:
        raise Failed(f"{topic} holds {held} records, not the {records} that were acknowledged")

"""What the scenarios do with the public API: topics, sending, reading back and checking."""

import uuid
from collections.abc import Callable
from typing import Any

import bus
from perf.bench import Failed
from perf.pool import Pool, checksum

POLL_SECONDS = 30.0


# Closed segments leave the page cache, so the log goes on in memory that was in use a moment ago.
# On virtual machines that give free memory back to their host, other pages are fetched anew.
RECYCLED = {"segment.bytes": str(128 << 20), "cache.closed.segments": "false"}


def make_topic(servers: str, flush: str, **config: str) -> str:
    """A topic of one partition under a name of its own; further settings by their names."""
    name = f"perf-{uuid.uuid4().hex[:12]}"
    with bus.Admin(servers) as admin:
        admin.create_topic(name, partitions=1, config={"flush": flush, **config})
    return name


def send_calls(producer: Any, topic: str, pool: Pool, calls: int) -> None:
    """`calls` calls of send_batch, and all of them acknowledged."""
    for index in range(calls):
        producer.send_batch(topic, pool.call(index))
    producer.flush()


def read(
    consumer: Any, topic: str, records: int, look: Callable[[Any], object], most: int = 100_000
) -> int:
    """Poll `records` records from the beginning of partition 0; how many came."""
    consumer.assign([(topic, 0)])
    consumer.seek(topic, 0, 0)
    seen = 0
    while seen < records:
        batch = consumer.poll_batch(max_records=most, timeout=POLL_SECONDS)
        if len(batch) == 0:
            raise Failed(f"only {seen} of {records} records could be read from {topic}")
        look(batch)
        seen += len(batch)
    return seen


def verify(consumer: Any, topic: str, pool: Pool, calls: int) -> None:
    """Every record of `calls` calls is there once, in order, with its value."""
    state = {"crc": 0, "next": 0}

    def look(batch: Any) -> None:
        if batch.offsets[0] != state["next"] or batch.offsets[-1] != state["next"] + len(batch) - 1:
            raise Failed(
                f"{topic}: offsets {batch.offsets[0]} to {batch.offsets[-1]} came, "
                f"{state['next']} was due"
            )
        state["next"] += len(batch)
        state["crc"] = checksum(batch.values, state["crc"])

    records = calls * pool.call_records
    if read(consumer, topic, records, look) != records:
        raise Failed(f"{topic} holds more records than were sent")
    if state["crc"] != pool.checksum(calls):
        raise Failed(f"{topic} holds other values than were sent")

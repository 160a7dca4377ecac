"""One member of a consumer group, by a client that others wrote; a process of its own.

    python -m tests.integration.group_member CLIENT BOOTSTRAP GROUP SESSION_MS [INSTANCE]

It prints "has 0,1,2" whenever its partitions change and "read 0:17" for each record, which it has
committed then. The end of its standard input has it leave.
"""

import asyncio
import sys
import threading
from dataclasses import dataclass

from tests.fixtures.ends_with_input import told_to_end
from tests.fixtures.kafka_python_joins import join_within_a_poll

TOPIC = "t"
HEARTBEAT_MS = 100


@dataclass(frozen=True)
class Place:
    """Where a member belongs."""

    bootstrap: str
    group: str
    session_ms: int
    instance: str | None


def tell_partitions(partitions, before: list[int] | None) -> list[int]:
    """Say which they are, if they are others than before."""
    found = sorted(partitions)
    if found != before:
        print("has " + ",".join(map(str, found)), flush=True)
    return found


def kafka_python(place: Place, told: threading.Event) -> None:
    from kafka import ConsumerRebalanceListener, KafkaConsumer

    class Tells(ConsumerRebalanceListener):
        def on_partitions_revoked(self, revoked):
            pass

        def on_partitions_assigned(self, assigned):
            tell_partitions((one.partition for one in assigned), None)

    consumer = KafkaConsumer(
        bootstrap_servers=place.bootstrap,
        group_id=place.group,
        group_instance_id=place.instance,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=place.session_ms,
        heartbeat_interval_ms=HEARTBEAT_MS,
        metadata_max_age_ms=1000,
    )
    join_within_a_poll(consumer)
    consumer.subscribe([TOPIC], listener=Tells())
    while not told.is_set():
        batches = consumer.poll(timeout_ms=50)
        if batches:
            consumer.commit()
        for partition, records in batches.items():
            for record in records:
                print(f"read {partition.partition}:{record.offset}", flush=True)
    consumer.close()


def confluent(place: Place, told: threading.Event, assignor: str = "range") -> None:
    from confluent_kafka import Consumer

    settings = {
        "bootstrap.servers": place.bootstrap,
        "group.id": place.group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": place.session_ms,
        "heartbeat.interval.ms": HEARTBEAT_MS,
        "partition.assignment.strategy": assignor,
    }
    if place.instance is not None:
        settings["group.instance.id"] = place.instance
    consumer = Consumer(settings)
    consumer.subscribe([TOPIC])
    has = None
    while not told.is_set():
        record = consumer.poll(0.05)
        has = tell_partitions((one.partition for one in consumer.assignment()), has)
        if record is not None and record.error() is None:
            consumer.commit(message=record, asynchronous=False)
            print(f"read {record.partition()}:{record.offset()}", flush=True)
    consumer.close()


def cooperative(place: Place, told: threading.Event) -> None:
    confluent(place, told, "cooperative-sticky")


def aio(place: Place, told: threading.Event) -> None:
    asyncio.run(aio_member(place, told))


async def aio_member(place: Place, told: threading.Event) -> None:
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=place.bootstrap,
        group_id=place.group,
        group_instance_id=place.instance,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=place.session_ms,
        heartbeat_interval_ms=HEARTBEAT_MS,
    )
    await consumer.start()
    has = None
    while not told.is_set():
        batches = await consumer.getmany(timeout_ms=50)
        has = tell_partitions((one.partition for one in consumer.assignment()), has)
        if batches:
            await consumer.commit()
        for partition, records in batches.items():
            for record in records:
                print(f"read {partition.partition}:{record.offset}", flush=True)
    await consumer.stop()


CLIENTS = {
    "kafka-python": kafka_python,
    "confluent-kafka": confluent,
    "cooperative": cooperative,
    "aiokafka": aio,
}


def main() -> None:
    client, bootstrap, group, session_ms, *instance = sys.argv[1:]
    place = Place(bootstrap, group, int(session_ms), instance[0] if instance else None)
    CLIENTS[client](place, told_to_end())


if __name__ == "__main__":
    main()

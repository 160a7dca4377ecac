"""One member of a consumer group, by a client that others wrote; a process of its own.

    python group_member.py CLIENT BOOTSTRAP GROUP [INSTANCE]

It prints "has 0,1,2" whenever its partitions change and "read 0:17" for each record, which it has
committed then. A line on its standard input, or the end of it, has it leave.
"""

import asyncio
import sys
import threading

TOPIC = "t"
SESSION_MS, HEARTBEAT_MS = 2000, 100


def tell_partitions(partitions, before: list[int] | None) -> list[int]:
    """Say which they are, if they are others than before."""
    found = sorted(partitions)
    if found != before:
        print("has " + ",".join(map(str, found)), flush=True)
    return found


def kafka_python(bootstrap: str, group: str, instance: str | None, told: threading.Event) -> None:
    """Its polls are long.

    A leader of kafka-python that joins again for metadata that came late, in a poll that ends
    meanwhile, forgets what it is assigned: it sees no reason to take it up.
    """
    from kafka import ConsumerRebalanceListener, KafkaConsumer

    class Tells(ConsumerRebalanceListener):
        def on_partitions_revoked(self, revoked):
            pass

        def on_partitions_assigned(self, assigned):
            tell_partitions((one.partition for one in assigned), None)

    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        group_instance_id=instance,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        metadata_max_age_ms=1000,
    )
    consumer.subscribe([TOPIC], listener=Tells())
    while not told.is_set():
        batches = consumer.poll(timeout_ms=3000)
        if batches:
            consumer.commit()
        for partition, records in batches.items():
            for record in records:
                print(f"read {partition.partition}:{record.offset}", flush=True)
    consumer.close()


def confluent(
    bootstrap: str, group: str, instance: str | None, told: threading.Event, assignor: str = "range"
) -> None:
    from confluent_kafka import Consumer

    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": SESSION_MS,
        "heartbeat.interval.ms": HEARTBEAT_MS,
        "partition.assignment.strategy": assignor,
    }
    if instance is not None:
        settings["group.instance.id"] = instance
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


def cooperative(bootstrap: str, group: str, instance: str | None, told: threading.Event) -> None:
    confluent(bootstrap, group, instance, told, "cooperative-sticky")


def aio(bootstrap: str, group: str, instance: str | None, told: threading.Event) -> None:
    asyncio.run(aio_member(bootstrap, group, instance, told))


async def aio_member(
    bootstrap: str, group: str, instance: str | None, told: threading.Event
) -> None:
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=bootstrap,
        group_id=group,
        group_instance_id=instance,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=SESSION_MS,
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
    client, bootstrap, group, *instance = sys.argv[1:]
    told = threading.Event()

    def wait() -> None:
        sys.stdin.readline()
        told.set()

    threading.Thread(target=wait, daemon=True).start()
    CLIENTS[client](bootstrap, group, instance[0] if instance else None, told)


if __name__ == "__main__":
    main()

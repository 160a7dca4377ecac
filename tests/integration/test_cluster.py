"""Three brokers and an etcd, as processes: what was acknowledged survives whatever ends."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer as KafkaProducer

import bus
from tests.fixtures.served_cluster import WITHIN_SECONDS, ServedCluster, until

COUNT = 200


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedCluster]:
    with ServedCluster(tmp_path) as cluster:
        yield cluster


def produce(url: str, first: int) -> list[bytes]:
    """So many records, acknowledged by all in sync, from the `first` on."""
    values = [b"%d" % number for number in range(first, first + COUNT)]
    with bus.Producer(url, acks="all") as producer:
        deliveries = [producer.send("t", value) for value in values]
        producer.flush(WITHIN_SECONDS)
        for delivery in deliveries:
            delivery.result(WITHIN_SECONDS)
    return values


def produce_as_kafka(bootstrap: str, first: int) -> list[bytes]:
    values = [b"%d" % number for number in range(first, first + COUNT)]
    errors: list[object] = []
    producer = KafkaProducer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "message.timeout.ms": WITHIN_SECONDS * 1000,
        }
    )
    for value in values:
        producer.produce("t", value, on_delivery=lambda error, _: error and errors.append(error))
    assert producer.flush(WITHIN_SECONDS) == 0
    assert errors == []
    return values


def read(url: str, count: int) -> list[bytes]:
    found: list[bytes] = []
    with bus.Consumer(url, timeout=WITHIN_SECONDS) as consumer:
        consumer.subscribe("t")
        for record in consumer:
            found.append(bytes(record.value))
            if len(found) == count:
                break
    return sorted(found, key=int)


def leader(url: str) -> int:
    with bus.Admin(url) as admin:
        return admin.describe_topic("t").partitions[0].leader


def test_a_cluster_outlives_its_leader_and_then_all_of_its_brokers(served: ServedCluster) -> None:
    with bus.Admin(served.broker(2).url) as admin:
        admin.create_topic("t", 3, 3)
    values = produce(served.url, 0)
    values += produce_as_kafka(served.bootstrap, COUNT)

    dead = served.broker(leader(served.url))
    dead.end(signal.SIGKILL)
    values += produce(served.url, 2 * COUNT)
    values += produce_as_kafka(served.bootstrap, 3 * COUNT)
    assert read(served.url, len(values)) == values

    for broker in served.brokers:
        broker.end(signal.SIGKILL)
    served.start()
    assert read(served.url, len(values)) == values
    values += produce(served.url, 4 * COUNT)
    assert read(served.url, len(values)) == values
    with bus.Admin(served.url) as admin:
        until(
            lambda: all(len(p.isr) == 3 for p in admin.describe_topic("t").partitions),
            "all replicas are in sync again",
        )
    codes = [broker.end(signal.SIGTERM) for broker in served.brokers]
    assert codes == [0, 0, 0]
    assert not any("Traceback" in broker.log.read_text() for broker in served.brokers)

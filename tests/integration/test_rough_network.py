"""Idempotent producers behind a network that cuts, delays and repeats: each record stands once."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import bus
from perf.child import free_port
from tests.fixtures.rough_proxy import FAULTS, RoughProxy
from tests.fixtures.whole_topic import batches_of

TOPIC, PARTITIONS, RECORDS = "t", 2, 600
SENT = [(number, number % PARTITIONS) for number in range(RECORDS)]
BATCH_BYTES = 1024  # three records, so that there are many requests
PADDING = b"." * 250
SECONDS = 60

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs


@pytest.fixture
def proxy() -> Iterator[RoughProxy]:
    seed = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    print(f"SEED={seed}")
    with RoughProxy(seed) as proxy:
        yield proxy


@pytest.fixture
def broker(tmp_path: Path, proxy: RoughProxy) -> Iterator[bus.Broker]:
    """Whoever asks is told that it is where the proxy is."""
    proxy.target = free_port()
    listener, told = f"127.0.0.1:{proxy.target}", f"127.0.0.1:{proxy.port}"
    data = str(tmp_path / "data")
    with bus.Broker(data, kafka=listener, advertised_listeners=told) as broker:
        broker.create_topic(TOPIC, PARTITIONS)
        yield broker


def value(number: int) -> bytes:
    return b"%d" % number + PADDING


def number_of(data: bytes) -> int:
    return int(data.removesuffix(PADDING))


def ours(bootstrap: str) -> dict[int, int]:
    """Send all; number -> the offset that was told."""
    told = {}
    with bus.Producer(f"kafka://{bootstrap}", linger_ms=0, batch_size=BATCH_BYTES) as producer:
        for number, partition in SENT:
            told[number] = producer.send(TOPIC, value(number), partition=partition)
            if number % 3 == 0:
                time.sleep(0.003)  # else they leave in few requests
        producer.flush(SECONDS)
    return {number: delivery.result(0) for number, delivery in told.items()}


def confluent(bootstrap: str) -> dict[int, int]:
    from confluent_kafka import Producer

    settings = {
        "bootstrap.servers": bootstrap,
        "enable.idempotence": True,
        "linger.ms": 0,
        "log_level": 0,
        "batch.num.messages": 3,
        "retry.backoff.ms": 10,
        "reconnect.backoff.ms": 10,
        "reconnect.backoff.max.ms": 50,
    }
    told: dict[int, int] = {}

    def on_delivery(error, record):
        assert error is None, error
        told[number_of(record.value())] = record.offset()

    producer = Producer(settings, logger=None)
    for number, partition in SENT:
        producer.produce(TOPIC, value(number), partition=partition, on_delivery=on_delivery)
        producer.poll(0)
    assert producer.flush(SECONDS) == 0
    return told


def kafka_python(bootstrap: str) -> dict[int, int]:
    from kafka import KafkaProducer

    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        linger_ms=0,
        batch_size=BATCH_BYTES,
        retry_backoff_ms=10,
        reconnect_backoff_ms=10,
        reconnect_backoff_max_ms=50,
        delivery_timeout_ms=SECONDS * 1000,
    )
    futures = {
        number: producer.send(TOPIC, value(number), partition=partition)
        for number, partition in SENT
    }
    producer.flush(SECONDS)
    producer.close()
    return {number: future.get(0).offset for number, future in futures.items()}


def aio(bootstrap: str) -> dict[int, int]:
    return asyncio.run(aio_producer(bootstrap))


async def aio_producer(bootstrap: str) -> dict[int, int]:
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=BATCH_BYTES,
        retry_backoff_ms=10,
    )
    await producer.start()
    futures = {
        number: await producer.send(TOPIC, value(number), partition=partition)
        for number, partition in SENT
    }
    await producer.flush()
    await producer.stop()
    return {number: (await future).offset for number, future in futures.items()}


def stored(broker: bus.Broker) -> dict[int, list[int]]:
    """By partition, the numbers in the order of their offsets."""
    found: dict[int, list[int]] = {partition: [] for partition in range(PARTITIONS)}
    for batch in batches_of(broker, TOPIC):
        found[batch.partition] += map(number_of, batch.values)
    return found


@pytest.mark.parametrize("client", [ours, confluent, kafka_python, aio])
def test_each_record_stands_once_in_order_where_its_producer_was_told(broker, proxy, client):
    told = client(f"127.0.0.1:{proxy.port}")
    found = stored(broker)
    for partition in range(PARTITIONS):
        assert found[partition] == [number for number, at in SENT if at == partition]
        assert [told[number] for number in found[partition]] == [*range(len(found[partition]))]
    assert set(proxy.counts) == set(FAULTS)

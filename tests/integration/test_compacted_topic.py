"""A compacted topic, read by our client over each link and by those of others."""

import asyncio
from collections.abc import Iterator

import pytest

import bus
from tests.fixtures.compacted import SETTINGS, Row, check, fill

CODECS = ["none", "gzip", "zstd"]

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bus.Broker]:
    where = {"kafka": "127.0.0.1:0", "listen": "tcp://127.0.0.1:*"}
    with bus.Broker(str(tmp_path_factory.mktemp("compacted")), **where, **SETTINGS) as broker:
        fill(broker, *CODECS)
        yield broker


def end_of(broker: bus.Broker, topic: str) -> int:
    with broker.admin() as admin:
        return admin.offsets(topic, "latest")[0]


def by_us(url: str, topic: str, end: int) -> list[Row]:
    found = []
    with bus.Consumer(url) as consumer:
        consumer.assign([(topic, 0)])
        while consumer.position(topic, 0) < end:
            batch = consumer.poll_batch(timeout=60)
            found += [(one.offset, one.timestamp, one.key, one.value) for one in batch]
    return found


@pytest.mark.parametrize("topic", CODECS)
@pytest.mark.parametrize("link", ["url", "kafka_url"])
def test_we_read_what_is_left(broker: bus.Broker, topic: str, link: str) -> None:
    check(topic, by_us(getattr(broker, link), topic, end_of(broker, topic)))


@pytest.mark.parametrize("topic", CODECS)
def test_a_consumer_may_begin_at_any_offset_that_is_gone(broker: bus.Broker, topic: str) -> None:
    whole = by_us(broker.url, topic, end_of(broker, topic))
    with broker.consumer() as consumer:
        consumer.assign([(topic, 0)])
        for offset in range(0, 2000, 97):
            consumer.seek(topic, 0, offset)
            batch = consumer.poll_batch(timeout=60)
            assert batch.first_offset == next(row[0] for row in whole if row[0] >= offset)


@pytest.mark.parametrize("topic", CODECS)
def test_confluent_kafka_reads_it(broker: bus.Broker, topic: str) -> None:
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "g", "log_level": 0})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found, end = [], end_of(broker, topic)
    while not found or found[-1][0] < end - 1:
        for record in consumer.consume(1000, 0.2):
            assert record.error() is None
            found.append((record.offset(), record.timestamp()[1], record.key(), record.value()))
    consumer.close()
    check(topic, found)


@pytest.mark.parametrize("topic", CODECS)
def test_kafka_python_reads_it(broker: bus.Broker, topic: str) -> None:
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap)
    place, found = TopicPartition(topic, 0), []
    consumer.assign([place])
    consumer.seek(place, 0)
    while consumer.position(place) < end_of(broker, topic):
        for records in consumer.poll(timeout_ms=5000).values():
            found += [(one.offset, one.timestamp, one.key, one.value) for one in records]
    consumer.close()
    check(topic, found)


@pytest.mark.parametrize("topic", CODECS)
def test_aiokafka_reads_it(broker: bus.Broker, topic: str) -> None:
    check(topic, asyncio.run(by_aiokafka(broker.bootstrap, topic, end_of(broker, topic))))


async def by_aiokafka(bootstrap: str, topic: str, end: int) -> list[Row]:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    place, found = TopicPartition(topic, 0), []
    consumer.assign([place])
    consumer.seek(place, 0)
    while await consumer.position(place) < end:
        for records in (await consumer.getmany(timeout_ms=5000)).values():
            found += [(one.offset, one.timestamp, one.key, one.value) for one in records]
    await consumer.stop()
    return found

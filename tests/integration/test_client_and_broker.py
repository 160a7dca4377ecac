"""The client and a real broker, embedded and over ZeroMQ: all that goes in comes out once."""

import asyncio
import random
import threading

import numpy as np
import pyarrow as pa
import pytest

from bus import aio
from bus.client.admin import Admin
from bus.client.consumer import Consumer
from bus.client.producer import Producer
from bus.embedded import Broker
from bus.errors import (
    BadSetting,
    BrokerUnreachable,
    InvalidConfig,
    MessageTooLarge,
    TopicAlreadyExists,
    UnknownTopicOrPartition,
)
from perf.child import free_port

pytestmark = pytest.mark.filterwarnings("ignore:.*is on .*:UserWarning")


@pytest.fixture
def broker(tmp_path):
    ports = {"listen": "tcp://127.0.0.1:0", "kafka": "127.0.0.1:0"}
    with Broker(str(tmp_path / "data"), **ports) as broker:
        broker.create_topic("t", 1)
        broker.create_topic("wide", 3, config={"flush": "os"})
        yield broker


class Way:
    """How clients are made: by the broker itself, or by one of its URLs."""

    def __init__(self, broker, url):
        self._broker, self._url, self._made = broker, url, []
        self.tells_durability = not url.startswith("kafka:")  # Kafka's protocol has no word for it

    def make(self, kind, **options):
        name = kind.__name__.lower()
        handle = kind(self._url, **options) if self._url else getattr(self._broker, name)(**options)
        self._made.append(handle)
        return handle

    def close(self):
        for handle in self._made:
            handle.close()


@pytest.fixture(params=["embedded", "zeromq", "kafka"])
def way(request, broker):
    urls = {"embedded": "", "zeromq": broker.url, "kafka": broker.kafka_url}
    way = Way(broker, urls[request.param])
    yield way
    way.close()


def read_all(consumer, count):
    values = []
    while len(values) < count:
        batch = consumer.poll_batch(timeout=60)
        assert batch, f"{len(values)} of {count} came"
        values += batch.values
    return values


def test_records_come_back_as_they_were_sent(way):
    producer, consumer = way.make(Producer), way.make(Consumer)
    headers = [("h", b"1"), ("none", None)]
    delivery = producer.send("t", b"v", key=b"k", headers=headers, timestamp=12345)
    assert delivery.result(60) == 0
    assert delivery.durability == ("flushed" if way.tells_durability else "unknown")
    consumer.assign([("t", 0)])
    (record,) = consumer.poll_batch(timeout=60)
    assert (record.key, record.value, record.timestamp) == (b"k", b"v", 12345)
    assert record.headers == headers


def test_a_topic_that_is_not_flushed_says_so(way):
    assert way.make(Producer).send("wide", b"v").result(60) == 0
    delivery = way.make(Producer).send("wide", b"v")
    delivery.result(60)
    assert delivery.durability in (("written", "flushed") if way.tells_durability else ("unknown",))


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_many_records_come_back_in_order_under_each_compression(way, compression):
    producer, consumer = way.make(Producer, compression=compression), way.make(Consumer)
    values = [b"value %d" % i for i in range(50_000)]
    producer.send_batch("t", values[:30_000])
    for value in values[30_000:]:
        producer.send("t", value)
    producer.flush(60)
    consumer.assign([("t", 0)])
    assert read_all(consumer, len(values)) == values


def test_arrow_goes_in_and_out(way):
    producer, consumer = way.make(Producer), way.make(Consumer)
    table = pa.table({"v": [b"a", None, b"c" * 50] * 1000, "k": [b"x", b"y", b"z"] * 1000})
    producer.send_batch("t", table["v"], keys=table["k"]).result(60)
    consumer.assign([("t", 0)])
    read = pa.table(consumer.poll_batch(timeout=60))
    assert read["value"].to_pylist() == table["v"].to_pylist()
    assert read["key"].to_pylist() == table["k"].to_pylist()


def test_keyed_batches_keep_the_order_of_each_key(way):
    producer, consumer = way.make(Producer), way.make(Consumer)
    count = 20_000
    keys = [b"%d" % (i % 50) for i in range(count)]
    producer.send_batch("wide", [b"%d" % i for i in range(count)], keys=keys).result(60)
    consumer.subscribe("wide")
    seen = {}
    for _ in range(count):
        record = next(consumer.records(timeout=60))
        seen.setdefault(record.key, []).append(int(record.value))
    assert sum(map(len, seen.values())) == count
    assert all(rows == sorted(rows) for rows in seen.values())


def test_a_seek_by_time_finds_the_first_record_at_or_after_it(way):
    producer, consumer = way.make(Producer), way.make(Consumer)
    stamps = np.arange(1000, dtype=np.int64) * 10
    producer.send_batch("t", [b"%d" % i for i in range(1000)], timestamps=stamps).result(60)
    consumer.assign([("t", 0)])
    consumer.seek("t", 0, timestamp=5005)
    assert consumer.poll_batch(1, timeout=60).values == [b"501"]
    consumer = way.make(Consumer, start=9990)
    consumer.assign([("t", 0)])
    assert consumer.poll_batch(timeout=60).values == [b"999"]


def test_a_batch_too_large_fails_with_a_sentence_and_the_next_is_written(way):
    admin, producer = way.make(Admin), way.make(Producer)
    admin.create_topic("small", 1, config={"max.message.bytes": 1000})
    bad = producer.send("small", b"x" * 5000)
    with pytest.raises(MessageTooLarge):
        bad.result(60)
    assert producer.send("small", b"ok").result(60) == 0


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_what_was_on_its_way_when_the_limit_shrank_is_cut_and_arrives_in_order(way, compression):
    admin, consumer = way.make(Admin), way.make(Consumer)
    producer = way.make(Producer, compression=compression, linger_ms=10_000)
    admin.create_topic("shrinks", 1)
    values = [random.Random(number).randbytes(50) for number in range(3000)]
    values[1234] = bytes(random.Random(0).randbytes(5000))
    deliveries = [producer.send("shrinks", value) for value in values]
    admin.alter_topic("shrinks", {"max.message.bytes": 2000})
    with pytest.raises(MessageTooLarge, match="A record for shrinks/0"):
        producer.flush(60)
    del values[1234], deliveries[1234]
    assert [delivery.result(60) for delivery in deliveries] == list(range(len(values)))
    consumer.assign([("shrinks", 0)])
    assert read_all(consumer, len(values)) == values


def test_batches_are_made_as_small_as_the_topic_wants_them(way):
    admin, producer = way.make(Admin), way.make(Producer)
    admin.create_topic("small", 1, config={"max.message.bytes": 1000})
    values = [b"%05d" % index for index in range(5000)]
    producer.send_batch("small", values).result(60)
    for value in values:
        producer.send("small", value)
    producer.flush(60)


def test_topics_are_made_described_changed_and_deleted(way):
    admin = way.make(Admin)
    admin.create_topic("made", 2, config={"retention.ms": 60_000})
    assert "made" in admin.list_topics()
    assert len(admin.describe_topic("made").partitions) == 2
    assert admin.describe_config("made")["retention.ms"].source == "topic"
    admin.alter_topic("made", {"retention.ms": None})
    assert admin.describe_config("made")["retention.ms"].source != "topic"
    admin.create_partitions("made", 4)
    assert len(admin.describe_topic("made").partitions) == 4
    admin.delete_topic("made")
    assert "made" not in admin.list_topics()


def test_what_an_admin_may_not_do_is_a_sentence(way):
    admin = way.make(Admin)
    with pytest.raises(TopicAlreadyExists, match="'t'"):
        admin.create_topic("t")
    with pytest.raises(UnknownTopicOrPartition, match="'nope'"):
        admin.describe_topic("nope")
    with pytest.raises(InvalidConfig, match="no_such"):
        admin.create_topic("bad", config={"no_such.setting": 1})
    with pytest.raises(BadSetting, match="partitions"):
        admin.create_topic("bad", 0)


def test_old_records_are_deleted_and_a_reader_is_told(way):
    admin, producer = way.make(Admin), way.make(Producer)
    producer.send_batch("t", [b"%d" % i for i in range(100)]).result(60)
    assert admin.delete_records("t", 0, 40) == 40
    assert admin.offsets("t", "earliest") == {0: 40}
    assert admin.offsets("t") == {0: 100}
    consumer = way.make(Consumer, out_of_range="earliest")
    consumer.assign([("t", 0)])
    consumer.seek("t", 0, 10)
    assert read_all(consumer, 60)[0] == b"40"


def test_new_partitions_of_a_subscribed_topic_are_read(way):
    admin, producer, consumer = way.make(Admin), way.make(Producer), way.make(Consumer)
    consumer.subscribe("t")
    admin.create_partitions("t", 2)
    consumer._io.call(consumer.reading.receiver.cluster.stale)
    late = way.make(Producer)
    late.send("t", b"new", partition=1).result(60)
    assert read_all(consumer, 1) == [b"new"]
    producer.close()


def test_a_broker_that_restarts_under_load_loses_and_doubles_nothing(tmp_path):
    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    broker = Broker(str(tmp_path / "data"), listen=url)
    broker.create_topic("t", 1)
    count, acknowledged = 3000, []
    with Producer(url, linger_ms=0) as producer:

        def work():
            for i in range(count):
                acknowledged.append(producer.send("t", b"%d" % i))
                if i % 10 == 0:
                    acknowledged[-1].result(60)

        thread = threading.Thread(target=work)
        thread.start()
        for _ in range(3):
            threading.Event().wait(0.1)
            broker.close()
            broker = Broker(str(tmp_path / "data"), listen=url)
        thread.join(60)
        producer.flush(60)
        assert [delivery.offset for delivery in acknowledged] == list(range(count))
        with Consumer(url) as consumer:
            consumer.assign([("t", 0)])
            assert read_all(consumer, count) == [b"%d" % i for i in range(count)]
    broker.close()


def test_nobody_at_the_url_is_a_sentence():
    url = f"tcp://127.0.0.1:{free_port()}"
    with (
        Producer(url, max_block_ms=1000) as producer,
        pytest.raises(BrokerUnreachable, match="is busd running there"),
    ):
        producer.send("t", b"a")
    with Admin(url, timeout_ms=1000) as admin, pytest.raises(BrokerUnreachable):
        admin.list_topics()


def test_coroutines_reach_a_real_broker(broker):
    async def story():
        async with (
            aio.Admin(broker.url) as admin,
            aio.Producer(broker.url) as producer,
            aio.Consumer(broker.url, timeout=60) as consumer,
        ):
            assert await admin.list_topics() == ["t", "wide"]
            await (await producer.send_batch("t", [b"%d" % i for i in range(1000)])).result(60)
            await consumer.subscribe("t")
            values = []
            async for record in consumer:
                values.append(record.value)
                if len(values) == 1000:
                    return values

    assert asyncio.run(story()) == [b"%d" % i for i in range(1000)]

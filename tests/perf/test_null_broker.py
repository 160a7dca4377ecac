"""The broker that forgets is a broker to clients: it takes what they send, and never ends."""

from pathlib import Path

import pytest

import bus
from bus.wire.fetch import FetchPartition, FetchRequest, FetchTopic
from bus.wire.metadata import MetadataRequest, MetadataRequestTopic
from perf.child import free_port
from perf.limits.null_broker import ENDLESS, NullBroker
from tests.fixtures.kafka_peer import KafkaPeer


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    log: Path = tmp_path_factory.mktemp("null") / "log"
    with NullBroker(log, free_port()) as broker:
        yield f"kafka://{broker.endpoint}"


def test_what_is_sent_gets_the_next_offset(url: str) -> None:
    with bus.Producer(url) as producer:
        producer.send_batch("t", [b"a", b"b", b"c"]).result(60)
        assert producer.send("t", b"d").result(60) == 3


def test_what_is_read_begins_where_it_was_asked_for(url: str) -> None:
    with bus.Consumer(url) as consumer:
        consumer.assign([("t", 0)])
        consumer.seek("t", 0, 12_345)
        batch = consumer.poll_batch(max_records=10_000, timeout=60)
        assert batch.offsets[0] == 12_345
        assert set(map(len, batch.values)) == {100}


def test_a_topic_is_read_by_its_id(url: str) -> None:
    with KafkaPeer(url.removeprefix("kafka://")) as peer:
        (topic,) = peer.ask(MetadataRequest(topics=[MetadataRequestTopic(name="t")])).topics
        part = FetchPartition(0, fetch_offset=12_345, partition_max_bytes=1)
        asked = FetchRequest(topics=[FetchTopic(topic_id=topic.topic_id, partitions=[part])])
        (read,) = peer.ask(asked, 16).responses
    assert read.topic_id == topic.topic_id
    assert read.partitions[0].records


def test_a_group_has_its_one_member(url: str) -> None:
    with bus.Consumer(url, group="g", auto_commit=False) as consumer:
        consumer.subscribe("t")
        assert consumer.poll_batch(max_records=10, timeout=60).offsets[0] == 0


def test_a_topic_has_no_end(url: str) -> None:
    with bus.Consumer(url) as consumer:
        consumer.assign([("t", 0)])
        assert len(consumer.poll_batch(max_records=1, timeout=60)) == 1
        assert consumer.high_watermark("t", 0) == ENDLESS

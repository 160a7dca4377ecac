"""The Kafka listener over real sockets, with a client whose every byte is ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.embedded import Broker
from bus.errors import UnknownTopicId
from bus.wire.fetch import FetchPartition, FetchRequest, FetchTopic
from bus.wire.frames import encode_request
from bus.wire.header import RequestHeader
from bus.wire.metadata import ApiVersionsResponse, MetadataRequest, MetadataRequestTopic
from bus.wire.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from bus.wire.registry import APIS
from tests.fixtures.kafka_peer import KafkaPeer, header_of, hello
from tests.fixtures.node import batch_of
from tests.fixtures.waiting import wait_until

PRODUCE, API_VERSIONS = 0, 18
NOW_MS = 1_700_000_000_000


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(str(tmp_path / "data"), kafka="127.0.0.1:0", client_credit_bytes=1 << 20) as broker:
        broker.create_topic("t")
        yield broker


@pytest.fixture
def peer(broker: Broker) -> Iterator[KafkaPeer]:
    with KafkaPeer(broker.bootstrap) as peer:
        yield peer


def produce(*values: bytes, topic: str = "t", acks: int = -1) -> ProduceRequest:
    data = PartitionProduceData(index=0, records=batch_of(*values, timestamp=NOW_MS))
    return ProduceRequest(acks=acks, timeout_ms=5000, topic_data=[TopicProduceData(topic, [data])])


def fetch(offset: int, wait_ms: int = 0, min_bytes: int = 1) -> FetchRequest:
    asked = FetchPartition(partition=0, fetch_offset=offset, partition_max_bytes=1 << 20)
    return FetchRequest(
        max_wait_ms=wait_ms,
        min_bytes=min_bytes,
        max_bytes=1 << 20,
        topics=[FetchTopic(topic="t", partitions=[asked])],
    )


def header(key: int, version: int) -> RequestHeader:
    return RequestHeader(key, version, 77, "peer")


def metadata(peer: KafkaPeer, *topics: str, create: bool = False):
    asked = [MetadataRequestTopic(name=name) for name in topics]
    return peer.ask(MetadataRequest(topics=asked, allow_auto_topic_creation=create))


def records_of(response) -> bytes:
    return bytes(response.responses[0].partitions[0].records)


def test_what_is_produced_is_fetched(peer: KafkaPeer) -> None:
    answer = peer.ask(produce(b"one", b"two"))
    assert answer.responses[0].partition_responses[0].error_code == 0
    sent, stamped = batch_of(b"one", b"two", timestamp=NOW_MS), 16  # base offset, leader epoch
    assert records_of(peer.ask(fetch(0)))[stamped:] == sent[stamped:]


def test_a_topic_is_asked_for_by_its_id(broker: Broker, peer: KafkaPeer) -> None:
    peer.ask(produce(b"one"))
    (topic,) = metadata(peer, "t").topics
    asked = fetch(0)
    asked.topics = [FetchTopic(topic_id=topic.topic_id, partitions=asked.topics[0].partitions)]
    answer = peer.ask(asked, 16)
    assert answer.responses[0].topic_id == topic.topic_id
    assert records_of(answer)[-8:] == batch_of(b"one", timestamp=NOW_MS)[-8:]
    with broker.admin() as admin:
        admin.delete_topic("t")
        admin.create_topic("t")
    (part,) = peer.ask(asked, 16).responses[0].partitions
    assert (part.error_code, part.records) == (UnknownTopicId.code, b"")


def test_answers_come_in_the_order_of_the_requests(peer: KafkaPeer) -> None:
    sent = [peer.send(produce(b"v"), 8), peer.send(hello()), peer.send(produce(b"w"))]
    received = [peer.receive()[0] for _ in sent]
    assert received == sent


def test_more_requests_than_may_be_pending_are_all_served_in_order(peer: KafkaPeer) -> None:
    sent = [peer.send(produce(b"%d" % index)) for index in range(100)]
    answers = [peer.receive() for _ in sent]
    assert [number for number, _ in answers] == sent
    offsets = [a.responses[0].partition_responses[0].base_offset for _, a in answers]
    assert offsets == list(range(100))


def test_nothing_is_started_behind_a_parked_fetch(broker: Broker, peer: KafkaPeer) -> None:
    waiting = [peer.send(fetch(0, wait_ms=60_000)), peer.send(produce(b"behind"))]
    with KafkaPeer(broker.bootstrap) as other:
        assert metadata(other, "t").topics[0].error_code == 0
        assert broker.status().requests.get("ProduceRequest", 0) == 0
        other.ask(produce(b"before"))
    answers = [peer.receive(), peer.receive()]
    assert [number for number, _ in answers] == waiting
    assert answers[1][1].responses[0].partition_responses[0].base_offset == 1


def test_a_produce_without_acks_has_no_answer(peer: KafkaPeer) -> None:
    peer.send(produce(b"silent", acks=0))
    peer._asked.clear()
    assert peer.ask(produce(b"loud")).responses[0].partition_responses[0].base_offset == 1


def test_a_produce_without_acks_that_fails_ends_the_connection(peer: KafkaPeer) -> None:
    peer.send(produce(b"lost", topic="nowhere", acks=0))
    assert peer.is_closed()


def test_versions_are_those_of_the_table_and_none_of_ours(peer: KafkaPeer) -> None:
    answer = peer.ask(hello())
    told = {key.api_key: (key.min_version, key.max_version) for key in answer.api_keys}
    known = {api.key: api.advertised(kafka=True) for api in APIS}
    assert told == {key: known[key] for key in told}
    assert told[PRODUCE][0] == 0
    assert max(told) < 20_000
    assert answer.credit_bytes == -1


def test_a_client_of_the_future_is_told_the_range_at_version_0(peer: KafkaPeer) -> None:
    peer.send_frame(header_of(API_VERSIONS, 99, 7) + b"from the future")
    answer = peer.receive_frame()
    assert answer[:6] == (7).to_bytes(4, "big") + (35).to_bytes(2, "big")
    assert answer[6:] == b"\0\0\0\x01" + b"\0\x12\0\0\0\x04"
    assert isinstance(peer.ask(hello()), ApiVersionsResponse)


@pytest.mark.parametrize("name", ["", "-busd", "a b", "x_"])
def test_a_client_has_to_say_its_name_properly(peer: KafkaPeer, name: str) -> None:
    assert peer.ask(hello(name)).error_code == 42


@pytest.mark.parametrize(
    "frame",
    [
        header_of(PRODUCE, 2, 1),
        header_of(PRODUCE, 12, 1),
        header_of(999, 0, 1),
        header_of(20_000, 0, 1),
        b"",
        b"junk",
        header_of(3, 1, 1) + b"\xff" * 3,
    ],
    ids=["old produce", "new produce", "unknown key", "key of ours", "empty", "junk", "cut short"],
)
def test_what_cannot_be_served_ends_the_connection(peer: KafkaPeer, frame: bytes) -> None:
    peer.send_frame(frame)
    assert peer.is_closed()


def test_a_frame_longer_than_allowed_ends_the_connection(peer: KafkaPeer) -> None:
    peer.socket.sendall((2**31 - 1).to_bytes(4, "big"))
    assert peer.is_closed()


def test_metadata_tells_the_address_that_the_client_came_in_on(tmp_path: Path) -> None:
    with Broker(str(tmp_path), kafka="0.0.0.0:0", insecure=True) as broker:
        port = broker.bootstrap.rpartition(":")[2]
        for host in ("127.0.0.1", "127.0.0.2"):
            with KafkaPeer(f"{host}:{port}") as peer:
                told = [(one.host, one.port) for one in metadata(peer).brokers]
                assert told == [(host, int(port))]


def test_each_listener_advertises_what_it_is_told_to(tmp_path: Path) -> None:
    with Broker(
        str(tmp_path),
        kafka="IN=127.0.0.1:0,OUT=127.0.0.1:0",
        advertised_listeners="OUT=bus.example.org:9093",
    ) as broker:
        assert broker.status().endpoints["OUT"] == "kafka://bus.example.org:9093"
        with KafkaPeer(broker.bootstrap) as peer:
            assert f"127.0.0.1:{metadata(peer).brokers[0].port}" == broker.bootstrap


def test_connections_beyond_the_limit_are_closed_and_others_stay(tmp_path: Path) -> None:
    with (
        Broker(str(tmp_path), kafka="127.0.0.1:0", max_connections=1) as broker,
        KafkaPeer(broker.bootstrap) as first,
    ):
        assert metadata(first).controller_id == 1
        with KafkaPeer(broker.bootstrap) as second:
            assert second.is_closed()
        assert metadata(first).controller_id == 1


def test_an_idle_connection_is_closed_and_a_parked_one_is_not(tmp_path: Path) -> None:
    with Broker(str(tmp_path), kafka="127.0.0.1:0", connections_max_idle_ms=2000) as broker:
        broker.create_topic("t")
        with KafkaPeer(broker.bootstrap) as idle, KafkaPeer(broker.bootstrap) as parked:
            parked.send(fetch(0, wait_ms=3000))
            assert idle.is_closed()
            assert parked.receive()[1].error_code == 0


def test_a_port_in_use_is_said_in_a_sentence(broker: Broker, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="is in use by another process"):
        Broker(str(tmp_path / "other"), kafka=broker.bootstrap)


def test_a_client_that_does_not_read_is_not_served_on(broker: Broker) -> None:
    payload = bytes(900_000)
    with KafkaPeer(broker.bootstrap) as writer:
        writer.ask(produce(payload))
    with KafkaPeer(broker.bootstrap) as slow:
        sent = [slow.send(fetch(0)) for _ in range(50)]
        with KafkaPeer(broker.bootstrap) as other:
            other.ask(hello())
        assert broker.status().requests["FetchRequest"] < 50
        assert [slow.receive()[0] for _ in sent] == sent


def test_what_goes_through_a_listener_is_counted(broker: Broker, peer: KafkaPeer) -> None:
    peer.ask(produce(bytes(100_000)))
    told = {listener.name: listener for listener in broker.status().listeners}["PLAINTEXT"]
    assert (told.connections, told.accepted, told.refused) == (1, 1, 0)
    assert told.bytes_in > 100_000
    assert told.bytes_out > 0


@pytest.mark.parametrize("piece", [10_000, 70_000, 300_000, 1 << 20])
def test_a_long_frame_is_served_however_it_is_cut(peer: KafkaPeer, piece: int) -> None:
    frame = encode_request(header(PRODUCE, 11), produce(bytes(1_000_000)))
    data = len(frame).to_bytes(4, "big") + frame
    for at in range(0, len(data), piece):
        peer.socket.sendall(data[at : at + piece])
    assert peer.receive_frame()[:4] == header(PRODUCE, 11).correlation_id.to_bytes(4, "big")


def test_who_leaves_within_a_long_frame_is_gone(broker: Broker) -> None:
    with KafkaPeer(broker.bootstrap) as peer:
        peer.socket.sendall((1_000_000).to_bytes(4, "big") + bytes(200_000))
    assert wait_until(lambda: broker.status().listeners[0].connections == 0)


def test_the_broker_s_time_is_in_the_answer_and_in_the_records(
    broker: Broker, peer: KafkaPeer
) -> None:
    broker.create_topic("timed", config={"message.timestamp.type": "LogAppendTime"})
    told = peer.ask(produce(b"v", topic="timed")).responses[0].partition_responses[0]
    assert told.log_append_time_ms > NOW_MS
    with broker.consumer() as consumer:
        consumer.assign([("timed", 0)])
        assert list(consumer.poll_batch(timeout=60).timestamps) == [told.log_append_time_ms]


def test_a_batch_above_the_topic_s_limit_is_too_large(broker: Broker, peer: KafkaPeer) -> None:
    broker.create_topic("small", config={"max.message.bytes": "1000"})
    told = peer.ask(produce(bytes(2000), topic="small")).responses[0].partition_responses[0]
    assert told.error_code == 10

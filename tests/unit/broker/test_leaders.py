"""Who asks the wrong broker is told the right one (KIP-951)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bus.errors import LeaderNotAvailable, NotLeader, UnknownTopicOrPartition
from bus.model.cluster import BrokerInfo, PartitionImage
from bus.model.endpoint import Endpoint
from bus.wire.fetch import FetchPartition, FetchRequest, FetchTopic
from bus.wire.frames import decode_response, encode_response
from bus.wire.hints import LeaderIdAndEpoch, NodeEndpoint
from bus.wire.metadata import MetadataRequest, MetadataRequestTopic
from bus.wire.offsets import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from bus.wire.registry import api_of
from bus.wire.schema import Message
from tests.fixtures.node import Bench, batch_of
from tests.fixtures.requests import produce, told

OTHER = 2
THERE = NodeEndpoint(OTHER, "tcp://127.0.0.1:7902", 7902, "r2")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Broker 1 with the topic "t" of two partitions; the second has no replica here."""
    made = Bench(tmp_path / "data")
    made.create_topic("t", 1, 1, {})
    image = made.node.metadata.image
    topic = image.topics["t"]
    away = PartitionImage(OTHER, 4, 0, 1, (OTHER,), (OTHER,))
    topics = {"t": replace(topic, partitions=(*topic.partitions, away))}
    brokers = {**image.brokers, OTHER: BrokerInfo(OTHER, {}, "r2")}
    made.node.metadata.image = replace(image, topics=topics, brokers=brokers)
    known = made.node.endpoints["zmq"]
    there = Endpoint(THERE.host, THERE.host, THERE.port)
    made.node.endpoint_of = lambda broker, _: there if broker.broker_id == OTHER else known
    yield made
    made.close()


def give_away(bench: Bench) -> None:
    """Broker 2 leads the first partition, too."""
    image = bench.node.metadata.image
    topic, partition = image.topics["t"], bench.node.runtime.find("t", 0)
    epoch = partition.log.max_epoch_seen + 1
    moved = PartitionImage(OTHER, epoch, 0, 1, (1, OTHER), (1, OTHER))
    topics = {"t": replace(topic, partitions=(moved, *topic.partitions[1:]))}
    bench.node.metadata.image = replace(image, topics=topics)
    bench.node.roles.assume([(partition, moved)])


def fetch_of(index: int, epoch: int = -1) -> FetchRequest:
    return FetchRequest(
        max_wait_ms=1000,
        min_bytes=1,
        topics=[FetchTopic("t", partitions=[FetchPartition(index, epoch, partition_max_bytes=99)])],
    )


def test_a_produce_to_a_former_leader_is_told_the_new_one(bench: Bench) -> None:
    give_away(bench)
    answer = bench.ask(produce(batch_of(b"a")))
    (part,) = answer.responses[0].partition_responses
    epoch = bench.node.runtime.find("t", 0).log.max_epoch_seen
    assert part.error_code == NotLeader.code
    assert part.current_leader == LeaderIdAndEpoch(OTHER, epoch)
    assert answer.node_endpoints == [THERE]


def test_a_produce_to_a_broker_without_a_replica_is_told_the_leader(bench: Bench) -> None:
    part = told(bench, produce(batch_of(b"a"), index=1))
    assert (part.error_code, part.current_leader) == (NotLeader.code, LeaderIdAndEpoch(OTHER, 4))


def test_a_partition_that_there_is_not_is_unknown(bench: Bench) -> None:
    part = told(bench, produce(batch_of(b"a"), index=2))
    assert (part.error_code, part.current_leader) == (UnknownTopicOrPartition.code, None)


def test_a_fetch_of_what_is_led_elsewhere_is_told_the_leader_at_once(bench: Bench) -> None:
    answer = bench.ask(fetch_of(1), version=12)
    (part,) = answer.responses[0].partitions
    assert (part.error_code, part.current_leader) == (NotLeader.code, LeaderIdAndEpoch(OTHER, 4))
    assert answer.node_endpoints == [THERE]


def test_a_client_of_kafka_is_told_where_the_leader_listens_for_it(bench: Bench) -> None:
    del bench.node.endpoint_of
    image = bench.node.metadata.image
    there = BrokerInfo(OTHER, {"kafka": "kafka://there:9093", "zmq": "tcp://there:7902"}, "r2")
    bench.node.metadata.image = replace(image, brokers={**image.brokers, OTHER: there})
    hint, node = LeaderIdAndEpoch(OTHER, 4), NodeEndpoint(OTHER, "there", 9093, "r2")

    topic_id = image.topics["t"].topic_id
    parts = [FetchPartition(1, partition_max_bytes=99)]
    asked = FetchRequest(topics=[FetchTopic(topic_id=topic_id, partitions=parts)])
    answer = decoded(bench, asked, 16)
    (part,) = answer.responses[0].partitions
    assert (answer.responses[0].topic_id, part.error_code) == (topic_id, NotLeader.code)
    assert (part.current_leader, answer.node_endpoints) == (hint, [node])

    answer = decoded(bench, produce(batch_of(b"a"), index=1), 10)
    (part,) = answer.responses[0].partition_responses
    assert (part.error_code, part.current_leader) == (NotLeader.code, hint)
    assert answer.node_endpoints == [node]


def decoded(bench: Bench, request: Message, version: int) -> Message:
    """The answer as a Kafka listener writes it, and its client reads it."""
    api = api_of(request)
    (answer,) = bench.send(request, version, listener="kafka", is_kafka=True)
    return decode_response(api, version, encode_response(api, version, 1, answer))[1]


def test_a_fetch_that_waits_is_answered_when_the_leader_changes(bench: Bench) -> None:
    answers = bench.send(fetch_of(0), version=12)
    assert answers == []
    give_away(bench)
    (part,) = answers[0].responses[0].partitions
    assert part.current_leader.leader_id == OTHER


def test_metadata_names_leaders_of_what_has_no_replica_here(bench: Bench) -> None:
    (topic,) = bench.ask(MetadataRequest([MetadataRequestTopic(name="t")])).topics
    assert [part.leader_id for part in topic.partitions] == [1, OTHER]
    assert topic.partitions[1].leader_epoch == 4


def test_a_leader_that_is_gone_is_none(bench: Bench) -> None:
    image = bench.node.metadata.image
    brokers = {1: image.brokers[1]}
    bench.node.metadata.image = replace(image, brokers=brokers)
    (topic,) = bench.ask(MetadataRequest([MetadataRequestTopic(name="t")])).topics
    part = topic.partitions[1]
    assert (part.error_code, part.leader_id) == (LeaderNotAvailable.code, -1)
    assert part.offline_replicas == [OTHER]


def test_only_the_leader_tells_offsets_and_deletes_records(bench: Bench) -> None:
    give_away(bench)
    for index in (0, 1):
        listed = bench.ask(
            ListOffsetsRequest(topics=[ListOffsetsTopic("t", [ListOffsetsPartition(index)])])
        )
        assert listed.topics[0].partitions[0].error_code == NotLeader.code
        parts = [DeleteRecordsPartition(index, 0)]
        deleted = bench.ask(DeleteRecordsRequest(topics=[DeleteRecordsTopic("t", parts)]))
        assert deleted.topics[0].partitions[0].error_code == NotLeader.code

"""Metadata and ApiVersions: what is served, where topics are led, and what a look-up creates."""

from uuid import UUID

import pytest

from bus.broker.dispatch import SERVED
from bus.errors import InvalidTopic, UnknownTopicId, UnknownTopicOrPartition
from bus.model.ids import NO_TOPIC_ID
from bus.wire.metadata import (
    ApiVersionsRequest,
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponseTopic,
)
from tests.fixtures.node import URL, Bench


def look_up(*names: str, create: bool = True) -> MetadataRequest:
    topics = [MetadataRequestTopic(name=name) for name in names]
    return MetadataRequest(topics=topics, allow_auto_topic_creation=create)


def found(bench: Bench, request: MetadataRequest, version: int | None = None):
    """The one topic of the answer."""
    (topic,) = bench.ask(request, version).topics
    assert isinstance(topic, MetadataResponseTopic)
    return topic


def test_a_topic_is_described_with_its_leaders_and_its_id(bench: Bench) -> None:
    made = bench.create_topic("t", 3, 1, {"max.message.bytes": "5000"})
    topic = found(bench, look_up("t"))
    assert topic.topic_id == made.topic_id
    assert topic.batch_bytes_max == 5000
    leaders = [(p.partition_index, p.leader_id, p.leader_epoch) for p in topic.partitions]
    assert leaders == [(0, 1, 0), (1, 1, 0), (2, 1, 0)]


def test_the_broker_is_named_by_the_endpoint_of_the_listener_asked(bench: Bench) -> None:
    answer = bench.ask(look_up())
    assert [(b.node_id, b.host, b.port) for b in answer.brokers] == [(1, URL, 7901)]


def test_null_asks_for_all_topics(bench: Bench) -> None:
    for name in ("a", "b"):
        bench.create_topic(name)
    answer = bench.ask(MetadataRequest(topics=None))
    assert sorted(topic.name for topic in answer.topics) == ["a", "b"]


@pytest.mark.parametrize(("version", "count"), [(0, 1), (1, 0)])
def test_an_empty_list_asks_for_all_topics_at_version_0_alone(
    bench: Bench, version: int, count: int
) -> None:
    bench.create_topic("a")
    assert len(bench.ask(look_up(), version).topics) == count


@pytest.mark.parametrize(("version", "name"), [(10, ""), (11, ""), (12, None)])
def test_a_topic_of_an_unknown_id_has_no_name(bench: Bench, version: int, name: str | None) -> None:
    asked = MetadataRequest([MetadataRequestTopic(topic_id=UUID(int=7), name=None)])
    (topic,) = bench.ask(asked, version).topics
    assert (topic.error_code, topic.name) == (UnknownTopicId.code, name)


def test_a_topic_is_found_by_its_id(bench: Bench) -> None:
    made = bench.create_topic("t")
    asked = MetadataRequestTopic(name=None, topic_id=made.topic_id)
    assert found(bench, MetadataRequest(topics=[asked])).name == "t"


def test_an_unknown_id_is_an_error_and_creates_nothing(bench: Bench) -> None:
    asked = MetadataRequestTopic(name=None, topic_id=UUID(int=9))
    assert found(bench, MetadataRequest(topics=[asked])).error_code == UnknownTopicId.code
    assert bench.node.metadata.image.topics == {}


def test_the_first_use_of_a_topic_creates_it(bench: Bench) -> None:
    topic = found(bench, look_up("new"))
    assert (topic.error_code, len(topic.partitions)) == (0, 1)
    assert topic.topic_id != NO_TOPIC_ID


def test_a_look_up_that_does_not_want_it_creates_nothing(bench: Bench) -> None:
    topic = found(bench, look_up("new", create=False))
    assert topic.error_code == UnknownTopicOrPartition.code
    assert bench.node.metadata.image.topics == {}


def test_clients_too_old_to_say_so_want_it(bench: Bench) -> None:
    assert found(bench, look_up("new", create=False), version=3).error_code == 0


@pytest.mark.parametrize("version", [3, None])
def test_with_auto_create_off_nothing_is_created(tmp_path, version: int | None) -> None:
    bench = Bench(tmp_path / "data", auto_create_topics_enable=False)
    assert found(bench, look_up("new"), version).error_code == UnknownTopicOrPartition.code
    assert bench.node.metadata.image.topics == {}
    assert bench.create_topic("made", 1) is not None, "by an admin it still can be"
    assert found(bench, look_up("made"), version).error_code == 0
    bench.close()


def test_a_name_that_cannot_be_is_an_error(bench: Bench) -> None:
    assert found(bench, look_up("no/slash")).error_code == InvalidTopic.code


def test_api_versions_names_what_is_served_and_the_credit_of_a_peer(bench: Bench) -> None:
    answer = bench.ask(ApiVersionsRequest())
    assert [key.api_key for key in answer.api_keys] == [api.key for api in SERVED]
    assert answer.credit_bytes == bench.node.settings.client_credit_bytes
    assert answer.credit_requests == bench.node.settings.client_credit_requests


@pytest.mark.parametrize(("segment", "expected"), [("1048576", 1048576), ("8388608", 5000000)])
def test_the_largest_batch_is_what_a_message_and_a_segment_may_be(bench, segment, expected) -> None:
    bench.create_topic("t", 1, 1, {"segment.bytes": segment, "max.message.bytes": "5000000"})
    answer = bench.ask(MetadataRequest(topics=[MetadataRequestTopic(name="t")]))
    assert answer.topics[0].batch_bytes_max == expected


def test_a_topic_is_described_with_the_replicas_that_it_should_have(bench: Bench) -> None:
    bench.create_topic("by-default")
    bench.create_topic("as-asked", replication_factor=1)
    answer = bench.ask(MetadataRequest(topics=None))
    assert {t.name: t.replicas_wanted for t in answer.topics} == {"by-default": 1, "as-asked": 1}

"""Who watches topics is told when what Metadata says of them is another."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bus.model.cluster import BrokerInfo
from bus.model.limits import METADATA_PUSH_MS
from bus.wire.metadata import MetadataRequest, MetadataRequestTopic
from tests.fixtures.node import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "data")
    made.create_topic("t", 1, 1, {})
    yield made
    made.close()


def watching(bench: Bench, *topics: str, **facts: object) -> list:
    """The answers that come."""
    asked = [MetadataRequestTopic(name=topic) for topic in topics]
    return bench.send(MetadataRequest(asked, False, watch=True), **facts)


def move(bench: Bench, epoch: int) -> None:
    """A record of the topic "t" is another."""
    metadata = bench.node.metadata
    topic = metadata.image.topics["t"]
    image = replace(topic.partitions[0], leader=2, leader_epoch=epoch)
    topics = {**metadata.image.topics, "t": replace(topic, partitions=(image,))}
    brokers = {**metadata.image.brokers, 2: BrokerInfo(2, {})}
    metadata.image = replace(metadata.image, topics=topics, brokers=brokers)
    bench.node.endpoint_of = lambda broker, _: bench.node.endpoints["zmq"]
    metadata.on_changed()


def test_what_is_watched_is_told_when_it_changes(bench: Bench) -> None:
    answers = watching(bench, "t")
    move(bench, 7)
    bench.pass_ms(METADATA_PUSH_MS)
    assert [answer.more for answer in answers] == [True, True]
    (part,) = answers[-1].topics[0].partitions
    assert (part.leader_id, part.leader_epoch) == (2, 7)


def test_changes_of_a_moment_are_told_together(bench: Bench) -> None:
    answers = watching(bench, "t")
    for epoch in (7, 8, 9):
        move(bench, epoch)
    bench.pass_ms(METADATA_PUSH_MS)
    assert [answer.topics[0].partitions[0].leader_epoch for answer in answers[1:]] == [9]


def test_what_others_watch_is_not_told(bench: Bench) -> None:
    answers = watching(bench, "t")
    bench.create_topic("other", 1, 1, {})
    bench.pass_ms(METADATA_PUSH_MS)
    assert len(answers) == 1


def test_a_topic_that_shows_up_is_told(bench: Bench) -> None:
    answers = watching(bench, "later")
    bench.create_topic("later", 1, 1, {})
    bench.pass_ms(METADATA_PUSH_MS)
    assert [len(answer.topics[0].partitions) for answer in answers] == [0, 1]


def test_the_next_watch_of_a_peer_ends_its_last_one(bench: Bench) -> None:
    first = watching(bench, "t")
    second = watching(bench, "t")
    assert [answer.more for answer in first] == [True, False]
    move(bench, 7)
    bench.pass_ms(METADATA_PUSH_MS)
    assert (len(first), len(second)) == (2, 2)


def test_who_has_gone_is_forgotten(bench: Bench) -> None:
    answers = watching(bench, "t", is_gone=lambda: True)
    move(bench, 7)
    bench.pass_ms(METADATA_PUSH_MS)
    assert (len(answers), len(bench.node.watches)) == (1, 0)


def test_a_client_of_kafkas_is_answered_once(bench: Bench) -> None:
    answers = watching(bench, "t", is_kafka=True)
    move(bench, 7)
    bench.pass_ms(METADATA_PUSH_MS)
    assert [answer.more for answer in answers] == [False]


def test_a_broker_that_stops_ends_all_watches(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    bench.create_topic("t", 1, 1, {})
    answers = watching(bench, "t")
    bench.close()
    assert [answer.more for answer in answers] == [True, False]

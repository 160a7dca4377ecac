"""Readers that name their rack read there, and followers show what is committed (KIP-392)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bus.control.insync import Standing
from bus.errors import NONE, FencedLeaderEpoch, NotLeader, OffsetOutOfRange, UnknownLeaderEpoch
from bus.model.broker_settings import RACK_AWARE
from bus.model.cluster import BrokerInfo, BrokerLife, PartitionImage
from bus.wire.fetch import PartitionData
from tests.fixtures.node import Bench, batch_of
from tests.fixtures.requests import fetch, produce, told

OTHER, LIFE = 2, 5


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Broker 1 of rack "a" with four records of "t"; broker 2 stands in rack "b"."""
    made = Bench(tmp_path / "data", replica_selector_class=RACK_AWARE)
    made.create_topic("t", 1, 1, {})
    told(made, produce(batch_of(b"1", b"2", b"3", b"4")))
    image = made.node.metadata.image
    brokers = {1: replace(image.brokers[1], rack="a"), OTHER: BrokerInfo(OTHER, {}, "b")}
    made.node.metadata.image = replace(image, brokers=brokers)
    made.node.endpoint_of = lambda broker, _: made.node.endpoints["zmq"]
    yield made
    made.close()


def partition_of(bench: Bench):
    return bench.node.runtime.find("t", 0)


def give(bench: Bench, leader: int) -> None:
    partition = partition_of(bench)
    epoch = partition.log.max_epoch_seen + 1
    image = PartitionImage(leader, epoch, 0, 1, (1, OTHER), (1, OTHER))
    bench.node.roles.assume([(partition, image)])


def heard(bench: Bench, end_offset: int) -> None:
    """Broker 2 follows, and holds so much."""
    give(bench, 1)
    partition = partition_of(bench)
    standing = Standing(partition.leader.epoch, LIFE, 0, end_offset, end_offset)
    lives = {OTHER: BrokerLife(LIFE, True)}
    bench.node.runtime.run(partition, partition.leader.on_fetch(OTHER, standing, lives, 0))


def fetched(bench: Bench, offset: int, rack: str = "", **facts: int) -> PartitionData | None:
    """The answer's part; None if the fetch waits."""
    request = fetch(offset, wait_ms=1000, **facts)
    request.rack_id = rack
    answers = bench.send(request, version=12)
    return answers[0].responses[0].partitions[0] if answers else None


def test_a_reader_is_sent_to_the_replica_of_its_rack(bench: Bench) -> None:
    heard(bench, 4)
    part = fetched(bench, 0, "b")
    assert (part.preferred_read_replica, bytes(part.records)) == (OTHER, b"")


@pytest.mark.parametrize("rack", ["", "a", "c"])
def test_a_reader_of_no_rack_or_another_one_stays_with_the_leader(bench: Bench, rack: str) -> None:
    heard(bench, 4)
    part = fetched(bench, 0, rack)
    assert part.preferred_read_replica == -1
    assert len(part.records) > 0


def test_a_replica_that_does_not_hold_what_is_asked_for_is_not_preferred(bench: Bench) -> None:
    heard(bench, 4)
    told(bench, produce(batch_of(b"5"), acks=1))
    assert fetched(bench, 5, "b") is None


def test_without_the_setting_leaders_alone_serve(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    bench.create_topic("t", 1, 1, {})
    told(bench, produce(batch_of(b"1")))
    image = bench.node.metadata.image
    bench.node.metadata.image = replace(
        image, brokers={1: image.brokers[1], OTHER: BrokerInfo(OTHER, {}, "b")}
    )
    heard(bench, 1)
    assert fetched(bench, 0, "b").preferred_read_replica == -1
    bench.close()


def test_a_follower_shows_what_it_knows_to_be_committed(bench: Bench) -> None:
    give(bench, OTHER)
    partition_of(bench).follower.high_watermark = 0
    assert fetched(bench, 0, "b") is None
    partition_of(bench).follower.high_watermark = 4
    part = fetched(bench, 0, "b")
    assert (part.error_code, part.high_watermark, len(part.records) > 0) == (NONE, 4, True)


def test_a_reader_that_is_ahead_of_a_follower_waits_or_goes_back(bench: Bench) -> None:
    give(bench, OTHER)
    partition_of(bench).follower.high_watermark = 2
    assert fetched(bench, 4, "b") is None
    assert fetched(bench, 5, "b").error_code == OffsetOutOfRange.code


def test_who_waits_at_a_follower_is_woken_when_more_is_committed(bench: Bench) -> None:
    give(bench, OTHER)
    partition_of(bench).follower.high_watermark = 0
    request = fetch(0, wait_ms=1000)
    request.rack_id = "b"
    answers = bench.send(request, version=12)
    assert answers == []
    partition_of(bench).follower.high_watermark = 4
    bench.node.fetches.on_committed(partition_of(bench))
    assert len(answers[0].responses[0].partitions[0].records) > 0


def test_a_follower_checks_the_readers_epoch(bench: Bench) -> None:
    give(bench, OTHER)
    epoch = partition_of(bench).follower.epoch
    assert (
        fetched(bench, 0, "b", current_leader_epoch=epoch - 1).error_code == FencedLeaderEpoch.code
    )
    assert (
        fetched(bench, 0, "b", current_leader_epoch=epoch + 1).error_code == UnknownLeaderEpoch.code
    )


def test_a_follower_that_follows_nobody_serves_nobody(bench: Bench) -> None:
    give(bench, -1)
    assert fetched(bench, 0, "b").error_code == NotLeader.code


def test_who_names_no_rack_reads_from_leaders_alone(bench: Bench) -> None:
    give(bench, OTHER)
    assert fetched(bench, 0).error_code == NotLeader.code

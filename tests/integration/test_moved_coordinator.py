"""A group's coordinator comes and goes with the lead of its partition (R9)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bus.errors import (
    NONE,
    CoordinatorLoading,
    CoordinatorNotAvailable,
    NotCoordinator,
    RebalanceInProgress,
)
from bus.model.cluster import BrokerInfo, PartitionImage
from bus.wire.groups import FindCoordinatorRequest
from tests.fixtures.members import GROUP, Member, commit_of, position
from tests.fixtures.node import Bench

OFFSETS = "__consumer_offsets"
OTHER = 2


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A broker with one partition of offsets, whose roles are given to it by hand."""
    made = Bench(tmp_path / "data", offsets_topic_num_partitions=1)
    made.create_topic("t", 3, 1, {})
    made.ask(commit_of(("t", 0, 1)))
    yield made
    made.close()


def partition_of(bench: Bench):
    return bench.node.runtime.find(OFFSETS, 0)


def give(bench: Bench, leader: int, isr: tuple[int, ...] = (1,), partition_epoch: int = 0) -> None:
    """The authority's record: this broker is 1, and another one is 2."""
    partition, metadata = partition_of(bench), bench.node.metadata
    epoch = partition.log.max_epoch_seen + (0 if partition_epoch else 1)
    image = PartitionImage(leader, epoch, partition_epoch, 1, (1, OTHER), isr)
    topics = dict(metadata.image.topics)
    topics[OFFSETS] = replace(topics[OFFSETS], partitions=(image,))
    metadata.image = replace(metadata.image, topics=topics)
    bench.node.roles.assume([(partition, image)])


def come_back(bench: Bench, isr: tuple[int, ...] = (1,)) -> None:
    give(bench, OTHER)
    give(bench, 1, isr)


def commit_all(bench: Bench) -> None:
    """Let the disk work until all is committed, and a moment pass."""
    while partition_of(bench).leader.high_watermark < partition_of(bench).log.end_offset:
        assert bench.wait(60)
    bench.pass_ms(20)


def committing(bench: Bench, offset: int) -> int:
    return bench.ask(commit_of(("t", 0, offset))).topics[0].partitions[0].error_code


def test_a_broker_that_leads_no_more_sends_its_groups_to_the_next_coordinator(bench: Bench) -> None:
    member = Member(bench)
    member.settle()
    give(bench, OTHER)
    assert member.heartbeat() == NotCoordinator.code
    assert committing(bench, 5) == NotCoordinator.code
    assert member.ask_to_join()[0].error_code == NotCoordinator.code
    assert bench.node.coordinators.next_tick_ms() is None


def test_who_waits_for_a_generation_is_told_when_the_coordinator_moves(bench: Bench) -> None:
    member, other = Member(bench), Member(bench)
    member.settle()
    joining = other.ask_to_join()
    assert member.heartbeat() == RebalanceInProgress.code
    assert joining == []
    give(bench, OTHER)
    assert [answer.error_code for answer in joining] == [NotCoordinator.code]


def test_a_coordinator_that_comes_back_knows_all_positions_and_members(bench: Bench) -> None:
    member = Member(bench)
    member.settle()
    assert member.commit(7) == NONE
    come_back(bench)
    assert position(bench) == 7
    assert member.heartbeat() == NONE
    assert member.commit(8) == NONE


def test_groups_are_loaded_once_all_that_the_log_held_is_committed(bench: Bench) -> None:
    come_back(bench, isr=(1, OTHER))
    waiting = bench.send(commit_of(("t", 0, 5)))
    come_back(bench, isr=(1, OTHER))
    assert waiting[0].topics[0].partitions[0].error_code == NotCoordinator.code
    assert committing(bench, 6) == CoordinatorLoading.code
    give(bench, 1, isr=(1,), partition_epoch=1)  # the other one has gone: all is committed
    commit_all(bench)
    assert position(bench) == 5


def test_a_loading_of_an_earlier_epoch_comes_to_nothing(bench: Bench) -> None:
    bench.pool.held = []
    come_back(bench)
    stale = bench.pool.held
    bench.pool.held = []
    come_back(bench)
    bench.pool.let_go_on()
    assert committing(bench, 9) == NONE
    for work, done in stale:
        bench.pool.submit(work, done)
    assert position(bench) == 9


def test_what_was_to_be_written_is_not_written_in_another_epoch(bench: Bench) -> None:
    turns = []
    (shard,) = bench.node.coordinators.shards
    shard.writes._later = lambda _seconds, call: turns.append(call)
    answers = bench.send(commit_of(("t", 0, 5)))
    come_back(bench)
    for turn in turns:
        turn()
    assert answers[0].topics[0].partitions[0].error_code == NotCoordinator.code
    assert position(bench) == 1


def test_of_a_write_in_doubt_the_log_decides(bench: Bench) -> None:
    image = partition_of(bench).leader.insync.image
    alone = replace(image, replicas=(1, OTHER), isr=(1,), partition_epoch=1)
    bench.node.roles.assume([(partition_of(bench), replace(alone, isr=(1, OTHER)))])
    answers = bench.send(commit_of(("t", 0, 5)))
    bench.node.roles.assume([(partition_of(bench), replace(alone, min_isr=2, partition_epoch=2))])
    assert answers[0].topics[0].partitions[0].error_code == CoordinatorNotAvailable.code
    assert committing(bench, 6) == CoordinatorLoading.code
    bench.node.roles.assume([(partition_of(bench), replace(alone, partition_epoch=3))])
    commit_all(bench)
    assert position(bench) == 5


def test_the_coordinator_of_a_group_is_the_leader_of_its_partition(bench: Bench) -> None:
    image = bench.node.metadata.image
    brokers = {**image.brokers, OTHER: BrokerInfo(OTHER, {})}
    bench.node.metadata.image = replace(image, brokers=brokers)
    bench.node.endpoint_of = lambda broker, _: bench.node.endpoints["zmq"]
    find = FindCoordinatorRequest(coordinator_keys=[GROUP])
    assert bench.ask(find).coordinators[0].node_id == 1
    give(bench, OTHER)
    assert bench.ask(find).coordinators[0].node_id == OTHER
    give(bench, -1)
    assert bench.ask(find).coordinators[0].error_code == CoordinatorNotAvailable.code


def test_who_waits_for_a_leader_that_is_elected_anew_is_told(bench: Bench) -> None:
    give(bench, 1, isr=(1, OTHER))
    waiting = bench.send(commit_of(("t", 0, 5)))
    give(bench, 1)
    assert waiting[0].topics[0].partitions[0].error_code == NotCoordinator.code

"""The coordinator of a node: its topic, its loading, and what time does to groups."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bus.errors import (
    CoordinatorLoading,
    CoordinatorNotAvailable,
    InvalidTopic,
    RebalanceInProgress,
    UnknownMemberId,
)
from bus.model.hashing import coordinator_partition
from bus.wire.admin import (
    CreatableTopic,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    DeleteTopicState,
)
from bus.wire.group_admin import DeleteGroupsRequest, ListGroupsRequest
from bus.wire.groups import FindCoordinatorRequest
from bus.wire.metadata import MetadataRequest, MetadataRequestTopic
from tests.fixtures.members import GROUP, Member, commit_of, position
from tests.fixtures.node import Bench, batch_of
from tests.fixtures.requests import produce, told

OFFSETS = "__consumer_offsets"


@pytest.fixture
def topic(bench: Bench) -> Bench:
    bench.create_topic("t", 3, 1, {})
    return bench


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Bench]:
    """A node with one partition of offsets."""
    made = Bench(tmp_path / "data", offsets_topic_num_partitions=1)
    made.create_topic("t", 3, 1, {})
    yield made
    made.close()


def test_a_groups_records_stand_in_the_partition_that_kafka_would_choose(topic: Bench) -> None:
    topic.ask(commit_of(("t", 0, 1)))
    written = [
        index for index in range(50) if topic.node.runtime.find(OFFSETS, index).log.end_offset
    ]
    assert written == [coordinator_partition(GROUP, 50)]


def test_commits_of_one_turn_are_written_together(small: Bench) -> None:
    small.node.coordinators.ensure_topic(lambda error: None)
    turns: list[Callable[[], None]] = []
    (shard,) = small.node.coordinators.shards
    shard.writes._later = lambda _seconds, call: turns.append(call)
    answers = [small.send(commit_of(("t", 0, n), group=f"g{n}")) for n in range(100)]
    (turn,) = turns
    turn()
    while not all(answers):
        assert small.disk.wait(60)
    assert shard.writes.batches == 1
    assert small.node.runtime.find(OFFSETS, 0).log.end_offset == 100


def test_a_group_is_refused_while_it_is_loaded(topic: Bench) -> None:
    topic.ask(commit_of(("t", 0, 42)))
    topic.pool.held = []
    topic.restart()
    refused = topic.ask(commit_of(("t", 0, 43))).topics[0].partitions[0]
    assert refused.error_code == CoordinatorLoading.code
    assert topic.ask(ListGroupsRequest()).error_code == CoordinatorLoading.code
    topic.pool.let_go_on()
    assert position(topic) == 42


def test_a_topic_that_is_made_anew_during_the_loading_has_no_positions(topic: Bench) -> None:
    topic.ask(commit_of(("t", 0, 42)))
    topic.pool.held = []
    topic.restart()
    topic.delete_topic("t")
    topic.create_topic("t", 3, 1, {})
    topic.pool.let_go_on()
    while position(topic) != -1:
        assert topic.disk.wait(60)


def test_what_was_deleted_stays_deleted_over_a_restart(topic: Bench) -> None:
    member = Member(topic)
    member.settle()
    member.leave()
    topic.restart()
    (found,) = topic.ask(ListGroupsRequest()).groups
    assert found.group_state == "Empty"
    assert member.heartbeat() == UnknownMemberId.code


def test_a_silent_member_loses_its_place_by_the_clock_alone(topic: Bench) -> None:
    member, other = Member(topic), Member(topic)
    member.settle()
    joining = other.ask_to_join()
    topic.pass_ms(member.session_ms)
    assert other.take(joining).error_code == 0
    assert [one.member_id for one in joining[0].members] == [other.member_id]


def test_a_newcomer_that_hangs_up_while_it_waits_is_forgotten(topic: Bench) -> None:
    member, other = Member(topic), Member(topic)
    member.settle()
    joining = topic.send(other.join_request(), version=3, is_gone=lambda: True)
    assert member.heartbeat() == RebalanceInProgress.code
    topic.node.coordinators.keep_house(topic.clock.ms)
    assert member.join().generation_id == 2
    assert joining == []
    assert sum(shard.parked for shard in topic.node.coordinators.shards) == 0


def test_positions_expire(topic: Bench) -> None:
    topic.ask(commit_of(("t", 0, 42)))
    week = topic.node.settings.group.offsets_retention_minutes * 60_000
    topic.pass_ms(week)
    for _ in range(50):
        topic.node.coordinators.keep_house(topic.clock.ms)
    while position(topic) != -1:
        assert topic.disk.wait(60)


def test_clients_neither_write_to_the_offsets_topic_nor_delete_it(topic: Bench) -> None:
    topic.ask(FindCoordinatorRequest(coordinator_keys=[GROUP]))
    assert told(topic, produce(batch_of(b"a"), topic=OFFSETS)).error_code == InvalidTopic.code
    deleted = topic.ask(DeleteTopicsRequest(topics=[DeleteTopicState(name=OFFSETS)]))
    assert deleted.responses[0].error_code == InvalidTopic.code
    assert OFFSETS in topic.node.metadata.image.topics


def test_clients_do_not_make_the_offsets_topic_with_settings_of_theirs(topic: Bench) -> None:
    request = CreateTopicsRequest([CreatableTopic(OFFSETS, 1, 1)])
    assert topic.ask(request).topics[0].error_code == InvalidTopic.code


def test_asking_for_the_offsets_topic_makes_it_as_it_has_to_be(topic: Bench) -> None:
    request = MetadataRequest([MetadataRequestTopic(name=OFFSETS)], True)
    (found,) = topic.ask(request).topics
    assert (found.is_internal, len(found.partitions)) == (True, 50)
    config = topic.node.topics.described(topic.node.metadata.image.topics[OFFSETS])
    assert config["max.message.bytes"] == str(16 * 1024 * 1024)


def test_what_groups_hold_is_counted_and_given_back(topic: Bench) -> None:
    load = topic.node.coordinators._load
    members = [Member(topic, group=f"g{number}") for number in range(3)]
    for member in members:
        member.settle()
    assert load.groups == 3
    assert load.bytes > 0
    topic.restart()
    load = topic.node.coordinators._load
    assert load.groups == 3
    for member in members:
        member.leave()
    topic.ask(DeleteGroupsRequest([member.group for member in members]))
    assert (load.groups, load.bytes) == (0, 0)


def test_a_shard_that_is_damaged_is_refused_and_the_others_serve(
    topic: Bench, tmp_path: Path
) -> None:
    other = next(name for name in "abcdefgh" if name != GROUP)
    for group in (GROUP, other):
        topic.ask(commit_of(("t", 0, 42), group=group))
    number = coordinator_partition(GROUP, 50)
    directory = topic.node.runtime.find(OFFSETS, number).log.directory
    topic.close()
    (file,) = (tmp_path / "data" / directory).glob("*.log")
    damaged = bytearray(file.read_bytes())
    damaged[70] ^= 0xFF
    file.write_bytes(damaged)
    topic._open()
    refused = topic.ask(commit_of(("t", 0, 43))).topics[0].partitions[0]
    assert refused.error_code == CoordinatorNotAvailable.code
    assert position(topic, group=other) == 42

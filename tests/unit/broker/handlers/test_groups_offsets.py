"""OffsetCommit, OffsetFetch, OffsetDelete: what is kept of how far groups have come."""

import pytest

from bus.errors import (
    GroupIdNotFound,
    GroupSubscribedToTopic,
    OffsetMetadataTooLarge,
    UnknownMemberId,
    UnknownTopicOrPartition,
)
from bus.wire.commits import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopic,
)
from tests.fixtures.members import GROUP, Member, commit_of, position
from tests.fixtures.node import Bench


@pytest.fixture
def topic(bench: Bench) -> Bench:
    bench.create_topic("t", 3, 1, {})
    return bench


def errors(answer) -> list[int]:
    return [one.error_code for topic in answer.topics for one in topic.partitions]


def test_what_was_committed_is_fetched(topic: Bench) -> None:
    assert errors(topic.ask(commit_of(("t", 0, 42)))) == [0]
    assert position(topic) == 42


def test_a_partition_without_a_position_is_no_error(topic: Bench) -> None:
    assert position(topic) == -1
    topic.ask(commit_of(("t", 0, 42)))
    assert position(topic, partition=1) == -1
    assert position(topic, topic="unknown") == -1


def test_fetching_makes_no_offsets_topic(topic: Bench) -> None:
    position(topic)
    assert "__consumer_offsets" not in topic.node.metadata.image.topics


def test_null_topics_are_all_that_have_a_position(topic: Bench) -> None:
    topic.ask(commit_of(("t", 2, 3), ("t", 0, 1)))
    request = OffsetFetchRequest(groups=[OffsetFetchRequestGroup(GROUP, None)])
    (found,) = topic.ask(request).groups[0].topics
    assert [(p.partition_index, p.committed_offset) for p in found.partitions] == [(0, 1), (2, 3)]


def test_before_version_8_one_group_is_asked_for(topic: Bench) -> None:
    topic.ask(commit_of(("t", 0, 42)))
    request = OffsetFetchRequest(GROUP, [OffsetFetchRequestTopic("t", [0])])
    (found,) = topic.ask(request, version=5).topics[0].partitions
    assert (found.committed_offset, found.metadata) == (42, "note")


def test_a_position_of_an_unknown_partition_is_refused_alone(topic: Bench) -> None:
    answer = topic.ask(commit_of(("t", 0, 1), ("t", 9, 1), ("other", 0, 1)))
    assert errors(answer) == [0, UnknownTopicOrPartition.code, UnknownTopicOrPartition.code]


def test_a_note_that_is_too_long_is_refused(topic: Bench) -> None:
    request = commit_of(("t", 0, 1))
    request.topics[0].partitions[0].committed_metadata = "x" * 4097
    assert errors(topic.ask(request)) == [OffsetMetadataTooLarge.code]


def test_a_retention_beyond_all_time_is_kept_for_all_time(topic: Bench) -> None:
    request = commit_of(("t", 0, 42))
    request.retention_time_ms = (1 << 63) - 1
    assert errors(topic.ask(request, version=4)) == [0]


def test_a_commit_is_answered_only_once_it_is_on_disk(topic: Bench) -> None:
    answers = topic.send(commit_of(("t", 0, 42)))
    assert answers == []
    assert position(topic) == -1
    while not answers:
        assert topic.disk.wait(60)
    assert position(topic) == 42


def test_a_member_commits_and_others_do_not(topic: Bench) -> None:
    member = Member(topic)
    member.settle()
    assert member.commit(7) == 0
    assert errors(topic.ask(commit_of(("t", 0, 1)))) == [UnknownMemberId.code]
    assert position(topic) == 7


def test_positions_stay_over_a_restart(topic: Bench) -> None:
    topic.ask(commit_of(("t", 0, 42)))
    topic.ask(commit_of(("t", 0, 43), ("t", 1, 5)))
    topic.restart()
    assert (position(topic), position(topic, partition=1)) == (43, 5)


def test_a_topic_made_anew_has_no_positions(topic: Bench) -> None:
    topic.ask(commit_of(("t", 0, 42)))
    topic.delete_topic("t")
    topic.create_topic("t", 3, 1, {})
    while position(topic) != -1:
        assert topic.disk.wait(60)
    topic.restart()
    assert position(topic) == -1


def forget(bench: Bench, topic: str = "t") -> OffsetDeleteRequest:
    wanted = [OffsetDeleteRequestTopic(topic, [OffsetDeleteRequestPartition(0)])]
    return bench.ask(OffsetDeleteRequest(GROUP, wanted))


def test_a_position_can_be_forgotten(topic: Bench) -> None:
    topic.ask(commit_of(("t", 0, 42), ("t", 1, 1)))
    assert errors(forget(topic)) == [0]
    assert (position(topic), position(topic, partition=1)) == (-1, 1)


def test_a_position_is_not_forgotten_while_its_topic_is_consumed(topic: Bench) -> None:
    member = Member(topic)
    member.settle()
    member.commit(7)
    assert errors(forget(topic)) == [GroupSubscribedToTopic.code]
    assert position(topic) == 7


def test_positions_of_no_group_cannot_be_forgotten(topic: Bench) -> None:
    assert forget(topic).error_code == GroupIdNotFound.code

"""Elections and reassignments: of a node that is alone, which answers as any controller would."""

import pytest

from bus.errors import InvalidReplicaAssignment, InvalidRequest, UnknownTopicOrPartition
from bus.model.replication_errors import ElectionNotNeeded, NoReassignmentInProgress
from bus.wire.elections import UNCLEAN, ElectedTopic, ElectLeadersRequest
from bus.wire.reassignments import (
    AlterPartitionReassignmentsRequest,
    ListPartitionReassignmentsRequest,
    ReassignablePartition,
    ReassignableTopic,
)
from tests.fixtures.node import Bench


@pytest.fixture
def topic(bench: Bench) -> str:
    bench.create_topic("t", 2)
    return "t"


def errors_of(answer) -> list[int]:
    return [
        part.error_code
        for topic in answer.replica_election_results
        for part in topic.partition_result
    ]


def test_who_leads_already_is_not_elected(bench: Bench, topic: str) -> None:
    asked = [ElectedTopic(topic, [0, 1])]
    answer = bench.ask(ElectLeadersRequest(topic_partitions=asked))
    assert errors_of(answer) == [ElectionNotNeeded.code] * 2


def test_who_asks_for_all_is_told_of_what_has_changed(bench: Bench, topic: str) -> None:
    answer = bench.ask(ElectLeadersRequest())
    assert (answer.error_code, answer.replica_election_results) == (0, [])


def test_nobody_is_elected_for_a_partition_that_is_not_there(bench: Bench, topic: str) -> None:
    asked = [ElectedTopic(topic, [2]), ElectedTopic("u", [0])]
    answer = bench.ask(ElectLeadersRequest(topic_partitions=asked))
    assert errors_of(answer) == [UnknownTopicOrPartition.code] * 2


def test_only_known_elections_are_held(bench: Bench, topic: str) -> None:
    asked = [ElectedTopic(topic, [0])]
    answer = bench.ask(ElectLeadersRequest(election_type=7, topic_partitions=asked))
    assert errors_of(answer) == [InvalidRequest.code]
    assert UNCLEAN == 1


@pytest.mark.parametrize(
    ("replicas", "error"),
    [
        ([1], 0),
        ([2], InvalidReplicaAssignment.code),
        ([], InvalidReplicaAssignment.code),
        (None, NoReassignmentInProgress.code),
    ],
)
def test_it_holds_all_by_itself(
    bench: Bench, topic: str, replicas: list[int] | None, error: int
) -> None:
    asked = [ReassignableTopic(topic, [ReassignablePartition(0, replicas)])]
    answer = bench.ask(AlterPartitionReassignmentsRequest(topics=asked))
    (part,) = answer.responses[0].partitions
    assert part.error_code == error
    assert bool(part.error_message) == bool(error)


def test_an_unknown_partition_is_not_reassigned(bench: Bench, topic: str) -> None:
    asked = [ReassignableTopic(topic, [ReassignablePartition(2, [1])])]
    answer = bench.ask(AlterPartitionReassignmentsRequest(topics=asked))
    assert answer.responses[0].partitions[0].error_code == UnknownTopicOrPartition.code


def test_nothing_is_under_way(bench: Bench, topic: str) -> None:
    answer = bench.ask(ListPartitionReassignmentsRequest())
    assert (answer.error_code, answer.topics) == (0, [])

"""Topics made, grown and deleted over the wire, and ids for producers."""

from uuid import UUID

import pytest

from bus.errors import (
    InvalidConfig,
    InvalidPartitions,
    InvalidReplicaAssignment,
    InvalidReplicationFactor,
    InvalidRequest,
    InvalidTransactionState,
    NotController,
    TopicAlreadyExists,
    UnknownTopicOrPartition,
)
from bus.wire.admin import (
    CreatableReplicaAssignment,
    CreatableTopic,
    CreatableTopicConfig,
    CreatePartitionsAssignment,
    CreatePartitionsRequest,
    CreatePartitionsTopic,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    DeleteTopicState,
)
from bus.wire.transactions import InitProducerIdRequest
from tests.fixtures.node import Bench


def wanted(name: str = "t", partitions: int = 2, replicas: int = 1, **config: str):
    configs = [CreatableTopicConfig(name.replace("_", "."), v) for name, v in config.items()]
    return CreatableTopic(
        name=name, num_partitions=partitions, replication_factor=replicas, configs=configs
    )


def create(bench: Bench, *topics: CreatableTopic, validate_only: bool = False):
    request = CreateTopicsRequest(topics=list(topics), validate_only=validate_only)
    return bench.ask(request).topics


def topics_of(bench: Bench) -> list[str]:
    return sorted(bench.node.metadata.image.topics)


def test_a_topic_is_made_as_asked(bench: Bench) -> None:
    (result,) = create(bench, wanted(flush="os"))
    assert (result.error_code, result.num_partitions, result.replication_factor) == (0, 2, 1)
    assert result.topic_id == bench.node.metadata.image.topics["t"].topic_id
    configs = {entry.name: (entry.value, entry.config_source) for entry in result.configs}
    assert configs["flush"] == ("os", 1)
    assert configs["retention.ms"][1] == 5


def test_what_is_minus_one_is_the_broker_s_default(bench: Bench) -> None:
    (result,) = create(bench, wanted(partitions=-1, replicas=-1))
    assert result.num_partitions == 1
    assert result.replication_factor == 1


def test_each_topic_of_a_request_has_its_own_outcome(bench: Bench) -> None:
    bench.create_topic("old")
    results = create(bench, wanted("old"), wanted("new"))
    assert [r.error_code for r in results] == [TopicAlreadyExists.code, 0]
    assert topics_of(bench) == ["new", "old"]
    assert bench.node.counters.errors == {"TopicAlreadyExists": 1}


def test_a_topic_named_twice_is_not_made(bench: Bench) -> None:
    results = create(bench, wanted("a"), wanted("a", partitions=3))
    assert {r.error_code for r in results} == {InvalidRequest.code}
    assert topics_of(bench) == []


@pytest.mark.parametrize(
    ("topic", "error"),
    [
        (wanted(partitions=0), InvalidPartitions),
        (wanted(replicas=3), InvalidReplicationFactor),
        (wanted(retention_ms="soon"), InvalidConfig),
        (wanted(cleanup_policy="shred"), InvalidConfig),
        (wanted(min_insync_replicas="2"), InvalidConfig),
    ],
)
@pytest.mark.parametrize("validate_only", [False, True])
def test_a_topic_that_cannot_be_is_refused_with_a_sentence(
    bench: Bench, topic: CreatableTopic, error: type, validate_only: bool
) -> None:
    (result,) = create(bench, topic, validate_only=validate_only)
    assert (result.error_code, topics_of(bench)) == (error.code, [])
    assert result.error_message.endswith(".")


def test_partitions_may_be_assigned_to_where_they_would_be_anyway(bench: Bench) -> None:
    topic = wanted(partitions=-1, replicas=-1)
    topic.assignments = [CreatableReplicaAssignment(index, [1]) for index in (1, 0)]
    (result,) = create(bench, topic)
    assert (result.error_code, result.num_partitions) == (0, 2)


@pytest.mark.parametrize("placed", [[(0, [2])], [(0, [1, 2])], [(1, [1])], [(0, [])]])
def test_other_assignments_are_refused(bench: Bench, placed: list[tuple[int, list[int]]]) -> None:
    topic = wanted(partitions=-1, replicas=-1)
    topic.assignments = [CreatableReplicaAssignment(*one) for one in placed]
    assert create(bench, topic)[0].error_code == InvalidReplicaAssignment.code


def test_partitions_are_counted_or_assigned_but_not_both(bench: Bench) -> None:
    topic = wanted(partitions=1)
    topic.assignments = [CreatableReplicaAssignment(0, [1])]
    assert create(bench, topic)[0].error_code == InvalidRequest.code


def test_a_topic_that_is_only_validated_is_not_made(bench: Bench) -> None:
    (result,) = create(bench, wanted(), validate_only=True)
    assert (result.error_code, topics_of(bench)) == (0, [])


def test_a_topic_made_anew_has_another_id(bench: Bench) -> None:
    first = bench.create_topic("t")
    bench.delete_topic("t")
    again = bench.create_topic("t")
    assert first is not None
    assert again is not None
    assert first.topic_id != again.topic_id


def test_a_topic_is_deleted_by_name(bench: Bench) -> None:
    bench.create_topic("t")
    (result,) = bench.ask(DeleteTopicsRequest(topic_names=["t"]), version=5).responses
    assert (result.name, result.error_code, topics_of(bench)) == ("t", 0, [])


def test_a_topic_is_deleted_by_id(bench: Bench) -> None:
    made = bench.create_topic("t")
    request = DeleteTopicsRequest(topics=[DeleteTopicState(None, made.topic_id)])
    (result,) = bench.ask(request).responses
    assert (result.name, result.topic_id, topics_of(bench)) == ("t", made.topic_id, [])


@pytest.mark.parametrize("state", [DeleteTopicState("x"), DeleteTopicState(None, UUID(int=8))])
def test_a_topic_that_is_not_there_cannot_be_deleted(bench: Bench, state) -> None:
    (result,) = bench.ask(DeleteTopicsRequest(topics=[state])).responses
    assert result.error_code == UnknownTopicOrPartition.code


def grow(bench: Bench, name: str, count: int, validate_only: bool = False, assignments=None):
    topic = CreatePartitionsTopic(name=name, count=count, assignments=assignments)
    request = CreatePartitionsRequest(topics=[topic], validate_only=validate_only)
    return bench.ask(request).results[0]


def test_a_topic_grows(bench: Bench) -> None:
    bench.create_topic("t", 2)
    assert grow(bench, "t", 5).error_code == 0
    assert bench.node.runtime.find("t", 4) is not None


def test_growth_that_is_only_validated_changes_nothing(bench: Bench) -> None:
    bench.create_topic("t", 2)
    assert grow(bench, "t", 5, validate_only=True).error_code == 0
    assert bench.node.runtime.find("t", 2) is None


@pytest.mark.parametrize("validate_only", [False, True])
@pytest.mark.parametrize(
    ("name", "count", "error"),
    [
        ("t", 2, InvalidPartitions),
        ("t", 1, InvalidPartitions),
        ("t", 10_001, InvalidPartitions),
        ("x", 5, UnknownTopicOrPartition),
    ],
)
def test_growth_that_cannot_be_is_refused(
    bench: Bench, name: str, count: int, error: type, validate_only: bool
) -> None:
    bench.create_topic("t", 2)
    assert grow(bench, name, count, validate_only).error_code == error.code


@pytest.mark.parametrize(("brokers", "error"), [([1], 0), ([2], InvalidReplicaAssignment.code)])
def test_new_partitions_may_be_assigned_to_this_broker_alone(
    bench: Bench, brokers: list[int], error: int
) -> None:
    bench.create_topic("t", 1)
    placed = [CreatePartitionsAssignment(brokers)]
    assert grow(bench, "t", 2, assignments=placed).error_code == error
    assert grow(bench, "t", 4, assignments=placed).error_code == InvalidReplicaAssignment.code


def test_each_producer_gets_an_id_of_its_own_also_after_a_restart(bench: Bench) -> None:
    ids = [bench.ask(InitProducerIdRequest(transactional_id=None)).producer_id for _ in range(3)]
    bench.restart()
    answer = bench.ask(InitProducerIdRequest(transactional_id=None))
    assert len({*ids, answer.producer_id}) == 4
    assert (answer.error_code, answer.producer_epoch) == (0, 0)


@pytest.mark.parametrize(("name", "error"), [("", InvalidRequest), ("tx", InvalidTransactionState)])
def test_a_transactional_producer_is_refused(bench: Bench, name: str, error: type) -> None:
    answer = bench.ask(InitProducerIdRequest(transactional_id=name))
    assert (answer.error_code, answer.producer_id) == (error.code, -1)


class Slow:
    """A clock by which everything takes long, and the turns that were asked for."""

    def __init__(self, bench: Bench) -> None:
        self.now = 0
        self.turns: list = []
        bench.node.clock = self
        bench.node.later = lambda _seconds, call: self.turns.append(call)

    def now_ms(self) -> int:
        self.now += 1000
        return self.now


def test_between_two_topics_that_take_long_others_get_their_turn(bench: Bench) -> None:
    slow = Slow(bench)
    answers = bench.send(CreateTopicsRequest(topics=[wanted("a"), wanted("b"), wanted("c")]))
    made = [topics_of(bench)]
    while slow.turns:
        slow.turns.pop()()
        made.append(topics_of(bench))
    assert made == [["a"], ["a", "b"], ["a", "b", "c"]]
    assert [result.error_code for result in answers[0].topics] == [0, 0, 0]


def test_a_broker_that_stops_makes_no_more_topics(bench: Bench) -> None:
    slow = Slow(bench)
    answers = bench.send(CreateTopicsRequest(topics=[wanted("a"), wanted("b")]))
    bench.node.serving = False
    slow.turns.pop()()
    assert [result.error_code for result in answers[0].topics] == [0, NotController.code]

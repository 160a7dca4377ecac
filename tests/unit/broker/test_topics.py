"""Topics: what may be made of them, where their partitions go, and how safe they are by default."""

import pytest

from bus.errors import (
    InvalidConfig,
    InvalidPartitions,
    InvalidReplicaAssignment,
    InvalidReplicationFactor,
    InvalidTopic,
    PolicyViolation,
    TopicAlreadyExists,
    UnknownTopicOrPartition,
)
from tests.fixtures.memory_store import MemoryStore
from tests.fixtures.topic_store import TopicStore

THREE = (1, 2, 3)


@pytest.fixture
def one() -> TopicStore:
    return TopicStore(MemoryStore())


@pytest.fixture
def three() -> TopicStore:
    return TopicStore(MemoryStore(), brokers=THREE)


def test_a_topic_is_there_for_whoever_reads_next() -> None:
    store = MemoryStore()
    made = TopicStore(store).create("flights", 3, 1, {"flush": "os"})
    found = TopicStore(store).image("flights")
    assert found == made
    assert len(found.partitions) == 3
    assert found.config == {"flush": "os"}


def test_a_topic_made_anew_has_another_id(one: TopicStore) -> None:
    first = one.create("flights").topic_id
    one.delete("flights")
    assert one.create("flights").topic_id != first


def test_settings_that_the_store_has_no_room_for_are_refused(one: TopicStore) -> None:
    one.create("a")
    with pytest.raises(PolicyViolation, match="262144 are allowed"):
        one._do(
            lambda done: one.topics._changes.alter("a", lambda: ({"x": "x" * 300_000}, 1), done)
        )
    assert one.image("a").config == {}


def test_a_topic_grows_and_never_shrinks(one: TopicStore) -> None:
    one.create("a", 2)
    assert len(one.grow("a", 70).partitions) == 70
    with pytest.raises(InvalidPartitions, match="70 partitions; 70 would not be more"):
        one.grow("a", 70)


@pytest.mark.parametrize("validate_only", [False, True])
@pytest.mark.parametrize(
    ("name", "partitions", "replicas", "error"),
    [
        ("taken", 1, 1, TopicAlreadyExists),
        ("a_b", 1, 1, InvalidTopic),
        ("", 1, 1, InvalidTopic),
        ("..", 1, 1, InvalidTopic),
        ("x" * 250, 1, 1, InvalidTopic),
        ("slash/", 1, 1, InvalidTopic),
        ("new", 0, 1, InvalidPartitions),
        ("new", 10_001, 1, InvalidPartitions),
        ("new", 1, 2, InvalidReplicationFactor),
        ("new", 1, 0, InvalidReplicationFactor),
    ],
)
def test_a_topic_that_cannot_be_is_refused(
    one: TopicStore,
    name: str,
    partitions: int,
    replicas: int,
    error: type[Exception],
    validate_only: bool,
) -> None:
    one.create("taken")
    one.create("a.b")
    with pytest.raises(error):
        one.create(name, partitions, replicas, validate_only=validate_only)


def test_an_unknown_topic_cannot_be_deleted(one: TopicStore) -> None:
    with pytest.raises(UnknownTopicOrPartition, match="'nope'"):
        one.delete("nope")


def test_a_topic_of_a_cluster_has_three_replicas_of_which_two_must_be_in_sync(
    three: TopicStore,
) -> None:
    topic = three.create("t", 6)
    assert {frozenset(image.replicas) for image in topic.partitions} == {frozenset(THREE)}
    assert {image.min_isr for image in topic.partitions} == {2}
    assert three.topics.described(topic)["min.insync.replicas"] == "2"
    leaders = [image.leader for image in topic.partitions]
    assert sorted(leaders) == [1, 1, 2, 2, 3, 3]


def test_what_could_not_be_kept_is_not_promised(three: TopicStore) -> None:
    with pytest.raises(InvalidConfig, match="no write would succeed"):
        three.create("t", 1, 2, {"min.insync.replicas": "3"})
    with pytest.raises(InvalidReplicationFactor, match="3 brokers"):
        three.create("t", 1, 4)


def test_partitions_go_where_an_operator_says(three: TopicStore) -> None:
    topic = three.create("t", assigned=[(2, 3), (3, 1)])
    assert [image.replicas for image in topic.partitions] == [(2, 3), (3, 1)]
    assert [image.leader for image in topic.partitions] == [2, 3]


@pytest.mark.parametrize("assigned", [[(4,)], [(1, 1)], [(1, 2), (3,)], [()]])
def test_an_assignment_that_cannot_be_is_refused(three: TopicStore, assigned) -> None:
    with pytest.raises(InvalidReplicaAssignment):
        three.create("t", assigned=assigned)


def test_a_higher_minimum_counts_where_the_in_sync_set_is_large_enough(three: TopicStore) -> None:
    three.create("t", 2, 3)
    altered = three.alter("t", {"min.insync.replicas": "3"})
    assert {image.min_isr for image in altered.partitions} == {3}
    assert {image.partition_epoch for image in altered.partitions} == {1}


def test_new_partitions_have_as_many_replicas_as_the_old_ones(three: TopicStore) -> None:
    three.create("t", 1, 2)
    assert [len(image.replicas) for image in three.grow("t", 4).partitions] == [2, 2, 2, 2]

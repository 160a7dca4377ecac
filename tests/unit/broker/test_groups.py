"""Groups of partitions' records, and what is known of them all."""

from bus.control.placement import Load
from tests.fixtures.memory_store import MemoryStore
from tests.fixtures.topic_store import TopicStore

BOTH = frozenset({1, 2})


def made() -> TopicStore:
    topics = TopicStore(MemoryStore(), brokers=(1, 2))
    topics.create("a", 4, 2, {"min.insync.replicas": "1"})
    topics.create("b", 1, 2, {"min.insync.replicas": "1"})
    return topics


def test_what_each_broker_has_is_counted_as_topics_come_and_go() -> None:
    topics = made()
    load = topics.metadata.groups.load()
    assert {broker: each.replicas for broker, each in load.items()} == {1: 5, 2: 5}
    assert sum(each.leaders for each in load.values()) == 5
    topics.delete("a")
    topics.delete("b")
    assert topics.metadata.groups.load() == {}
    topics.create("c", 2, 1)
    assert topics.metadata.groups.load() == {1: Load(1, 1), 2: Load(1, 1)}


def test_a_group_takes_more_until_it_is_full() -> None:
    topics = made()
    assert topics.metadata.groups.with_room(BOTH) == [0]
    topics.grow("b", 60)
    assert topics.metadata.groups.with_room(BOTH) == []
    topics.delete("a")
    assert topics.metadata.groups.with_room(BOTH) == [0]


def test_a_name_that_metrics_would_not_tell_apart_is_known_while_it_is_there() -> None:
    topics = made()
    topics.create("x.y")
    assert topics.metadata.alike("x_y") == "x.y"
    topics.delete("x.y")
    assert topics.metadata.alike("x_y") is None


def test_topics_that_have_changed_are_told_once() -> None:
    topics = made()
    topics.metadata.take_changed()
    topics.alter("b", {"flush": "os"})
    assert topics.metadata.take_changed() == ["b"]
    assert topics.metadata.take_changed() == []

"""Topics in the store: which keys they take, and what becomes of races."""

from tests.fixtures.memory_store import MemoryStore
from tests.fixtures.topic_store import TopicStore

GROUPS = "/busd/local/g/"


def test_many_partitions_fill_groups_of_64() -> None:
    store = MemoryStore()
    topics = TopicStore(store)
    topics.create("a", 100)
    topics.create("b", 28)
    assert len(store.under(GROUPS)) == 2
    topics.delete("a")
    assert len(TopicStore(store).image("b").partitions) == 28


def test_groups_hold_partitions_of_the_same_brokers() -> None:
    store = MemoryStore()
    topics = TopicStore(store, brokers=(1, 2, 3))
    topics.create("a", 60, 3)
    topics.create("b", 60, 3)
    assert len(store.under(GROUPS)) == 2
    topics.create("c", assigned=[(1, 2)] * 10)
    assert len(store.under(GROUPS)) == 3
    topics.create("d", assigned=[(2, 1)] * 10)
    assert len(store.under(GROUPS)) == 3


def test_a_topic_of_more_groups_than_a_transaction_takes_is_made_grown_and_deleted() -> None:
    store = MemoryStore()
    topics = TopicStore(store)
    topics.create("a", 8_000)
    topics.grow("a", 10_000)
    assert len(TopicStore(store).image("a").partitions) == 10_000
    topics.delete("a")
    assert store.under(GROUPS) == {}


def test_a_lost_race_is_tried_again() -> None:
    store = MemoryStore()
    mine, other = TopicStore(store), TopicStore(store, seed=2)
    mine.create("first")
    store.before_transact = lambda: other.create("second")
    mine.create("third")
    assert sorted(TopicStore(store).metadata.image.topics) == ["first", "second", "third"]


def test_a_change_that_lost_its_race_halfway_puts_no_partition_twice() -> None:
    store = MemoryStore()
    mine = TopicStore(store)
    mine.create("second")
    transact, pieces = store.transact, []

    def race(writes, guards, done):
        pieces.append(writes)
        if len(pieces) == 2:
            store.put(writes[0].key, b"")
        transact(writes, guards, done)

    store.transact = race
    made = mine.create("first", 10_000)
    held = [pid for group in mine.metadata.groups.all().values() for pid in group]
    assert len(held) == len(set(held)) == 10_001
    assert len(made.partitions) == 10_000


def test_changes_wait_for_each_other() -> None:
    topics = TopicStore(MemoryStore())
    outcomes: list[object] = []

    def again(error: object) -> None:
        outcomes.append(error)
        topics.topics.create("b", outcomes.append)

    topics.topics.create("a", again)
    topics.topics.delete("a", outcomes.append)
    assert outcomes == [None, None, None]
    assert list(topics.metadata.image.topics) == ["b"]

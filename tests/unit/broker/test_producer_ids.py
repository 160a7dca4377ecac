"""Ids for producers, of several brokers over one store."""

from bus.broker.producer_ids import ProducerIds
from bus.errors import CorruptLog
from bus.model.keys import Keys
from tests.fixtures.memory_store import MemoryStore

KEYS = Keys("local")


def taken(ids: ProducerIds, count: int = 1) -> list[object]:
    found: list[object] = []
    for _ in range(count):
        ids.next(found.append)
    return found


def test_blocks_never_overlap() -> None:
    store = MemoryStore()
    brokers = [ProducerIds(store, KEYS) for _ in range(3)]
    assert [taken(broker) for broker in brokers] == [[0], [1000], [2000]]


def test_a_block_that_is_used_up_is_followed_by_another() -> None:
    store = MemoryStore()
    first, second = ProducerIds(store, KEYS), ProducerIds(store, KEYS)
    found = taken(first, 999) + taken(second) + taken(first, 2)
    assert found == [*range(999), 1000, 999, 2000]


def test_a_block_that_somebody_else_took_meanwhile_is_left_to_him() -> None:
    store = MemoryStore()
    other = ProducerIds(store, KEYS)
    store.before_transact = lambda: taken(other)
    assert taken(ProducerIds(store, KEYS)) == [1000]


def test_a_block_that_is_on_its_way_is_enough_for_all_who_wait() -> None:
    store = MemoryStore()
    ids, found = ProducerIds(store, KEYS), []

    def ask_more() -> None:
        ids.next(found.append)
        ids.next(found.append)

    store.before_transact = ask_more
    ids.next(found.append)
    assert found == [0, 1, 2]


def test_what_cannot_be_read_is_told() -> None:
    store = MemoryStore()
    store.put(KEYS.producer_ids, b"x")
    (error,) = taken(ProducerIds(store, KEYS))
    assert isinstance(error, CorruptLog)

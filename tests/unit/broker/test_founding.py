"""Who comes first gives the cluster its id."""

from bus.broker.founding import cluster_id, found
from bus.errors import CorruptLog
from bus.model.keys import Keys
from bus.model.stored import ClusterRecord
from tests.fixtures.memory_store import MemoryStore
from tests.fixtures.seeded_random import SeededRandom

KEYS = Keys("local")


def begin(store: MemoryStore, seed: int) -> list[object]:
    outcomes: list[object] = []
    found(store, KEYS, SeededRandom(seed), outcomes.append)
    return outcomes


def test_a_new_store_gets_a_cluster_id_and_keeps_it() -> None:
    store = MemoryStore()
    assert begin(store, 1) == [None]
    first = cluster_id(store, KEYS)
    assert first
    assert begin(store, 2) == [None]
    assert cluster_id(store, KEYS) == first


def test_of_two_who_come_at_once_one_is_first() -> None:
    store = MemoryStore()
    store.before_transact = lambda: begin(store, 2)
    assert begin(store, 1) == [None]
    other = MemoryStore()
    begin(other, 2)
    assert cluster_id(store, KEYS) == cluster_id(other, KEYS)


def test_a_store_of_a_newer_format_is_left_alone() -> None:
    store = MemoryStore()
    store.put(KEYS.meta, ClusterRecord("id", 2, {}).to_bytes())
    (error,) = begin(store, 1)
    assert isinstance(error, CorruptLog)
    assert "format 2" in str(error)

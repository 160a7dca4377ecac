"""Who comes first gives the cluster its id."""

from bus.broker.founding import check_level, cluster_record, found
from bus.errors import CorruptLog
from bus.model.features import KNOWN, Levels
from bus.model.keys import Keys
from bus.model.store_errors import StoreRefused
from bus.model.stored import ClusterRecord
from tests.fixtures.memory_store import MemoryStore
from tests.fixtures.seeded_random import SeededRandom

KEYS = Keys("local")


def cluster_id(store: MemoryStore, keys: Keys) -> str:
    return cluster_record(store, keys).cluster_id


def begin(store: MemoryStore, seed: int, known: Levels = KNOWN) -> list[object]:
    outcomes: list[object] = []
    found(store, KEYS, SeededRandom(seed), outcomes.append, known)
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


def test_a_cluster_begins_at_the_highest_level_that_its_first_broker_knows() -> None:
    store = MemoryStore()
    assert begin(store, 1, Levels(1, 3)) == [None]
    assert cluster_record(store, KEYS).level == 3
    assert begin(store, 2, Levels(3, 4)) == [None]
    assert cluster_record(store, KEYS).level == 3


def test_who_does_not_know_the_level_is_refused_with_what_to_do() -> None:
    store = MemoryStore()
    begin(store, 1, Levels(1, 3))
    (error,) = begin(store, 2, Levels(1, 2))
    assert isinstance(error, StoreRefused)
    assert "stands at level 3; this version of busd knows levels 1 to 2. Start" in str(error)


def test_a_cluster_from_before_there_were_levels_stands_at_the_first() -> None:
    store = MemoryStore()
    store.put(KEYS.meta, ClusterRecord("id", 1, {}).to_bytes())
    check_level(store, KEYS, Levels(1, 1))

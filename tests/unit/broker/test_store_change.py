"""Read, decide, write, and again if a key had moved."""

from bus.broker.store_change import TRIES, change
from bus.errors import CorruptLog, RequestTimedOut
from bus.ports import Write, revision_of
from tests.fixtures.memory_store import MemoryStore


def test_what_lost_its_race_is_decided_anew() -> None:
    store, told = MemoryStore(), []

    def decide() -> list[Write]:
        entry = store.get("k")
        value = b"1" if entry is None else entry.value + b"1"
        return [Write("k", value, revision_of(entry))]

    store.before_transact = lambda: store.put("k", b"9")
    change(store, decide, told.append)
    assert store.get("k").value == b"91"
    assert told == [store.get("k").revision]


def test_nothing_to_write_is_told_at_once() -> None:
    told: list[object] = []
    change(MemoryStore(), list, told.append)
    assert told == [0]


def test_what_cannot_be_decided_is_told() -> None:
    def decide() -> list[Write]:
        raise CorruptLog("It cannot be read.")

    told: list[object] = []
    change(MemoryStore(), decide, told.append)
    assert isinstance(told[0], CorruptLog)


def test_it_comes_to_an_end_though_the_key_moves_each_time() -> None:
    store, told, tries = MemoryStore(), [], []

    def decide() -> list[Write]:
        tries.append(1)
        store.before_transact = lambda: store.put("k", b"%d" % len(tries))
        entry = store.get("k")
        return [Write("k", b"mine", revision_of(entry))]

    change(store, decide, told.append)
    assert isinstance(told[0], RequestTimedOut)
    assert len(tries) == TRIES

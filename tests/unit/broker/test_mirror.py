"""A copy of the store: who writes is told once the copy shows it."""

from collections.abc import Callable

import pytest

from bus.broker.mirror import Mirror
from bus.model.store_errors import StoreUnreachable
from bus.ports import Changes, Entry, Snapshot, Write
from tests.fixtures.asked_store import ROOT, Caller, SoloBench
from tests.fixtures.etcd_stores import SimBench

A, B = ROOT + "a", ROOT + "b"


class HandStore:
    """News and outcomes by hand."""

    def watch(self, prefix: str, on_news: Callable[[Snapshot | Changes], None]) -> "HandStore":
        self.on_news = on_news
        return self

    def transact(self, writes: object, guards: object, done: Callable[[int | None], None]) -> None:
        self.done = done


class Bench:
    """Two brokers over one simulated etcd."""

    def __init__(self) -> None:
        self.sim = SimBench()
        self.mirror = Mirror(self.sim.store(), ROOT)
        self.other = Caller(self.sim, self.sim.store("2"))
        self.outcomes: list[object] = []
        self.sim.until(lambda: self.mirror.is_ready)

    def transact(self, *writes: Write) -> None:
        self.mirror.transact(writes, {}, self.outcomes.append)
        self.sim.until(lambda: bool(self.outcomes))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_shows_what_others_write(bench: Bench) -> None:
    revision = bench.other.put(A, b"1")
    bench.sim.until(lambda: bench.mirror.revision == revision)
    assert bench.mirror.get(A) == (b"1", revision)
    assert bench.mirror.under(ROOT) == {A: (b"1", revision)}
    revision = bench.other.put(A, None, revision)
    bench.sim.until(lambda: bench.mirror.revision == revision)
    assert bench.mirror.entries == {}


def test_who_has_written_reads_it(bench: Bench) -> None:
    bench.sim.carriers[0].weather.delay_ms = 200
    for number in range(20):
        bench.outcomes.clear()
        entry = bench.mirror.get(A)
        bench.transact(Write(A, b"%d" % number, entry.revision if entry else 0))
        entry = bench.mirror.get(A)
        assert entry is not None
        assert (entry.value, entry.revision) == (b"%d" % number, bench.outcomes[0])


def test_who_lost_a_race_reads_who_won_it(bench: Bench) -> None:
    bench.sim.carriers[0].weather.delay_ms = 500
    bench.other.put(A, b"theirs")
    bench.transact(Write(A, b"mine"), Write(B, b"mine"))
    assert bench.outcomes == [None]
    entry = bench.mirror.get(A)
    assert entry is not None
    assert entry.value == b"theirs", "or trying again would lose again"


def test_who_lost_a_race_for_a_key_that_has_gone_again_is_told_too() -> None:
    store, outcomes = HandStore(), []
    mirror = Mirror(store, ROOT)
    store.on_news(Snapshot(1, {}))
    mirror.transact([Write(A, b"mine")], {}, outcomes.append)
    store.on_news(Changes(2, {A: b"theirs"}))
    store.on_news(Changes(3, {A: None}))
    assert outcomes == []
    store.done(None)
    assert outcomes == [None]


def test_a_gap_may_hide_that_a_key_had_moved() -> None:
    store, outcomes = HandStore(), []
    mirror = Mirror(store, ROOT)
    store.on_news(Snapshot(1, {}))
    mirror.transact([Write(A, b"mine")], {}, outcomes.append)
    store.done(None)
    assert outcomes == []
    store.on_news(Changes(2, {B: b"1"}))
    assert outcomes == []
    store.on_news(Snapshot(9, {}))
    assert outcomes == [None]


def test_an_error_is_told_at_once(bench: Bench) -> None:
    bench.sim.carriers[0].cut_off(0, 1, 2)
    bench.transact(Write(A, b"1"))
    assert isinstance(bench.outcomes[0], StoreUnreachable)


def test_over_one_node_s_file_all_is_there_within_the_call() -> None:
    bench, told, outcomes = SoloBench(), [], []
    mirror = Mirror(bench.solo, ROOT, lambda: told.append(True))
    assert mirror.is_ready
    mirror.transact([Write(A, b"1")], {}, outcomes.append)
    mirror.transact([Write(A, b"2")], {}, outcomes.append)
    assert outcomes == [1, None]
    assert mirror.get(A) == (b"1", 1)
    assert len(told) == 2


def test_a_closed_one_stays_as_it_is(bench: Bench) -> None:
    bench.mirror.close()
    bench.other.put(A, b"1")
    bench.sim.rest(5)
    assert bench.mirror.entries == {}


def test_a_reader_is_told_each_key_that_has_changed_once(bench: Bench) -> None:
    unread = bench.mirror.unread(A)
    bench.transact(Write(A, b"1"), Write(B, b"1"))
    assert unread.take() == [A]
    assert unread.take() == []
    assert bench.mirror.unread(ROOT).take() == [A, B]


def test_what_a_snapshot_shows_otherwise_has_changed() -> None:
    store = HandStore()
    mirror = Mirror(store, ROOT)
    store.on_news(Snapshot(2, {A: Entry(b"1", 1), B: Entry(b"1", 2)}))
    unread = mirror.unread(ROOT)
    unread.take()
    store.on_news(Snapshot(3, {B: Entry(b"1", 2)}))
    assert unread.take() == [A]
    store.on_news(Snapshot(4, {A: Entry(b"1", 4), B: Entry(b"1", 2)}))
    assert unread.take() == [A]


def test_a_value_is_parsed_once_until_it_changes(bench: Bench) -> None:
    parsed: list[bytes] = []

    def parse(_: str, value: bytes) -> list[bytes]:
        parsed.append(value)
        return [value]

    bench.transact(Write(A, b"1"))
    assert bench.mirror.parsed(A, parse) is bench.mirror.parsed(A, parse)
    bench.outcomes.clear()
    bench.transact(Write(A, b"2", bench.mirror.get(A).revision))
    assert bench.mirror.parsed(A, parse) == [b"2"]
    assert parsed == [b"1", b"2"]

"""From one node's file into a cluster's store: all of it, once, and over what broke off."""

import pytest

from bus.adapters.solo import Solo
from bus.broker.moving import Moving
from bus.errors import BusError
from bus.model.keys import LOCAL_CLUSTER, Keys
from bus.model.store_errors import StoreRefused, StoreUnreachable
from bus.model.stored import ClusterRecord
from bus.ports import Entry, Snapshot
from tests.fixtures.asked_store import Caller, SoloBench
from tests.fixtures.etcd_stores import SimBench

LOCAL, CLUSTER = Keys(LOCAL_CLUSTER), Keys("c")


def meta(cluster_id: str = "ours") -> bytes:
    return ClusterRecord(cluster_id, 1, {}).to_bytes()


def node(groups: int = 3, size: int = 10) -> dict[str, Entry]:
    """All that a node's file holds."""
    found = {LOCAL.meta: Entry(meta(), 1), LOCAL.topic("t"): Entry(b"topic", 5)}
    return found | {LOCAL.group(n): Entry(b"%d" % n * size, 2 + n) for n in range(groups)}


def wanted(entries: dict[str, Entry]) -> dict[str, bytes]:
    return {CLUSTER.root + key.removeprefix(LOCAL.root): e.value for key, e in entries.items()}


def move(bench: SimBench, entries: dict[str, Entry], name: str = "1") -> BusError | None:
    outcomes: list[BusError | None] = []
    Moving(entries, LOCAL, bench.store(name), CLUSTER, outcomes.append)
    bench.until(lambda: bool(outcomes))
    return outcomes[0]


def held(bench: SimBench) -> dict[str, bytes]:
    found = Caller(bench, bench.store("eye")).list(CLUSTER.root)
    assert isinstance(found, Snapshot)
    return {key: entry.value for key, entry in found.entries.items()}


@pytest.mark.parametrize(("groups", "size"), [(0, 1), (3, 10), (350, 10), (12, 100_000)])
def test_all_of_it_is_there_afterwards(groups: int, size: int) -> None:
    bench, entries = SimBench(), node(groups, size)
    assert move(bench, entries) is None
    assert held(bench) == wanted(entries)


def test_a_second_time_changes_nothing() -> None:
    bench = SimBench()
    assert move(bench, node()) is None
    revision = bench.etcd.revision
    assert move(bench, node(5)) is None, "the cluster has gone on since; the file has not"
    assert held(bench) == wanted(node())
    assert bench.etcd.revision == revision


def test_one_that_broke_off_is_begun_again_over_what_it_left() -> None:
    bench, entries = SimBench(), node()
    caller = Caller(bench, bench.store("before"))
    caller.put(CLUSTER.group(0), b"old")
    caller.put(CLUSTER.group(1), entries[LOCAL.group(1)].value)
    assert move(bench, entries) is None
    assert held(bench) == wanted(entries)


def test_the_cluster_s_own_key_comes_last() -> None:
    bench, entries = SimBench(), node(350)
    assert move(bench, entries) is None
    found = Caller(bench, bench.store("eye")).list(CLUSTER.root)
    newest = max(found.entries.values(), key=lambda entry: entry.revision)
    assert newest == found.entries[CLUSTER.meta]


def test_a_cluster_that_is_another_one_s_is_left_as_it_is() -> None:
    bench = SimBench()
    Caller(bench, bench.store("other")).put(CLUSTER.meta, meta("theirs"))
    outcome = move(bench, node())
    assert isinstance(outcome, StoreRefused)
    assert "has begun elsewhere" in str(outcome)
    assert held(bench) == {CLUSTER.meta: meta("theirs")}


def test_a_store_out_of_reach_is_told() -> None:
    bench = SimBench()
    outcomes: list[BusError | None] = []
    store = bench.store()
    bench.carriers[-1].cut_off(0, 1, 2)
    Moving(node(), LOCAL, store, CLUSTER, outcomes.append)
    bench.until(lambda: bool(outcomes))
    assert isinstance(outcomes[0], StoreUnreachable)


def test_a_real_file_is_what_is_moved() -> None:
    files = SoloBench()
    caller = Caller(files, files.store())
    for key, entry in node().items():
        caller.put(key, entry.value)
    again = Caller(files, Solo(files.files)).list(LOCAL.root)
    bench = SimBench()
    assert move(bench, again.entries) is None
    assert held(bench) == wanted(node())

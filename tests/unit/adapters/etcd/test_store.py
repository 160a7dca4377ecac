"""The Coordination port over a simulated etcd, in fine weather and in foul."""

from bus.ports import Snapshot
from tests.fixtures.asked_store import ROOT, Caller, Mirror
from tests.fixtures.etcd_stores import SimBench


def test_what_was_written_is_read() -> None:
    bench = SimBench()
    caller = Caller(bench, bench.store())
    revision = caller.put(ROOT + "a", b"one")
    assert caller.get(ROOT + "a") == (b"one", revision)
    assert caller.get(ROOT + "b") is None
    assert caller.list(ROOT) == Snapshot(revision, {ROOT + "a": (b"one", revision)})


def test_a_watch_tells_all() -> None:
    bench = SimBench()
    caller = Caller(bench, bench.store())
    caller.put(ROOT + "a", b"one")
    mirror = Mirror(bench.store("2"))
    bench.rest(1)
    revision = caller.put(ROOT + "b", b"two")
    bench.until(lambda: mirror.revision == revision)
    assert mirror.entries == {ROOT + "a": b"one", ROOT + "b": b"two"}
    assert mirror.snapshots == 1


def test_a_session_keeps_its_keys_until_it_is_closed() -> None:
    bench = SimBench()
    caller = Caller(bench, bench.store())
    session = caller.open_session(2000)
    caller.put(ROOT + "b/1", b"here", session=session)
    bench.rest(20)
    assert caller.value(ROOT + "b/1") == b"here"
    session.close()
    bench.rest(1)
    assert caller.value(ROOT + "b/1") is None

"""The store over three real members of an etcd, of which some are killed, stopped or cut off."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.adapters.etcd.carrier import HttpCarrier
from bus.adapters.etcd.messages import Failure, Watched, Watching
from bus.adapters.etcd.settings import EtcdSettings, etcd_endpoints
from bus.model.store_errors import StoreRefused
from bus.ports import Snapshot, Write
from tests.fixtures.asked_store import ROOT, Caller, Mirror
from tests.fixtures.cutting_proxy import CuttingProxy
from tests.fixtures.etcd import Etcd
from tests.fixtures.etcd_stores import EtcdBench, be_patient

CLIENT = Path(__file__).parent / "etcd_client.py"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    with Etcd(tmp_path_factory.mktemp("etcd"), members=3) as made:
        yield made


@pytest.fixture
def bench(etcd: Etcd) -> Iterator[EtcdBench]:
    made = EtcdBench(etcd.urls)
    yield made
    made.close()


@pytest.fixture
def proxies(etcd: Etcd, bench: EtcdBench) -> Iterator[list[CuttingProxy]]:
    """One before each member."""
    made = [CuttingProxy(member.url) for member in etcd.members]
    for proxy in made:
        bench.loop.run_until_complete(proxy.open())
    yield made
    for proxy in made:
        bench.loop.run_until_complete(proxy.close())


@pytest.fixture
def root(request: pytest.FixtureRequest) -> str:
    return f"{ROOT}{request.node.name}/"


def watched(bench: EtcdBench, root: str, settings: EtcdSettings | None = None) -> Mirror:
    """What is written from now on is news."""
    mirror = Mirror(bench.store("watcher", settings), root)
    bench.until(lambda: bool(mirror.news))
    return mirror


class Writing:
    """One key, counted up all along; each value is known to be there."""

    def __init__(self, bench: EtcdBench, key: str) -> None:
        self._caller = Caller(bench, bench.store())
        self._key = key
        self.count = 0
        self.revision = 0

    def write(self) -> None:
        outcome = self._caller.put(self._key, b"%d" % self.count, self.revision)
        assert isinstance(outcome, int), "it is done, and known to be"
        self.revision = outcome
        self.count += 1

    def write_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.write()


def test_writing_goes_on_when_the_leader_is_killed(etcd: Etcd, bench: EtcdBench, root: str) -> None:
    writing, mirror = Writing(bench, root + "a"), watched(bench, root)
    writing.write_for(0.3)
    leader = etcd.leader()
    leader.kill()
    writing.write_for(1.5)
    bench.until(lambda: mirror.revision == writing.revision)
    assert mirror.snapshots == 1, "the watch went on where it was"
    assert len(mirror.news) == writing.count + 1, "nothing is left out, nothing comes twice"
    etcd.restart(leader)
    etcd.wait_until_it_serves()


def test_a_stopped_member_is_passed_over_by_requests_and_watches(
    etcd: Etcd, bench: EtcdBench, root: str
) -> None:
    writing, mirror = Writing(bench, root + "a"), watched(bench, root)
    writing.write_for(0.2)
    bench.until(lambda: mirror.revision == writing.revision)
    etcd.stop(etcd.members[0])  # whom a client asks first
    try:
        writing.write_for(0.5)
        bench.until(lambda: mirror.revision == writing.revision)
        assert mirror.snapshots == 1
    finally:
        etcd.go_on(etcd.members[0])
    writing.write_for(0.2)
    bench.until(lambda: mirror.revision == writing.revision)
    assert len(mirror.news) == writing.count + 1


def test_without_a_quorum_nothing_is_known_and_later_all_goes_on(
    etcd: Etcd, bench: EtcdBench, root: str
) -> None:
    caller, mirror = Caller(bench, bench.store()), watched(bench, root)
    revision = caller.put(root + "a", b"1")
    for member in etcd.members[:2]:
        etcd.stop(member)
    outcomes: list[object] = []
    try:
        caller.store.transact([Write(root + "a", b"2", revision)], {}, outcomes.append)
        bench.rest(1)
        assert outcomes == []
    finally:
        for member in etcd.members[:2]:
            etcd.go_on(member)
    bench.until(lambda: bool(outcomes))
    assert isinstance(outcomes[0], int)
    bench.until(lambda: mirror.revision == outcomes[0])
    assert mirror.entries == {root + "a": b"2"}


def test_a_watch_on_a_member_that_has_lost_the_others_is_ended(
    etcd: Etcd, bench: EtcdBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_patient(monkeypatch, "carrier.CONNECT_MS")
    carrier = HttpCarrier(bench.loop, bench.settings)
    messages: list[Watched] = []
    ends: list[Failure] = []
    carrier.watch(0, Watching(b"/a", b"/b", 1), messages.append, ends.append)
    bench.until(lambda: bool(messages))
    for member in etcd.members[1:]:
        etcd.stop(member)
    try:
        bench.until(lambda: bool(ends))
        assert "no leader" in ends[0].sentence, "or it would be silent until they are back"
    finally:
        for member in etcd.members[1:]:
            etcd.go_on(member)
        carrier.close()


def test_all_members_killed_and_started_again(etcd: Etcd, bench: EtcdBench, root: str) -> None:
    writing, mirror = Writing(bench, root + "a"), watched(bench, root)
    session = Caller(bench, bench.store("holder")).open_session(60_000)
    writing.write_for(0.1)
    for member in etcd.members:
        member.kill()
    for member in etcd.members:
        etcd.restart(member)
    writing.write()
    bench.until(lambda: mirror.revision == writing.revision)
    session.close()


def test_an_answer_that_is_lost_is_known_all_the_same(
    bench: EtcdBench, proxies: list[CuttingProxy], root: str
) -> None:
    settings = EtcdSettings(etcd_endpoints(",".join(proxy.url for proxy in proxies)))
    caller, mirror = Caller(bench, bench.store("cut", settings)), watched(bench, root)
    caller.put(root + "start", b"")
    revision = 0
    for number in range(10):
        for proxy in proxies:
            proxy.swallow, proxy.swallow_count = b"/v3/kv/txn", 1
        revision = caller.put(root + "a", b"%d" % number, revision)
        assert isinstance(revision, int), "it is done, and known to be"
        assert caller.put(root + "b", b"", 4_000_000) is None, "it is not done, and known not to be"
    assert sum(proxy.swallowed for proxy in proxies) >= 10
    bench.until(lambda: mirror.revision == revision)
    values = [news.values[root + "a"] for news in mirror.news[2:]]
    assert values == [b"%d" % number for number in range(10)], "each once"


def test_a_watch_that_missed_a_compaction_reads_all_anew(
    etcd: Etcd, bench: EtcdBench, proxies: list[CuttingProxy], root: str
) -> None:
    proxy = proxies[0]
    cut = EtcdSettings(etcd_endpoints(proxy.url))
    caller, mirror = Caller(bench, bench.store()), watched(bench, root, cut)
    revisions = [caller.put(root + str(number), b"") for number in range(3)]
    bench.until(lambda: mirror.revision == revisions[-1])
    proxy.refuses = True
    proxy.cut()
    assert isinstance(caller.put(root + "0", None, revisions[0]), int)
    revision = caller.put(root + "1", b"new", revisions[1])
    etcd.call(etcd.members[0], "/v3/kv/compaction", {"revision": str(revision)})
    proxy.refuses = False
    bench.until(lambda: mirror.revision >= revision)
    assert mirror.snapshots == 2
    assert mirror.entries == {root + "1": b"new", root + "2": b""}
    revision = caller.put(root + "3", b"")
    bench.until(lambda: mirror.revision == revision)


def test_a_session_whose_process_is_stopped_ends_and_the_process_is_told(
    etcd: Etcd, bench: EtcdBench, root: str
) -> None:
    mirror = watched(bench, root)
    command = [sys.executable, str(CLIENT), etcd.urls, root + "b"]
    client = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert client.stdout is not None
    try:
        assert client.stdout.readline() == "open\n"
        bench.until(lambda: bool(mirror.entries) or len(mirror.news) > 1)  # its key was there
        client.send_signal(signal.SIGSTOP)
        bench.until(lambda: mirror.entries == {})
        client.send_signal(signal.SIGCONT)
        assert client.stdout.readline() == "lost\n"
        assert client.wait(60) == 0
    finally:
        client.kill()
        client.wait()
        client.stdout.close()


def test_of_two_processes_with_one_name_the_older_stops_writing(
    bench: EtcdBench, root: str
) -> None:
    older, newer = Caller(bench, bench.store("same")), Caller(bench, bench.store("same"))
    revision = older.put(root + "a", b"1")
    assert isinstance(newer.put(root + "a", b"2", revision), int)
    outcome = older.put(root + "b", b"3")
    assert isinstance(outcome, StoreRefused)
    assert "has taken over" in str(outcome)
    assert isinstance(older.list(root), Snapshot), "it may still read"
    assert newer.get(root + "b") is None

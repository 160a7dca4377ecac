"""Members of etcd beside brokers: real processes that found, join, are killed and come again."""

import asyncio
import json
import os
import shutil
import signal
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from bus.adapters.clock import SystemClock
from bus.broker.etcd_member import BesideEtcd, MemberWish
from bus.control.etcd_keeping import Health
from bus.errors import BadSetting
from bus.model.store_errors import StoreRefused, StoreUnreachable
from bus.ports import Entry
from tests.fixtures.asked_store import ROOT, Caller
from tests.fixtures.etcd import free_ports, need_etcd
from tests.fixtures.etcd_stores import EtcdBench, be_patient


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    need_etcd()
    be_patient(monkeypatch)
    monkeypatch.setattr("bus.broker.etcd_member.ASK_WITHIN_MS", 120_000)
    monkeypatch.setattr("bus.broker.etcd_member.STATE_WITHIN_MS", 20_000)
    monkeypatch.setattr("bus.broker.etcd_member.FIRST_SECONDS", 120)


class Brokers:
    """What stands beside brokers; a stop of the loop lets none of them out of sight."""

    def __init__(self, directory: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self._directory = directory
        self._made: list[BesideEtcd] = []

    def wish(self, number: int, join: str = "") -> MemberWish:
        client, peer = (f"http://127.0.0.1:{port}" for port in free_ports(2))
        return MemberWish("c", f"b{number}", self._directory / str(number), client, peer, join)

    def begin(self, wish: MemberWish) -> tuple[BesideEtcd, str]:
        beside = BesideEtcd(self.loop, wish, SystemClock())
        self._made.append(beside)
        return beside, self.run(beside.start())

    def end(self, beside: BesideEtcd) -> None:
        self._made.remove(beside)
        self.run(beside.close())

    def run(self, work: Awaitable[str | None]) -> str:
        return self.loop.run_until_complete(work) or ""

    def until(self, is_over: Callable[[], bool]) -> None:
        async def wait() -> None:
            while not is_over():
                await asyncio.sleep(0.01)

        self.loop.run_until_complete(wait())

    def value(self, urls: str, key: str) -> object:
        bench = EtcdBench(urls)
        entry = Caller(bench, bench.store()).get(ROOT + key)
        bench.close()
        return entry.value if isinstance(entry, Entry) else entry

    def write(self, urls: str, key: str) -> None:
        bench = EtcdBench(urls)
        assert isinstance(Caller(bench, bench.store()).put(ROOT + key, b"1"), int)
        bench.close()

    def close(self) -> None:
        for beside in list(self._made):
            self.end(beside)
        self.run(asyncio.sleep(0.01))
        self.loop.close()


def add_learner(url: str, peer_url: str) -> None:
    """As a broker does that dies right after it."""
    content = json.dumps({"peerURLs": [peer_url], "isLearner": True}).encode()
    request = urllib.request.Request(url + "/v3/cluster/member/add", content)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[Brokers]:
    made = Brokers(tmp_path)
    yield made
    made.close()


def test_three_make_an_etcd_and_a_fourth_only_asks(brokers: Brokers) -> None:
    first = brokers.wish(1)
    beside, urls = brokers.begin(first)
    assert urls == first.client_url
    brokers.write(urls, "a")
    for number in (2, 3):
        beside, urls = brokers.begin(brokers.wish(number, first.client_url))
        assert beside.pid is not None
    brokers.until(lambda: beside.has_vote)
    brokers.until(lambda: beside.health() is Health.SERVING)
    fourth, urls = brokers.begin(brokers.wish(4, first.client_url))
    assert fourth.pid is None
    assert len(urls.split(",")) == 3
    for url in urls.split(","):
        assert brokers.value(url, "a") == b"1"


def test_a_member_that_is_killed_comes_again_with_all_it_had(brokers: Brokers) -> None:
    beside, urls = brokers.begin(brokers.wish(1))
    brokers.write(urls, "a")
    pid = beside.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    brokers.until(lambda: beside.pid not in (None, pid))
    brokers.until(lambda: beside.health() is Health.SERVING)
    assert brokers.value(urls, "a") == b"1"


def test_a_broker_that_comes_again_needs_not_be_told_where_the_others_are(
    brokers: Brokers,
) -> None:
    wish = brokers.wish(1)
    beside, urls = brokers.begin(wish)
    brokers.write(urls, "a")
    pid = beside.pid
    assert pid is not None
    brokers.end(beside)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    beside, again = brokers.begin(wish)
    assert again == urls
    assert brokers.value(urls, "a") == b"1"


def test_who_was_added_and_died_before_it_ran_begins_where_it_was(brokers: Brokers) -> None:
    first = brokers.wish(1)
    _, urls = brokers.begin(first)
    wish = brokers.wish(2, urls)
    add_learner(urls, wish.peer_url)
    beside, both = brokers.begin(wish)
    brokers.until(lambda: beside.health() is Health.SERVING)
    assert both == f"{wish.client_url},{first.client_url}"


def test_a_member_whose_directory_was_lost_is_named_and_not_replaced(
    brokers: Brokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Newer versions tell the members only with a quorum, which two of which one is lost lack."""
    monkeypatch.setattr("bus.broker.etcd_member.ASK_WITHIN_MS", 5_000)
    _, urls = brokers.begin(brokers.wish(1))
    wish = brokers.wish(2, urls)
    beside, _ = brokers.begin(wish)
    brokers.until(lambda: beside.health() is Health.SERVING)
    brokers.end(beside)
    shutil.rmtree(wish.directory)
    wanted = "directory is not here.*etcdctl member remove|members of etcd are not known"
    with pytest.raises((StoreRefused, StoreUnreachable), match=wanted):
        brokers.begin(wish)


def test_an_address_that_is_taken_is_told_at_once(brokers: Brokers) -> None:
    wish = brokers.wish(1)
    brokers.begin(wish)
    other = brokers.wish(2)
    taken = MemberWish("c", "b2", other.directory, wish.client_url, other.peer_url)
    with pytest.raises(StoreRefused, match=r"An etcd answers at .* already"):
        brokers.begin(taken)
    taken = MemberWish("c", "b2", other.directory, other.client_url, wish.peer_url)
    with pytest.raises(StoreRefused, match=r"etcd ended at once: .*address already in use"):
        brokers.begin(taken)


def test_an_address_beyond_this_machine_is_refused_without_certificates(tmp_path: Path) -> None:
    for client, peer in (("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "10.0.0.1")):
        with pytest.raises(BadSetting, match="only on loopback"):
            MemberWish("c", "b1", tmp_path, f"http://{client}:2379", f"http://{peer}:2380")


def test_who_joins_where_nobody_is_hears_so(
    brokers: Brokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.broker.etcd_member.ASK_WITHIN_MS", 500)
    with pytest.raises(StoreUnreachable, match="members of etcd are not known"):
        brokers.begin(brokers.wish(1, f"http://127.0.0.1:{free_ports(1)[0]}"))

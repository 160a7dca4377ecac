"""The simulated etcd answers as a real one: the same requests to both, and all answers compared.

Revisions are compared as distances from where a sequence began, since the real one lives on; ids of
leases are drawn anew for each.
"""

import asyncio
import os
import random
from collections.abc import Iterator

import pytest

from bus.adapters.etcd import codec
from bus.adapters.etcd.carrier import HttpCarrier
from bus.adapters.etcd.messages import (
    Answer,
    Compact,
    Delete,
    Failure,
    Grant,
    Granted,
    Header,
    KeepAlive,
    KeptAlive,
    Kind,
    Put,
    Range,
    Ranged,
    Request,
    Revoke,
    Txn,
    Watched,
    Watching,
    end_of_prefix,
)
from bus.adapters.etcd.settings import EtcdSettings, etcd_endpoints
from bus.ports import Entry
from tests.fixtures.etcd import Etcd
from tests.fixtures.etcd_stores import be_patient
from tests.fixtures.fresh_seed import fresh_seed
from tests.fixtures.sim_etcd import SimEtcd
from tests.fixtures.timeline import Timeline

SEQUENCES = int(os.environ.get("SEQUENCES", "6"))  # `SEQUENCES=300 ./run test ...` for more
STEPS = 60
NEVER = 10**9  # so many events do not come


class Real:
    """A real etcd, asked message by message."""

    def __init__(self, url: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.carrier = HttpCarrier(self.loop, EtcdSettings(etcd_endpoints(url)))

    def ask(self, request: Request) -> Answer | Failure:
        answer: asyncio.Future[Answer | Failure] = self.loop.create_future()
        self.carrier.ask(0, request, 60_000, answer.set_result)
        return self.loop.run_until_complete(answer)

    def watch(self, request: Watching, count: int) -> list[Watched | Failure]:
        """What comes until there are `count` events, or it ends."""
        found: list[Watched | Failure] = []
        is_over = asyncio.Event()

        def on_message(message: Watched) -> None:
            found.append(message)
            if sum(len(m.events) for m in found if isinstance(m, Watched)) >= count:
                is_over.set()

        def on_end(failure: Failure) -> None:
            found.append(failure)
            is_over.set()

        end = self.carrier.watch(0, request, on_message, on_end)
        self.loop.run_until_complete(asyncio.wait_for(is_over.wait(), 120))
        end()
        return found

    def close(self) -> None:
        self.carrier.close()
        self.loop.run_until_complete(asyncio.sleep(0.01))
        self.loop.close()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch, "carrier.CONNECT_MS")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    with Etcd(tmp_path_factory.mktemp("etcd")) as etcd:
        made = Real(etcd.urls)
        yield made
        made.close()


class Pair:
    """Both, from a common beginning."""

    def __init__(self, real: Real, seed: int) -> None:
        self.real = real
        self.sim = SimEtcd(Timeline(), ttl_s_min=1)
        self.chance = random.Random(seed)
        self.prefix = b"/%d-%d/" % (seed, random.SystemRandom().getrandbits(60))
        self.lease_base = random.SystemRandom().getrandbits(60)
        self.leases: list[int] = []
        start = real.ask(Range(self.prefix))
        assert isinstance(start, Ranged)
        self.base = start.header.revision - self.sim.revision
        self.cluster = start.header.cluster

    def key(self) -> bytes:
        return self.prefix + bytes([self.chance.choice(b"abcdef")])

    def revision_of(self, key: bytes) -> int:
        """As the simulated one has it; now and then another."""
        if self.chance.random() < 0.15:
            return self.chance.randrange(self.sim.revision + 1)
        found = self.sim.answer(Range(key))
        assert isinstance(found, Ranged)
        return found.entries[key].revision if key in found.entries else 0

    def request(self) -> Request:
        kind = self.chance.choices(
            ["txn", "range", "prefix", "grant", "revoke", "beat", "compact"],
            [30, 6, 10, 4, 2, 2, 1],
        )[0]
        chance = self.chance
        if kind == "txn":
            return self._txn()
        if kind == "range":
            return Range(self.key(), without_values=chance.random() < 0.3)
        if kind == "prefix":
            revision = chance.randrange(self.sim.revision + 3) if chance.random() < 0.5 else 0
            end = end_of_prefix(self.prefix)
            return Range(self.prefix, end, chance.randrange(4), revision)
        if kind == "compact":
            return Compact(chance.randrange(1, self.sim.revision + 2))
        if kind == "grant":
            self.leases.append(self.lease_base + chance.randrange(4))
            return Grant(self.leases[-1], 600)
        lease = chance.choice(self.leases or [self.lease_base])
        return Revoke(lease) if kind == "revoke" else KeepAlive(lease)

    def _txn(self) -> Txn:
        keys = sorted({self.key() for _ in range(self.chance.randrange(1, 4))})
        compares = tuple((key, self.revision_of(key)) for key in keys)
        changes: list[Put | Delete] = []
        for key in keys:
            if self.chance.random() < 0.25:
                changes.append(Delete(key))
            else:
                lease = self.chance.choice([0, 0, 0, *self.leases[-3:]])
                changes.append(Put(key, self.chance.randbytes(3), lease))
        if self.chance.random() < 0.03:
            changes.append(Put(keys[0], b"twice"))
        return Txn(compares, tuple(changes), (Range(keys[0]), Range(self.prefix + b"zz")))

    def to_real(self, request: Request) -> Request:
        """The same, with the revisions of the real one."""
        if isinstance(request, Txn):
            moved = tuple((key, at + self.base if at else 0) for key, at in request.compares)
            return Txn(moved, request.then, request.otherwise)
        if isinstance(request, Range) and request.revision:
            return Range(request.key, request.end, request.limit, request.revision + self.base)
        if isinstance(request, Compact):
            return Compact(request.revision + self.base)
        return request

    def from_real(self, answer: object) -> object:
        """An answer of the real one as the simulated one would have given it."""
        if isinstance(answer, Failure):
            return answer.kind
        if isinstance(answer, Entry):
            return Entry(answer.value, answer.revision - self.base)
        if isinstance(answer, Header):
            assert answer.cluster == self.cluster
            return answer.revision - self.base
        if isinstance(answer, dict):
            return {key: self.from_real(entry) for key, entry in answer.items()}
        if isinstance(answer, tuple):
            return tuple(self.from_real(each) for each in answer)
        if isinstance(answer, KeptAlive | Granted):
            return type(answer), answer.ttl_s
        if isinstance(answer, bool):
            return answer
        names = type(answer).__slots__
        return type(answer), *(self.from_real(getattr(answer, name)) for name in names)

    def from_sim(self, answer: object) -> object:
        base, cluster, self.base, self.cluster = self.base, self.cluster, 0, self.sim.header.cluster
        try:
            return self.from_real(answer)
        finally:
            self.base, self.cluster = base, cluster

    def check_history(self) -> None:
        """Watches from every revision tell the same."""
        end = end_of_prefix(self.prefix)
        for revision in range(1, self.sim.revision + 1, 5):
            if revision == self.sim.compacted:
                continue  # versions differ in the deletions of that very revision
            sent: list[Watched] = []
            watcher = self.sim.watch(Watching(self.prefix, end, revision), sent.append)
            wanted = [event for message in sent for event in message.events]
            request = Watching(self.prefix, end, revision + self.base)
            is_refused = isinstance(watcher, Failure)
            found = self.real.watch(request, NEVER if is_refused else len(wanted))
            if is_refused:
                assert isinstance(found[-1], Failure)
                assert found[-1].kind is Kind.COMPACTED
                continue
            events = [event for message in found for event in message.events]
            moved = [(e.key, e.value, e.revision - self.base) for e in events]
            assert moved == [(e.key, e.value, e.revision) for e in wanted]


@pytest.mark.parametrize("seed", [*range(SEQUENCES), fresh_seed()])
def test_both_answer_the_same(real: Real, seed: int) -> None:
    pair = Pair(real, seed)
    for step in range(STEPS):
        request = pair.request()
        wanted = pair.sim.answer(request)
        found = real.ask(pair.to_real(request))
        assert pair.from_real(found) == pair.from_sim(wanted), (seed, step, request)
    pair.check_history()
    for lease in set(pair.leases):
        real.ask(Revoke(lease))


def test_a_request_is_never_taken_for_another(real: Real) -> None:
    """What etcd has no word for is refused, and not done in part."""
    answer = real.ask(Txn(((b"/x", 0),), (Put(b"/y", b"1"), Put(b"/y", b"2"))))
    assert isinstance(answer, Failure)
    assert answer.kind is Kind.REFUSED
    assert "duplicate key" in answer.sentence
    found = real.ask(Range(b"/y"))
    assert isinstance(found, Ranged)
    assert found.entries == {}
    assert codec.PATHS[Watching] == "/v3/watch"

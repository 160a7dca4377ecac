"""The Coordination port: three stores that agree, and one that keeps its word in foul weather."""

import os
import random
from collections.abc import Iterator

import pytest

from bus.adapters.etcd.messages import Compact, Range, Ranged, end_of_prefix
from bus.model.limits import (
    TRANSACTION_BYTES_MAX,
    TRANSACTION_KEYS_MAX,
    TRANSACTION_WRITES_MAX,
    VALUE_BYTES_MAX,
)
from bus.model.store_errors import StoreRefused, StoreUnreachable
from bus.ports import Changes, Entry, Session, Snapshot, Write
from tests.fixtures.asked_store import ROOT, Caller, Mirror, SoloBench
from tests.fixtures.etcd import Etcd
from tests.fixtures.etcd_stores import SCRATCH, EtcdBench, SimBench, be_patient
from tests.fixtures.fresh_seed import fresh_seed
from tests.fixtures.sim_carrier import Weather

AGREEMENTS = 4
STEPS = 60
STORMS = int(os.environ.get("STORMS", "30"))  # `STORMS=5000 ./run test ...` for more
STORM_SECONDS = 60
KEYS = "abcdef"


# --- three stores agree ------------------------------------------------------------------------


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A try that is lost may cost a revision more."""
    be_patient(monkeypatch, "asking.TRY_MS")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdBench]:
    with Etcd(tmp_path_factory.mktemp("etcd")) as etcd:
        bench = EtcdBench(etcd.urls)
        yield bench
        bench.close()


class Script:
    """The same operations for each store, and what came of them, in distances from the start."""

    def __init__(self, bench: object, root: str, seed: int) -> None:
        self._bench = bench
        self._root = root
        self._chance = random.Random(seed)
        self._caller = Caller(bench, bench.store(f"s{seed}"))
        self._base = self._caller.put(root + "start", b"")
        self._mirror = Mirror(self._caller.store, root)
        bench.until(lambda: bool(self._mirror.news))
        self._sessions: list[Session] = []
        self._revisions: dict[str, int] = {}
        self.outcomes: list[object] = []

    def run(self) -> None:
        for _ in range(STEPS):
            self.outcomes.append(self._step())
        last = self._caller.list(self._root)
        assert isinstance(last, Snapshot)
        self._bench.until(lambda: self._mirror.revision >= last.revision)
        self.outcomes += [self._news(news) for news in self._mirror.news]
        self.outcomes.append(self._plain(last))

    def _step(self) -> object:
        kind = self._chance.choices(
            ["write", "get", "list", "open", "end", "large"], [30, 5, 5, 3, 2, 1]
        )[0]
        key = self._root + self._chance.choice(KEYS)
        if kind == "get":
            return self._plain(self._caller.get(key))
        if kind == "list":
            return self._plain(self._caller.list(self._root))
        if kind == "large":
            return type(self._caller.put(key, bytes(VALUE_BYTES_MAX + 1)))
        if kind == "open":
            return self._open_session()
        if kind == "end":
            return self._end_session()
        return self._write()

    def _open_session(self) -> object:
        session = self._caller.open_session(600_000)
        self._sessions.append(session)
        return self._plain(self._caller.put(self._key_of(session), b"", session=session))

    def _end_session(self) -> object:
        if not self._sessions:
            return None
        session = self._chance.choice(self._sessions)
        session.close()
        while self._caller.get(self._key_of(session)) is not None:
            self._bench.rest(0.01)  # it is on its way: what is asked behind it may overtake it
        return self._plain(self._caller.list(self._root))

    def _key_of(self, session: Session) -> str:
        return f"{self._root}session/{self._sessions.index(session)}"

    def _write(self) -> object:
        keys = self._chance.sample(KEYS, self._chance.randrange(1, 4))
        guarded = [key for key in KEYS if key not in keys and self._chance.random() < 0.2]
        writes = [self._write_of(self._root + key) for key in keys]
        guards = {self._root + key: self._expected(self._root + key) for key in guarded}
        return self._plain(self._caller.transact(*writes, guards=guards))

    def _write_of(self, key: str) -> Write:
        expected = self._expected(key)
        value = self._chance.randbytes(4)
        if expected and self._chance.random() < 0.3:
            return Write(key, None, expected)
        is_bound = self._sessions and self._chance.random() < 0.3
        session = self._chance.choice(self._sessions) if is_bound else None
        return Write(key, value, expected, session)

    def _expected(self, key: str) -> int:
        entry = self._caller.get(key)
        assert entry is None or isinstance(entry, Entry)
        is_wrong = self._chance.random() < 0.1
        return (entry.revision if entry else 0) + (1000 if is_wrong else 0)

    def _news(self, news: Snapshot | Changes) -> object:
        if isinstance(news, Snapshot):
            return self._plain(news)
        values = {key[len(self._root) :]: value for key, value in news.values.items()}
        return news.revision - self._base, values

    def _plain(self, outcome: object) -> object:
        if isinstance(outcome, Snapshot):
            return [(key[len(self._root) :], self._plain(e)) for key, e in outcome.entries.items()]
        if isinstance(outcome, Entry):
            return outcome.value, outcome.revision - self._base
        if isinstance(outcome, int):
            return outcome - self._base
        return type(outcome)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("seed", [*range(AGREEMENTS), fresh_seed()])
def test_a_file_a_simulated_and_a_real_etcd_agree(real: EtcdBench, seed: int) -> None:
    scripts = [
        Script(SoloBench(), "/busd/c/", seed),
        Script(SimBench(seed), "/busd/c/", seed),
        Script(real, f"/busd/c/{random.SystemRandom().getrandbits(60)}/", seed),
    ]
    for script in scripts:
        script.run()
    file, simulated, by_etcd = (script.outcomes for script in scripts)
    assert simulated == by_etcd
    assert file == by_etcd


@pytest.mark.usefixtures("patient")
def test_a_real_etcd_takes_what_is_at_the_limits(real: EtcdBench) -> None:
    root = f"{ROOT}limits/"
    caller, mirror = Caller(real, real.store("limits")), Mirror(real.store("w"), root)
    piece = bytes(TRANSACTION_BYTES_MAX // TRANSACTION_WRITES_MAX - 100)
    many = [Write(f"{root}s/{n:03}", piece) for n in range(TRANSACTION_WRITES_MAX)]
    guards = {f"{root}g/{n}": 0 for n in range(TRANSACTION_KEYS_MAX - TRANSACTION_WRITES_MAX)}
    assert isinstance(caller.transact(*many, guards=guards), int)
    large = bytes(VALUE_BYTES_MAX - 100)
    for number in range(6):  # one answer would be larger than what gRPC lets through
        few = [Write(f"{root}l/{number}-{n}", large) for n in range(4)]
        assert isinstance(caller.transact(*few), int)
    found = caller.list(root)
    assert isinstance(found, Snapshot)
    assert len(found.entries) == TRANSACTION_WRITES_MAX + 24
    values = {key: entry.value for key, entry in found.entries.items()}
    real.until(lambda: mirror.entries == values)
    assert mirror.snapshots == 1


# --- foul weather ------------------------------------------------------------------------------


class Writer:
    """A client that writes all along, and remembers what it was told of each transaction."""

    def __init__(self, bench: SimBench, name: str, chance: random.Random) -> None:
        self._bench = bench
        self._name = name
        self._chance = chance
        self.store = bench.store(name)
        self.carrier = bench.carriers[-1]
        self.mirror = Mirror(self.store)
        self.told: dict[bytes, object] = {}  # by value, which each transaction has its own
        self._revisions: dict[str, int] = {}
        self._asked = 0
        self.is_over = False

    def go_on(self) -> None:
        if self.is_over:
            return
        for key in self._chance.sample(KEYS[:4], 2):
            self.store.get(ROOT + key, lambda entry, key=key: self._learn(key, entry))
        rest = 9 if self._chance.random() < 0.15 else 0.5  # in a long one late requests arrive
        self._bench.timeline.later(self._chance.uniform(0, rest), self.write)

    def write(self) -> None:
        self._asked += 1
        value = f"{self._name}-{self._asked}".encode()
        keys = self._chance.sample(KEYS[:4], 2)
        writes = [Write(ROOT + key, value, self._revisions.get(key, 0)) for key in keys]
        if writes[0].expected and self._chance.random() < 0.6:  # so that keys are absent again
            writes[0] = Write(writes[0].key, None, writes[0].expected)
        guards = {ROOT + "guard": self._revisions.get("guard", 0)}

        def done(outcome: object) -> None:
            assert value not in self.told, "it has one outcome"
            self.told[value] = outcome
            self.go_on()

        self.store.transact(writes, guards if self._chance.random() < 0.2 else {}, done)

    def _learn(self, key: str, entry: object) -> None:
        if entry is None or isinstance(entry, Entry):
            self._revisions[key] = entry.revision if entry else 0


def storm(seed: int) -> tuple[SimBench, list[Writer]]:
    """Three writers in whatever comes, and what is left of it once all has calmed down."""
    chance = random.Random(seed)
    bench = SimBench(seed * 100)
    writers = [Writer(bench, str(number), chance) for number in range(3)]
    for writer in writers:
        writer.go_on()
    for _ in range(STORM_SECONDS):
        writer = chance.choice(writers)
        what = chance.randrange(6)
        if what == 0:
            writer.carrier.cut_off(*chance.sample(range(3), chance.randrange(1, 4)))
        elif what == 1:
            writer.carrier.heal()
        elif what == 2:
            bench.etcd.answer(Compact(chance.randrange(1, bench.etcd.revision + 1)))
        elif what == 3:
            bench.etcd.swallows_events = chance.random() < 0.2
        else:
            writer.carrier.weather = Weather(
                lost=chance.choice([0, 0.1, 0.5]),
                answer_lost=chance.choice([0, 0.1, 0.5]),
                late=chance.choice([0, 0.2, 0.5]),
                stream_ends=chance.choice([0, 0.05]),
                delay_ms=chance.choice([1, 20, 300]),
            )
        bench.rest(1)
    bench.etcd.swallows_events = False
    for writer in writers:
        writer.is_over = True
        writer.carrier.heal()
    bench.rest(120)  # late requests have arrived, and all keys were compared once more
    return bench, writers


@pytest.mark.parametrize("seed", [*range(STORMS), *range(fresh_seed(), fresh_seed() + 5)])
def test_what_a_client_was_told_of_its_transactions_is_so(seed: int) -> None:
    bench, writers = storm(seed)
    written: dict[bytes, set[int]] = {}
    for revision, value in bench.etcd.ever_written(ROOT.encode(), SCRATCH.encode()):
        written.setdefault(value, set()).add(revision)
    for writer in writers:
        for value, outcome in writer.told.items():
            if isinstance(outcome, int):
                assert written[value] == {outcome}, "once, and then"
            elif outcome is None or isinstance(outcome, StoreRefused):
                assert value not in written, "not then, and not later"
            else:
                assert isinstance(outcome, StoreUnreachable)
                assert len(written.get(value, ())) <= 1, "at most once"


@pytest.mark.parametrize("seed", range(STORMS, STORMS + 10))
def test_who_watched_in_a_storm_knows_all_in_the_end(seed: int) -> None:
    bench, writers = storm(seed)
    answer = bench.etcd.answer(Range(ROOT.encode(), end_of_prefix(ROOT.encode())))
    assert isinstance(answer, Ranged)
    shown = {
        key.decode(): entry.value
        for key, entry in answer.entries.items()
        if not key.startswith(SCRATCH.encode())
    }
    for writer in writers:
        assert writer.mirror.entries == shown


def test_storms_are_storms() -> None:
    """Of all that a storm is made of, something happened; and most transactions have an outcome."""
    outcomes: list[object] = []
    faults: dict[str, int] = {}
    for seed in range(8):
        _, writers = storm(seed)
        for writer in writers:
            outcomes += writer.told.values()
            for fault, count in writer.carrier.counts.items():
                faults[fault] = faults.get(fault, 0) + count
    assert all(faults.values()), faults
    known = [outcome for outcome in outcomes if not isinstance(outcome, StoreUnreachable)]
    assert len(known) > len(outcomes) / 2
    assert any(outcome is None for outcome in known)
    assert len(known) < len(outcomes)

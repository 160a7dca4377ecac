"""The store that simulated brokers share: the real client, on the time and the fate of each."""

from bus.ports import Snapshot, Write
from tests.sim.plan import draw
from tests.sim.process import Process
from tests.sim.world import World

KEY = "/busd/sim/g/1"
ROOT = "/busd/sim/"


class Bench:
    def __init__(self) -> None:
        self.world = World(draw(1, brokers=3))
        chance = self.world.chance("test")
        self.processes = [Process(self.world.timeline, chance, 0.0, lambda: None) for _ in range(3)]
        self.stores = [self.world.store.of(n, process) for n, process in enumerate(self.processes)]

    def write(self, number: int, value: bytes, expected: int = 0) -> list:
        told: list = []
        self.stores[number].transact([Write(KEY, value, expected)], {}, told.append)
        self.world.timeline.pass_ms(3000)
        return told


def test_what_one_broker_writes_the_others_see() -> None:
    bench = Bench()
    seen: list = []
    bench.stores[2].watch(ROOT, seen.append)
    assert bench.write(0, b"one") != [None]
    assert isinstance(seen[0], Snapshot)
    assert seen[-1].values == {KEY: b"one"}


def test_of_two_who_compare_with_the_same_one_fails() -> None:
    bench = Bench()
    assert isinstance(bench.write(0, b"one")[0], int)
    assert bench.write(1, b"two") == [None]


def test_who_does_not_reach_it_is_told_and_others_go_on() -> None:
    bench = Bench()
    bench.world.store.cut_off(0)
    told: list = []
    bench.stores[0].transact([Write(KEY, b"lost", 0)], {}, told.append)
    assert isinstance(bench.write(1, b"there")[0], int)
    bench.world.timeline.pass_ms(20_000)
    assert isinstance(told[0], Exception)
    bench.world.store.heal(0)
    assert bench.write(0, b"stale") == [None]


def test_a_broker_that_was_killed_is_told_nothing() -> None:
    bench = Bench()
    told: list = []
    bench.stores[0].transact([Write(KEY, b"mine", 0)], {}, told.append)
    bench.processes[0].end()
    bench.world.timeline.pass_ms(20_000)
    assert told == []


def test_a_session_that_expires_takes_its_keys_with_it() -> None:
    bench = Bench()
    lost, sessions = [], []
    bench.stores[0].open_session(3000, lambda: lost.append(True), sessions.append)
    bench.world.timeline.pass_ms(500)
    key = f"{ROOT}b/1"
    bench.stores[0].transact([Write(key, b"here", 0, sessions[0])], {}, lambda told: None)
    bench.world.timeline.pass_ms(500)
    bench.world.store.expire(0)
    bench.world.timeline.pass_ms(5000)
    assert lost == [True]
    found: list = []
    bench.stores[1].get(key, found.append)
    bench.world.timeline.pass_ms(500)
    assert found == [None]

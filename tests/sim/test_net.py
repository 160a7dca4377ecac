"""Links between brokers: in order, none twice, nothing of an older connection on a newer one."""

from random import Random

import pytest

from tests.fixtures.timeline import Timeline
from tests.sim.net import SimNet
from tests.sim.process import Process


class Broker:
    """One end; what it hears."""

    def __init__(self, bench: "Bench", number: int) -> None:
        self.process = Process(bench.timeline, Random(number), 0.0, lambda: None)
        self.heard: list[tuple[int, object]] = []
        self.links: dict[int, bool] = {}
        self.peers = bench.net.endpoint(
            number,
            self.process,
            lambda broker, message: self.heard.append((broker, message)),
            self.links.__setitem__,
        )


class Bench:
    """Three brokers, all linked."""

    def __init__(self, seed: int = 1, late: float = 0.0) -> None:
        self.timeline = Timeline(Random(seed))
        self.net = SimNet(self.timeline, Random(seed), 3, late)
        self.brokers = [Broker(self, number) for number in range(3)]
        self.rest()

    def rest(self, ms: float = 1000) -> None:
        self.timeline.pass_ms(ms)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_all_links_go_up(bench: Bench) -> None:
    assert bench.brokers[0].links == {1: True, 2: True}
    assert bench.brokers[2].links == {0: True, 1: True}


def test_messages_arrive_in_order(bench: Bench) -> None:
    one, other = bench.brokers[:2]
    for number in range(200):
        one.peers.send(1, number)
        bench.rest(0.1)
    bench.rest()
    assert other.heard == [(0, number) for number in range(200)]


def test_what_was_under_way_when_a_link_broke_never_arrives(bench: Bench) -> None:
    one, other = bench.brokers[:2]
    one.peers.send(1, "before")
    bench.net.break_link(0, 1)
    bench.rest()
    one.peers.send(1, "after")
    bench.rest()
    assert other.heard == [(0, "after")]
    assert other.links[0]


def test_or_it_arrives_when_nobody_expects_it_any_more() -> None:
    bench = Bench(late=1.0)
    one, other = bench.brokers[:2]
    for text in ("before", "the break"):
        one.peers.send(1, text)
    bench.net.break_link(0, 1)
    bench.rest(5000)
    assert other.heard == [(0, "before"), (0, "the break")]


def test_even_in_another_life() -> None:
    bench = Bench(late=1.0)
    one, other = bench.brokers[:2]
    one.peers.send(1, "to the dead")
    other.process.end()
    again = Broker(bench, 1)
    bench.rest(5000)
    assert (other.heard, again.heard) == ([], [(0, "to the dead")])


def test_a_link_is_down_before_it_is_up_again(bench: Bench) -> None:
    bench.net.break_link(0, 1)
    bench.rest(0.5)
    assert bench.brokers[0].links == {1: False, 2: True}


def test_a_short_cut_only_delays(bench: Bench) -> None:
    one, other = bench.brokers[:2]
    bench.net.cut(0, 1)
    one.peers.send(1, "late")
    bench.rest(20)
    assert other.heard == []
    bench.net.heal(0, 1)
    bench.rest()
    assert other.heard == [(0, "late")]


def test_a_long_cut_of_one_way_takes_the_link_down_until_it_is_healed(bench: Bench) -> None:
    one, other = bench.brokers[:2]
    bench.net.cut(0, 1)
    one.peers.send(1, "lost")
    bench.rest()
    assert (one.links[1], other.links[0]) == (False, False)
    assert bench.brokers[2].links == {0: True, 1: True}
    bench.net.heal(0, 1)
    bench.rest()
    assert (one.links[1], other.links[0]) == (True, True)
    assert other.heard == []


def test_the_other_way_goes_on_until_the_cut_is_noticed(bench: Bench) -> None:
    bench.net.cut(0, 1)
    bench.brokers[1].peers.send(0, "back")
    bench.rest(20)
    assert bench.brokers[0].heard == [(1, "back")]


def test_a_process_that_is_killed_leaves_and_its_next_life_comes(bench: Bench) -> None:
    one, other = bench.brokers[:2]
    one.peers.send(1, "to the dead")
    other.process.end()
    bench.rest()
    assert one.links[1] is False
    again = Broker(bench, 1)
    bench.rest()
    assert one.links[1] is True
    assert again.heard == []


def test_a_paused_process_hears_it_all_afterwards(bench: Bench) -> None:
    one, other = bench.brokers[:2]
    other.process.pause()
    for number in range(10):
        one.peers.send(1, number)
    bench.rest()
    assert other.heard == []
    other.process.go_on()
    assert other.heard == [(0, number) for number in range(10)]


def test_what_came_to_a_paused_process_on_a_link_that_broke_is_not_heard(bench: Bench) -> None:
    one, other = bench.brokers[:2]
    other.process.pause()
    one.peers.send(1, "old")
    bench.rest(10)
    bench.net.break_link(0, 1)
    bench.rest()
    other.process.go_on()
    assert other.heard == []


def test_in_any_weather_what_arrives_is_a_part_in_order() -> None:
    for seed in range(50):
        bench, chance = Bench(seed), Random(f"weather {seed}")
        for number in range(300):
            bench.brokers[0].peers.send(1, number)
            fault = chance.random()
            if fault < 0.01:
                bench.net.break_link(0, 1)
            elif fault < 0.03:
                bench.net.cut(*chance.sample([0, 1], 2))
            elif fault < 0.08:
                bench.net.heal_all()
            bench.rest(chance.uniform(0, 5))
        bench.net.heal_all()
        bench.rest()
        numbers = [message for _, message in bench.brokers[1].heard]
        assert numbers == sorted(set(numbers)), f"seed {seed}"
        bench.brokers[0].peers.send(1, "last")
        bench.rest()
        assert bench.brokers[1].heard[-1] == (0, "last"), f"seed {seed}"

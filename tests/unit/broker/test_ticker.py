"""The broker's one timer: deadlines on time, housekeeping now and then, the lag it sees."""

import asyncio

from bus.broker.counters import Counters
from bus.broker.ticker import HOUSEKEEPING_MS, Ticker


class SteppedLoop:
    """The loop's one method that a ticker uses; the test lets its timers fire."""

    def __init__(self, clock):
        self.clock = clock
        self.timers = []

    def call_later(self, delay, call):
        timer = asyncio.TimerHandle(self.clock.ms + delay * 1000, call, (), self)
        self.timers.append(timer)
        return timer

    def get_debug(self):
        return False

    def _timer_handle_cancelled(self, timer):
        self.timers = [one for one in self.timers if one is not timer]

    def pass_to(self, ms, late=0):
        """Let time go by, each timer firing when it is due (or so much later)."""
        while self.timers and self.timers[0].when() <= ms:
            timer = self.timers.pop(0)
            self.clock.ms = max(self.clock.ms, round(timer.when()) + late)
            timer._callback()
        self.clock.ms = max(self.clock.ms, ms)


class Clock:
    def __init__(self):
        self.ms = 0

    def now_ms(self):
        return self.ms


class Node:
    """What a ticker asks of a node."""

    def __init__(self):
        self.clock = Clock()
        self.counters = Counters()
        self.next = None
        self.ticks = []
        self.kept_house = []

    def next_tick_ms(self):
        return self.next

    def tick(self, now):
        self.ticks.append(now)
        if self.next is not None and self.next <= now:
            self.next = None

    def keep_house(self, now):
        self.kept_house.append(now)


def made():
    node = Node()
    loop = SteppedLoop(node.clock)
    return node, loop, Ticker(loop, node)


def test_housekeeping_comes_at_its_interval():
    node, loop, _ = made()
    loop.pass_to(3 * HOUSEKEEPING_MS)
    assert node.kept_house == [n * HOUSEKEEPING_MS for n in range(4)]


def test_a_deadline_before_that_is_met():
    node, loop, ticker = made()
    loop.pass_to(10)
    node.next = 50
    ticker.touch()
    loop.pass_to(100)
    assert 50 in node.ticks


def test_a_deadline_after_the_timer_leaves_it_alone():
    _, loop, ticker = made()
    loop.pass_to(10)
    before = list(loop.timers)
    ticker.touch()
    assert loop.timers == before


def test_the_worst_delay_is_counted():
    node, loop, _ = made()
    loop.pass_to(10)
    loop.pass_to(HOUSEKEEPING_MS, late=30)
    assert node.counters.loop_lag_ms_max == 30


def test_after_a_close_nothing_fires():
    node, loop, ticker = made()
    ticker.close()
    loop.pass_to(10_000)
    assert node.ticks == []

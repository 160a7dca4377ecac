"""Deadlines as data."""

from bus.control.timers import Timers


def test_nothing_is_due_before_its_time() -> None:
    timers: Timers[str] = Timers()
    timers.set("a", 10)
    assert timers.due(9) == []
    assert timers.due(10) == ["a"]


def test_a_key_is_due_once() -> None:
    timers: Timers[str] = Timers()
    timers.set("a", 10)
    timers.due(10)
    assert timers.due(11) == []
    assert len(timers) == 0


def test_keys_come_in_the_order_of_their_deadlines() -> None:
    timers: Timers[str] = Timers()
    for key, deadline in [("c", 30), ("a", 10), ("b", 20)]:
        timers.set(key, deadline)
    assert timers.due(100) == ["a", "b", "c"]


def test_setting_a_key_again_replaces_its_deadline() -> None:
    timers: Timers[str] = Timers()
    timers.set("a", 10)
    timers.set("a", 20)
    assert timers.due(10) == []
    assert timers.next_ms() == 20


def test_a_cancelled_key_never_comes() -> None:
    timers: Timers[str] = Timers()
    timers.set("a", 10)
    timers.cancel("a")
    timers.cancel("unknown")
    assert timers.next_ms() is None
    assert timers.due(100) == []


def test_replacing_deadlines_for_ever_takes_no_memory() -> None:
    timers: Timers[str] = Timers()
    for deadline in range(100_000):
        timers.set("a", deadline)
    assert len(timers._heap) < 200
    assert timers.due(100_000) == ["a"]

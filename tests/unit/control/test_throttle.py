"""A rate that is kept on average."""

from bus.control.throttle import Throttle


def test_nothing_waits_before_anything_was_taken():
    assert Throttle(1000).wait_ms(7) == 0


def test_what_was_taken_is_waited_for():
    throttle = Throttle(1000)
    throttle.take(500, 100)
    throttle.take(250, 100)
    assert throttle.wait_ms(100) == 750
    assert throttle.wait_ms(849) == 1
    assert throttle.wait_ms(850) == 0


def test_rest_is_not_saved_up():
    throttle = Throttle(1000)
    throttle.take(10, 100)
    throttle.take(10, 5000)
    assert throttle.wait_ms(5000) == 10

"""The real clock counts milliseconds."""

import time

from bus.adapters.clock import SystemClock


def test_the_monotonic_clock_does_not_go_back() -> None:
    clock = SystemClock()
    assert clock.now_ms() <= clock.now_ms()


def test_the_wall_clock_counts_milliseconds_since_the_epoch() -> None:
    assert abs(SystemClock().wall_ms() - time.time() * 1000) < 60_000

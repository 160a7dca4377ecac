"""The broker's one timer: deadlines when they come, housekeeping twice a second."""

import asyncio

from bus.broker.node import Node

HOUSEKEEPING_MS = 500
LAG_WINDOW_MS = 60_000


class Ticker:
    """Calls `node.tick` when a deadline is due; `touch` after anything that may have set one."""

    def __init__(self, loop: asyncio.AbstractEventLoop, node: Node) -> None:
        self._loop = loop
        self._node = node
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms = 0  # when it will fire
        self._window_end_ms = 0  # of the loop lag that is being counted
        self._housekeeping_ms = node.clock.now_ms()
        self._arm(self._housekeeping_ms)

    def touch(self) -> None:
        """Look whether the next deadline is earlier than the timer."""
        next_ms = self._node.next_tick_ms()
        if next_ms is not None and next_ms < self._timer_ms:
            self._arm(next_ms)

    def close(self) -> None:
        """No more ticks."""
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self, when_ms: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ms = when_ms
        delay = max(0, when_ms - self._node.clock.now_ms()) / 1000
        self._timer = self._loop.call_later(delay, self._fire)

    def _fire(self) -> None:
        now = self._node.clock.now_ms()
        self._count_lag(now)
        self._node.tick(now)
        if now >= self._housekeeping_ms:
            self._node.keep_house(now)
            self._housekeeping_ms = now + HOUSEKEEPING_MS
        next_ms = self._node.next_tick_ms()
        self._arm(min(self._housekeeping_ms, next_ms or self._housekeeping_ms))

    def _count_lag(self, now: int) -> None:
        counters = self._node.counters
        if now >= self._window_end_ms:
            counters.loop_lag_ms_max = 0.0
            self._window_end_ms = now + LAG_WINDOW_MS
        counters.loop_lag_ms_max = max(counters.loop_lag_ms_max, float(now - self._timer_ms))

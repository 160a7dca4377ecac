"""Steps out of the group when the user has not polled for longer than it said it would take."""

import asyncio
import time

from bus.client.group import Group

LOOKS = 10  # in the time of the limit


class PollLimit:
    """Of one consumer; the user's thread tells `busy_since`, the I/O thread looks."""

    def __init__(self, loop: asyncio.AbstractEventLoop, group: Group, limit_ms: int) -> None:
        self.busy_since: float | None = None  # monotonic; None while the user waits in a poll
        self.stepped_out = False  # until the user polls again
        self._loop = loop
        self._group = group
        self._limit_ms = limit_ms
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """From now on."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._limit_ms / LOOKS / 1000, self._look)

    def close(self) -> None:
        """No more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        self.start()
        since = self.busy_since
        if since is None or self.stepped_out:
            return
        if (time.monotonic() - since) * 1000 > self._limit_ms:
            self.stepped_out = True
            self._group.step_out()

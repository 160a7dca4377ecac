"""Commits what the user is through with, every so often, however long its work takes.

It runs on the I/O thread and reads where the user is: what it is through with is all it handed
back by asking for more, so a record that is being worked on is never committed.
"""

import asyncio
import logging

from bus.client.desk import Desk
from bus.client.offsets import Offsets
from bus.client.outcome import Outcome
from bus.client.reading import Reading

log = logging.getLogger("bus.client")


class AutoCommit:
    """Of one consumer."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        reading: Reading,
        offsets: Offsets,
        desk: Desk,
        interval_ms: int,
    ) -> None:
        self._loop = loop
        self._reading = reading
        self._offsets = offsets
        self._desk = desk
        self._seconds = interval_ms / 1000
        self._timer: asyncio.TimerHandle | None = None
        self._pending: Outcome[bool] | None = None

    def start(self) -> None:
        """From now on."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._turn)

    def close(self) -> None:
        """No more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn(self) -> None:
        self._timer = None
        self.start()
        pending = self._pending
        if pending is not None and not pending.done:
            return
        if pending is not None and pending.error is not None:
            log.warning("Positions could not be committed: %s", pending.error)
        self._pending = None
        era = self._desk.user_era  # before the positions: those of an older one are refused
        known = self._offsets.known
        due = {p: offset for p, offset in self._reading.done().items() if known.get(p) != offset}
        if due:
            self._pending = Outcome()
            self._offsets.commit(due, era, self._seconds * 2, self._pending)

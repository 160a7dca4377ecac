"""The broker's own limit of memory: above it the listeners go, rather than the whole process.

ZeroMQ cannot bound a message whose parts never end, so one peer may make the process grow until
the kernel kills it. What such a peer holds is given back when its socket is closed, and only then.
The log, embedded clients and HTTP go on; that the port is closed stands in the log and in the
broker's status until it is started again.
"""

import asyncio
import logging
from collections.abc import Callable

from bus.model.limits import MEMORY_CHECK_MS, MEMORY_SHARE_OF_MACHINE, MIB

log = logging.getLogger("busd")


class MemoryGuard:
    """Looks at the process's memory again and again until it is too much, once."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limit_bytes: int,
        own_bytes: Callable[[], int | None],
        on_exceeded: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._limit_bytes = limit_bytes
        self._own_bytes = own_bytes
        self._on_exceeded = on_exceeded
        self._timer = loop.call_later(MEMORY_CHECK_MS / 1000, self._look)

    def close(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        own = self._own_bytes()
        if own is None or own <= self._limit_bytes:
            self._timer = self._loop.call_later(MEMORY_CHECK_MS / 1000, self._look)
            return
        log.error(
            "The process has %d MiB of memory, above the limit of %d MiB (memory.limit.bytes): no "
            "more clients are served from other processes until the broker is started again.",
            own // MIB,
            self._limit_bytes // MIB,
        )
        self._on_exceeded()


def limit_of(setting_bytes: int, machine_bytes: int) -> int:
    """The limit that a setting of memory.limit.bytes means; 0 is a share of the machine's."""
    return setting_bytes or machine_bytes // MEMORY_SHARE_OF_MACHINE

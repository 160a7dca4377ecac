"""What the handles of `bus.aio` have in common: waiting for the I/O thread's bell, and closing."""

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Self

from bus.client.bell import Bell
from bus.errors import BusError


async def wait_for(bell: Bell, ready: Callable[[], object], timeout: float | None) -> bool:
    """As `Bell.wait`, without holding up the caller's loop."""
    loop = asyncio.get_running_loop()
    deadline = None if timeout is None else loop.time() + timeout
    while not ready():
        left = None if deadline is None else deadline - loop.time()
        if left is not None and left <= 0:
            return False
        rung: asyncio.Future[None] = loop.create_future()
        bell.add(waker(loop, rung))
        if ready():
            return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(rung, left)
    return True


def waker(loop: asyncio.AbstractEventLoop, future: "asyncio.Future[None]") -> Callable[[], None]:
    """A wake-up for a bell that ends the wait of `future`; its loop may be gone by then."""

    def finish() -> None:
        if not future.done():
            future.set_result(None)

    def wake() -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(finish)

    return wake


class AsyncClosing:
    """What an `async with` closes at its end."""

    async def close(self) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        """For `async with`."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close; an error of the block goes before a delivery error."""
        try:
            await self.close()
        except BusError:
            if error is None:
                raise

"""How a coroutine of any event loop waits for a bell that the I/O thread rings."""

import asyncio
import contextlib
from collections.abc import Callable

from bus.client.bell import Bell


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

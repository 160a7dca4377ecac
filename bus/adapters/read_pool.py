"""Threads for reads that may block; their results come back on the event loop's thread."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

THREADS = 4
Found = TypeVar("Found")


class ReadPool:
    """A few threads, started when the first cold read comes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: int = THREADS) -> None:
        self._loop = loop
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="busd-read")

    def submit(self, work: Callable[[], Found], done: Callable[["Future[Found]"], None]) -> None:
        """Run `work` on a thread; `done` is called on the event loop's thread."""

        def finished(future: "Future[Found]") -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits for it
                self._loop.call_soon_threadsafe(done, future)

        self._executor.submit(work).add_done_callback(finished)

    def close(self, wait: bool = True) -> None:
        """Take no more; with `wait`, wait for the reads under way."""
        self._executor.shutdown(wait)

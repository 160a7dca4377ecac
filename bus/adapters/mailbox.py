"""Calls from any thread into one event loop, with one wake-up for many of them.

A call goes into a deque; only the first after the loop has emptied it costs a system call. The
order of events that makes this safe without a lock: the poster appends and then looks at
`_woken`; the loop clears `_woken` and then takes. A poster that still saw `_woken` set had
appended before it was cleared, so the take behind the clearing finds its call.

Invariant: whenever the deque is not empty, `_woken` is set or the loop is about to take.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

Call: TypeAlias = tuple[Callable[..., object], tuple[Any, ...]]

_ONE = (1).to_bytes(8, "little")


class Mailbox:
    """Made on the loop's thread, posted to from any, closed on the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: deque[Call] = deque()
        self._woken = False
        self._closed = False
        self._read_fd, self._write_fd = _wake_pair()
        loop.add_reader(self._read_fd, self._on_wake)

    def post(self, fn: Callable[..., object], *args: Any) -> None:
        """Run `fn(*args)` on the loop's thread, in the order of posting; dropped once closed."""
        self._calls.append((fn, args))
        if not self._woken:
            self._woken = True
            self._wake()

    def close(self) -> None:
        """Run what was posted, then take nothing more."""
        if self._closed:
            return
        self._take()
        self._closed = self._woken = True
        self._loop.remove_reader(self._read_fd)
        self.close_fds()

    def close_fds(self) -> None:
        """Close the descriptors alone: all that a forked child may do with its parent's."""
        self._closed = self._woken = True
        for fd in {self._read_fd, self._write_fd}:
            os.close(fd)
        self._read_fd = self._write_fd = -1

    def _wake(self) -> None:
        try:
            os.write(self._write_fd, _ONE)
        except BlockingIOError:  # a full pipe wakes the loop just as well
            pass
        except OSError:  # closed between the look at `_woken` and the write
            if not self._closed:
                raise

    def _on_wake(self) -> None:
        try:
            os.read(self._read_fd, 4096)
        except BlockingIOError:
            return
        self._take()

    def _take(self) -> None:
        """Run what has been posted so far; calls posted meanwhile wake the loop again."""
        self._woken = False
        take = self._calls.popleft
        for _ in range(len(self._calls)):
            fn, args = take()
            try:
                fn(*args)
            except Exception as error:
                self._loop.call_exception_handler(
                    {"message": f"A call posted to the loop failed: {fn!r}", "exception": error}
                )


def _wake_pair() -> tuple[int, int]:
    """(read end, write end): one eventfd where the system has it, else a pipe."""
    if hasattr(os, "eventfd"):
        fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        return fd, fd
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends

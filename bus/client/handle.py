"""What producers, consumers and admins have in common: closing in time, forks, and the exit.

A handle belongs to the process that made it. In a forked child every use raises ForkedClient at
once: its sockets and its thread are the parent's. At the interpreter's exit open handles are
closed with a short time-out each, so that nothing hangs.
"""

import atexit
import contextlib
import os
import time
import weakref

from bus.adapters.io_thread import IoThread
from bus.errors import BusError, Closed, ForkedClient

EXIT_SECONDS = 3.0  # for all handles that were left open

_open: "weakref.WeakSet[Handle]" = weakref.WeakSet()
_hooked: set[int] = set()  # ids of the processes whose exit closes handles


class Handle:
    """Base of what a user holds; `_refusal` says why it is of no use any more."""

    def __init__(self) -> None:
        self._refusal: BusError | None = None
        self._io = IoThread.shared()
        _open.add(self)
        _hook_exit()

    def close(self, timeout: float | None = None) -> None:
        """Overridden by each kind of handle; returns within `timeout` seconds."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise Closed or ForkedClient if the handle is of no use any more."""
        if self._refusal is not None:
            raise type(self._refusal)(*self._refusal.args)

    def _retire(self, error: BusError) -> bool:
        """Take no more calls; False if it was retired before."""
        _open.discard(self)
        if self._refusal is not None:
            return False
        self._refusal = error
        return True

    def _on_fork(self) -> None:
        """In the child; overridden to stop fast paths that do not call `check`."""
        self._refusal = ForkedClient()


def closed(kind: str) -> Closed:
    """The error of a handle that the user closed."""
    return Closed(f"The {kind} is closed.")


def _hook_exit() -> None:
    """Have the exit close handles before it ends the I/O thread: last registered, first run."""
    if os.getpid() not in _hooked:
        _hooked.add(os.getpid())
        atexit.register(_close_all)


def _close_all() -> None:
    deadline = time.monotonic() + EXIT_SECONDS
    for handle in list(_open):
        with contextlib.suppress(BusError):  # a user who wants to know closes the handle
            handle.close(max(deadline - time.monotonic(), 0.0))


def _after_fork_in_child() -> None:
    for handle in list(_open):
        handle._on_fork()
    _open.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)

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
from collections.abc import Callable
from types import TracebackType
from typing import ClassVar, Self

from bus.adapters.io_thread import IoThread
from bus.errors import BusError, Closed, ForkedClient

CLOSE_SECONDS = 5.0
EXIT_SECONDS = 3.0  # for all handles that were left open

_open: "weakref.WeakSet[Handle]" = weakref.WeakSet()
_hooked: set[int] = set()  # ids of the processes whose exit closes handles


class Closing:
    """What a `with` closes at its end."""

    def close(self) -> None:
        """Let go of everything; harmless when done before."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        """For `with`."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close; an error of the block goes before a delivery error."""
        try:
            self.close()
        except BusError:
            if error is None:
                raise


class Handle(Closing):
    """Base of what a user holds; `_refusal` says why it is of no use any more."""

    KIND: ClassVar[str]  # as messages call it

    def __init__(self) -> None:
        self._refusal: BusError | None = None
        self._kept_in: dict[Handle, None] | None = None
        self._io = IoThread.shared()
        _open.add(self)
        _hook_exit()

    def close(self, timeout: float | None = CLOSE_SECONDS) -> None:
        """Let go of everything within `timeout` seconds. Closing twice is fine."""
        if self.begin_close() and self._io.is_alive():
            self._release(timeout)

    def close_at_exit(self, timeout: float) -> None:
        """Close what the user has left open when the interpreter ends."""
        self.close(timeout)

    def begin_close(self) -> bool:
        """Take no more calls; False if that was so before."""
        return self._retire(self.closed())

    def closed(self) -> Closed:
        """The error of whoever uses it after it was closed."""
        return Closed(f"The {self.KIND} is closed.")

    def check(self) -> None:
        """Raise Closed or ForkedClient if the handle is of no use any more."""
        if self._refusal is not None:
            raise type(self._refusal)(*self._refusal.args)

    def stay_in(self, keep: "dict[Handle, None]") -> None:
        """Be kept alive there, until it is closed."""
        keep[self] = None
        self._kept_in = keep

    def _release(self, timeout: float | None) -> None:
        """Overridden by each kind; the I/O thread is alive, and no call is taken any more."""
        raise NotImplementedError

    def _when_forgotten(self, release: Callable[..., object], *args: object) -> None:
        """Have the I/O thread call `release` if the user never closes the handle."""
        finalize = weakref.finalize(self, _abandon, self._io, release, *args)
        finalize.atexit = False

    def _retire(self, error: BusError) -> bool:
        """Take no more calls; False if it was retired before."""
        _open.discard(self)
        if self._kept_in is not None:
            self._kept_in.pop(self, None)
        if self._refusal is not None:
            return False
        self._refusal = error
        return True

    def _on_fork(self) -> None:
        """In the child; overridden to stop fast paths that do not call `check`."""
        self._refusal = ForkedClient()


def _abandon(io: IoThread, release: Callable[..., object], *args: object) -> None:
    if io.is_alive():
        io.post(release, *args)


def _hook_exit() -> None:
    """Have the exit close handles before it ends the I/O thread: last registered, first run."""
    if os.getpid() not in _hooked:
        _hooked.add(os.getpid())
        atexit.register(_close_all)


def _close_all() -> None:
    deadline = time.monotonic() + EXIT_SECONDS
    for handle in list(_open):
        with contextlib.suppress(BusError, TimeoutError):  # who wants to know closes the handle
            handle.close_at_exit(max(deadline - time.monotonic(), 0.0))


def _after_fork_in_child() -> None:
    for handle in list(_open):
        handle._on_fork()
    _open.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)

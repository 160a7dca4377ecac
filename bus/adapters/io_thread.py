"""The one thread of a process that owns its sockets: an event loop that others post calls to.

A forked child inherits the object but not the thread. `os.register_at_fork` marks every handle
of the parent dead in the child: `post` and `call` then raise ForkedClient, and `shared()` starts
a thread of the child's own.
"""

import asyncio
import atexit
import concurrent.futures
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar, TypeVarTuple, Unpack

from bus.adapters.mailbox import Mailbox
from bus.errors import Closed, ForkedClient

Ts = TypeVarTuple("Ts")
R = TypeVar("R")

CLOSE_SECONDS_MAX = 5.0

_alive: "weakref.WeakSet[IoThread]" = weakref.WeakSet()
_orphans: list["IoThread"] = []  # a parent's threads in a child; kept so that nothing is finalised


class IoThread:
    """A daemon thread that runs an asyncio loop until `close`."""

    _shared: ClassVar["IoThread | None"] = None
    _shared_lock: ClassVar[threading.Lock] = threading.Lock()

    loop: asyncio.AbstractEventLoop

    def __init__(self, name: str = "bus-io") -> None:
        self._refusal: Closed | ForkedClient | None = None  # why nothing is taken any more
        started: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name=name, daemon=True)
        self._thread.start()
        started.result()
        _alive.add(self)

    @classmethod
    def shared(cls) -> "IoThread":
        """The process's own, started at the first call; it ends with the process."""
        with cls._shared_lock:
            thread = cls._shared
            if thread is None or not thread.is_alive():
                if thread is None:
                    atexit.register(_close_shared)
                thread = cls._shared = IoThread()
            return thread

    def is_alive(self) -> bool:
        """Does it still take calls?"""
        return self._refusal is None

    def inside(self) -> bool:
        """Is the caller on this thread?"""
        return threading.current_thread() is self._thread

    def post(self, fn: Callable[..., object], *args: Any) -> None:
        """Run `fn(*args)` on the thread, soon. Raises Closed or ForkedClient, and then it won't."""
        if self._refusal is not None:
            raise self._refused()
        self._mailbox.post(fn, *args)

    def call(self, fn: Callable[[Unpack[Ts]], R], *args: *Ts, timeout: float | None = None) -> R:
        """Run `fn` on the thread and wait for its result; TimeoutError after `timeout` seconds.

        A call that timed out before it began is not run.
        """
        if self.inside():
            return fn(*args)
        future: concurrent.futures.Future[R] = concurrent.futures.Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args))
                except BaseException as error:
                    future.set_exception(error)

        self.post(run)
        try:
            return future.result(timeout)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise

    def close(self, timeout: float = CLOSE_SECONDS_MAX) -> None:
        """Run what was posted, stop the loop and join; returns within `timeout` seconds."""
        assert not self.inside(), "a thread cannot join itself"
        if self._refusal is None:
            self._refusal = Closed("The I/O thread is closed.")
            self._mailbox.post(self.loop.stop)
        if not isinstance(self._refusal, ForkedClient):
            self._thread.join(timeout)

    def _run(self, started: "concurrent.futures.Future[None]") -> None:
        self.loop = loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            self._mailbox = Mailbox(loop)
            loop.call_soon(started.set_result, None)
            loop.run_forever()
            self._mailbox.close()
            _cancel_tasks(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    def _refused(self) -> Closed | ForkedClient:
        assert self._refusal is not None, "asked only once nothing is taken any more"
        return type(self._refusal)(*self._refusal.args)

    def _orphan(self) -> None:
        """In a forked child: the thread is gone, and its descriptors are the parent's."""
        if self._refusal is None:
            self._mailbox.close_fds()
        self._refusal = ForkedClient()
        _orphans.append(self)


def _cancel_tasks(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def _close_shared() -> None:
    thread = IoThread._shared
    if thread is not None and thread.is_alive():
        thread.close()


def _after_fork_in_child() -> None:
    IoThread._shared_lock = threading.Lock()
    IoThread._shared = None
    for thread in list(_alive):
        thread._orphan()
    _alive.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)

"""How the I/O thread wakes whoever waits: threads by a lock, coroutines by a callback.

The one who waits adds a wake-up, then looks whether its condition holds, then sleeps; the one who
rings has changed the condition before. So whichever comes first, no ring is lost.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

Wake = Callable[[], object]


class Bell:
    """Rung from any thread; each wake-up that was added is called once."""

    __slots__ = ("_wakes",)

    def __init__(self) -> None:
        self._wakes: deque[Wake] = deque()

    def add(self, wake: Wake) -> None:
        """Call `wake` at the next ring; it must not block, and may come for nothing."""
        self._wakes.append(wake)

    def ring(self) -> None:
        """Wake all who wait now."""
        wakes = self._wakes
        for _ in range(len(wakes)):
            try:
                wake = wakes.popleft()
            except IndexError:  # another thread rings too
                return
            wake()

    def wait(self, ready: Callable[[], object], timeout: float | None) -> bool:
        """Sleep until `ready()` holds; False if it does not after `timeout` seconds."""
        if ready():
            return True
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            pillow = Pillow()
            self.add(pillow.wake)
            if ready():
                return True
            left = -1.0 if deadline is None else deadline - time.monotonic()
            if deadline is not None and left <= 0:
                return False
            pillow.sleep(left)
            if ready():
                return True


class Pillow:
    """One thread's sleep; woken at most once."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def sleep(self, seconds: float) -> None:
        """Until `wake`, or for so long; negative is for ever. A signal handler may raise here."""
        self._lock.acquire(True, min(seconds, threading.TIMEOUT_MAX) if seconds >= 0 else -1)

    def wake(self) -> None:
        """End the sleep, or keep it from beginning."""
        self._lock.release()

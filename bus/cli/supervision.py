"""Processes of ours that are looked after: started again when they end, and ended together."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping

STEADY_SECONDS = 60.0  # who has run for so long did not end because of how it was started


class Keeper:
    """Starts again whoever has ended: after a while, and after a longer one each time."""

    def __init__(
        self, start: Callable[[int], object], first_seconds: float, seconds_max: float
    ) -> None:
        self._start = start
        self._first = first_seconds
        self._max = seconds_max
        self._pause: dict[int, float] = {}  # before the next start
        self._started: dict[int, float] = {}
        self._due: dict[int, float] = {}

    def look(self, is_running: Mapping[int, bool], now: float) -> None:
        """Start those whose time has come."""
        for number, runs in is_running.items():
            if runs:
                self._started.setdefault(number, now)
                self._due.pop(number, None)
                continue
            if number not in self._due:
                self._due[number] = now + self._next_pause(number, now)
            if self._due[number] <= now:
                del self._due[number]
                self._started[number] = now
                self._start(number)

    def _next_pause(self, number: int, now: float) -> float:
        before = self._pause.get(number)
        is_steady = now - self._started.get(number, now) >= STEADY_SECONDS
        pause = self._first if before is None or is_steady else min(2 * before, self._max)
        self._pause[number] = pause
        return pause


def end(processes: "Iterable[subprocess.Popen[bytes]]", seconds_max: float) -> None:
    """Ask all to end, and wait for them; who has not heeded by then is killed."""
    running = list(processes)
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
    until = time.monotonic() + seconds_max
    for process in running:
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

"""So that what peers do wrong fills no log: a few lines at a time, and how many were left out."""

from collections.abc import Callable

from bus.model.limits import LOG_LINES_MAX, LOG_LINES_MS


class LineLimit:
    """`now` is in seconds, and never goes back."""

    def __init__(self, now: Callable[[], float], lines_max: int = LOG_LINES_MAX) -> None:
        self._now = now
        self._lines_max = lines_max
        self._since = now()
        self._lines = 0  # told since then
        self._left_out = 0  # not told since the last that was

    def told(self, line: str) -> str:
        """The line as it may be logged, which may be empty: then it is left out."""
        now = self._now()
        if now - self._since >= LOG_LINES_MS / 1000:
            self._since, self._lines = now, 0
        if self._lines >= self._lines_max:
            self._left_out += 1
            return ""
        self._lines += 1
        if self._left_out:
            line += f" ({self._left_out} lines like this one were left out.)"
            self._left_out = 0
        return line

"""How a member of etcd is kept running: when it is started again, and what is said of it.

Fact                          Effect
----                          ----
it ends, and was not told to  it is started again, after 1 s, 2 s, 4 s, ... 30 s
it has run for a minute       the next end counts as the first
it answers                    it is serving, or has no leader, or is out of room
it does not answer            nothing is done to it: it may be reading its log
"""

from dataclasses import dataclass
from enum import Enum

from bus.model.backoff import doubled

RESTART_MS = 1000
RESTART_MS_MAX = 30_000
STEADY_MS = 60_000
SILENT_MS = 5_000  # without an answer


class Health(Enum):
    """Of the member beside this broker."""

    SERVING = "serving"
    STARTING = "starting"  # it has not answered yet
    SILENT = "silent"  # it has, and does not any more
    NO_LEADER = "without a leader"  # the others are gone
    ALARMED = "alarmed"  # it is out of room, or corrupt: it takes no writes
    DOWN = "down"  # and will be started again


@dataclass(frozen=True, slots=True)
class Answered:
    """What a member tells of itself."""

    has_leader: bool
    is_alarmed: bool


class Keeper:
    """One member, from its first start to the last stop; knows no process."""

    def __init__(self) -> None:
        self._started_ms: int | None = None  # None: it does not run
        self._ends = 0  # in a row
        self._start_due_ms: int | None = 0  # None: it runs
        self._last: Answered | None = None
        self._last_ms = 0

    def is_start_due(self, now_ms: int) -> bool:
        """Is it to be started now?"""
        return self._start_due_ms is not None and now_ms >= self._start_due_ms

    def on_started(self, now_ms: int) -> None:
        """It runs."""
        self._started_ms, self._start_due_ms, self._last = now_ms, None, None

    def on_ended(self, now_ms: int) -> int:
        """It has ended by itself; in how many milliseconds it is started again."""
        started_ms = now_ms if self._started_ms is None else self._started_ms
        self._ends = 1 if now_ms - started_ms >= STEADY_MS else self._ends + 1
        wait_ms = doubled(RESTART_MS, self._ends - 1, RESTART_MS_MAX)
        self._started_ms, self._start_due_ms, self._last = None, now_ms + wait_ms, None
        return wait_ms

    def on_answer(self, answered: Answered, now_ms: int) -> None:
        """It has told of itself."""
        self._last, self._last_ms = answered, now_ms

    def health(self, now_ms: int) -> Health:
        """As far as is known."""
        if self._started_ms is None:
            return Health.DOWN
        if self._last is None:
            return Health.STARTING
        if now_ms - self._last_ms > SILENT_MS:
            return Health.SILENT
        if self._last.is_alarmed:
            return Health.ALARMED
        return Health.SERVING if self._last.has_leader else Health.NO_LEADER

"""One life of a broker's process on simulated time: what it has asked for ends with it.

What happens to it    Its timers and what is under way     Its monotonic clock
------------------    --------------------------------     -------------------
paused                wait, and come in order afterwards   goes on
killed                never come                           ends
"""

from collections.abc import Callable
from concurrent.futures import Future
from random import Random

from tests.fixtures.timeline import WALL_MS, Timeline


class ProcessTimer:
    """Something that the process wants to be done."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class Process:
    """The Clock port, `later`, an event loop as `Ticker` uses one, and the pool of threads."""

    def __init__(
        self, timeline: Timeline, chance: Random, started_ms: float, on_step: Callable[[], None]
    ) -> None:
        self.is_alive = True
        self.is_paused = False
        self.wall_jump_ms = 0
        self._timeline = timeline
        self._chance = chance
        self._started_ms = started_ms  # of the machine: its monotonic clock counts from there
        self._on_step = on_step
        self._held: list[ProcessTimer] = []
        self._deaths: list[Callable[[], None]] = []

    # --- the ports --------------------------------------------------------------------------

    def now_ms(self) -> int:
        return int(self._timeline.now_ms() - self._started_ms)

    def wall_ms(self) -> int:
        return WALL_MS + self._timeline.now_ms() + self.wall_jump_ms

    def later(self, seconds: float, call: Callable[[], None]) -> ProcessTimer:
        timer = ProcessTimer(call)
        self._timeline.later(seconds, lambda: self._fire(timer))
        return timer

    call_later = later

    def submit(self, work: Callable[[], object], done: Callable[[Future], None]) -> None:
        """Two moments: when the thread works, and when the loop hears of it."""
        future: Future = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except Exception as error:
                future.set_exception(error)
            self.later(self._chance.uniform(0, 0.002), lambda: done(future))

        self.later(self._chance.uniform(0, 0.005), run)

    # --- what happens to it -----------------------------------------------------------------

    def enter(self, call: Callable[[], None]) -> None:
        """Something comes in from outside: now, or when the process goes on."""
        self._fire(ProcessTimer(call))

    def on_death(self, call: Callable[[], None]) -> None:
        self._deaths.append(call)

    def pause(self) -> None:
        self.is_paused = True

    def go_on(self) -> None:
        """All that has come due meanwhile comes at once, in order."""
        self.is_paused = False
        held, self._held = self._held, []
        for timer in held:
            self._fire(timer)

    def end(self) -> None:
        self.is_alive = False
        self._held.clear()
        for call in self._deaths:
            call()
        self._deaths.clear()

    def _fire(self, timer: ProcessTimer) -> None:
        if not self.is_alive or timer.call is None:
            return
        if self.is_paused:
            self._held.append(timer)
            return
        call, timer.call = timer.call, None
        call()
        self._on_step()

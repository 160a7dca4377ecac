"""The time by which records, segments and producers grow old.

What grows old bears timestamps of the wall clock, because they outlive the process. But a wall
clock jumps: set by hand, or by a time server gone wrong, it would let retention delete what is
minutes old, and let the log forget producers whose retries are under way. So it is compared with
the monotonic clock:

the wall clock         what `now_ms` does
--------------         ------------------
goes on as it should   follows it
jumps back             follows at once: all is younger than before, and nothing goes
jumps forward          goes on as if it had not, for JUMP_BELIEVED_MS; then follows
at a start             is believed

Of several jumps (a laptop that sleeps each night) the smallest of the last JUMP_BELIEVED_MS counts.
"""

from bus.model.limits import JUMP_BELIEVED_MS
from bus.ports import Clock


class Aging:
    """A wall clock whose leaps forward take time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._believed = clock.wall_ms() - clock.now_ms()  # wall minus monotonic
        self._pending = 0  # the smallest larger difference since `_since`
        self._since: int | None = None  # monotonic

    def now_ms(self) -> int:
        """Wall-clock milliseconds; ask at least now and then."""
        now = self._clock.now_ms()
        difference = self._clock.wall_ms() - now
        if difference <= self._believed:
            self._believed, self._since = difference, None
        elif self._since is None:
            self._pending, self._since = difference, now
        else:
            self._pending = min(self._pending, difference)
            if now - self._since >= JUMP_BELIEVED_MS:
                self._believed, self._since = self._pending, None
        return now + self._believed

"""The deadlines of a group: of its members' sessions, of ids given out, of its rebalance.

A member that is heard of only moves its own deadline; the timer, when it fires, looks at that and
is set again. So a heartbeat costs next to nothing.
"""

from collections.abc import Iterable

from bus.control.group_facts import Now
from bus.control.group_members import Member
from bus.control.timers import Timers

JOIN, SYNC = ("join", ""), ("sync", "")  # the phases of a rebalance
SESSION, PENDING = "session", "pending"  # with a member id
ID_GRACE_MS = 1000  # that the first generation waits for ids that were given out
NEW_MEMBER_TIMEOUT_MS = 300_000  # of a join that waits and cannot tell its id; Kafka's


class Sessions:
    """All deadlines of one group."""

    def __init__(self, initial_delay_ms: int) -> None:
        self.pending: set[str] = set()  # ids given out, not joined with yet
        self.is_initial = False  # the join phase under way began with nobody
        self.is_extended = False  # somebody joined since its delay began
        self._initial_delay_ms = initial_delay_ms
        self._delay_left_ms = 0
        self._timers: Timers[tuple[str, str]] = Timers()

    def hear(self, member: Member, now: Now) -> None:
        """It lives: its session begins anew."""
        timeout = NEW_MEMBER_TIMEOUT_MS if member.is_new else member.session_timeout_ms
        later = now.ms + timeout
        key = (SESSION, member.member_id)
        if later < member.deadline_ms or self._timers.deadline(key) is None:
            self._timers.set(key, later)
        member.deadline_ms = later

    def is_heard(self, member: Member, now: Now) -> bool:
        """Its timer fired: was it heard of meanwhile? Then it is set again."""
        if member.deadline_ms > now.ms:
            self._timers.set((SESSION, member.member_id), member.deadline_ms)
            return True
        return False

    def end(self, member_id: str) -> None:
        """The member is gone."""
        self._timers.cancel((SESSION, member_id))

    def expect(self, member_id: str, deadline_ms: int) -> None:
        """An id was given out; it is to be joined with by then."""
        self.pending.add(member_id)
        self._timers.set((PENDING, member_id), deadline_ms)

    def expect_no_more(self, member_id: str) -> None:
        """It was joined with, or never will be."""
        self.pending.discard(member_id)
        self._timers.cancel((PENDING, member_id))

    def begin_join(self, timeout_ms: int, is_initial: bool, now: Now) -> None:
        """Members have so long to join; of an empty group, as long as others keep coming."""
        self.is_initial, self.is_extended = is_initial, False
        delay = self._initial_delay_ms if is_initial else timeout_ms
        self._delay_left_ms = max(timeout_ms - delay, 0)
        self.start(JOIN, now.ms + delay)

    def extend_join(self, now: Now) -> bool:
        """The time to join is over: unless, of an empty group, others have come or are to come.

        Those who were given an id join with it at once: they are waited for, if not for long.
        """
        if not self.is_initial:
            return False
        delay = min(self._initial_delay_ms, self._delay_left_ms)
        if self.is_extended and delay:
            self._delay_left_ms -= delay
            self.is_extended = False
        elif self.pending:
            self.is_initial, delay = False, ID_GRACE_MS
        else:
            return False
        self.start(JOIN, now.ms + delay)
        return True

    def start(self, phase: tuple[str, str], deadline_ms: int) -> None:
        """A phase of the rebalance ends at the latest then."""
        self._timers.set(phase, deadline_ms)

    def stop(self, phase: tuple[str, str]) -> None:
        """It has ended."""
        self._timers.cancel(phase)

    def due(self, now: Now) -> Iterable[tuple[str, str]]:
        """What is over, earliest first."""
        return self._timers.due(now.ms)

    def next_ms(self) -> int | None:
        """The earliest deadline."""
        return self._timers.next_ms()

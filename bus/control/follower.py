"""Follower of one partition: where it stands, what it takes over, and what it cuts off.

Event          Condition                               Effect
-----          ---------                               ------
on_term        a newer leader epoch                    Promise it before anything (R8)
on_answer      of another epoch than it follows        nothing: it was meant for another time
on_answer      DIVERGING above the high watermark      Truncate, and ask again (R12)
on_answer      DIVERGING below it, what is committed   Halt: that never diverges (R13)
on_answer      either after a recovery (R13, R30)      Truncate, and keep what is cut
on_answer      the leader has deleted what it needs    Restart at the leader's start
on_answer      otherwise                               Take the records (R14), Trim as the leader
on_taken       the leader's high watermark is higher   Committed
on_halted      always                                  nothing is asked for any more

It takes nothing over before the leader has answered once in this epoch without a divergence. Where
it is cut is decided by epochs alone (KIP-101): the high watermark only tells that all is well.

A recovery elects a leader that may lack what was committed, and leaves a record. Who has written
nothing since, as its last epoch tells, may be cut to that leader's log; who has, may not.

Invariant: high_watermark <= end_offset, and within one life it never moves back, but by a recovery.
"""

from dataclasses import dataclass

from bus.control.effects import (
    Committed,
    FollowerEffect,
    Halt,
    Promise,
    Restart,
    Take,
    Trim,
    Truncate,
)
from bus.control.insync import Standing
from bus.control.reader_epochs import epoch_error
from bus.errors import NONE, NotLeader, OffsetOutOfRange
from bus.model.batch import NO_LEADER_EPOCH
from bus.model.cluster import NO_LEADER


@dataclass(frozen=True, slots=True)
class LogEnds:
    """The log of a replica as it is now."""

    start_offset: int
    end_offset: int
    flushed_offset: int
    last_epoch: int  # of its last batch; -1 if it has none


@dataclass(frozen=True, slots=True)
class FetchAnswer:
    """What a leader has answered to a replica, but for the records themselves."""

    leader_epoch: int  # that was asked for
    error: int
    high_watermark: int
    start_offset: int  # of the leader's log
    base_offset: int  # where the replica's log ended when it asked: the records begin there
    has_records: bool
    diverging: tuple[int, int] | None = None  # the leader's epoch at or below ours, and its end


@dataclass(slots=True)
class Follower:
    """Sans-IO follower: feed it answers, carry out the effects it returns."""

    high_watermark: int = 0
    leader: int = NO_LEADER
    epoch: int = NO_LEADER_EPOCH
    recovered: int = NO_LEADER_EPOCH  # the epoch that the last recovery began with, if any did
    is_in_line: bool = False  # its log is known to be the beginning of the leader's
    halted: str | None = None

    def on_term(
        self, leader: int, epoch: int, recovered: int = NO_LEADER_EPOCH
    ) -> list[FollowerEffect]:
        """Follow this leader from now on; NO_LEADER: nobody, and nobody of a lower epoch."""
        assert epoch > self.epoch, "leader epochs only rise"
        self.recovered = recovered
        self.leader, self.epoch, self.is_in_line = leader, epoch, False
        return [Promise(epoch)]

    def standing(self, broker_epoch: int, ends: LogEnds) -> Standing | None:
        """What to ask the leader with (R10); None if there is nobody to ask."""
        if self.leader == NO_LEADER or self.halted is not None:
            return None
        return Standing(
            self.epoch, broker_epoch, ends.last_epoch, ends.end_offset, ends.flushed_offset
        )

    def on_answer(
        self, answer: FetchAnswer, ends: LogEnds, own_epoch: tuple[int, int]
    ) -> list[FollowerEffect]:
        """`own_epoch`: of a divergence, the largest own epoch at or below it, and its end."""
        is_late = answer.leader_epoch != self.epoch or answer.base_offset != ends.end_offset
        if self.halted is not None or is_late:
            return []
        if answer.error == OffsetOutOfRange.code:
            return self._restart(answer.start_offset, ends)
        if answer.error != NONE:
            return []
        if answer.diverging is not None:
            return self._diverge(answer.diverging[1], own_epoch, ends)
        self.is_in_line = True
        taken: list[FollowerEffect] = (
            [Take(ends.end_offset, self.epoch)] if answer.has_records else []
        )
        return [*taken, *self._trim(answer.start_offset, ends)]

    def on_taken(self, answer: FetchAnswer, ends: LogEnds) -> list[FollowerEffect]:
        """Its records stand in the log: what is committed of them may be seen (R14)."""
        committed = min(answer.high_watermark, ends.end_offset)
        if not self.is_in_line or committed <= self.high_watermark:
            return []
        self.high_watermark = committed
        return [Committed(committed)]

    def epoch_error(self, current_leader_epoch: int) -> int:
        """What a reader with this idea of the epoch is told; 0 if it is right or has none."""
        if self.leader == NO_LEADER or self.halted is not None:
            return NotLeader.code
        return epoch_error(current_leader_epoch, self.epoch)

    def on_halted(self, reason: str) -> None:
        """It must not go on: a disk has failed, or the log is damaged."""
        self.halted = reason

    def on_set_aside(self, end_offset: int) -> None:
        """Its log was damaged, and ends here now; it was in no set in sync (S6)."""
        self.high_watermark = min(self.high_watermark, end_offset)
        self.is_in_line = False

    def _diverge(
        self, leaders_end: int, own_epoch: tuple[int, int], ends: LogEnds
    ) -> list[FollowerEffect]:
        self.is_in_line = False
        own_end = own_epoch[1] if own_epoch[0] >= 0 else ends.start_offset  # all is of later ones
        end = min(leaders_end, own_end, ends.end_offset)
        may_lose = self._may_lose(ends)
        if end < self.high_watermark and not may_lose:
            return self._halt(
                f"The leader's log parts from this one at offset {end}, and everything below "
                f"{self.high_watermark} was committed."
            )
        end = max(end, ends.start_offset)
        self.high_watermark = min(self.high_watermark, end)
        return [Truncate(end, is_kept=may_lose)]

    def _may_lose(self, ends: LogEnds) -> bool:
        """What it holds is from before the last recovery."""
        return ends.last_epoch < self.recovered <= self.epoch

    def _restart(self, start_offset: int, ends: LogEnds) -> list[FollowerEffect]:
        """Below the leader's start everything was committed, and then deleted."""
        self.is_in_line = False
        if start_offset < self.high_watermark and not self._may_lose(ends):
            return self._halt(
                f"The leader's log begins at offset {start_offset} and cannot vouch for this one "
                f"up to {self.high_watermark}, which was committed."
            )
        self.high_watermark = start_offset
        return [Restart(start_offset)]

    def _trim(self, start_offset: int, ends: LogEnds) -> list[FollowerEffect]:
        below = min(start_offset, ends.end_offset, self.high_watermark)
        return [Trim(below)] if below > ends.start_offset else []

    def _halt(self, reason: str) -> list[FollowerEffect]:
        self.halted = reason
        return [Halt(reason)]

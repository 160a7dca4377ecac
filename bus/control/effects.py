"""What a machine may ask of the world. Data only: the runtime does the work.

Order is a promise. The runtime carries effects out in list order and starts nothing after a
`Persist` until that is durable, so that no peer holds a vote which a crash of this broker would
take back. Data goes by `Append`; that it is durable comes back as the fact `on_flushed`.
"""

from dataclasses import dataclass

from bus.control.insync import Proposal


@dataclass(frozen=True, slots=True)
class EpochEntry:
    """A leader epoch and the offset at which it begins."""

    epoch: int
    start_offset: int


@dataclass(frozen=True, slots=True)
class Persist:
    """Make `entry` durable in this broker's epoch journal before anything that follows (R8)."""

    entry: EpochEntry


@dataclass(frozen=True, slots=True)
class Append:
    """Write the batch behind `ticket` at `base_offset`, stamped with `leader_epoch`."""

    ticket: int
    base_offset: int
    leader_epoch: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the produce behind `ticket`; it is acknowledged if `error` is 0."""

    ticket: int
    error: int
    base_offset: int = -1
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """The high watermark rose: wake the readers that wait for it."""

    high_watermark: int


@dataclass(frozen=True, slots=True)
class Propose:
    """Ask the authority for another in-sync set; the leader is told what comes of it (R4)."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class Promise:
    """Make durable, before anything that follows, that no lower leader epoch is acted in (R8)."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Take:
    """Append the records of a leader's answer, as they are, from `base_offset` on (R14)."""

    base_offset: int
    epoch: int  # the leader's: none of theirs is higher


@dataclass(frozen=True, slots=True)
class Truncate:
    """Cut log, epochs and producers to `end_offset`, durably, before anything that follows."""

    end_offset: int
    is_kept: bool = False  # what is cut may have been committed: keep it aside (R13)


@dataclass(frozen=True, slots=True)
class Restart:
    """Begin an empty log at `start_offset`: what this replica has, its leader has deleted."""

    start_offset: int


@dataclass(frozen=True, slots=True)
class Trim:
    """Delete what lies below `start_offset`, as the leader has."""

    start_offset: int


@dataclass(frozen=True, slots=True)
class Halt:
    """This replica contradicts what was committed: stop it, keep it, and raise the alarm (R13)."""

    reason: str


Effect = Persist | Append | Answer | Committed | Propose  # of a leader
FollowerEffect = Promise | Take | Truncate | Restart | Trim | Committed | Halt

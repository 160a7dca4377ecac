"""What a group's machine may ask of the world, and the answers that it gives.

Every request comes with a ticket, and each ticket is answered by one `Respond`, now or later. What
must survive goes by `Write`; that it is durable, or never will be, comes back as the fact
`on_written`, and only then does anything of it show.
"""

from dataclasses import dataclass

from bus.control.group_facts import NO_GENERATION, NO_MEMBER, Record
from bus.errors import NONE


@dataclass(frozen=True, slots=True)
class JoinedMember:
    """A member of the new generation, for its leader."""

    member_id: str
    instance_id: str | None
    metadata: bytes


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to a join."""

    error: int = NONE
    member_id: str = NO_MEMBER
    generation: int = NO_GENERATION
    protocol_type: str | None = None
    protocol: str | None = None
    leader: str = NO_MEMBER
    members: tuple[JoinedMember, ...] = ()
    skip_assignment: bool = False


@dataclass(frozen=True, slots=True)
class Synced:
    """The answer to a sync."""

    error: int = NONE
    protocol_type: str | None = None
    protocol: str | None = None
    assignment: bytes = b""


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to what has only one outcome, as a heartbeat, or one for each of its parts."""

    error: int = NONE
    errors: tuple[int, ...] = ()  # in the order of what was asked


Outcome = Joined | Synced | Told


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer the request behind `ticket`."""

    ticket: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Write:
    """Append `records` together; then say `on_written(write, ...)`. Writes keep their order."""

    write: int
    records: tuple[Record, ...]


Effect = Respond | Write

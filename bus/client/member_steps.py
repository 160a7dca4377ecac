"""What a group's member is told and what it asks for, step by step; see `membership`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bus.errors import BusError


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """A member as the group's leader is told of it; `metadata` is not looked at."""

    member_id: str
    instance_id: str | None
    metadata: bytes


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to a join."""

    generation: int
    member_id: str
    protocol: str
    leader: str
    members: Sequence[MemberFacts] = ()  # told to the leader only
    skip_assignment: bool = False  # a static leader came back: nothing is to be shared out


@dataclass(frozen=True, slots=True)
class Find:
    """Ask who coordinates the group."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Release:
    """Have the user let go of everything; then `on_released`."""


@dataclass(frozen=True, slots=True)
class Join:
    """Take part in the next generation."""

    attempt: int
    member_id: str
    generation: int  # in which it got what it has


@dataclass(frozen=True, slots=True)
class Count:
    """Share the partitions out; then `on_counted`."""

    attempt: int
    protocol: str
    members: Sequence[MemberFacts]


@dataclass(frozen=True, slots=True)
class Sync:
    """Ask for the own share; the leader brings all."""

    attempt: int
    generation: int
    member_id: str
    protocol: str
    shares: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Settle:
    """Tell the user its share, `on_settled` once it has let go of what is not in it."""

    generation: int
    share: bytes


@dataclass(frozen=True, slots=True)
class Beat:
    """Say that we live."""

    attempt: int
    generation: int
    member_id: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Say that we go; nobody waits for the answer."""

    member_id: str


@dataclass(frozen=True, slots=True)
class Lose:
    """The user's partitions may be another member's by now."""


@dataclass(frozen=True, slots=True)
class Fail:
    """The group does not take us; the user is told."""

    error: BusError


Effect = Find | Release | Join | Count | Sync | Settle | Beat | Leave | Lose | Fail

"""What a group's machine is told, what it keeps, and what it says of itself: data only.

Metadata and assignments are bytes that nobody here looks into; the topics that a member subscribes
to, if whoever hands it over can tell, come beside them.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

NO_GENERATION = -1  # of a commit from outside of the group
NO_MEMBER = ""


class GroupState(Enum):
    """Named as Kafka's tools name them."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


class Now(NamedTuple):
    """The time of an event by both clocks."""

    ms: int  # monotonic: for timers
    wall_ms: int  # since the Unix epoch: for what is stored


@dataclass(frozen=True, slots=True)
class GroupRules:
    """The broker's settings that concern groups."""

    size_max: int
    session_min_ms: int
    session_max_ms: int
    initial_delay_ms: int
    metadata_bytes_max: int  # of all that the members of one group say of themselves
    offset_metadata_length_max: int
    retention_ms: int  # of offsets, after the last member has left


class Protocol(NamedTuple):
    """One way of assigning that a member knows, with what it says of itself for that."""

    name: str
    metadata: bytes
    topics: frozenset[str] | None = None  # that it subscribes to; None if that cannot be told


@dataclass(frozen=True, slots=True)
class Join:
    """A JoinGroup, and what its version implies."""

    member_id: str  # empty: a new member
    new_member_id: str  # that a new one gets; never used before
    instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocol_type: str
    protocols: tuple[Protocol, ...]
    needs_known_id: bool = True  # version 4: a new member is told its id and joins again with it
    may_skip_assignment: bool = True  # version 9 (KIP-814)
    is_too_much: bool = False  # the groups of the broker hold as much as they may


@dataclass(frozen=True, slots=True)
class Sync:
    """A SyncGroup; only the leader's has assignments."""

    generation: int
    member_id: str
    instance_id: str | None
    protocol_type: str | None
    protocol: str | None
    assignments: dict[str, bytes]

    def fits(self, protocol_type: str, protocol: str | None) -> bool:
        """Is it meant for this protocol? Versions before 5 do not say."""
        if self.protocol_type is not None and self.protocol_type != protocol_type:
            return False
        return self.protocol is None or self.protocol == protocol


@dataclass(frozen=True, slots=True)
class Leaving:
    """One member that leaves, named by its member id or its instance id."""

    member_id: str
    instance_id: str | None


class Position(NamedTuple):
    """How far a group has come in a partition."""

    offset: int  # the next to be read
    leader_epoch: int
    metadata: str
    commit_ms: int  # wall clock
    expire_ms: int = -1  # wall clock, if the commit named its own retention; else -1


OffsetKey = tuple[str, int]  # topic, partition


@dataclass(frozen=True, slots=True)
class Commit:
    """An OffsetCommit."""

    generation: int
    member_id: str
    instance_id: str | None
    positions: list[tuple[OffsetKey, Position]]


# --- What is kept --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredMember:
    """A member of a stored generation."""

    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str
    rebalance_timeout_ms: int
    session_timeout_ms: int
    subscription: bytes
    assignment: bytes
    topics: frozenset[str] | None = None  # that the subscription names; it is not stored


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """One generation with its assignment."""

    generation: int
    protocol_type: str
    protocol: str | None
    leader: str | None
    since_ms: int  # wall clock: when the group came into this state
    members: tuple[StoredMember, ...] = ()


GroupRecord = tuple[None, StoredGroup | None]  # the whole group; None: it is deleted
OffsetRecord = tuple[OffsetKey, Position | None]  # one partition; None: forgotten
Record = GroupRecord | OffsetRecord


# --- What it says of itself ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MemberSummary:
    """A member, seen from outside."""

    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str
    metadata: bytes
    assignment: bytes


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """A group, seen from outside."""

    state: GroupState
    generation: int
    protocol_type: str
    protocol: str
    members: tuple[MemberSummary, ...]


GONE = GroupSummary(GroupState.DEAD, NO_GENERATION, "", "", ())

"""What is asked of etcd and what it answers, as objects: the part of its v3 interface in use here.

Request     Answer      What it is
-------     ------      ----------
Range       Ranged      entries of a key or of a range, a page of them, at one revision
Txn         Transacted  comparisons of revisions, and what is done if all hold, or if not
Grant       Granted     a lease with an id of our choosing
KeepAlive   KeptAlive   the lease's time begins anew; 0 seconds are left if there is no such lease
Revoke      Done        the lease ends, and its keys with it
Compact     Done        history before a revision is forgotten
ListMembers Members     of which etcd consists
AddLearner  Members     one more, without a vote
Promote     Members     a learner that has caught up gets a vote
Remove      Members     one less
AskState    State       what one member tells of itself
Watching    Watched...  a stream of events from a revision on

Instead of an answer comes a Failure. `bus/adapters/etcd/codec.py` knows how all of this looks in
JSON; the simulated etcd of the tests takes and gives these objects themselves.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from bus.model.etcd_members import EtcdMember
from bus.ports import Entry

EXACTLY = b""  # as the end of a range: this key alone


@dataclass(frozen=True, slots=True)
class Range:
    """Entries with `key` <= key < `end`, ascending."""

    key: bytes
    end: bytes = EXACTLY
    limit: int = 0  # of entries; 0: none
    revision: int = 0  # as the store was then; 0: now, and linearizable
    without_values: bool = False
    is_local: bool = False  # as the member itself has it: it may be behind


@dataclass(frozen=True, slots=True)
class Put:
    """Part of a transaction."""

    key: bytes
    value: bytes
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Part of a transaction."""

    key: bytes


@dataclass(frozen=True, slots=True)
class Txn:
    """If every key is at its revision (0: absent), `then`; if not, `otherwise` is read."""

    compares: tuple[tuple[bytes, int], ...]
    then: tuple[Put | Delete, ...]
    otherwise: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease; granting an id twice is refused with ALREADY."""

    lease: int
    ttl_s: int


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Of one lease, once."""

    lease: int


@dataclass(frozen=True, slots=True)
class Revoke:
    """Refused with NOT_FOUND if there is no such lease."""

    lease: int


@dataclass(frozen=True, slots=True)
class Compact:
    """Up to and without `revision`."""

    revision: int


@dataclass(frozen=True, slots=True)
class Watching:
    """All events with `key` <= key < `end` of transactions from `revision` on."""

    key: bytes
    end: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class ListMembers:
    """As the member that is asked knows them."""


@dataclass(frozen=True, slots=True)
class AddLearner:
    """Refused while there is another learner, and if its address is a member's."""

    peer_url: str


@dataclass(frozen=True, slots=True)
class Promote:
    """Refused until the learner has caught up."""

    member: int


@dataclass(frozen=True, slots=True)
class Remove:
    """A member is one no more."""

    member: int


@dataclass(frozen=True, slots=True)
class AskState:
    """Answered by a member that has lost the others, too."""


OfMembers: TypeAlias = ListMembers | AddLearner | Promote | Remove | AskState
Request: TypeAlias = Range | Txn | Grant | KeepAlive | Revoke | Compact | OfMembers


@dataclass(frozen=True, slots=True)
class Header:
    """Of every answer."""

    cluster: int  # etcd's id of itself as a whole
    revision: int  # of the store, when it answered


@dataclass(frozen=True, slots=True)
class Ranged:
    """Answer to Range."""

    header: Header
    entries: dict[bytes, Entry]
    more: bool  # the limit left some out


@dataclass(frozen=True, slots=True)
class Transacted:
    """Answer to Txn; its revision is the header's."""

    header: Header
    succeeded: bool
    ranges: tuple[dict[bytes, Entry], ...]  # what `otherwise` read


@dataclass(frozen=True, slots=True)
class Granted:
    """Answer to Grant."""

    header: Header
    ttl_s: int  # at least what was asked for


@dataclass(frozen=True, slots=True)
class KeptAlive:
    """Answer to KeepAlive."""

    header: Header
    ttl_s: int  # 0: there is no such lease


@dataclass(frozen=True, slots=True)
class Done:
    """Answer to Revoke and to Compact."""

    header: Header


@dataclass(frozen=True, slots=True)
class Members:
    """Answer to what changes or lists them: all of them, after the change."""

    header: Header
    members: tuple[EtcdMember, ...]


@dataclass(frozen=True, slots=True)
class State:
    """Answer to AskState."""

    header: Header
    has_leader: bool
    complaints: tuple[str, ...]  # what etcd itself finds wrong with this member


Answer: TypeAlias = Ranged | Transacted | Granted | KeptAlive | Done | Members | State


@dataclass(frozen=True, slots=True)
class Event:
    """One key's change."""

    key: bytes
    value: bytes | None  # None: deleted
    revision: int


@dataclass(frozen=True, slots=True)
class Watched:
    """One message of a watch."""

    header: Header
    events: tuple[Event, ...] = ()
    is_part: bool = False  # the rest of these events is in the messages that follow


class Kind(Enum):
    """What a failure means for the one who asked."""

    LOST = "lost"  # no answer: it may be done, or not, or later; another member may be asked
    UNUSABLE = "unusable"  # this member must not be asked, nothing was done
    ALREADY = "already"  # nothing done: it exists
    NOT_FOUND = "not found"  # nothing done: no such lease
    COMPACTED = "compacted"  # nothing done: that history is gone
    TOO_LARGE = "too large"  # nothing done: ask for less
    REFUSED = "refused"  # nothing done, and never will


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer."""

    kind: Kind
    sentence: str  # for people


def end_of_prefix(prefix: bytes) -> bytes:
    """The end of the range of all keys that begin with `prefix`, which is ASCII."""
    assert prefix, "all keys of an etcd are never asked for"
    return prefix[:-1] + bytes([prefix[-1] + 1])

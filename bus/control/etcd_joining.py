"""Which part a broker takes in the etcd of its cluster: founds it, joins it, or only asks it.

The first line that is true says what is next:

What is known                                       Next
-------------                                       ----
its directory holds a member                        start it: etcd knows the rest
it is the one that begins the cluster               found an etcd of this member
its address is a member's that never ran            start it there: it was added before a crash
its address is a member's that has run              refused: the directory is elsewhere, or lost
there are three members                             none here: the broker only asks
one of them is a learner                            wait: etcd takes one at a time
else                                                ask to be added, as a learner

A learner is promoted as soon as etcd says that it has caught up. Three members survive the loss
of one, and more of them only make each write dearer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from bus.model.etcd_members import EtcdMember

MEMBERS_MAX = 3


class Step(Enum):
    """What to do that needs no more words."""

    RESUME = "start the member that the directory holds"
    FOUND = "start the first member of a new etcd"
    WAIT = "ask again later"
    ADD = "ask to be added as a learner"
    FOLLOW = "no member here"


@dataclass(frozen=True, slots=True)
class Enter:
    """Start as a new member of an etcd that has been told of it."""

    peer_urls: tuple[str, ...]  # of the others


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nothing can be done without a person."""

    sentence: str


Next: TypeAlias = Step | Enter | Refuse


def next_step(
    peer_url: str, has_directory: bool, founds: bool, members: Sequence[EtcdMember]
) -> Next:
    """By the table above; `members` are not needed by who has a directory, or founds."""
    if has_directory:
        return Step.RESUME
    if founds:
        return Step.FOUND
    known = next((member for member in members if peer_url in member.peer_urls), None)
    if known is not None:
        return _again(known, peer_url, members)
    if len(members) >= MEMBERS_MAX:
        return Step.FOLLOW
    if any(member.is_learner for member in members):
        return Step.WAIT
    return Step.ADD


def is_one_too_many(members: Sequence[EtcdMember]) -> bool:
    """Of the members right after one was added: did others join at the same moment?"""
    return len(members) > MEMBERS_MAX


def to_promote(peer_url: str, members: Sequence[EtcdMember]) -> int | None:
    """The id of this broker's member while it is a learner; None once it has a vote."""
    own = (member for member in members if peer_url in member.peer_urls)
    return next((member.member_id for member in own if member.is_learner), None)


def _again(known: EtcdMember, peer_url: str, members: Sequence[EtcdMember]) -> Enter | Refuse:
    if not known.name:
        others = (member.peer_urls[0] for member in members if member is not known)
        return Enter(tuple(others))
    return Refuse(
        f"etcd knows a member at {peer_url} whose directory is not here. Bring the directory back, "
        f"or give it up: etcdctl member remove {known.member_id:x}."
    )

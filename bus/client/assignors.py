"""Who of a group reads what: the assignors that members may agree on.

    name                 way       a member keeps what it had
    ------------------   -------   --------------------------
    range                eager     no
    roundrobin           eager     no
    sticky               eager     as far as balance allows
    cooperative-sticky   in steps  the same; what moves is first taken, then given

"eager": everybody gives everything up before each rebalance. "In steps" (KIP-429): everybody goes
on with what it keeps; what is to move is left out of the first assignment, so that its owner lets
go of it, and given in the second.

`range` and `roundrobin` give what Kafka's give, so that whoever leads a mixed group decides the
same. Members stand in the order of their instance ids, then of their member ids.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from bus.client.sticky import Claim, balanced
from bus.model.ids import TopicPartition

NO_GENERATION = -1

Counts = Mapping[str, int]  # topic -> partitions; what is not in it does not exist
Assignment = dict[str, list[TopicPartition]]  # by member id, sorted


@dataclass(frozen=True, slots=True)
class Member:
    """What the leader knows of a member."""

    member_id: str
    topics: frozenset[str]
    instance_id: str | None = None
    owned: frozenset[TopicPartition] = frozenset()  # what it had, or has
    generation: int = NO_GENERATION  # in which it got that


@dataclass(frozen=True, slots=True)
class Assignor:
    """One way to share partitions out."""

    name: str
    in_steps: bool  # nobody gives up what it keeps
    assign: Callable[[Sequence[Member], Counts], Assignment]


def ranges(members: Sequence[Member], counts: Counts) -> Assignment:
    """Of each topic a run of partitions for each member; the first ones get one more."""
    shares: Assignment = {member.member_id: [] for member in members}
    for topic in _topics(members, counts):
        readers = [member for member in _ordered(members) if topic in member.topics]
        size, larger = divmod(counts[topic], len(readers))
        start = 0
        for place, member in enumerate(readers):
            end = start + size + (place < larger)
            shares[member.member_id] += [TopicPartition(topic, i) for i in range(start, end)]
            start = end
    return shares


def round_robin(members: Sequence[Member], counts: Counts) -> Assignment:
    """Partition by partition, to the next member that reads the topic."""
    shares: Assignment = {member.member_id: [] for member in members}
    turn = cycle(_ordered(members))
    for topic in _topics(members, counts):
        for index in range(counts[topic]):
            member = next(member for member in turn if topic in member.topics)
            shares[member.member_id].append(TopicPartition(topic, index))
    return shares


def sticky(members: Sequence[Member], counts: Counts) -> Assignment:
    """Balanced, and everybody keeps as much as that allows."""
    claims = [
        Claim(member.member_id, member.topics, member.owned, member.generation)
        for member in _ordered(members)
    ]
    return balanced(claims, counts)


def cooperative_sticky(members: Sequence[Member], counts: Counts) -> Assignment:
    """The same, without what a member would get that another one has not yet let go of."""
    shares = sticky(members, counts)
    owned = {member.member_id: member.owned for member in members}
    moving = {p for member, share in shares.items() for p in owned[member] - set(share)}
    return {
        member: [p for p in share if p in owned[member] or p not in moving]
        for member, share in shares.items()
    }


ASSIGNORS = {
    assignor.name: assignor
    for assignor in (
        Assignor("range", False, ranges),
        Assignor("roundrobin", False, round_robin),
        Assignor("sticky", False, sticky),
        Assignor("cooperative-sticky", True, cooperative_sticky),
    )
}


def _ordered(members: Sequence[Member]) -> list[Member]:
    """Those with an instance id first, by it; the others by member id."""
    return sorted(members, key=lambda m: (m.instance_id is None, m.instance_id or m.member_id))


def _topics(members: Sequence[Member], counts: Counts) -> list[str]:
    """Those that somebody reads and that exist."""
    return sorted(frozenset().union(*(member.topics for member in members)) & counts.keys())

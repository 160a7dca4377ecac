"""The members of a group: who they are, what they can agree on, and who leads them.

What          Rule
----          ----
leader        the first to join; if it is not among those who rejoin, the first of those who did
protocol      of those that all members know, the one that most would have first; where two are
              even, the one that the leader names first
static        an instance id belongs to one member at a time; a newcomer with the same one takes
              the place, the assignment and, if need be, the leadership (KIP-345)
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bus.control.group_effects import JoinedMember
from bus.control.group_facts import Join, MemberSummary, Protocol, StoredGroup, StoredMember


@dataclass(slots=True)
class Member:
    """One member, and the requests of it that wait."""

    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocols: tuple[Protocol, ...]
    assignment: bytes = b""
    deadline_ms: int = 0  # by which it must be heard of
    join_ticket: int | None = None  # of a join that waits
    sync_ticket: int | None = None  # of a sync that waits
    is_new: bool = False  # it was never answered, and may not know its id
    has_synced: bool = False  # in this generation
    may_skip_assignment: bool = False

    @classmethod
    def of_join(cls, member_id: str, join: Join) -> "Member":
        """A new member."""
        return cls(
            member_id,
            join.instance_id,
            join.client_id,
            join.client_host,
            join.session_timeout_ms,
            join.rebalance_timeout_ms,
            join.protocols,
            is_new=True,
            may_skip_assignment=join.may_skip_assignment,
        )

    @classmethod
    def of_stored(cls, stored: StoredMember, protocol: str) -> "Member":
        """One of an earlier life; of its protocols only the chosen one is known."""
        return cls(
            stored.member_id,
            stored.instance_id,
            stored.client_id,
            stored.client_host,
            stored.session_timeout_ms,
            stored.rebalance_timeout_ms,
            (Protocol(protocol, stored.subscription, stored.topics),),
            stored.assignment,
            has_synced=True,
        )

    def update(self, join: Join) -> None:
        """It joins again."""
        self.protocols = join.protocols
        self.session_timeout_ms = join.session_timeout_ms
        self.rebalance_timeout_ms = join.rebalance_timeout_ms
        self.may_skip_assignment = join.may_skip_assignment

    def protocol(self, name: str | None) -> Protocol:
        """What it said for the protocol of this name."""
        return next((p for p in self.protocols if p.name == name), Protocol("", b""))

    @property
    def metadata_bytes(self) -> int:
        """Of all its protocols."""
        return sum(len(protocol.metadata) for protocol in self.protocols)


class Members:
    """All members of one group, in the order of their joining."""

    def __init__(self) -> None:
        self.leader: str | None = None
        self.metadata_bytes = 0  # that all of them say of themselves
        self._knowing: Counter[str] = Counter()  # members that know a protocol, by its name
        self._by_id: dict[str, Member] = {}
        self._by_instance: dict[str, str] = {}  # instance id -> member id

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._by_id.values())

    def get(self, member_id: str) -> Member | None:
        """The member with this id."""
        return self._by_id.get(member_id)

    def of(self, member_id: str) -> Member:
        """The member with this id, which is known to be one."""
        return self._by_id[member_id]

    def by_instance(self, instance_id: str | None) -> Member | None:
        """The static member with this instance id."""
        return self._by_id.get(self._by_instance.get(instance_id or "", ""))

    def add(self, member: Member) -> None:
        """The first one leads."""
        assert member.member_id not in self._by_id, "a member id has one owner"
        self._by_id[member.member_id] = member
        if member.instance_id is not None:
            self._by_instance[member.instance_id] = member.member_id
        if self.leader is None:
            self.leader = member.member_id
        self._count(member, 1)

    def update(self, member: Member, join: Join) -> None:
        """It joins again."""
        self._count(member, -1)
        member.update(join)
        self._count(member, 1)

    def _count(self, member: Member, by: int) -> None:
        self.metadata_bytes += by * member.metadata_bytes
        for name in {protocol.name for protocol in member.protocols}:
            self._knowing[name] += by

    def load(self, stored: StoredGroup) -> None:
        """Those of an earlier life."""
        for member in stored.members:
            self.add(Member.of_stored(member, stored.protocol or ""))
        if stored.leader in self._by_id:
            self.leader = stored.leader

    def remove(self, member: Member) -> None:
        """It is gone; nobody leads if it did."""
        del self._by_id[member.member_id]
        if member.instance_id is not None:
            del self._by_instance[member.instance_id]
        if self.leader == member.member_id:
            self.leader = None
        self._count(member, -1)
        self._knowing += Counter()  # drops those that nobody knows any more

    def rename(self, member: Member, member_id: str) -> None:
        """A static member came back: another id, the same place."""
        assert member.instance_id is not None, "only static members come back"
        self._by_id = {
            member_id if known == member.member_id else known: entry
            for known, entry in self._by_id.items()
        }
        self._by_instance[member.instance_id] = member_id
        if self.leader == member.member_id:
            self.leader = member_id
        member.member_id = member_id

    def elect(self) -> bool:
        """See that one leads who has joined; False if nobody has."""
        leader = self._by_id.get(self.leader) if self.leader is not None else None
        if leader is None or leader.join_ticket is None:
            joined = next((m for m in self if m.join_ticket is not None), None)
            if joined is None:
                return False
            self.leader = joined.member_id
        return True

    @property
    def have_joined(self) -> bool:
        """Do all wait for the next generation?"""
        return all(member.join_ticket is not None for member in self)

    @property
    def rebalance_timeout_ms(self) -> int:
        """The longest that one of them asks for."""
        return max((member.rebalance_timeout_ms for member in self), default=0)

    def candidates(self) -> set[str]:
        """Protocols that all members know."""
        return {name for name, count in self._knowing.items() if count == len(self)}

    def vote(self) -> str:
        """The protocol of the next generation."""
        candidates = self.candidates()
        assert candidates, "whoever shares no protocol is not let in"
        votes = Counter(
            next(p.name for p in member.protocols if p.name in candidates) for member in self
        )
        leader = self._by_id[self.leader or ""]
        preferred = [p.name for p in leader.protocols if p.name in candidates]
        return max(preferred, key=lambda name: votes[name])  # the first of those that are even

    def topics(self, protocol: str | None) -> frozenset[str] | None:
        """What all of them subscribe to; None if that cannot be told of each."""
        found: set[str] = set()
        for member in self:
            topics = member.protocol(protocol).topics
            if topics is None:
                return None
            found |= topics
        return frozenset(found)

    def for_leader(self, protocol: str | None) -> tuple[JoinedMember, ...]:
        """What the leader has to know to assign the work."""
        return tuple(
            JoinedMember(m.member_id, m.instance_id, m.protocol(protocol).metadata) for m in self
        )

    def stored(
        self, protocol: str | None, assignments: dict[str, bytes] | None
    ) -> tuple[StoredMember, ...]:
        """As they are kept, with new assignments if they are given."""
        return tuple(
            StoredMember(
                member.member_id,
                member.instance_id,
                member.client_id,
                member.client_host,
                member.rebalance_timeout_ms,
                member.session_timeout_ms,
                member.protocol(protocol).metadata,
                member.assignment
                if assignments is None
                else assignments.get(member.member_id, b""),
                member.protocol(protocol).topics,
            )
            for member in self
        )

    def summaries(self, protocol: str | None) -> tuple[MemberSummary, ...]:
        """As they are described; without a protocol nothing is settled."""
        return tuple(
            MemberSummary(
                member.member_id,
                member.instance_id,
                member.client_id,
                member.client_host,
                member.protocol(protocol).metadata if protocol is not None else b"",
                member.assignment if protocol is not None else b"",
            )
            for member in self
        )

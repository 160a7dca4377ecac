"""A group under any sequence of events: joins, syncs, commits, silence, failing writes, restarts.

Each assignment carries the number of the sync that brought it, so whoever is told work of the same
generation must have been told it by the same leader's sync, in this life or another.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bus.control.group import Group
from bus.control.group_effects import Synced
from bus.control.group_facts import Leaving, Sync
from bus.errors import CoordinatorNotAvailable
from tests.fixtures.group_machine import Desk, key, protocols

INSTANCES = [None, None, None, "i1", "i2"]
LIFETIME_MS = 3600_000
MEMBERS = st.integers(0, 6)


class Groups(RuleBasedStateMachine):
    """The machine on its desk, and what the world has been told so far."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.generation = 0  # of this life
        self.told: dict[int, str] = {}  # generation -> number of the sync that made its work
        self.syncs: dict[int, int] = {}  # ticket -> generation
        self.commits: dict[int, int] = {}  # ticket -> offset
        self.gone: set[int] = set()
        self.offset = self.acknowledged = self.sync_number = 0

    def member(self, number: int):
        """One of the members, or None if there are fewer."""
        members = list(self.desk.group.members)
        return members[number % len(members)] if members else None

    @rule(known=st.booleans(), instance=st.sampled_from(INSTANCES), better=st.booleans())
    def join(self, known: bool, instance: str | None, better: bool) -> None:
        wanted = protocols("sticky", "range") if better else protocols("range", "sticky")
        self.desk.join(needs_known_id=known, instance_id=instance, protocols=wanted)

    @rule(number=st.integers(1, 9))
    def join_with_an_id(self, number: int) -> None:
        self.desk.join(f"m{number}", protocols=protocols("range"))

    @rule(number=MEMBERS, metadata=st.sampled_from([b"r", b"s"]))
    def join_again(self, number: int, metadata: bytes) -> None:
        member = self.member(number)
        if member is not None:
            wanted = protocols("range", "sticky", metadata=metadata)
            self.desk.join(member.member_id, instance_id=member.instance_id, protocols=wanted)

    @rule()
    def all_join_again(self) -> None:
        for member in list(self.desk.group.members):
            self.desk.join(member.member_id, instance_id=member.instance_id)

    @rule(number=MEMBERS)
    def sync(self, number: int) -> None:
        member = self.member(number)
        if member is not None:
            self.sync_of(member)

    @rule()
    def all_sync(self) -> None:
        for member in list(self.desk.group.members):
            self.sync_of(member)

    def sync_of(self, member) -> None:
        desk = self.desk
        self.sync_number += 1
        work = {m.member_id: b"%d" % self.sync_number for m in desk.group.members}
        facts = Sync(desk.group.generation, member.member_id, member.instance_id, None, None, work)
        ticket = desk.ticket()
        self.syncs[ticket] = desk.group.generation
        desk.carry_out(desk.group.on_sync(ticket, facts, desk.now))

    @rule(number=MEMBERS)
    def heartbeat(self, number: int) -> None:
        member = self.member(number)
        if member is not None:
            self.desk.heartbeat(member.member_id)

    @rule(number=MEMBERS)
    def leave(self, number: int) -> None:
        member = self.member(number)
        if member is not None:
            self.desk.leave(Leaving(member.member_id, member.instance_id))

    @rule(number=MEMBERS, from_outside=st.booleans())
    def commit(self, number: int, from_outside: bool) -> None:
        member = self.member(number)
        self.offset += 1
        if from_outside or member is None:
            ticket = self.desk.commit(self.offset)
        else:
            ticket = self.desk.commit(
                self.offset,
                member.member_id,
                self.desk.group.generation,
                instance_id=member.instance_id,
            )
        self.commits[ticket] = self.offset

    @rule(number=st.integers(0, 20))
    def a_peer_goes(self, number: int) -> None:
        waiting = [t for t in range(1, self.desk.tickets + 1) if t not in self.desk.answers]
        waiting = [ticket for ticket in waiting if ticket not in self.gone]
        if waiting:
            ticket = waiting[number % len(waiting)]
            self.gone.add(ticket)
            self.desk.carry_out(self.desk.group.on_gone(ticket, self.desk.now))

    @rule(ms=st.sampled_from([0, 1, 4000, 9_000, 31_000]))
    def time_passes(self, ms: int) -> None:
        self.desk.pass_ms(ms)

    @rule()
    def writes_are_durable(self) -> None:
        self.desk.let_through()

    @precondition(lambda self: self.desk.waiting)
    @rule()
    def writes_fail(self) -> None:
        self.desk.let_through(CoordinatorNotAvailable.code)

    @rule(cut=st.booleans())
    def restart(self, cut: bool) -> None:
        """A crash: what was under way may have become durable, or not."""
        self.look()
        if not cut:
            self.desk.log += [record for write in self.desk.waiting for record in write.records]
        self.desk = self.desk.restarted()
        self.generation = self.desk.group.generation
        self.syncs.clear()
        self.commits.clear()
        self.gone.clear()

    @invariant()
    def look(self) -> None:
        group, answers = self.desk.group, self.desk.answers
        assert group.generation >= self.generation, "the generation only rises"
        self.generation = group.generation
        for ticket in [ticket for ticket in self.syncs if ticket in answers]:
            self.look_at_work(self.syncs.pop(ticket), answers[ticket])
        for ticket in [ticket for ticket in self.commits if ticket in answers]:
            offset = self.commits.pop(ticket)
            if answers[ticket].error == 0:
                self.acknowledged = max(self.acknowledged, offset)

    def look_at_work(self, generation: int, answer: Synced) -> None:
        if answer.error == 0 and answer.assignment:
            number = self.told.setdefault(generation, answer.assignment.decode())
            assert number == answer.assignment.decode(), "a generation has one assignment"

    @invariant()
    def what_was_acknowledged_is_there(self) -> None:
        position = self.desk.group.ledger.offsets.get(key("t"))
        assert self.acknowledged <= (position.offset if position else 0)

    @invariant()
    def replaying_the_log_gives_the_same_ledger(self) -> None:
        again = Group("g", self.desk.rules)
        for record in self.desk.log:
            again.ledger.replay(record)
        ledger = self.desk.group.ledger
        assert again.ledger.stored == ledger.stored
        assert again.ledger.offsets.all() == ledger.offsets.all()

    def teardown(self) -> None:
        """Nobody does anything any more: all is answered, and the group is empty."""
        for _ in range(10):
            self.desk.let_through()
            self.desk.pass_ms(LIFETIME_MS)
        self.look()
        asked = set(range(1, self.desk.tickets + 1))
        assert asked - self.gone <= self.desk.answers.keys(), "whoever waited was answered"
        assert not self.desk.group.members
        assert len(self.desk.group.parking) == 0


Groups.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestGroups = Groups.TestCase

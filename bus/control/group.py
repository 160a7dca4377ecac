"""One consumer group: who its members are, which generation they are in, what each works on.

State       Event         Condition                       Effect
-----       -----         ---------                       ------
any         on_join       refused (group_admission.py)    answered with the error
any         on_join       new, version 4 on               MemberIdRequired, with the id to use
Empty       on_join       otherwise                       Preparing, for the initial delay
Preparing   on_join       otherwise                       waits; Completing once all have joined
Completing  on_join       as it was                       told the generation again
Stable      on_join       a follower, as it was           told the generation again
Stable      on_join       an instance comes back, and     takes its old place once that is written
                          the protocol stays              (KIP-345, KIP-814)
Compl/Stab  on_join       otherwise                       Preparing; syncs that wait are refused
Preparing   timer JOIN    rebalance timeout               who has not joined is out; Completing
Completing  on_sync       a follower                      waits
Completing  on_sync       the leader                      Write the assignments
Completing  on_written    of this generation              Stable, all syncs are answered
Completing  on_written    failed                          syncs are refused; Preparing
Stable      on_sync       always                          answered at once
Compl/Stab  timer SYNC    a member never synced           it is out; Preparing
any         timer SESSION not heard of, not waiting       it is out; Preparing
any         on_leave      a member                        it is out; Preparing
any         on_gone       a new member's join             it is out; Preparing
Preparing   all joined    nobody is left                  Empty, and Write that

A completed join phase begins the next generation; its work is told once it is durable. A generation
that nobody was told the work of may be begun again after a crash.

Invariant: the generation only rises, and one of it has one assignment.
Invariant: every ticket is answered once, or its peer has gone.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bus.control.group_admission import join_error, member_error
from bus.control.group_effects import Effect, Joined, Respond, Synced, Told
from bus.control.group_facts import (
    GroupRules,
    GroupState,
    GroupSummary,
    Join,
    Leaving,
    Now,
    Record,
    StoredGroup,
    Sync,
)
from bus.control.group_ledger import Ledger
from bus.control.group_members import Member, Members
from bus.control.group_parking import Parking
from bus.control.group_sessions import JOIN, PENDING, SYNC, Sessions
from bus.errors import (
    NONE,
    FencedInstanceId,
    IllegalGeneration,
    InconsistentGroupProtocol,
    MemberIdRequired,
    RebalanceInProgress,
    UnknownMemberId,
)

EMPTY, PREPARING = GroupState.EMPTY, GroupState.PREPARING
COMPLETING, STABLE = GroupState.COMPLETING, GroupState.STABLE


class Group:
    """Sans-IO: feed it facts and the time, carry out the effects it returns."""

    def __init__(self, group_id: str, rules: GroupRules) -> None:
        self.group_id = group_id
        self.rules = rules
        self.state = EMPTY
        self.generation = 0
        self.protocol_type = ""
        self.protocol: str | None = None
        self.members = Members()
        self.ledger = Ledger()
        self.rebalances = 0  # completed, since whoever counts them has looked
        self._assigning = False  # this generation's assignment is being written
        self.parking = Parking()
        self._sessions = Sessions(rules.initial_delay_ms)

    def on_loaded(self, now: Now) -> None:
        """All records were replayed: go on from there; members have one session to be heard."""
        stored = self.ledger.stored
        if stored is None:
            return
        self.generation, self.protocol_type = stored.generation, stored.protocol_type
        self.protocol = stored.protocol
        self.members.load(stored)
        for member in self.members:
            self._sessions.hear(member, now)
        self.state = STABLE if stored.members else EMPTY

    @property
    def is_vacant(self) -> bool:
        """There is nothing that would be missed."""
        return self.ledger.is_empty and not self.members and not self._sessions.pending

    # --- joining -----------------------------------------------------------------------------

    def on_join(self, ticket: int, join: Join, now: Now) -> list[Effect]:
        """Someone wants to be a member, or to take part in the next generation."""
        pending = self._sessions.pending
        error = join_error(join, self.members, self.protocol_type, pending, self.rules)
        if error:
            return [Respond(ticket, Joined(error, join.member_id))]
        if join.member_id in pending:
            return self._add(ticket, join.member_id, join, now)
        if join.member_id:
            return self._join_again(ticket, join, now)
        former = self.members.by_instance(join.instance_id)
        if former is not None:
            return self._come_back(ticket, former, join, now)
        if join.instance_id is None and join.needs_known_id:
            self._sessions.expect(join.new_member_id, now.ms + join.session_timeout_ms)
            return [Respond(ticket, Joined(MemberIdRequired.code, join.new_member_id))]
        return self._add(ticket, join.new_member_id, join, now)

    def _add(self, ticket: int, member_id: str, join: Join, now: Now) -> list[Effect]:
        self._sessions.expect_no_more(member_id)
        member = Member.of_join(member_id, join)
        if not self.members:
            self.protocol_type = join.protocol_type
        self.members.add(member)
        self._sessions.is_extended = True
        effects = self.parking.park_join(member, ticket)
        self._sessions.hear(member, now)
        return [*effects, *self._rebalance(now)]

    def _join_again(self, ticket: int, join: Join, now: Now) -> list[Effect]:
        member = self.members.of(join.member_id)
        leads = self.members.leader == member.member_id
        told_again = self.state is COMPLETING or (self.state is STABLE and not leads)
        if told_again and member.protocols == join.protocols:
            self._sessions.hear(member, now)
            return [Respond(ticket, self._joined(member))]
        self.members.update(member, join)
        return [*self.parking.park_join(member, ticket), *self._rebalance(now)]

    def _come_back(self, ticket: int, member: Member, join: Join, now: Now) -> list[Effect]:
        """A static member began anew: it takes its place under another id."""
        told_leader = self.members.leader or ""
        effects = self.parking.refuse(member, FencedInstanceId.code)
        self._sessions.end(member.member_id)
        self.members.rename(member, join.new_member_id)
        self.members.update(member, join)
        effects += self.parking.park_join(member, ticket)
        self._sessions.hear(member, now)
        if self.state is STABLE and self.members.vote() == self.protocol:
            if member.may_skip_assignment:
                told_leader = self.members.leader or ""
            follow = partial(self._came_back, ticket, member, told_leader)
            return [*effects, self.ledger.write([self._record(now)], follow)]
        return [*effects, *self._rebalance(now)]

    def _came_back(
        self, ticket: int, member: Member, told_leader: str, error: int, now: Now
    ) -> list[Effect]:
        """Its new id is stored. A rebalance that began meanwhile answers it instead.

        Before version 9 a leader is told its old id as that of the leader: it would else make an
        assignment that a stable group does not take.
        """
        if member.join_ticket != ticket or self.state is not STABLE:
            return []
        self._sessions.hear(member, now)
        if error:
            return self.parking.answer_join(member, Joined(error))
        joined = self._joined(member)
        if member.may_skip_assignment and told_leader == member.member_id:
            everyone = self.members.for_leader(self.protocol)
            joined = replace(joined, members=everyone, skip_assignment=True)
        return self.parking.answer_join(member, replace(joined, leader=told_leader))

    def _joined(self, member: Member) -> Joined:
        tells_all = self.state is COMPLETING and self.members.leader == member.member_id
        return Joined(
            member_id=member.member_id,
            generation=self.generation,
            protocol_type=self.protocol_type,
            protocol=self.protocol,
            leader=self.members.leader or "",
            members=self.members.for_leader(self.protocol) if tells_all else (),
        )

    # --- rebalancing -------------------------------------------------------------------------

    def _rebalance(self, now: Now) -> list[Effect]:
        """Gather the members for the next generation, if that is not under way already."""
        if self.state is PREPARING:
            return self._complete_if_joined(now)
        effects = self._refuse_syncs(RebalanceInProgress.code, now)
        self._sessions.stop(SYNC)
        is_initial = self.state is EMPTY
        self.state = PREPARING
        self._sessions.begin_join(self.members.rebalance_timeout_ms, is_initial, now)
        return [*effects, *self._complete_if_joined(now)]

    def _complete_if_joined(self, now: Now) -> list[Effect]:
        if self.members and self._sessions.is_initial:
            return []
        is_over = self.members.have_joined and not self._sessions.pending
        return self._complete(now) if is_over else []

    def _complete(self, now: Now) -> list[Effect]:
        """Begin the next generation with those who have joined."""
        self._sessions.stop(JOIN)
        for member in [m for m in self.members if m.join_ticket is None and not m.instance_id]:
            self._remove(member)
        if self.members and not self.members.elect():
            self._sessions.begin_join(self.members.rebalance_timeout_ms, False, now)
            return []  # only static members are left: their sessions decide
        self.generation += 1
        self.rebalances += 1
        self._sessions.is_initial = self._assigning = False
        if not self.members:
            self.state, self.protocol = EMPTY, None
            return [self.ledger.write([self._record(now)], _nothing)]
        self.state, self.protocol = COMPLETING, self.members.vote()
        effects: list[Effect] = []
        for member in self.members:
            member.is_new = member.has_synced = False
            effects += self.parking.answer_join(member, self._joined(member))
            self._sessions.hear(member, now)
        self._sessions.start(SYNC, now.ms + self.members.rebalance_timeout_ms)
        return effects

    # --- syncing -----------------------------------------------------------------------------

    def on_sync(self, ticket: int, sync: Sync, now: Now) -> list[Effect]:
        """A member asks for its work; the leader brings that of all."""
        error = self.generation_error(sync.generation, sync.member_id, sync.instance_id)
        if not error and not sync.fits(self.protocol_type, self.protocol):
            error = InconsistentGroupProtocol.code
        if not error and self.state is PREPARING:
            error = RebalanceInProgress.code
        if error:
            return [Respond(ticket, Synced(error))]
        member = self.members.of(sync.member_id)
        member.has_synced = True
        if all(m.has_synced for m in self.members):
            self._sessions.stop(SYNC)
        self._sessions.hear(member, now)
        if self.state is STABLE:
            return [Respond(ticket, self._synced(member))]
        effects = self.parking.park_sync(member, ticket)
        if member.member_id != self.members.leader or self._assigning:
            return effects
        self._assigning = True
        record = self._record(now, sync.assignments)
        return [*effects, self.ledger.write([record], partial(self._assigned, self.generation))]

    def _assigned(self, generation: int, error: int, now: Now) -> list[Effect]:
        """The assignments are stored: tell them, unless the group has moved on."""
        if self.state is not COMPLETING or self.generation != generation:
            return []
        self._assigning = False
        if error:
            return [*self._refuse_syncs(error, now), *self._rebalance(now)]
        assert self.ledger.stored is not None, "it was replayed"
        self.state = STABLE
        effects: list[Effect] = []
        for stored in self.ledger.stored.members:
            member = self.members.of(stored.member_id)
            member.assignment = stored.assignment
            effects += self.parking.answer_sync(member, self._synced(member))
            self._sessions.hear(member, now)
        return effects

    def _synced(self, member: Member) -> Synced:
        return Synced(NONE, self.protocol_type, self.protocol, member.assignment)

    def _refuse_syncs(self, error: int, now: Now) -> list[Effect]:
        effects: list[Effect] = []
        for member in self.members:
            if self.state is COMPLETING:
                member.assignment = b""
            if member.sync_ticket is not None:
                effects += self.parking.answer_sync(member, Synced(error))
                self._sessions.hear(member, now)
        return effects

    # --- staying and leaving -----------------------------------------------------------------

    def on_heartbeat(
        self, ticket: int, generation: int, member_id: str, instance_id: str | None, now: Now
    ) -> list[Effect]:
        """A member lives; it is told whether to join again."""
        error = self.generation_error(generation, member_id, instance_id)
        if not error:
            self.hear(member_id, now)
            error = RebalanceInProgress.code if self.state is PREPARING else NONE
        return [Respond(ticket, Told(error))]

    def on_leave(self, ticket: int, leaving: Sequence[Leaving], now: Now) -> list[Effect]:
        """Members leave, or somebody else has them leave."""
        errors: list[int] = []
        effects: list[Effect] = []
        size = len(self.members)
        for one in leaving:
            if one.member_id in self._sessions.pending:
                self._sessions.expect_no_more(one.member_id)
                errors.append(NONE)
                continue
            named = self.members.by_instance(one.instance_id) if not one.member_id else None
            member_id = named.member_id if named is not None else one.member_id
            errors.append(member_error(self.members, member_id, one.instance_id))
            if not errors[-1]:
                effects += self._remove(self.members.of(member_id))
        effects.append(Respond(ticket, Told(NONE, tuple(errors))))
        if len(self.members) < size or self.state is PREPARING:
            effects += self._rebalance(now)
        return effects

    def on_gone(self, ticket: int, now: Now) -> list[Effect]:
        """The peer of a request that waits has gone: it is answered no more."""
        member = self.parking.forget(ticket)
        if member is None:
            return []
        if not member.is_new:
            self._sessions.hear(member, now)
            return []
        return [*self._remove(member), *self._rebalance(now)]

    def on_tick(self, now: Now) -> list[Effect]:
        """Let deadlines pass that are due."""
        effects: list[Effect] = []
        for key in self._sessions.due(now):
            if key == JOIN:
                effects += [] if self._sessions.extend_join(now) else self._complete(now)
            elif key == SYNC:
                effects += self._on_sync_timer(now)
            elif key[0] == PENDING:
                self._sessions.expect_no_more(key[1])
                if self.state is PREPARING:
                    effects += self._complete_if_joined(now)
            else:
                effects += self._on_session_timer(key[1], now)
        return effects

    def next_tick_ms(self) -> int | None:
        """When `on_tick` has something to do."""
        return self._sessions.next_ms()

    def _on_sync_timer(self, now: Now) -> list[Effect]:
        effects: list[Effect] = []
        for member in [m for m in self.members if not m.has_synced]:
            effects += self._remove(member)
        return [*effects, *self._rebalance(now)]

    def _on_session_timer(self, member_id: str, now: Now) -> list[Effect]:
        member = self.members.get(member_id)
        if member is None or self._sessions.is_heard(member, now):
            return []
        waits = member.join_ticket is not None or member.sync_ticket is not None
        if waits and not member.is_new:
            return []  # the timer is set again with the answer
        return [*self._remove(member), *self._rebalance(now)]

    def hear(self, member_id: str, now: Now) -> None:
        """A member did something: its session begins anew."""
        if (member := self.members.get(member_id)) is not None:
            self._sessions.hear(member, now)

    def generation_error(self, generation: int, member_id: str, instance_id: str | None) -> int:
        """Whether a request is a member's, and of this generation; 0 if so."""
        error = member_error(self.members, member_id, instance_id)
        if error or generation == self.generation:
            return error
        return IllegalGeneration.code

    def summary(self) -> GroupSummary:
        """As it is described."""
        protocol = self.protocol if self.state is STABLE else None
        members = self.members.summaries(protocol)
        return GroupSummary(
            self.state, self.generation, self.protocol_type, protocol or "", members
        )

    def _remove(self, member: Member) -> list[Effect]:
        """It is no member any more; what of it waits is told so."""
        self.members.remove(member)
        self._sessions.end(member.member_id)
        return self.parking.refuse(member, UnknownMemberId.code)

    def _record(self, now: Now, assignments: dict[str, bytes] | None = None) -> Record:
        """The group as it is now, with new assignments if they are given."""
        members = self.members.stored(self.protocol, assignments)
        leader, since = self.members.leader, now.wall_ms
        return None, StoredGroup(
            self.generation, self.protocol_type, self.protocol, leader, since, members
        )


def _nothing(error: int, now: Now) -> list[Effect]:
    """Nobody waits: if it failed, the generation before it comes back after a restart, empty."""
    return []

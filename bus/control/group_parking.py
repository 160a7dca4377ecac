"""Requests of a group's members that wait: each is answered once, or its peer has gone.

A member has at most one join and one sync that wait. A second one takes the place of the first,
which is told to join again: its peer has most likely given it up.
"""

from bus.control.group_effects import Effect, Joined, Respond, Synced
from bus.control.group_members import Member
from bus.errors import RebalanceInProgress


class Parking:
    """Who waits, by ticket."""

    def __init__(self) -> None:
        self._members: dict[int, Member] = {}

    def __len__(self) -> int:
        return len(self._members)

    def park_join(self, member: Member, ticket: int) -> list[Effect]:
        """Keep a join for the next generation."""
        effects = self.answer_join(member, Joined(RebalanceInProgress.code, member.member_id))
        member.join_ticket = ticket
        self._members[ticket] = member
        return effects

    def park_sync(self, member: Member, ticket: int) -> list[Effect]:
        """Keep a sync for the assignment."""
        effects = self.answer_sync(member, Synced(RebalanceInProgress.code))
        member.sync_ticket = ticket
        self._members[ticket] = member
        return effects

    def answer_join(self, member: Member, outcome: Joined) -> list[Effect]:
        """Answer the join of a member that waits, if one does."""
        ticket, member.join_ticket = member.join_ticket, None
        return self._answer(ticket, outcome)

    def answer_sync(self, member: Member, outcome: Synced) -> list[Effect]:
        """Answer the sync of a member that waits, if one does."""
        ticket, member.sync_ticket = member.sync_ticket, None
        return self._answer(ticket, outcome)

    def refuse(self, member: Member, error: int) -> list[Effect]:
        """Answer whatever waits with an error."""
        joined, synced = Joined(error), Synced(error)
        return [*self.answer_join(member, joined), *self.answer_sync(member, synced)]

    def forget(self, ticket: int) -> Member | None:
        """The peer behind `ticket` has gone: whose it was, if it waits."""
        member = self._members.pop(ticket, None)
        if member is not None and member.join_ticket == ticket:
            member.join_ticket = None
        elif member is not None:
            member.sync_ticket = None
        return member

    def _answer(self, ticket: int | None, outcome: Joined | Synced) -> list[Effect]:
        if ticket is None:
            return []
        del self._members[ticket]
        return [Respond(ticket, outcome)]

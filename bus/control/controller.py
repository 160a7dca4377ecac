"""Controller: what the one writer of all partitions' records writes next (R3, R4).

What is due                                        Decided in
-----------                                        ----------
the dead are fenced, who has started is taken in   acceptance.py (R1, R2, R6)
who wants to stop hands over, and leaves           leaving.py
a partition without a leader gets one (R6)         here
the same where nobody may lead for certain (R30)   recovery.py
the same by an operator's command (R7)             unclean.py
who is named first leads again, in batches         preference.py
replicas are exchanged (R24)                       reassignment.py
brokers are drained and removed, loads evened out  mover.py
a leader gets the in-sync set it asks for (R4)     wishes.py

`step` gives at most one change, made of all that is due, and none while one is out: what was
written comes back as facts, and then the next follows. So every decision is made on what the store
holds, and a change that lost its race is decided anew. Nobody is answered before the store is.
"""

from dataclasses import dataclass, field
from uuid import UUID

from bus.control import acceptance, election, leaving, wishes
from bus.control.change import Change, ControllerEffect, Draft, Reply
from bus.control.commands import Command, Reassignment, UncleanElection
from bus.control.knowledge import Knowledge, Report
from bus.control.mover import Mover, obey
from bus.control.policy import Policy
from bus.control.preference import Preference, elect
from bus.control.reassignment import complete, reassign
from bus.control.recovery import Recovery
from bus.control.unclean import elect_unclean
from bus.control.wishes import Wish
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.stored_brokers import BrokerEpochRecord


@dataclass(slots=True)
class Controller:
    """Sans-IO controller: feed it what the store holds and what is heard; carry out `step`."""

    policy: Policy = field(default_factory=Policy)
    known: Knowledge = field(default_factory=Knowledge)
    _preference: Preference = field(default_factory=Preference)
    _elections: dict[int, PartitionId] = field(default_factory=dict)  # by ticket
    _unclean: dict[int, UncleanElection] = field(default_factory=dict)  # by ticket
    _wishes: dict[int, Wish] = field(default_factory=dict)  # by ticket
    _recovery: Recovery = field(default_factory=Recovery)
    _mover: Mover = field(default_factory=Mover)
    _commands: dict[int, Command] = field(default_factory=dict)  # by ticket
    _reassignments: dict[int, Reassignment] = field(default_factory=dict)  # by ticket
    _leaving: dict[int, int] = field(default_factory=dict)  # who wants to stop, in which epoch
    _due: dict[int, int] = field(default_factory=dict)  # of them, who stops now
    _out: Change | None = None

    # --- what the store holds ----------------------------------------------------------------

    def on_partition(self, pid: PartitionId, image: PartitionImage | None) -> None:
        """The record of a partition; None: it is deleted."""
        self.known.on_partition(pid, image)

    def on_broker(self, broker: int, record: BrokerEpochRecord | None) -> None:
        """What was accepted of a broker."""
        self.known.on_broker(broker, record)

    def on_topic(self, topic_id: UUID, *, is_flushed: bool, is_growing: bool = False) -> None:
        """Are its records flushed before they are acknowledged (flush=group)? Does it have as many
        replicas as the cluster's size makes the default?"""
        self.known.on_topic(topic_id, is_flushed=is_flushed, is_growing=is_growing)

    def on_life(self, broker: int, epoch: int | None, rack: str = "", host: str = "") -> None:
        """A broker lives in this epoch; None: its session is over, which alone says little (R1)."""
        self.known.on_life(broker, epoch, rack, host)

    # --- what is heard -----------------------------------------------------------------------

    def on_time(self, now_ms: int) -> None:
        """It is so late; told before anything that follows from it."""
        self.known.now_ms = now_ms

    def on_silent(self, broker: int) -> None:
        """Nothing was heard of it for so long that it counts as dead."""
        self.known.on_silence(broker, is_silent=True)

    def on_heard(self, broker: int) -> None:
        """It is there."""
        self.known.on_silence(broker, is_silent=False)

    def on_report(self, broker: int, report: Report) -> None:
        """It has recovered what it holds, in the life that it names."""
        self.known.reports[broker] = report

    def on_wish(self, ticket: int, wish: Wish) -> None:
        """A leader asks for another in-sync set; a Reply with this ticket will follow."""
        self._wishes[ticket] = wish

    def on_election(self, ticket: int, pid: PartitionId) -> None:
        """It shall be led by its first replica; a Reply with this ticket will follow."""
        self._elections[ticket] = pid

    def on_unclean_election(self, ticket: int, wanted: UncleanElection) -> None:
        """Somebody shall lead it although records may be lost; a Reply with this ticket follows."""
        self._unclean[ticket] = wanted

    def on_reassignment(self, ticket: int, wanted: Reassignment) -> None:
        """Others shall hold it; a Reply with this ticket follows when that has begun."""
        self._reassignments[ticket] = wanted

    def on_command(self, ticket: int, command: Command) -> None:
        """A broker shall be drained or removed; a Reply with this ticket will follow."""
        self._commands[ticket] = command

    def on_leave(self, broker: int, epoch: int, *, is_due: bool) -> None:
        """It wants to stop, and waits until its record says that it is fenced; or no longer."""
        self._leaving[broker] = epoch
        if is_due:
            self._due[broker] = epoch

    def on_written(self, error: int) -> list[ControllerEffect]:
        """What came of the last Change; what the store holds now was told before."""
        assert self._out is not None, "a change is out"
        granted, self._out = self._out.granted, None
        return [Reply(ticket, error) for ticket in granted]

    # --- what follows ------------------------------------------------------------------------

    def step(self) -> list[ControllerEffect]:
        """All that is due now."""
        if self._out is not None:
            return []
        draft = Draft(self.known)
        acceptance.fence(draft)
        acceptance.accept(draft)
        acceptance.look_at_new(draft)
        leaving.leave(draft, self._due)
        leaving.begin(draft, self._leaving)
        self._seat(draft)
        self._recovery.recover(draft)
        unclean, self._unclean = self._unclean, {}
        elect_unclean(draft, unclean)
        complete(draft)
        asked, self._reassignments = self._reassignments, {}
        reassign(draft, asked, self.policy.moves_max)
        elections, self._elections = self._elections, {}
        elect(draft, elections)
        if self.policy.restores_leaders:
            self._preference.restore(draft)
        commands, self._commands = self._commands, {}
        obey(draft, commands)
        self._mover.move(draft, self.policy)
        wanted, self._wishes = self._wishes, {}
        wishes.grant(draft, wanted)
        if not draft.change:
            return [*draft.replies]
        self._out = draft.change
        return [*draft.replies, draft.change]

    def next_ms(self) -> int | None:
        """When `step` has something to do although nothing was told."""
        if self._out is not None:
            return None
        moving_ms = self._mover.next_ms(Draft(self.known))
        times = [moving_ms, self._recovery.next_ms()]
        if self.policy.restores_leaders and self.known.strayed:
            times.append(self._preference.due_ms)
        return min((each for each in times if each is not None), default=None)

    def _seat(self, draft: Draft) -> None:
        if not self.known.leaderless:
            return
        active, staying = draft.active(), draft.staying()
        for pid in self.known.leaderless:
            draft.put(pid, election.seated(draft.image(pid), active, staying))

"""Who changed a record, and by what they knew: taken down as it happens, and held to I13.

What is written                     Must have been made of
---------------                     ----------------------
a record, or a broker's state       a term that was not over when it was written (R3)
another in-sync set, same leader    a proposal of its leader on the very record that it replaces,
                                    each new member active, in the life that it names (R4)
a set without some, same leader     the same, or those are fenced (R6)
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bus.adapters.etcd.messages import Put, Txn
from bus.control.insync import Proposal
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.keys import Keys, Kind
from bus.model.stored_brokers import NO_EPOCH, BrokerState
from tests.sim import cluster_invariants as rules
from tests.sim.violation import fail_if

if TYPE_CHECKING:
    from tests.sim.machine import Machine
    from tests.sim.world import World


@dataclass(frozen=True, slots=True)
class Signed(Txn):
    """A transaction with what its author took for the controller's epoch when it left."""

    term: int = NO_EPOCH


class Authors:
    """See the module."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._keys = Keys(world.cluster_name)
        self._guarded = tuple(
            self._keys.prefix(kind).encode() for kind in (Kind.GROUP, Kind.BROKER_EPOCH)
        )
        self._proposals: dict[PartitionId, list[tuple[int, int, Proposal]]] = {}

    # --- controllers --------------------------------------------------------------------------

    def signed(self, machine: "Machine", request: Txn) -> Txn:
        """As it leaves a broker."""
        term, mirror = NO_EPOCH, getattr(machine.node, "copy", None)
        entry = mirror.get(self._keys.controller) if mirror is not None else None
        if entry is not None and entry.value == str(machine.broker).encode():
            term = entry.revision
        return Signed(request.compares, request.then, request.otherwise, term)

    def on_written(self, request: Txn) -> None:
        """It was done just now."""
        is_guarded = any(
            isinstance(each, Put) and each.key.startswith(self._guarded) for each in request.then
        )
        if is_guarded and isinstance(request, Signed):
            entry = self._world.store.entry(self._keys.controller)
            now = entry.revision if entry is not None else NO_EPOCH
            fail_if("I13", rules.stale_controller(request.term, now))

    # --- leaders ------------------------------------------------------------------------------

    def on_proposed(
        self, pid: PartitionId, leader: int, leader_epoch: int, proposal: Proposal
    ) -> None:
        """A leader asks for another set; what it asked for may arrive at any time."""
        self._proposals.setdefault(pid, []).append((leader, leader_epoch, proposal))

    def judge(self, name: str, pid: PartitionId, before: PartitionImage, after: PartitionImage):
        """Of one record, right after it was written."""
        if (before.leader, before.leader_epoch) != (after.leader, after.leader_epoch):
            return  # the controller's own doing
        lives = self._lives()
        gone = set(before.isr) - set(after.isr)
        joined = set(after.isr) - set(before.isr)
        if not joined and not any(broker in lives for broker in gone):
            return
        problem = None
        for known in self._known(pid, after):
            added = {broker: known[2].added.get(broker, NO_EPOCH) for broker in joined}
            seen = PartitionImage(
                known[0], known[1], known[2].partition_epoch, 1, before.replicas, before.isr
            )
            change = rules.Change(before, after, seen, 0, 0, added, lives)
            problem = rules.stale_change(change)
            if problem is None:
                return
        fail_if("I13", f"{name}: {problem or f'nobody has asked for {after.isr}'}")

    def _known(self, pid: PartitionId, image: PartitionImage) -> list[tuple[int, int, Proposal]]:
        """Proposals of that set, oldest first."""
        return [each for each in self._proposals.get(pid, []) if {*each[2].isr} == {*image.isr}]

    def _lives(self) -> dict[int, int]:
        """The epochs of those who are active."""
        lives = {}
        for machine in self._world.machines:
            record = self._world.store.accepted(machine.broker)
            if record is not None and record.state is BrokerState.ACTIVE:
                lives[machine.broker] = record.epoch
        return lives

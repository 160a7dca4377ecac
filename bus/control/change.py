"""What the controller has written, and a change while it is being made.

A change may take several transactions: partitions are written before brokers, so that whoever
controls next finds a broker still active whose partitions were not all looked after.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from bus.control.knowledge import COUNTED, Knowledge
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.recoveries import RecoveryRecord
from bus.model.stored_brokers import BrokerEpochRecord, BrokerState


@dataclass(slots=True)
class Change:
    """Write all of it, partitions first; then tell by `on_written`."""

    partitions: dict[PartitionId, PartitionImage] = field(default_factory=dict)
    brokers: dict[int, BrokerEpochRecord] = field(default_factory=dict)
    granted: list[int] = field(default_factory=list)  # tickets, answered once it is written
    recovered: dict[PartitionId, RecoveryRecord] = field(default_factory=dict)  # may lack records

    def __bool__(self) -> bool:
        return bool(self.partitions or self.brokers)


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer whoever asked by this ticket."""

    ticket: int
    error: int
    detail: str | None = None


ControllerEffect = Change | Reply


@dataclass(slots=True)
class Draft:
    """A change on top of what is known: each decision sees those before it."""

    known: Knowledge
    change: Change = field(default_factory=Change)
    replies: list[Reply] = field(default_factory=list)  # that need no writing

    def image(self, pid: PartitionId) -> PartitionImage:
        """As it will be."""
        return self.change.partitions.get(pid) or self.known.partitions[pid]

    def find(self, pid: PartitionId) -> PartitionImage | None:
        """The same; None if there is no such partition."""
        return self.change.partitions.get(pid) or self.known.partitions.get(pid)

    def put(self, pid: PartitionId, image: PartitionImage) -> bool:
        """Whether that changes anything."""
        if image is self.image(pid):
            return False
        self.change.partitions[pid] = image
        return True

    def record(self, broker: int) -> BrokerEpochRecord | None:
        """Of a broker, as it will be."""
        return self.change.brokers.get(broker) or self.known.brokers.get(broker)

    def active(self) -> Collection[int]:
        """Who may lead: as they will be once this is written, but for who is accepted by it."""
        return {
            broker
            for broker, record in self.known.brokers.items()
            if record.state in COUNTED and self._stays(broker)
        }

    def staying(self) -> Collection[int]:
        """Of those, who has not asked to leave."""
        return {
            broker
            for broker, record in self.known.brokers.items()
            if record.state is BrokerState.ACTIVE and broker not in self.change.brokers
        }

    def lives_in(self, broker: int, epoch: int) -> bool:
        """May it join, in this very life? (KIP-841, KIP-903)"""
        record = self.record(broker)
        return record is not None and record.state is BrokerState.ACTIVE and record.epoch == epoch

    def leads_in(self, broker: int, epoch: int) -> bool:
        """May it be heard as a leader, in this very life?"""
        record = self.record(broker)
        return record is not None and record.state in COUNTED and record.epoch == epoch

    def _stays(self, broker: int) -> bool:
        changed = self.change.brokers.get(broker)
        return changed is None or changed.state is BrokerState.LEAVING

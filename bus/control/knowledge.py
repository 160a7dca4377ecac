"""What the controller knows: the store's records, who lives, who is silent, and what they report.

Facts only, with the indexes that make each decision as dear as what it is about:

Index        Partitions
-----        ----------
held         with a replica on that broker
leaderless   that nobody leads
moving       whose replicas are being exchanged (R24)
strayed      that another broker leads than the one that is named first
named        how many name that broker first
new          whose record was first seen; whoever made it may have known less of who is there

One index is of brokers: `unsettled`, all but those that count and are there in their accepted life.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from bus.model.cluster import NO_LEADER, PartitionImage
from bus.model.ids import PartitionId
from bus.model.stored_brokers import BrokerEpochRecord, BrokerState

COUNTED = frozenset({BrokerState.ACTIVE, BrokerState.LEAVING})  # may lead, may be in sync


class LogEnd(NamedTuple):
    """How far a log goes; the higher one holds all that is committed in the lower one (R30)."""

    last_epoch: int  # of its last batch; -1 if it has none
    end_offset: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a broker says of itself once it has recovered its logs."""

    epoch: int
    disk_ids: tuple[UUID, ...]
    boot_id: str
    suspects: Mapping[PartitionId, LogEnd]  # it may have lost something of them (R2)


@dataclass(slots=True)
class Knowledge:
    """Told as it comes; nothing is decided here."""

    partitions: dict[PartitionId, PartitionImage] = field(default_factory=dict)
    brokers: dict[int, BrokerEpochRecord] = field(default_factory=dict)
    lives: dict[int, int] = field(default_factory=dict)  # the epochs that brokers live in now
    racks: dict[int, str] = field(default_factory=dict)  # of those
    hosts: dict[int, str] = field(default_factory=dict)  # brokers of one host fall together
    reports: dict[int, Report] = field(default_factory=dict)
    since_ms: dict[int, int] = field(default_factory=dict)  # in its state, this life of it
    silent: set[int] = field(default_factory=set)
    unsettled: set[int] = field(default_factory=set)
    held: dict[int, set[PartitionId]] = field(default_factory=dict)
    named: Counter[int] = field(default_factory=Counter)
    leaderless: set[PartitionId] = field(default_factory=set)
    moving: set[PartitionId] = field(default_factory=set)
    strayed: set[PartitionId] = field(default_factory=set)
    growing: set[UUID] = field(default_factory=set)  # topics that follow a cluster's defaults
    unflushed: set[UUID] = field(default_factory=set)  # topics of flush=os
    layout: int = 0  # rises when replicas, or who may hold some, are others
    new: set[PartitionId] = field(default_factory=set)  # until somebody has looked at it
    now_ms: int = 0

    def on_partition(self, pid: PartitionId, image: PartitionImage | None) -> None:
        """The record of a partition; None: it is deleted."""
        before = self.partitions.get(pid)
        if before is None or image is None or _holders(before) != _holders(image):
            self.layout += 1
        if before is not None:
            self._leave_indexes(pid, before)
        if image is None:
            self.partitions.pop(pid, None)
            self.new.discard(pid)
            return
        if before is None:
            self.new.add(pid)
        self.partitions[pid] = image
        self._enter_indexes(pid, image)

    def _leave_indexes(self, pid: PartitionId, image: PartitionImage) -> None:
        self.named[image.replicas[0]] -= 1
        for broker in image.replicas:
            self.held[broker].discard(pid)
        for index in (self.leaderless, self.moving, self.strayed):
            index.discard(pid)

    def _enter_indexes(self, pid: PartitionId, image: PartitionImage) -> None:
        self.named[image.replicas[0]] += 1
        for broker in image.replicas:
            self.held.setdefault(broker, set()).add(pid)
        if image.leader == NO_LEADER:
            self.leaderless.add(pid)
        elif image.leader != image.replicas[0]:
            self.strayed.add(pid)
        if image.adding or image.removing:
            self.moving.add(pid)

    def on_broker(self, broker: int, record: BrokerEpochRecord | None) -> None:
        """What was accepted of a broker."""
        before = self.brokers.get(broker)
        self.layout += 1
        if record is None:
            self.brokers.pop(broker, None)
            self._settle(broker)
            return
        self.brokers[broker] = record
        self._settle(broker)
        if before is None or (before.epoch, before.state) != (record.epoch, record.state):
            self.since_ms[broker] = self.now_ms
            report = self.reports.get(broker)
            if record.state is BrokerState.FENCED and report and report.epoch == record.epoch:
                del self.reports[broker]  # it has to report anew

    def on_topic(self, topic_id: UUID, *, is_flushed: bool, is_growing: bool = False) -> None:
        """Are its records flushed before they are acknowledged (flush=group)? Does it have as many
        replicas as the cluster's size makes the default?"""
        for is_in, topics in ((not is_flushed, self.unflushed), (is_growing, self.growing)):
            if is_in:
                topics.add(topic_id)
            else:
                topics.discard(topic_id)

    def on_life(self, broker: int, epoch: int | None, rack: str, host: str) -> None:
        """A broker lives in this epoch; None: its session is over, which alone says little (R1)."""
        if epoch is None:
            self.lives.pop(broker, None)
        else:
            self.lives[broker] = epoch
            self.racks[broker], self.hosts[broker] = rack, host
        self._settle(broker)

    def on_silence(self, broker: int, *, is_silent: bool) -> None:
        """Nothing was heard of it for so long that it counts as dead; or it is there again."""
        if is_silent:
            self.silent.add(broker)
        else:
            self.silent.discard(broker)
        self._settle(broker)

    def _settle(self, broker: int) -> None:
        record, epoch = self.brokers.get(broker), self.lives.get(broker)
        counts = record is not None and record.state in COUNTED
        is_same = record is not None and epoch in (None, record.epoch)
        if counts and is_same and broker not in self.silent:
            self.unsettled.discard(broker)
        else:
            self.unsettled.add(broker)

    def in_state(self, state: BrokerState) -> Iterator[int]:
        """The brokers that the store has in it."""
        return (broker for broker, record in self.brokers.items() if record.state is state)


def _holders(image: PartitionImage) -> tuple[tuple[int, ...], ...]:
    return image.replicas, image.adding, image.removing

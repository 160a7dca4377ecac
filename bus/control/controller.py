"""Controller: what the one writer of all partitions' records writes next (R3, R4).

Fact                          Condition                       Change, in this order
----                          ---------                       ------
a broker is silent            it is active                    what it led and held, fence it (R6)
a broker has restarted        it is active in another life    what it led, fence it (R2)
it has reported               it suspects partitions          nothing counts on those (R2)
it has reported               nothing of that is left         accept its new life: active (R1)
a fenced broker is heard      in the life that is accepted    active
a partition has no leader     somebody may lead it            seat one (R6)
replicas were to be added     all of them are in sync         complete the reassignment (R24)
a leader asks for a set       it leads, and they are active   alter it, and answer (R4)

`step` gives at most one change, made of all that is due, and none while one is out: what was
written comes back as facts, and then the next follows. So every decision is made on what the store
holds, and a change that lost its race is decided anew. Nobody is answered before the store is.

A change may take several transactions: partitions are written before brokers, so that whoever
controls next finds a broker still active whose partitions were not all looked after.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from bus.control import election
from bus.errors import NONE, FencedLeaderEpoch, InvalidRequest, NotLeader
from bus.model.cluster import NO_LEADER, PartitionImage
from bus.model.ids import PartitionId
from bus.model.replication_errors import IneligibleReplica, InvalidUpdateVersion, StaleBrokerEpoch
from bus.model.stored_brokers import NO_EPOCH, BrokerEpochRecord, BrokerState


@dataclass(frozen=True, slots=True)
class Report:
    """What a broker says of itself once it has recovered its logs."""

    epoch: int
    disk_ids: tuple[UUID, ...]
    boot_id: str
    suspects: frozenset[PartitionId]  # it may have lost something of them (R2)


@dataclass(frozen=True, slots=True)
class Wish:
    """A leader asks for another in-sync set (R4)."""

    pid: PartitionId
    broker: int
    broker_epoch: int
    leader_epoch: int
    partition_epoch: int
    isr: tuple[int, ...]
    added: Mapping[int, int]  # broker -> its epoch


@dataclass(slots=True)
class Change:
    """Write all of it, partitions first; then tell by `on_written`."""

    partitions: dict[PartitionId, PartitionImage] = field(default_factory=dict)
    brokers: dict[int, BrokerEpochRecord] = field(default_factory=dict)
    granted: list[int] = field(default_factory=list)  # tickets, answered once it is written

    def __bool__(self) -> bool:
        return bool(self.partitions or self.brokers)


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the leader that asked by this ticket."""

    ticket: int
    error: int


ControllerEffect = Change | Reply


@dataclass(slots=True)
class Controller:
    """Sans-IO controller: feed it what the store holds and what is heard; carry out `step`."""

    partitions: dict[PartitionId, PartitionImage] = field(default_factory=dict)
    brokers: dict[int, BrokerEpochRecord] = field(default_factory=dict)
    _lives: dict[int, int] = field(default_factory=dict)  # the epochs that brokers live in now
    _reports: dict[int, Report] = field(default_factory=dict)
    _silent: set[int] = field(default_factory=set)
    _held: dict[int, set[PartitionId]] = field(default_factory=dict)  # by each broker
    _leaderless: set[PartitionId] = field(default_factory=set)
    _moving: set[PartitionId] = field(default_factory=set)
    _wishes: dict[int, Wish] = field(default_factory=dict)  # by ticket
    _out: Change | None = None

    # --- what the store holds ----------------------------------------------------------------

    def on_partition(self, pid: PartitionId, image: PartitionImage | None) -> None:
        """The record of a partition; None: it is deleted."""
        before = self.partitions.get(pid)
        for broker in before.replicas if before is not None else ():
            self._held[broker].discard(pid)
        self._leaderless.discard(pid)
        self._moving.discard(pid)
        if image is None:
            self.partitions.pop(pid, None)
            return
        self.partitions[pid] = image
        for broker in image.replicas:
            self._held.setdefault(broker, set()).add(pid)
        if image.leader == NO_LEADER:
            self._leaderless.add(pid)
        if image.adding or image.removing:
            self._moving.add(pid)

    def on_broker(self, broker: int, record: BrokerEpochRecord | None) -> None:
        """What was accepted of a broker."""
        if record is None:
            self.brokers.pop(broker, None)
        else:
            self.brokers[broker] = record

    def on_life(self, broker: int, epoch: int | None) -> None:
        """A broker lives in this epoch; None: its session is over, which alone says little (R1)."""
        if epoch is None:
            self._lives.pop(broker, None)
        else:
            self._lives[broker] = epoch

    # --- what is heard -----------------------------------------------------------------------

    def on_silent(self, broker: int) -> None:
        """Nothing was heard of it for so long that it counts as dead."""
        self._silent.add(broker)

    def on_heard(self, broker: int) -> None:
        """It is there."""
        self._silent.discard(broker)

    def on_report(self, broker: int, report: Report) -> None:
        """It has recovered what it holds, in the life that it names."""
        self._reports[broker] = report

    def on_wish(self, ticket: int, wish: Wish) -> None:
        """A leader asks for another in-sync set; a Reply with this ticket will follow."""
        self._wishes[ticket] = wish

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
        change = Change()
        self._fence(change)
        self._accept(change)
        self._seat(change)
        self._complete(change)
        refusals = self._grant(change)
        if not change:
            return refusals
        self._out = change
        return [*refusals, change]

    def _fence(self, change: Change) -> None:
        for broker, record in self.brokers.items():
            is_silent = broker in self._silent
            has_restarted = self._lives.get(broker, record.epoch) != record.epoch
            if record.state is not BrokerState.ACTIVE or not (is_silent or has_restarted):
                continue
            change.brokers[broker] = replace(record, state=BrokerState.FENCED)
            lose = election.fenced if is_silent else election.restarted
            active = self._active(change)
            for pid in self._held.get(broker, ()):
                self._put(pid, lose(self._image(pid, change), broker, active), change)

    def _accept(self, change: Change) -> None:
        """Whoever is fenced and there: first what it suspects, then, in another change, itself."""
        for broker, epoch in self._lives.items():
            record = self.brokers.get(broker)
            is_fenced = record is None or record.state is BrokerState.FENCED
            if not is_fenced or broker in self._silent or broker in change.brokers:
                continue
            if record is not None and record.epoch == epoch:
                change.brokers[broker] = replace(record, state=BrokerState.ACTIVE)
                continue
            report = self._reports.get(broker)
            if report is None or report.epoch != epoch:
                continue
            if not self._suspect(broker, report, change):
                change.brokers[broker] = BrokerEpochRecord(
                    epoch, BrokerState.ACTIVE, NO_EPOCH, report.disk_ids, report.boot_id
                )

    def _suspect(self, broker: int, report: Report, change: Change) -> bool:
        """Take it out of all sets that count on what it may have lost; whether it was in any."""
        found = False
        active = self._active(change)
        for pid in report.suspects & self._held.get(broker, set()):
            image = self._image(pid, change)
            if broker in (*image.isr, *image.elr):
                found = True
                self._put(pid, election.suspected(image, broker, active), change)
        return found

    def _seat(self, change: Change) -> None:
        active = self._active(change)
        for pid in self._leaderless:
            image = self._image(pid, change)
            self._put(pid, election.seated(image, active), change)

    def _complete(self, change: Change) -> None:
        active = self._active(change)
        for pid in self._moving:
            image = self._image(pid, change)
            self._put(pid, election.completed(image, active), change)

    def _grant(self, change: Change) -> list[ControllerEffect]:
        """Wishes for what is changed anyhow are refused: they were made on another record."""
        refusals: list[ControllerEffect] = []
        wishes, self._wishes = self._wishes, {}
        for ticket, wish in wishes.items():
            image = change.partitions.get(wish.pid) or self.partitions.get(wish.pid)
            error = self._refusal(wish, image, change)
            if error != NONE or image is None:
                refusals.append(Reply(ticket, error))
                continue
            self._put(wish.pid, election.altered(image, wish.isr), change)
            change.granted.append(ticket)
        return refusals

    def _refusal(self, wish: Wish, image: PartitionImage | None, change: Change) -> int:
        if image is None or wish.broker != image.leader:
            return NotLeader.code
        if wish.leader_epoch != image.leader_epoch:
            return FencedLeaderEpoch.code
        if wish.partition_epoch != image.partition_epoch:
            return InvalidUpdateVersion.code
        if not self._lives_in(wish.broker, wish.broker_epoch, change):
            return StaleBrokerEpoch.code
        members = set(wish.isr)
        if wish.broker not in members or not members <= set(image.replicas):
            return InvalidRequest.code
        joining = members - set(image.isr)
        if any(not self._lives_in(b, wish.added.get(b, NO_EPOCH), change) for b in joining):
            return IneligibleReplica.code
        return NONE

    def _lives_in(self, broker: int, epoch: int, change: Change) -> bool:
        """Is it active, in this very life? (KIP-841, KIP-903)"""
        record = change.brokers.get(broker) or self.brokers.get(broker)
        is_active = record is not None and record.state is BrokerState.ACTIVE
        return is_active and record is not None and record.epoch == epoch

    def _active(self, change: Change) -> Collection[int]:
        """As they will be once the change is written, but for who is accepted by it."""
        return {
            broker
            for broker, record in self.brokers.items()
            if record.state is BrokerState.ACTIVE and broker not in change.brokers
        }

    def _image(self, pid: PartitionId, change: Change) -> PartitionImage:
        return change.partitions.get(pid) or self.partitions[pid]

    def _put(self, pid: PartitionId, image: PartitionImage, change: Change) -> None:
        if image is not self._image(pid, change):
            change.partitions[pid] = image

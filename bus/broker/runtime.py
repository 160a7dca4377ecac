"""The only interpreter of a leader's effects: it appends, flushes, answers and wakes, in order.

A produce gets a ticket; the leader's machine decides, and `run` carries out what it returns. What
the world does in turn (an append that stands, a flush that is done) goes back to the machine as a
fact, and its effects run next. Everything here happens on the event loop's thread.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bus.broker.counters import Counters
from bus.broker.partition import Partition
from bus.broker.stores import Stores
from bus.control.effects import Answer, Append, Committed, Effect, Propose
from bus.control.insync import InSync, Proposal
from bus.control.leader import Leader
from bus.errors import BusError, StorageError
from bus.log.partition_log import PartitionLog
from bus.log.store import LogStore
from bus.model.batch import NO_PRODUCER_ID, BatchInfo, Buffer
from bus.model.cluster import NO_LEADER, PartitionImage
from bus.model.ids import PartitionId
from bus.model.topic_settings import TopicSettings
from bus.ports import Clock

NOBODYS = PartitionImage(NO_LEADER, -1, -1, 1, (), ())
Answered = Callable[[Answer], None]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A produce on its way: what to write, and whom to tell."""

    records: Buffer
    info: BatchInfo
    answered: Answered


class Runtime:
    """All partitions that this broker hosts."""

    def __init__(
        self,
        stores: Stores,
        clock: Clock,
        counters: Counters,
        on_committed: Callable[[Partition], None],
        me: int,
    ) -> None:
        """`on_committed` is told where more is visible, or a partition is led here no more."""
        self.on_appended: Callable[[Partition], None] = _ignore  # there is more to replicate
        self.on_replica_flushed: Callable[[Partition], None] = _ignore
        self.on_proposed: Callable[[Partition, Proposal], None] = _ignore
        self.on_role: Callable[[Partition], None] = _ignore  # it is led here anew, or no more
        self.partitions: dict[PartitionId, Partition] = {}
        self._stores = stores
        self._clock = clock
        self.counters = counters
        self._on_committed = on_committed
        self._me = me
        self._by_name: dict[tuple[str, int], Partition] = {}
        self._tickets: dict[int, Ticket] = {}
        self._next_ticket = 0
        self._waiting: set[Partition] = set()  # have a produce that waits, so a deadline

    def host(
        self, topic: str, wanted: Iterable[tuple[PartitionId, TopicSettings]]
    ) -> list[Partition]:
        """Open or make the logs of these partitions; nobody leads them here yet."""
        hosted: list[Partition] = []
        for pid, settings in wanted:
            store = self._stores.find(pid) or self._stores.place()
            log = store.get(pid) or store.create(pid, settings)
            log.settings = settings
            insync = InSync(self._me, NOBODYS, settings.flush == "group")
            leader = Leader(insync, settings.max_message_bytes, resigned=True)
            partition = Partition(topic, pid.partition, log, leader, settings, store)
            self.partitions[pid] = self._by_name[topic, pid.partition] = partition
            hosted.append(partition)
        return hosted

    def log_end(self, pid: PartitionId) -> tuple[int, int]:
        """The epoch of the last batch that stands here, -1 if there is none, and the log's end."""
        store = self._stores.find(pid)
        log = store.kept(pid) if store is not None else None
        if log is None or log.end_offset == 0:
            return -1, 0
        return log.epochs.epoch_at(log.end_offset - 1), log.end_offset

    def find(self, topic: str, index: int) -> Partition | None:
        """The partition as clients name it, or None if it is not hosted here."""
        return self._by_name.get((topic, index))

    def release(self, pids: Iterable[PartitionId]) -> None:
        """The topic is deleted: answer who waits, and remove the logs."""
        for pid in pids:
            partition = self.partitions.pop(pid, None)
            if partition is None:
                continue
            del self._by_name[partition.topic, partition.index]
            self.resign(partition)
            self._waiting.discard(partition)
            partition.store.delete(pid)

    def configure(self, partition: Partition, settings: TopicSettings) -> None:
        """Use new settings from now on."""
        partition.settings = partition.log.settings = settings
        partition.leader.message_bytes_max = settings.max_message_bytes
        effects = partition.leader.on_flush_mode(settings.flush == "group")
        if settings.flush == "group":
            partition.store.flush(partition.log)
        self.run(partition, effects)

    def produce(
        self,
        partition: Partition,
        records: Buffer,
        info: BatchInfo,
        acks: int,
        timeout_ms: int,
        answered: Answered,
    ) -> None:
        """Offer a validated batch to the leader; `answered` is called once, maybe at once."""
        self._next_ticket += 1
        ticket = self._next_ticket
        self._tickets[ticket] = Ticket(records, info, answered)
        entry = None
        if info.producer_id != NO_PRODUCER_ID:
            entry = partition.log.producers.get(info.producer_id)
        deadline = self._clock.now_ms() + timeout_ms
        self.run(partition, partition.leader.on_produce(ticket, info, entry, acks, deadline))
        if partition.leader.next_tick_ms() is not None:
            self._waiting.add(partition)

    def on_flushed(self, log: PartitionLog, offset: int) -> None:
        """The store committed a log up to `offset`."""
        partition = self.partitions.get(log.partition)
        if partition is None or partition.log is not log:
            return
        if partition.follower is not None:
            self.on_replica_flushed(partition)
        else:
            self.run(partition, partition.leader.on_flushed(offset))

    def on_disk_failed(self, store: LogStore) -> None:
        """The disk is lost: fence all of its partitions (S4)."""
        for partition in self.partitions.values():
            if partition.store is store:
                self.run(partition, partition.leader.on_disk_failed())
                self._on_committed(partition)

    def resign(self, partition: Partition) -> None:
        """It is led here no more: whoever waits asks the next leader."""
        self.run(partition, partition.leader.on_resigned())
        self.on_role(partition)
        self._on_committed(partition)

    def resign_all(self) -> None:
        """The broker stops: nobody is left waiting."""
        for partition in self.partitions.values():
            self.run(partition, partition.leader.on_resigned())

    def next_tick_ms(self) -> int | None:
        """When `tick` has something to do."""
        if not self._waiting:  # the usual; asked after each request
            return None
        times = (partition.leader.next_tick_ms() for partition in self._waiting)
        return min((time for time in times if time is not None), default=None)

    def tick(self, now_ms: int) -> None:
        """Let the deadlines pass that are due."""
        for partition in list(self._waiting):
            self.run(partition, partition.leader.on_tick(now_ms))
            if partition.leader.next_tick_ms() is None:
                self._waiting.discard(partition)

    def run(self, partition: Partition, effects: Sequence[Effect]) -> None:
        """Carry out what the partition's leader returned; but for Persist, which `roles` does."""
        for effect in effects:
            if isinstance(effect, Append):
                self.run(partition, self._append(partition, effect))
            elif isinstance(effect, Answer):
                self._tickets.pop(effect.ticket).answered(effect)
            elif isinstance(effect, Committed):
                partition.log.high_watermark = effect.high_watermark
                self._on_committed(partition)
            elif isinstance(effect, Propose):
                self.on_proposed(partition, effect.proposal)

    def _append(self, partition: Partition, effect: Append) -> list[Effect]:
        ticket = self._tickets[effect.ticket]
        log, leader = partition.log, partition.leader
        refusal = log.read_only or partition.store.refuses(ticket.info.size)
        if refusal is not None:
            return leader.on_append_failed(effect.ticket, StorageError.code, refusal)
        try:
            self._write(log, ticket, effect)
        except BusError as error:  # DiskFull and its like: nothing was written
            return leader.on_append_failed(effect.ticket, StorageError.code, str(error))
        except OSError as error:
            failed = leader.on_append_failed(effect.ticket, StorageError.code, f"{error}.")
            partition.store.on_write_error(error)
            return failed
        if leader.insync.flush_group:
            partition.store.flush(log)
            if leader.failed:  # which has answered all that waited, this one too
                return []
        effects = leader.on_appended(effect.ticket)
        self.on_appended(partition)
        return effects

    def _write(self, log: PartitionLog, ticket: Ticket, effect: Append) -> None:
        log.append(ticket.records, ticket.info, effect.base_offset, effect.leader_epoch)
        self.counters.bytes_in += ticket.info.size
        self.counters.records_in += ticket.info.record_count


def _ignore(*_: object) -> None:
    pass

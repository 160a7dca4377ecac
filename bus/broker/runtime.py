"""The only interpreter of effects: it appends, flushes, answers and wakes, in the order given.

A produce gets a ticket; the leader's machine decides, and `_run` carries out what it returns. What
the world does in turn (an append that stands, a flush that is done) goes back to the machine as a
fact, and its effects run next. Everything here happens on the event loop's thread.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bus.broker.counters import Counters
from bus.broker.partition import Partition
from bus.broker.stores import Stores
from bus.control.effects import Answer, Append, Committed, Effect, EpochEntry, Persist
from bus.control.insync import InSync
from bus.control.leader import Leader
from bus.errors import BusError, StorageError
from bus.log.partition_log import PartitionLog
from bus.log.store import LogStore
from bus.model.batch import NO_PRODUCER_ID, BatchInfo, Buffer
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.limits import LEADER_EPOCH_MAX
from bus.model.topic_settings import TopicSettings
from bus.ports import Clock

ALONE = 0  # a node that is a cluster of one, to itself
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
    ) -> None:
        self.partitions: dict[PartitionId, Partition] = {}
        self._stores = stores
        self._clock = clock
        self._counters = counters
        self._on_committed = on_committed
        self._by_name: dict[tuple[str, int], Partition] = {}
        self._tickets: dict[int, Ticket] = {}
        self._next_ticket = 0
        self._waiting: set[Partition] = set()  # have a produce that waits, so a deadline

    def host(
        self, topic: str, wanted: Iterable[tuple[PartitionId, TopicSettings]]
    ) -> list[Partition]:
        """Open or make the logs of these partitions and lead them; one journal append for all."""
        hosted: list[Partition] = []
        for pid, settings in wanted:
            store = self._stores.find(pid) or self._stores.place()
            log = store.get(pid) or store.create(pid, settings)
            log.settings = settings
            epoch = min(log.max_epoch_seen + 1, LEADER_EPOCH_MAX)
            image = PartitionImage(
                ALONE, epoch, 0, settings.min_insync_replicas, (ALONE,), (ALONE,)
            )
            insync = InSync(ALONE, image, flush_group=settings.flush == "group")
            leader = Leader(insync, settings.max_message_bytes)
            partition = Partition(topic, pid.partition, log, leader, settings, store)
            self.partitions[pid] = self._by_name[topic, pid.partition] = partition
            hosted.append(partition)
        self._lead(hosted)
        return hosted

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
            self._run(partition, partition.leader.on_resigned())
            self._on_committed(partition)
            self._waiting.discard(partition)
            partition.store.delete(pid)

    def configure(self, partition: Partition, settings: TopicSettings) -> None:
        """Use new settings from now on."""
        partition.settings = partition.log.settings = settings
        partition.leader.message_bytes_max = settings.max_message_bytes
        effects = partition.leader.on_flush_mode(settings.flush == "group")
        if settings.flush == "group":
            partition.store.flush(partition.log)
        self._run(partition, effects)

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
        self._run(partition, partition.leader.on_produce(ticket, info, entry, acks, deadline))
        if partition.leader.next_tick_ms() is not None:
            self._waiting.add(partition)

    def on_flushed(self, log: PartitionLog, offset: int) -> None:
        """The store committed a log up to `offset`."""
        partition = self.partitions.get(log.partition)
        if partition is not None and partition.log is log:
            self._run(partition, partition.leader.on_flushed(offset))

    def on_disk_failed(self, store: LogStore) -> None:
        """The disk is lost: fence all of its partitions (S4)."""
        for partition in self.partitions.values():
            if partition.store is store:
                self._run(partition, partition.leader.on_disk_failed())
                self._on_committed(partition)

    def resign_all(self) -> None:
        """The broker stops: nobody is left waiting."""
        for partition in self.partitions.values():
            self._run(partition, partition.leader.on_resigned())

    def next_tick_ms(self) -> int | None:
        """When `tick` has something to do."""
        if not self._waiting:  # the usual; asked after each request
            return None
        times = (partition.leader.next_tick_ms() for partition in self._waiting)
        return min((time for time in times if time is not None), default=None)

    def tick(self, now_ms: int) -> None:
        """Let the deadlines pass that are due."""
        for partition in list(self._waiting):
            self._run(partition, partition.leader.on_tick(now_ms))
            if partition.leader.next_tick_ms() is None:
                self._waiting.discard(partition)

    def _lead(self, partitions: Sequence[Partition]) -> None:
        """Elect each; all epochs become durable together before any of them acts (R8)."""
        effects: list[tuple[Partition, list[Effect]]] = []
        entries: list[tuple[LogStore, PartitionId, int, int]] = []
        for partition in partitions:
            log = partition.log
            elected = partition.leader.on_elected(
                partition.leader.insync.image,
                log.end_offset,
                log.flushed_offset,
                min(log.high_watermark, log.flushed_offset),
                self._clock.now_ms(),
            )
            persist = [effect for effect in elected if isinstance(effect, Persist)]
            entries += [
                (partition.store, log.partition, *_pair(effect.entry)) for effect in persist
            ]
            effects.append((partition, [e for e in elected if not isinstance(e, Persist)]))
        if entries:
            self._stores.persist_epochs(entries)
        for partition, rest in effects:
            if partition.store.failed is None:
                self._run(partition, rest)
            else:
                self._run(partition, partition.leader.on_disk_failed())

    def _run(self, partition: Partition, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Append):
                self._run(partition, self._append(partition, effect))
            elif isinstance(effect, Answer):
                self._tickets.pop(effect.ticket).answered(effect)
            elif isinstance(effect, Committed):
                partition.log.high_watermark = effect.high_watermark
                self._on_committed(partition)
            elif isinstance(effect, Persist):
                entry = partition.log.partition, *_pair(effect.entry)
                partition.store.persist_epochs([entry])

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
        return leader.on_appended(effect.ticket)

    def _write(self, log: PartitionLog, ticket: Ticket, effect: Append) -> None:
        log.append(ticket.records, ticket.info, effect.base_offset, effect.leader_epoch)
        self._counters.bytes_in += ticket.info.size
        self._counters.records_in += ticket.info.record_count


def _alone(epoch: int, min_isr: int) -> PartitionImage:
    return PartitionImage(ALONE, epoch, 0, min_isr, (ALONE,), (ALONE,))


def _pair(entry: EpochEntry) -> tuple[int, int]:
    return entry.epoch, entry.start_offset

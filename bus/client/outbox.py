"""The user's side of a producer: batches that take records, and the memory they may use.

Event       Condition                        What happens
-----       ---------                        ------------
append      the open batch has room          the record is in it (the fast path has no lock)
append      it is full, or closed            closed; a new one is opened in its place
append      no memory for a new one          the caller waits; open batches leave without linger
put         an encoded batch                 the open batch is closed first, so order holds
close_due   linger is over, or a hurry       closed: the I/O thread sends it

An open batch reserves memory for its capacity; closed, for its size; done, for nothing. The more
are open, the smaller a new batch's capacity: many partitions share a part of the buffer. (Were it
what is left that they shared, a full buffer would cut a fast producer's batches to pieces.)

A builder's `append` and `finish` are whole under the GIL, and an append after `finish` adds
nothing: so a record is either in the batch that leaves, or the caller is told that it is not.

Invariant: `closed` holds each partition's batches in the order in which they were filled.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bus.client.bell import Bell
from bus.client.delivery import BatchDelivery
from bus.model.batch import Buffer
from bus.model.ids import TopicPartition
from bus.model.limits import BATCH_BYTES_MAX_UNTOLD
from bus.native.builder import BatchBuilder, Delivery

CAPACITY_MIN = 16 * 1024
SHARES = 4  # an open batch takes at most its even share of this fraction of the buffer

Headers = Sequence[tuple[str, Buffer | None]]
Append = Callable[[Buffer | None, Buffer | None, int, Headers | None], Delivery | None]


@dataclass(slots=True, eq=False)
class OpenBatch:
    """A batch that takes records."""

    partition: TopicPartition
    builder: BatchBuilder
    delivery: BatchDelivery
    reserved: int  # bytes
    opened_ms: int


@dataclass(slots=True, eq=False)
class ClosedBatch:
    """A batch that is complete, and not yet sealed."""

    partition: TopicPartition
    records: memoryview  # the whole batch
    count: int
    opened_ms: int
    delivery: BatchDelivery
    sealed: tuple[int, int] | None = None  # producer epoch and sequence in its header
    packed: bool = False  # compressed, if it was to be

    @property
    def size(self) -> int:
        """Bytes it holds of the buffer."""
        return len(self.records)


@dataclass(slots=True)
class TopicSlots:
    """The open batches of a topic's partitions."""

    count: int  # partitions
    batch_bytes_max: int = BATCH_BYTES_MAX_UNTOLD  # that its leaders take
    appends: dict[int, Append] = field(default_factory=dict)  # of what is open, by partition
    open: dict[int, OpenBatch] = field(default_factory=dict)
    sticky: int = -1  # where records without a key go at the moment


class Outbox:
    """Open and closed batches of one producer, shared by its threads and the I/O thread."""

    def __init__(
        self,
        batch_size: int,
        buffer_bytes: int,
        wake: Callable[[], object],
        hurry: Callable[[], object],
    ) -> None:
        self.appends: dict[str, Append] = {}  # topic -> the sticky batch's append
        self.topics: dict[str, TopicSlots] = {}
        self.room = Bell()  # rung when memory is given back
        self.closed: deque[ClosedBatch] = deque()
        self.unfinished: dict[BatchDelivery, None] = {}  # in the order of opening
        self.used = 0  # bytes
        self._batch_size = batch_size
        self._buffer_bytes = buffer_bytes
        self._wake = wake
        self._hurry = hurry
        self._lock = threading.Lock()
        self._open_count = 0
        self._shut: Exception | None = None

    @property
    def is_filled(self) -> bool:
        """Whether it holds a batch, open or closed. What is opened after a no wakes the sender."""
        return self._open_count > 0 or bool(self.closed)

    def has_room(self) -> bool:
        """Whether a batch could be opened now."""
        return self._shut is not None or self._capacity() > 0

    def takes(self, size: int) -> bool:
        """Whether an encoded batch of so many bytes could be put now."""
        return self._shut is not None or not self.used or self.used + size <= self._buffer_bytes

    def know(self, topic: str, count: int, batch_bytes_max: int) -> TopicSlots:
        """The slots of a topic that has `count` partitions."""
        slots = self.topics.get(topic)
        if slots is None:
            slots = self.topics.setdefault(topic, TopicSlots(count))
        slots.count, slots.batch_bytes_max = count, batch_bytes_max
        return slots

    def append(
        self,
        partition: TopicPartition,
        value: Buffer | None,
        key: Buffer | None,
        timestamp: int,
        headers: Headers | None,
        now_ms: int,
        sticky: bool,
    ) -> Delivery | None:
        """Add a record. None: wait until `has_room`, then choose a partition and try again."""
        with self._lock:
            self._check()
            slots = self.topics[partition.topic]
            batch = slots.open.get(partition.partition)
            if batch is not None:
                delivery = batch.builder.append(value, key, timestamp, headers)
                if delivery is not None:
                    return delivery
                self._close(slots, batch)
                if sticky:
                    return None
            capacity = min(self._capacity(), max(slots.batch_bytes_max, 1))
            if capacity == 0:
                self._hurry()
                return None
            batch = self._new_batch(partition, capacity, now_ms)
            delivery = batch.builder.append(value, key, timestamp, headers)
            assert delivery is not None, "the first record always fits"
            self._open(slots, batch, sticky)
        self._wake()
        return delivery

    def put(
        self, partition: TopicPartition, records: memoryview, count: int, now_ms: int
    ) -> BatchDelivery | None:
        """Add a batch, encoded and packed. None: wait until `takes` its size and try again."""
        with self._lock:
            self._check()
            slots = self.topics.get(partition.topic)
            batch = slots.open.get(partition.partition) if slots is not None else None
            if slots is not None and batch is not None:
                self._close(slots, batch)
            if not self.takes(len(records)):
                self._hurry()
                return None
            self.used += len(records)
            delivery = BatchDelivery(partition.topic, partition.partition)
            delivery.count = count
            self.unfinished[delivery] = None
            self.closed.append(
                ClosedBatch(partition, records, count, now_ms, delivery, packed=True)
            )
        self._wake()
        return delivery

    def close_due(
        self, due: Callable[[OpenBatch], bool], next_due: Callable[[OpenBatch], int]
    ) -> int | None:
        """Close what is due; when the first of the rest will be, by `next_due`."""
        first: int | None = None
        with self._lock:
            for slots in self.topics.values():
                for batch in list(slots.open.values()):
                    if due(batch):
                        self._close(slots, batch)
                    else:
                        moment = next_due(batch)
                        first = moment if first is None else min(first, moment)
        return first

    def finish(self, batch: ClosedBatch) -> None:
        """A batch has its outcome: its memory is free."""
        with self._lock:
            self.unfinished.pop(batch.delivery, None)
            self.used -= batch.size
        self.room.ring()

    def cut(self, batch: ClosedBatch, parts: Sequence[ClosedBatch]) -> None:
        """A batch is sent as several, whose outcomes are its own."""
        whole = batch.delivery
        whole.cut([part.delivery for part in parts])
        whole.when_done(lambda: self.unfinished.pop(whole, None))
        with self._lock:
            self.used += sum(part.size for part in parts) - batch.size

    def resize(self, batch: ClosedBatch, records: memoryview) -> None:
        """A batch was compressed."""
        with self._lock:
            self.used -= len(batch.records) - len(records)
            batch.records = records

    def shut(self, error: Exception) -> None:
        """Take nothing more; whoever waits for room is told `error`."""
        with self._lock:
            self._shut = error
            self.appends.clear()
            for slots in self.topics.values():
                for batch in list(slots.open.values()):
                    self._close(slots, batch)
        self.room.ring()

    def _check(self) -> None:
        if self._shut is not None:
            raise self._shut

    def _capacity(self) -> int:
        """Bytes for a new batch; 0 if they are not to be had now."""
        fair = self._buffer_bytes // (SHARES * (self._open_count + 1))
        capacity = max(min(self._batch_size, fair), CAPACITY_MIN)
        return capacity if self.takes(capacity) else 0

    def _new_batch(self, partition: TopicPartition, capacity: int, now_ms: int) -> OpenBatch:
        delivery = BatchDelivery(partition.topic, partition.partition)
        delivery.hurry = self._hurry
        builder = BatchBuilder(capacity, delivery)
        return OpenBatch(partition, builder, delivery, capacity, now_ms)

    def _open(self, slots: TopicSlots, batch: OpenBatch, sticky: bool) -> None:
        topic, index = batch.partition
        self.used += batch.reserved
        self._open_count += 1
        self.unfinished[batch.delivery] = None
        slots.open[index] = batch
        slots.appends[index] = batch.builder.append
        if sticky:
            slots.sticky = index
        if slots.sticky == index:
            self.appends[topic] = batch.builder.append

    def _close(self, slots: TopicSlots, batch: OpenBatch) -> None:
        topic, index = batch.partition
        records = batch.builder.finish()
        count = batch.builder.count
        self.used += len(records) - batch.reserved
        self._open_count -= 1
        del slots.open[index], slots.appends[index]
        if slots.sticky == index:
            self.appends.pop(topic, None)
            slots.sticky = -1
        batch.delivery.count = count
        batch.delivery.hurry = None
        self.closed.append(
            ClosedBatch(batch.partition, records, count, batch.opened_ms, batch.delivery)
        )

"""The reader's side of a consumer: positions, and the next batch as far as it is there.

Event        What happens
-----        ------------
assign       partitions get a place; the I/O thread looks up where to begin
seek         the place's generation rises: whatever was fetched for the old one is dropped
try_batch    rows of the oldest chunk of a partition that is not paused; or a fault is raised
pause        chunks of the partition are kept aside until it is resumed

All methods return at once; whoever has no batch waits for the inbox's bell. Used by one thread at
a time, as `seek` and `poll_batch` contradict each other otherwise.

A record is *done* once the user comes back for the next one: until then it may be in the middle
of its work. What is done is what may be committed without asking.

Invariant: `position` is the offset of the next record that the user gets.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import length_hint

from bus.adapters.io_thread import IoThread
from bus.client.batch import EMPTY, Batch
from bus.client.decode import Columns, open_chunk
from bus.client.fetcher import EARLIEST, LATEST
from bus.client.inbox import Chunk, Fault, Inbox
from bus.client.link import Connector
from bus.client.options import ConsumerOptions, Start, check_start
from bus.client.receiver import Receiver
from bus.errors import BadSetting, CorruptBatch
from bus.model.batch import BatchInfo
from bus.model.ids import TopicPartition
from bus.native.batch import header
from bus.native.columns import Record
from bus.ports import Clock

NO_POSITION = -1
UNTOLD_SHARE = 4  # of a partition's share, one part may be consumed without telling


@dataclass(slots=True, eq=False)
class Place:
    """Where the user is in one partition."""

    partition: TopicPartition
    generation: int
    position: int = NO_POSITION  # unknown until the first batch, unless an offset was sought
    paused: bool = False
    kept: deque[Chunk | Fault] = field(default_factory=deque)  # that came while paused
    high_watermark: int = -1
    taken: int = 0  # bytes that the I/O thread does not know to be consumed
    done: int = NO_POSITION  # the user came back after what was handed out below


@dataclass(slots=True)
class Current:
    """A chunk that is open, and how far it was handed out."""

    place: Place
    generation: int
    columns: Columns
    row: int
    size: int


class Reading:
    """All places of one consumer."""

    def __init__(
        self,
        io: IoThread,
        servers: tuple[str, ...],
        connect: Connector,
        options: ConsumerOptions,
        clock: Clock,
    ) -> None:
        self.inbox = Inbox()
        self.places: dict[TopicPartition, Place] = {}
        self._io = io
        self._options = options
        self.receiver = Receiver(
            io.loop, servers, connect, options, self.inbox, clock, self.inbox.bell.ring
        )
        self.loop: tuple[Iterator[Record], Batch] | None = None  # that a `for` is in the middle of
        self._current: Current | None = None
        self._last: Place | None = None  # that something was handed out of
        self._generation = 0

    def assign(self, partitions: Iterable[TopicPartition], *, resting: bool = False) -> list[Place]:
        """Replace the assignment; partitions that stay keep their positions. The new ones.

        New ones begin at `start`; `resting` ones once somebody says where (`Receiver.begin`).
        """
        added = []
        wanted = list(dict.fromkeys(partitions))
        for partition in wanted:
            if partition not in self.places:
                self._generation += 1
                self.places[partition] = Place(partition, self._generation)
                added.append(self.places[partition])
        for partition in self.places.keys() - set(wanted):
            del self.places[partition]
        lookup = None if resting else timestamp_of(self._options.start)
        orders = [(p, self.places[p].generation, lookup) for p in wanted]
        self._io.post(self.receiver.assign, orders)
        return added

    def seek(
        self, partition: TopicPartition, offset: int | None, timestamp: int | None, to: Start | None
    ) -> None:
        """Go on at an offset, at the first record from a time on, or at an end."""
        place = self.place(partition)
        self._generation += 1
        place.generation = self._generation
        place.taken = 0
        place.done = NO_POSITION if offset is None else offset
        place.kept.clear()
        if offset is not None:
            place.position = offset
            self._io.post(self.receiver.seek, partition, place.generation, offset, None)
            return
        lookup = timestamp if timestamp is not None else timestamp_of(to or "earliest")
        place.position = NO_POSITION
        self._io.post(self.receiver.seek, partition, place.generation, NO_POSITION, lookup)

    def pause(self, partitions: list[TopicPartition], paused: bool) -> None:
        """Hand out nothing of these, or go on."""
        for partition in partitions:
            place = self.place(partition)
            place.paused = paused
            if not paused:
                self.inbox.items.extendleft(reversed(place.kept))
                place.kept.clear()
        self._io.post(self.receiver.pause, partitions, paused)

    def place(self, partition: TopicPartition) -> Place:
        """The place of an assigned partition. Raises BadSetting if it is not assigned."""
        place = self.places.get(partition)
        if place is None:
            raise BadSetting(
                f"{partition.topic}/{partition.partition} is not assigned to this consumer; "
                "assign or subscribe first."
            )
        return place

    def forget(self) -> None:
        """Drop what was fetched and not taken: it keeps the broker's mappings alive."""
        self.inbox.items.clear()
        self._current = self.loop = None
        for place in self.places.values():
            place.kept.clear()

    def ready(self) -> bool:
        """Whether `try_batch` may have something."""
        return bool(self.inbox.items) or self._current is not None

    def try_batch(self, max_records: int) -> Batch:
        """Rows of one partition, or the empty batch. Raises what stopped a partition."""
        self.mark_done()
        while True:
            current = self._current
            if current is not None and self._is_live(current.place, current.generation):
                if not current.place.paused:
                    return self._hand_out(current, max_records)
                self._keep_rest(current)
            self._current = None
            item = self.inbox.take()
            if item is None:
                return EMPTY
            place = self.places.get(item.partition)
            if place is None or place.generation != item.generation:
                continue
            if place.paused:
                place.kept.append(item)
                continue
            if isinstance(item, Fault):
                self.inbox.items.append(item)  # it is raised again until the user seeks
                raise item.error
            self._current = self._opened(place, item)

    def mark_done(self) -> None:
        """The user is through with what was handed out."""
        last, self._last = self._last, None
        if last is not None:
            last.done = last.position

    def position(self, place: Place) -> int:
        """Offset of the next record that the user gets; -1 if it is not known."""
        offset = place.position
        loop = self.loop
        if loop is not None and self._is_of(loop[1], place):
            left = length_hint(loop[0])
            offset = int(loop[1].offsets[len(loop[1]) - left]) if left else offset
        return self._begun(place) if offset < 0 else offset

    def done(self) -> dict[TopicPartition, int]:
        """Per partition the offset below which the user is through. From any thread."""
        found: dict[TopicPartition, int] = {}
        loop = self.loop
        for place in list(self.places.values()):
            offset = place.done
            if loop is not None and self._is_of(loop[1], place):
                seen = len(loop[1]) - length_hint(loop[0])
                offset = int(loop[1].offsets[seen - 1]) if seen else offset
            if offset < 0:
                offset = self._begun(place)
            if offset >= 0:
                found[place.partition] = offset
        return found

    def positions(self) -> dict[TopicPartition, int]:
        """Per partition the offset of the next record, where it is known."""
        found = {place.partition: self.position(place) for place in self.places.values()}
        return {partition: offset for partition, offset in found.items() if offset >= 0}

    def end(self, place: Place) -> int:
        """End of what is committed, as last heard of; -1 if nothing was."""
        return max(place.high_watermark, self.receiver.watermarks.get(place.partition, -1))

    def end_loop(self) -> None:
        """A `for` was left in the middle: what it did not get to comes again."""
        loop, self.loop = self.loop, None
        if loop is not None:
            self.put_back(loop[1], length_hint(loop[0]))

    def next_timestamp(self, place: Place) -> int | None:
        """Of the next record, or of the first of its batch; None if it has not been fetched."""
        loop, current = self.loop, self._current
        if loop is not None and self._is_of(loop[1], place) and (left := length_hint(loop[0])):
            return int(loop[1].timestamps[len(loop[1]) - left])
        if (
            current is not None
            and current.place is place
            and self._is_live(place, place.generation)
        ):
            return current.columns.timestamps[current.row]
        for item in (*place.kept, *self.inbox.items):
            mine = item.partition == place.partition and item.generation == place.generation
            if mine and isinstance(item, Chunk):
                return BatchInfo(*header(item.data)).base_timestamp
        return None

    def _is_of(self, batch: Batch, place: Place) -> bool:
        return (
            batch.generation == place.generation
            and (batch.topic, batch.partition) == place.partition
        )

    def _begun(self, place: Place) -> int:
        generation, offset = self.receiver.begun.get(place.partition, (NO_POSITION, NO_POSITION))
        return offset if generation == place.generation else NO_POSITION

    def put_back(self, batch: Batch, count: int) -> None:
        """The last `count` rows of a batch were not looked at: they come again."""
        rest = batch.rest(count)
        place = self.places.get(TopicPartition(batch.topic, batch.partition))
        if rest is None or place is None or place.generation != batch.generation:
            return
        assert self._current is None, "whole chunks are handed out to a loop"
        columns, row = rest
        place.position = columns.offsets[row]
        self._current = Current(place, batch.generation, columns, row, 0)  # counted already

    def _opened(self, place: Place, chunk: Chunk) -> Current | None:
        try:
            columns = open_chunk(chunk, self._options.check_crcs)
        except CorruptBatch as error:
            self.inbox.items.append(Fault(chunk.partition, chunk.generation, error))
            raise
        place.high_watermark = chunk.high_watermark
        current = Current(place, chunk.generation, columns, columns.first, len(chunk.data))
        if len(columns) == columns.first:
            self._consumed(current)
            return None
        return current

    def _hand_out(self, current: Current, max_records: int) -> Batch:
        columns, start = current.columns, current.row
        self._last = current.place
        stop = min(start + max_records, len(columns))
        current.row = stop
        if stop == len(columns):
            self._consumed(current)
            self._current = None
        else:
            current.place.position = columns.offsets[stop]
        return Batch(columns, start, stop, current.generation)

    def _consumed(self, current: Current) -> None:
        """All rows are handed out. The I/O thread is told once it is worth waking it."""
        place = current.place
        place.position = current.columns.end_offset
        place.taken += current.size
        if place.taken * UNTOLD_SHARE >= self._fair_bytes():
            self._io.post(self.receiver.consumed, place.partition, place.generation, place.taken)
            place.taken = 0

    def _fair_bytes(self) -> int:
        """What one partition may have of what is fetched ahead."""
        options = self._options
        return min(options.partition_bytes, options.prefetch_bytes // max(len(self.places), 1))

    def _keep_rest(self, current: Current) -> None:
        """The partition was paused in the middle of a chunk: fetch the rest again."""
        self.seek(current.place.partition, current.place.position, None, None)

    def _is_live(self, place: Place, generation: int) -> bool:
        return self.places.get(place.partition) is place and place.generation == generation


def timestamp_of(start: Start) -> int:
    """What ListOffsets is asked for."""
    check_start("start", start)
    if start == "earliest":
        return EARLIEST
    return LATEST if start == "latest" else int(start)

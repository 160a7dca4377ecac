"""One compaction of one log: a pass that finds the newest of each key, then one that rewrites.

Step        Where                  What
----        -----                  ----
map         a pool's thread        pieces of the dirty part; ends early when the map is full
rewrite     a pool's thread        pieces of the segments from the first on, and what stays of them
write       the event loop         what is left goes into a new file (compaction_files.py)
commit      the disk's own         and then the new file takes the old ones' place

`next_work` gives a piece for the pool; its result goes to `on_done` on the event loop. A batch's
checksum is looked at before it is read, and what was written is scanned as a recovery would. A
piece of which nothing can be read, or that is damaged, ends the compaction: the log stays as it is.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bus.errors import CorruptBatch, DiskFull
from bus.log.compaction import Plan, Span, groups
from bus.log.compaction_files import CleanedFile, Removal
from bus.log.partition_log import PartitionLog
from bus.log.scan import ANY_EPOCH, FOREVER, claimed_size
from bus.log.segment import Segment
from bus.log.unpacking import unpack
from bus.model.limits import BATCH_OVERHEAD, COMPACTION_PIECE_BYTES, FRAME_BYTES_MAX
from bus.native.compact import Compactor
from bus.native.compression import compress
from bus.native.offset_map import OffsetMap
from bus.native.segment import scan, slice_end
from bus.ports import Disk

SLOT_BYTES = 32  # of the map, for each key


@dataclass(slots=True)
class Piece:
    """What came of some bytes of a segment."""

    read: int  # bytes of whole batches
    written: bytes = b""
    error: Exception | None = None


Work: TypeAlias = Callable[[], Piece]


@dataclass(slots=True)
class _Group:
    """Segments that become one file."""

    olds: list[Segment]
    file: CleanedFile
    new: Segment
    compactor: Compactor
    index: int = 0  # of the segment that is being read
    position: int = 0  # in it
    epoch: int = ANY_EPOCH
    is_read: bool = False


@dataclass(slots=True)
class Totals:
    """Of one run, or of all of a life."""

    bytes_in: int = 0
    bytes_out: int = 0
    records_in: int = 0
    records_out: int = 0

    def add(self, other: "Totals") -> None:
        """Count another's, too."""
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out
        self.records_in += other.records_in
        self.records_out += other.records_out


def spans_of(log: PartitionLog) -> list[Span]:
    """A log's segments as a plan sees them; their times only if a setting asks for them."""
    settings = log.settings
    is_timed = settings.min_compaction_lag_ms > 0 or settings.max_compaction_lag_ms < FOREVER
    return [
        Span(
            segment.base_offset,
            segment.end_offset,
            segment.size,
            segment.max_timestamp if is_timed else -1,
            segment.region is None
            and not segment.damages
            and segment.end_offset <= log.flushed_offset,
        )
        for segment in log.segments
    ]


def whole_batches(disk: Disk, segment: Segment, position: int) -> memoryview:
    """Some whole batches of a segment from a boundary on; at least one. Raises CorruptBatch."""
    want = COMPACTION_PIECE_BYTES
    while True:
        data = disk.read(segment.path, position, min(want, segment.size - position))
        end = slice_end(data, 0, len(data), FOREVER)[0] if len(data) >= BATCH_OVERHEAD else 0
        if end:
            return memoryview(data)[:end]
        claimed = claimed_size(data)
        if claimed <= len(data) or claimed > FRAME_BYTES_MAX or want >= claimed:
            raise CorruptBatch(f"what stands at position {position} is no batch")
        want = claimed


class Run:
    """See the module; `is_over` when nothing is left to do."""

    def __init__(
        self,
        disk: Disk,
        log: PartitionLog,
        planned: Plan,
        now_ms: int,
        memory_bytes: int,
        on_progress: Callable[[], None],
    ) -> None:
        """`on_progress`: there is `next_work` again, or it is over."""
        self.log = log
        self.plan = planned
        self.totals = Totals()
        self.is_over = False
        self.is_done = False  # over, and nothing was left undone
        self.is_waiting = False  # for the disk to commit a file
        self.error: Exception | None = None
        self._disk = disk
        self._now_ms = now_ms
        self._cuts = log.cuts
        self._removal = Removal(disk, log)
        self._on_progress = on_progress
        self._map = OffsetMap(planned.first_dirty, max(memory_bytes // SLOT_BYTES, 1000), unpack)
        self._dirty = [
            segment
            for segment in log.segments[:-1]
            if planned.first_dirty < segment.end_offset <= planned.end_offset
        ]
        self._position = 0  # in the first of those
        self._todo: list[list[Segment]] | None = None  # None: the map is not done
        self._group: _Group | None = None

    @property
    def map_end(self) -> int:
        """Everything below is compacted once the run is over."""
        return int(self._map.end_offset)

    @property
    def _is_stale(self) -> bool:
        """Is the log not what the map was made of? A cut may have taken what the map leads to."""
        log = self.log
        return log.is_closed or log.read_only is not None or log.cuts != self._cuts

    # --- on the event loop -----------------------------------------------------------------

    def next_work(self) -> Work | None:
        """A piece for another thread; None if there is none now, or none at all."""
        if self.is_over or self.is_waiting:
            return None
        if self._is_stale:
            self._end(None)
            return None
        if self._todo is None:
            if self._dirty and not self._map.is_full:
                return self._map_piece
            if self.map_end <= self.plan.first_dirty:
                self._end(MemoryError("one batch has more keys than may be remembered"))
                return None
            self._begin_rewriting()
        try:
            return self._next_rewrite()
        except (OSError, DiskFull) as error:
            self._end(error)
            return None

    def on_done(self, piece: Piece) -> None:
        """A piece is done."""
        group = self._group
        if self.is_over:
            return
        if self._is_stale:
            self._end(None)
        elif piece.error is not None:
            self._end(piece.error)
        elif group is None:
            self._position += piece.read
            if self._position >= self._dirty[0].size:
                del self._dirty[0]
                self._position = 0
        else:
            self._on_rewritten(group, piece)

    def close(self) -> None:
        """Leave off; what has taken its place stays."""
        self._end(None)

    def _end(self, error: Exception | None) -> None:
        self.is_over = True
        self.error = self.error or error
        if self._group is not None:
            self._group.file.abandon()
            self._group = None

    def _begin_rewriting(self) -> None:
        by_base = {segment.base_offset: segment for segment in self.log.segments[:-1]}
        found = groups(
            spans_of(self.log)[:-1],
            self.map_end,
            self.plan.end_offset,
            self.log.settings.segment_bytes,
        )
        self._todo = [[by_base[span.base_offset] for span in group] for group in found]

    def _next_rewrite(self) -> Work | None:
        while not self.is_waiting:
            if self._group is None:
                if not self._todo:
                    self.is_done = True
                    self._end(None)
                    return None
                self._group = self._begin_group(self._todo.pop(0))
            if not self._group.file.is_current:
                self._end(None)
                return None
            if not self._group.is_read:
                return self._rewrite_piece
            self._finish_group(self._group)
        return None

    def _begin_group(self, olds: list[Segment]) -> _Group:
        first = olds[0]
        new = Segment(self._disk, first.directory, first.base_offset)
        new.index_interval = first.index_interval
        new.created_ms = first.created_ms
        new.start_indexes()
        horizon = self._now_ms + self.log.settings.delete_retention_ms
        compactor = Compactor(
            self._map,
            array("q", self.log.producers.base_offsets()),
            self._now_ms,
            min(horizon, FOREVER),
            unpack,
            compress,
        )
        return _Group(olds, CleanedFile(self._disk, self.log, olds), new, compactor)

    def _on_rewritten(self, group: _Group, piece: Piece) -> None:
        if not group.file.is_current:
            self._end(None)
            return
        try:
            if piece.written:
                group.file.append(piece.written)
        except (OSError, DiskFull) as error:
            self._end(error)

    def _finish_group(self, group: _Group) -> None:
        """All is written; it is worth it if anything went, or files became fewer."""
        assert group.new.end_offset == group.olds[-1].end_offset, "every offset is covered"
        assert group.new.size == group.file.size, "what was checked was written"
        done = group.compactor
        self.totals.add(Totals(done.bytes_in, done.bytes_out, done.records_in, done.records_out))
        if not done.changes and len(group.olds) == 1:
            group.file.abandon()
            self._group = None
            return
        self.is_waiting = True
        group.file.commit(lambda error: self._on_committed(group, error))

    def _on_committed(self, group: _Group, error: OSError | None) -> None:
        self.is_waiting = False
        if self.is_over:
            return
        if error is not None or self._is_stale or not group.file.is_current:
            self._end(error)
        else:
            self._swap(group)
        self._on_progress()

    def _swap(self, group: _Group) -> None:
        try:
            group.file.take_place(group.new)
        except (OSError, DiskFull) as failure:
            self._end(failure)
        else:
            self._group = None
        self._removal.go_on()

    # --- on another thread -----------------------------------------------------------------

    def _map_piece(self) -> Piece:
        segment = self._dirty[0]
        try:
            data = whole_batches(self._disk, segment, self._position)
            self._map.feed(data, self.plan.end_offset)
        except (OSError, CorruptBatch, MemoryError) as error:
            return Piece(0, error=error)
        return Piece(len(data))

    def _rewrite_piece(self) -> Piece:
        group = self._group
        assert group is not None, "the caller has begun one"
        segment = group.olds[group.index]
        try:
            data = whole_batches(self._disk, segment, group.position)
            group.compactor.feed(data)
            group.position += len(data)
            if group.position >= segment.size:
                group.compactor.close()  # no batch reaches into the next file
                group.index += 1
                group.position = 0
                group.is_read = group.index == len(group.olds)
            written = group.compactor.take()
            self._check(group, written)
        except (OSError, CorruptBatch, MemoryError) as error:
            return Piece(0, error=error)
        return Piece(len(data), written)

    def _check(self, group: _Group, written: bytes) -> None:
        """Scan what is about to be written, as a recovery would; the indexes learn of it."""
        offsets, times = group.new.indexes()
        found = scan(
            written,
            0,
            group.new.end_offset,
            group.epoch,
            origin=group.new.size,
            offset_index=offsets,
            time_index=times,
        )
        if found.position != len(written):
            raise CorruptBatch(f"at offset {found.end_offset} {found.reason or 'batches end'}")
        group.new.size += len(written)
        group.new.end_offset, group.epoch = found.end_offset, found.leader_epoch

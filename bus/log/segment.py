"""One segment of a partition: a data file, its two indexes, and a mapping while it is written.

State      region   how it is read                        next
-----      ------   --------------                        ----
active     mapped   mapping where resident, else pread    rolled by size, age or truncation
rolled     mapped   as the active one                     closed after its last commit
closed     none     range mapped where resident, or pread deleted

An active segment that was not written since the start has no region yet: `append` opens it.
The indexes of a closed segment are loaded when first needed, and rebuilt from the data when they
are missing or do not fit it (S7).

Invariant: `size` is the end of the log in the file; bytes behind it are zero.
"""

import contextlib
import struct
import threading
from dataclasses import dataclass

from bus.errors import CorruptBatch, CorruptMessage, DiskFull
from bus.log.damage import find_good
from bus.log.layout import INDEX, LOG, TIME_INDEX, offset_file
from bus.log.scan import ANY_EPOCH, FileScan, scan_file
from bus.model.batch import BatchInfo, Buffer
from bus.model.limits import (
    SCAN_CHUNK_BYTES,
    SEGMENT_FIRST_BYTES,
    SEGMENT_STEP_BYTES_MAX,
    UNINDEXED_BYTES_MAX,
)
from bus.native.index import OffsetIndex, TimeIndex
from bus.ports import Disk, Region

_STAMPED = struct.Struct(">qii")  # base offset, length, leader epoch: what the broker writes
_LENGTH_FROM = 12  # a batch's length does not count itself and what stands before it
POSITION_MAX = 2**31 - 1  # what an index entry can hold; also of relative offsets
NEVER = 2**63 - 1
_INDEX_BYTES_MAX = 2**31 - 1  # of an index file: an entry is smaller than the batch that it names


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes below the durable end that are no batches any more (S6)."""

    start_offset: int
    end_offset: int
    position: int
    resume: int  # position of the first good batch behind it
    reason: str


def next_capacity(capacity: int, needed: int, limit: int) -> int:
    """Room for `needed` bytes: doubling at first, then in steps, never above `limit` (S1)."""
    while capacity < needed:
        capacity += min(max(capacity, SEGMENT_FIRST_BYTES), SEGMENT_STEP_BYTES_MAX)
    return min(capacity, limit)


def _wipe(region: Region, position: int, size: int) -> None:
    """Zero what a failed write may have left, as far as it came.

    A shorter batch may be written over it next, and what stands behind that one could be taken
    for its neighbour after a crash: a producer chooses the bytes inside of a record.
    """
    with contextlib.suppress(DiskFull, OSError):
        region.write(position, b"", bytes(size))


class Replacement:
    """A compacted segment takes the place of others; that takes microseconds once it has begun.

    It stands in the old ones before their files change. So whoever has read of them without the
    event loop, and finds none afterwards, has read what it meant to. If the files could not be
    changed, it is taken out of the old ones again.
    """

    def __init__(self) -> None:
        self._is_done = threading.Event()
        self._segment: Segment | None = None

    def complete(self, segment: "Segment | None") -> None:
        """The files are those of `segment` now; None: all is as it was."""
        self._segment = segment
        self._is_done.set()

    def wait(self) -> "Segment | None":
        """The one to be read instead, if any (any thread but the event loop's)."""
        self._is_done.wait()
        return self._segment


class Segment:
    """See the module. Methods are for the event loop's thread, those marked "any" for all."""

    def __init__(
        self, disk: Disk, directory: str, base_offset: int, *, size: int = 0, end_offset: int = -1
    ) -> None:
        self.disk = disk
        self.directory = directory
        self.base_offset = base_offset
        self.end_offset = max(base_offset, end_offset)
        self.size = size
        self.written_back = 0  # position below which writing to the disk has begun
        self.created_ms = 0  # wall clock at the first append
        self.region: Region | None = None
        self.damages: list[Damage] = []
        self.replacement: Replacement | None = None  # compaction has written another in its place
        self.index_interval = 4096
        self._indexes: tuple[OffsetIndex, TimeIndex] | None = None
        self._is_index_idle = False
        self._prepare_from = NEVER  # position above which the next piece is prepared
        self._limit = 0  # to which the region may grow

    @classmethod
    def create(
        cls, disk: Disk, directory: str, base_offset: int, capacity: int, limit: int
    ) -> "Segment":
        """A new file, mapped. Raises DiskFull, and then there is none."""
        segment = cls(disk, directory, base_offset)
        segment.start_indexes()
        segment.region = disk.create(segment.path, min(capacity, limit), limit)
        segment._plan_growth(limit)
        return segment

    @property
    def path(self) -> str:
        """Of the data file."""
        return offset_file(self.directory, self.base_offset, LOG)

    @property
    def max_timestamp(self) -> int:
        """The latest of all records, -1 if there are none."""
        return int(self.indexes()[1].max_timestamp)

    def room(self, info: BatchInfo, base_offset: int, limit: int) -> bool:
        """May this batch be appended, by size and by what an index entry can hold?"""
        end_offset = base_offset + info.last_offset_delta
        return self.size + info.size <= limit and end_offset - self.base_offset <= POSITION_MAX

    def append(
        self, batch: Buffer, info: BatchInfo, base_offset: int, leader_epoch: int, limit: int
    ) -> None:
        """Copy a batch to the end. Raises DiskFull or OSError, and then it does not count."""
        end = self.size + info.size
        region = self.writable(limit)
        if end > region.capacity:
            if end > self._limit:  # opened for less: segment.bytes was raised
                self.region = None
                region.close()
                region = self.writable(limit)
            region.grow(next_capacity(region.capacity, end, self._limit))
            self._plan_growth(self._limit)
        head = _STAMPED.pack(base_offset, info.size - _LENGTH_FROM, leader_epoch)
        try:
            region.write(self.size, head, memoryview(batch)[_STAMPED.size :])
        except (DiskFull, OSError):
            _wipe(region, self.size, info.size)
            raise
        last_offset = base_offset + info.last_offset_delta
        offsets, times = self.indexes()
        offsets.on_append(last_offset, self.size, info.size)
        times.on_append(info.max_timestamp, last_offset, info.size)
        self.size = end
        self.end_offset = last_offset + 1
        if end > self._prepare_from:
            self._prepare_from = NEVER
            capacity = next_capacity(region.capacity, region.capacity + 1, self._limit)
            self.disk.prepare(region, capacity)

    def write_again(self, offset: int) -> None:
        """The bytes as they are, from a batch at or before `offset` on. Raises OSError."""
        region = self.writable(self.size)
        position = self.floor(offset) if offset > self.base_offset else 0
        while position < self.size:
            size = min(SCAN_CHUNK_BYTES, self.size - position)
            region.write(position, b"", self.disk.read(self.path, position, size))
            position += size

    def floor(self, offset: int) -> int:
        """Position of a good batch at or before the one that holds `offset` (any)."""
        position = int(self.indexes()[0].floor(offset))
        for damage in self.damages:
            if damage.end_offset <= offset:
                position = max(position, damage.resume)
        return position

    def readable_end(self, offset: int) -> int:
        """The offset up to which bytes are good from `offset` on. Raises CorruptMessage."""
        for damage in self.damages:
            if damage.start_offset <= offset < damage.end_offset:
                raise CorruptMessage(
                    f"The log is damaged from offset {damage.start_offset} to "
                    f"{damage.end_offset}: {damage.reason}."
                )
            if offset < damage.start_offset:
                return damage.start_offset
        return self.end_offset

    def readable_stop(self, offset: int) -> int:
        """The position up to which bytes are good from `offset` on."""
        ahead = (d.position for d in self.damages if offset < d.start_offset)
        return next(ahead, self.size)

    # --- indexes ---------------------------------------------------------------------------

    def start_indexes(self) -> tuple[OffsetIndex, TimeIndex]:
        """Empty indexes, to be fed."""
        self._indexes = (
            OffsetIndex(self.base_offset, self.index_interval),
            TimeIndex(self.base_offset, self.index_interval),
        )
        return self._indexes

    def indexes(self) -> tuple[OffsetIndex, TimeIndex]:
        """Both, loaded or rebuilt when they are not in memory (any)."""
        self._is_index_idle = False
        return self._indexes or self.load_indexes() or self.rebuild_indexes()

    @property
    def is_indexed(self) -> bool:
        """Whether finding a place in it asks nothing of the disk."""
        return self._indexes is not None

    def forget_idle_indexes(self) -> None:
        """Drop those of a closed segment that nobody has asked for since the last call."""
        if self._is_index_idle:
            self._indexes = None
        self._is_index_idle = True

    def rebuild_indexes(self) -> tuple[OffsetIndex, TimeIndex]:
        """Feed new ones from the data, from both sides of any damage (any)."""
        offsets = OffsetIndex(self.base_offset, self.index_interval)
        times = TimeIndex(self.base_offset, self.index_interval)
        state = FileScan(0, self.base_offset, -1)
        for damage in [*self.damages, None]:
            stop = damage.position if damage else self.size
            while True:
                scan_file(self.disk, self.path, state, stop, offset_index=offsets, time_index=times)
                good = self._resume_behind(state, stop)
                if good is None:
                    break
                state = good
            if damage:
                state = FileScan(damage.resume, damage.end_offset, ANY_EPOCH)
        times.close()
        self._indexes = (offsets, times)
        return self._indexes

    def _resume_behind(self, state: FileScan, stop: int) -> FileScan | None:
        """Where a scan goes on that met damage which no start has seen; None at the end."""
        if state.position >= stop:
            return None
        args = self.disk, self.path, state.position, state.end_offset, stop, self.end_offset
        good = find_good(*args)
        return None if good is None else FileScan(*good, ANY_EPOCH)

    def write_indexes(self) -> None:
        """Into their files, in the background and without a sync: they are derived."""
        offsets, times = self.indexes()
        times.close()
        for suffix, index in ((INDEX, offsets), (TIME_INDEX, times)):
            path = offset_file(self.directory, self.base_offset, suffix)
            self.disk.write_later(path, index.to_bytes(), None, False)

    def load_indexes(self) -> tuple[OffsetIndex, TimeIndex] | None:
        """From their files; None if one is missing or does not fit the data (any)."""
        found = self.read_indexes()
        if found is None or not self.take_indexes(found):
            return None
        return found

    def read_indexes(self) -> tuple[OffsetIndex, TimeIndex] | None:
        """As they stand in their files; None if one is missing or no index (any)."""
        try:
            offsets, times = (
                self.disk.read(
                    offset_file(self.directory, self.base_offset, suffix), 0, _INDEX_BYTES_MAX
                )
                for suffix in (INDEX, TIME_INDEX)
            )
            return (
                OffsetIndex(self.base_offset, self.index_interval, offsets),
                TimeIndex(self.base_offset, self.index_interval, times),
            )
        except (FileNotFoundError, CorruptBatch):
            return None

    def take_indexes(self, found: tuple[OffsetIndex, TimeIndex]) -> bool:
        """Use them from now on, if they fit the data (any)."""
        if not self._fit(*found):
            return False
        self._indexes = found
        return True

    def _fit(self, offsets: OffsetIndex, times: TimeIndex) -> bool:
        """Do their last entries lie inside of the data? Empty ones fit where all is small."""
        last, latest = offsets.last(), times.last()
        if latest is None or latest[1] >= self.end_offset:
            return self.size == 0
        if last is None:
            return self.size <= UNINDEXED_BYTES_MAX
        return last[0] < self.end_offset and last[1] < self.size

    # --- the mapping -----------------------------------------------------------------------

    def writable(self, limit: int) -> Region:
        """The mapping, made if need be for a file that may grow to `limit`."""
        if self.region is None:
            self.region = self.disk.open(self.path, limit)
            self._plan_growth(limit)
        return self.region

    def _plan_growth(self, limit: int) -> None:
        assert self.region is not None, "only a mapped segment grows"
        self._limit = limit
        capacity = self.region.capacity
        step = min(capacity, SEGMENT_STEP_BYTES_MAX)
        self._prepare_from = capacity - step // 2 if capacity < limit else NEVER

    def rest(self) -> None:
        """Unmap an active segment that is not written at the moment; all of it is durable."""
        if self.region is not None:
            self.region.close()
            self.region = None
            self._prepare_from = NEVER

    def release(self, cached: bool = True) -> None:
        """Unmap; the file is cut to the log's end once no view refers to it (S2)."""
        if self.region is not None:
            self.region.close(self.size, cached)
            self.region = None
            self._prepare_from = NEVER

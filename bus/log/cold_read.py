"""A read of bytes that need not be in memory: a plan made on the event loop, done on a pool."""

from bus.errors import CorruptBatch, CorruptMessage
from bus.log.damage import find_good
from bus.log.scan import claimed_size, slice_at
from bus.log.segment import Segment
from bus.model.batch import BatchInfo
from bus.model.limits import BATCH_OVERHEAD, FRAME_BYTES_MAX
from bus.native.batch import header
from bus.native.blocks import take
from bus.native.segment import slice_end

LOOKAHEAD_BYTES = 64 * 1024  # read beyond what is wanted: an index names a batch before it


class ColdRead:
    """Whole batches from `offset` on that end at or below `below`, all of one segment."""

    def __init__(self, segment: Segment, offset: int, size_max: int, below: int) -> None:
        self._segment = segment
        self._offset = max(offset, segment.base_offset)  # below it: a loss that was accepted
        self._size_max = size_max
        self._below = below
        self._stop = segment.readable_stop(offset)  # now: appends go on while this waits

    def load(self) -> memoryview:
        """Read them; blocks, on any thread. Raises OSError or CorruptMessage."""
        while True:
            segment = self._segment
            try:
                found = self._load_checked()
            except (OSError, CorruptMessage):
                replacement = segment.replacement
                if replacement is None:
                    raise
            else:
                replacement = segment.replacement
                if replacement is None:
                    return found
            self._segment = replacement.wait() or segment  # the file may have changed meanwhile
            self._stop = self._segment.readable_stop(self._offset)

    def _load_checked(self) -> memoryview:
        try:
            return self._load()
        except CorruptBatch as error:
            if self._segment.replacement is not None:
                raise CorruptMessage(str(error)) from None  # of another file: it is read anew
        self._segment.rebuild_indexes()  # it may have named a place that is no boundary
        try:
            return self._load()
        except CorruptBatch as error:
            found = self._load_behind_damage()
            if found is not None:
                return found
            raise CorruptMessage(
                f"The log is damaged at offset {self._offset} in {self._segment.path}: {error}"
            ) from None

    def _load(self) -> memoryview:
        position, want = self._segment.floor(self._offset), self._size_max + LOOKAHEAD_BYTES
        while position < self._stop:
            chunk = self._read(position, want)
            at = self._skip(chunk)
            claimed = claimed_size(chunk, at)
            is_short = len(chunk) < min(want, self._stop - position)  # the file has changed
            if at + claimed <= len(chunk) or position + len(chunk) >= self._stop or is_short:
                end, _ = slice_at(chunk, at, self._offset, self._size_max, self._below)
                return chunk[at:end]
            if claimed > FRAME_BYTES_MAX:
                raise CorruptBatch(f"the batch at position {position + at} claims {claimed} bytes")
            position, want = position + at, max(self._size_max, claimed)
        raise CorruptBatch("the data end before it")

    def _load_behind_damage(self) -> memoryview | None:
        """The batch that holds the offset, if it is sound and those before it are not."""
        disk, path = self._segment.disk, self._segment.path
        position, expected = self._segment.floor(self._offset), self._segment.base_offset
        while position < self._stop:
            good = find_good(disk, path, position, expected, self._stop, self._offset + 1)
            if good is None:
                break
            chunk = self._read(good[0], BATCH_OVERHEAD)
            chunk = self._read(good[0], claimed_size(chunk))
            expected = BatchInfo(*header(chunk)).end_offset
            if expected > self._offset:
                return chunk if expected <= self._below else None
            position = good[0] + len(chunk)
        return None

    def _read(self, position: int, want: int) -> memoryview:
        size = min(want, self._stop - position)
        block = take(size)
        read = self._segment.disk.read_into(self._segment.path, position, block)
        return block[:read]

    def _skip(self, chunk: memoryview) -> int:
        """Where the batch that holds the offset begins; it may be cut off by the chunk's end."""
        if claimed_size(chunk) > len(chunk):
            return 0
        return slice_end(chunk, 0, len(chunk), self._offset)[0]

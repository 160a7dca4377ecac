"""A read of bytes that need not be in memory: a plan made on the event loop, done on a pool."""

from bus.errors import CorruptBatch, CorruptMessage
from bus.log.scan import claimed_size
from bus.log.segment import Segment
from bus.model.limits import FRAME_BYTES_MAX
from bus.native.blocks import take
from bus.native.segment import slice_end

LOOKAHEAD_BYTES = 64 * 1024  # read beyond what is wanted: an index names a batch before it


class ColdRead:
    """Whole batches from `offset` on that end at or below `below`, all of one segment."""

    def __init__(self, segment: Segment, offset: int, size_max: int, below: int) -> None:
        self._segment = segment
        self._offset = offset
        self._size_max = size_max
        self._below = below
        self._stop = segment.readable_stop(offset)  # now: appends go on while this waits

    def load(self) -> memoryview:
        """Read them; blocks, on any thread. Raises OSError or CorruptMessage."""
        try:
            return self._load()
        except CorruptBatch:
            pass
        self._segment.rebuild_indexes()  # it may have named a place that is no boundary
        try:
            return self._load()
        except CorruptBatch as error:
            raise CorruptMessage(
                f"The log is damaged at offset {self._offset} in {self._segment.path}: {error}"
            ) from None

    def _load(self) -> memoryview:
        position, want = self._segment.floor(self._offset), self._size_max + LOOKAHEAD_BYTES
        while position < self._stop:
            chunk = self._read(position, want)
            at = self._skip(chunk)
            claimed = claimed_size(chunk, at)
            if at + claimed <= len(chunk) or position + len(chunk) >= self._stop:
                end, _ = slice_end(chunk, at, self._size_max, self._below)
                return chunk[at:end]
            if claimed > FRAME_BYTES_MAX:
                raise CorruptBatch(f"the batch at position {position + at} claims {claimed} bytes")
            position, want = position + at, max(self._size_max, claimed)
        return memoryview(b"")

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

"""Which bytes of a partition stay in memory: its end, not all of its history.

A partition that is written without pause would fill the page cache with pages that nobody reads
again, and pay for each with the slowest kind of page fault. So writing begins as soon as a piece
is full, rather than when the kernel finds that too much is dirty and makes the appender wait; and
what lies further behind the end than KEPT_IN_MEMORY_BYTES gives its memory to what comes next.
docs/decisions/page-cache.md has the measurements.
"""

from collections import deque

from bus.log.segment import Segment
from bus.model.limits import KEPT_IN_MEMORY_BYTES, WRITE_BACK_BYTES
from bus.ports import Disk

_ALIGNMENT = 2 * 1024 * 1024  # of ranges: the largest piece in which a kernel keeps files


class Residency:
    """Follows the appends of one partition."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._pieces: deque[tuple[Segment, int, int]] = deque()  # written back, from and to
        self._kept_bytes = 0

    def on_append(self, segment: Segment) -> None:
        """The segment has grown; a full piece of it is written back, and an old one let go."""
        start = segment.written_back
        if segment.size - start < WRITE_BACK_BYTES or segment.region is None:
            return
        stop = segment.size // _ALIGNMENT * _ALIGNMENT
        segment.written_back = stop
        self._disk.write_back(segment.region, start, stop)
        self._pieces.append((segment, start, stop))
        self._kept_bytes += stop - start
        while self._kept_bytes > KEPT_IN_MEMORY_BYTES:
            old, start, stop = self._pieces.popleft()
            self._kept_bytes -= stop - start
            self._disk.let_go(old.path, start, stop, old.region)

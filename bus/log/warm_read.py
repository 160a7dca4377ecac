"""A read that cannot wait for the disk: what it gives is in memory, and stays where it is.

segment        where its bytes are seen                  beyond the high watermark
-------        -----------------------                   -------------------------
mapped         its mapping                               a copy: they may yet be truncated (S12)
closed         a mapping of the range, for this read     not at all: a cold read copies them

Whoever holds a view of committed bytes sees them unchanged whatever becomes of the file: it is cut
above the high watermark only, and retention and compaction unlink it.
"""

from bus.errors import CorruptBatch
from bus.log.cold_read import LOOKAHEAD_BYTES
from bus.log.scan import slice_at
from bus.log.segment import Segment
from bus.model.batch import Buffer
from bus.model.limits import RESIDENT_BYTES
from bus.native.segment import find
from bus.ports import Region


def warm_read(
    segment: Segment, offset: int, size_max: int, below: int, committed: int
) -> memoryview | None:
    """As `PartitionLog.read`, of one segment; None where the disk may have to be waited for.

    `committed` is the high watermark.
    """
    if segment.region is None:
        return _read_closed(segment, offset, size_max, min(below, committed))
    bounds = mapped_bounds(segment, segment.region, offset, size_max, below)
    if bounds is None:
        return None
    start, end, end_offset = bounds
    view = segment.region.view(start, end)
    if end_offset <= committed:
        return view
    with view:
        return memoryview(bytes(view))


def mapped_bounds(
    segment: Segment, region: Region, offset: int, size_max: int, below: int
) -> tuple[int, int, int] | None:
    """(start, end, end offset) of what a read of a mapped segment gives; None as `warm_read`."""
    position = segment.floor(offset)
    stop = segment.readable_stop(offset)
    wanted_end = min(position + size_max, stop)
    is_recent = position >= segment.size - RESIDENT_BYTES
    if not is_recent and not region.is_resident(position, wanted_end):
        return None
    with region.buffer[:stop] as data:
        return _bounds(segment, data, position, offset, size_max, below)


def _read_closed(segment: Segment, offset: int, size_max: int, below: int) -> memoryview | None:
    if offset >= below or not segment.is_indexed or segment.replacement is not None:
        return None
    position = segment.floor(offset)
    stop = min(position + size_max + LOOKAHEAD_BYTES, segment.readable_stop(offset))
    data = segment.disk.view(segment.path, position, stop)
    if data is None:
        return None
    bounds = _bounds(segment, data, 0, offset, size_max, below)
    if bounds is None or bounds[0] == bounds[1]:  # one batch is larger than what was looked at
        return None
    return data[bounds[0] : bounds[1]]


def _bounds(
    segment: Segment, data: Buffer, position: int, offset: int, size_max: int, below: int
) -> tuple[int, int, int] | None:
    wanted = max(offset, segment.base_offset)  # below it: a loss that was accepted
    try:
        start = find(data, position, wanted)
        return start, *slice_at(data, start, wanted, size_max, below)
    except CorruptBatch:
        return None  # a cold read looks closer, and tells of it

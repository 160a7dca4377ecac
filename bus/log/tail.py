"""Where a segment's data end, from its indexes and the few batches behind their last entry.

Index files are not synced, so a crash may bring an older one back: it is a prefix of the right
one, and the batches behind it tell whether it knew of their timestamps.
"""

import struct

from bus.log.layout import INDEX, TIME_INDEX, offset_file
from bus.log.scan import FileScan
from bus.log.segment import Segment
from bus.model.limits import SCAN_CHUNK_BYTES, UNINDEXED_BYTES_MAX
from bus.native.index import OffsetIndex, TimeIndex
from bus.native.segment import first_nonzero, scan
from bus.ports import Disk

_INDEX_ENTRY = struct.Struct(">ii")
_TIME_ENTRY = struct.Struct(">qi")
_BATCH_OFFSETS = struct.Struct(">q15xi")  # base offset and last offset delta of a header


def tail_of_closed(disk: Disk, segment: Segment, length: int) -> FileScan | None:
    """The end of its data; None if they disagree with its indexes, whose last entries are read."""
    offsets = _last_entry(disk, segment, INDEX, _INDEX_ENTRY)
    times = _last_entry(disk, segment, TIME_INDEX, _TIME_ENTRY)
    if offsets is None or times is None:
        return None
    last = None if offsets[1] < 0 else (segment.base_offset + offsets[0], offsets[1])
    return _tail(disk, segment, length, last, times[0])


def tail_of_active(
    disk: Disk, segment: Segment, length: int, indexes: tuple[OffsetIndex, TimeIndex]
) -> FileScan | None:
    """The same of a segment whose indexes are in memory."""
    latest = indexes[1].last()
    return _tail(disk, segment, length, indexes[0].last(), -1 if latest is None else latest[0])


def _tail(
    disk: Disk, segment: Segment, length: int, last: tuple[int, int] | None, latest: int
) -> FileScan | None:
    """Scanned from the `last` index entry (offset, position) on."""
    position = 0 if last is None else last[1]
    size = min(length - position, SCAN_CHUNK_BYTES)
    data = disk.read(segment.path, position, size) if size > 0 else b""
    base = segment.base_offset
    if last is not None:
        if len(data) < _BATCH_OFFSETS.size:
            return None
        base, last_delta = _BATCH_OFFSETS.unpack_from(data)
        if base + last_delta != last[0]:
            return None
    found = scan(data, 0, base, -1)
    if found.reason is not None or found.max_timestamp > latest:
        return None
    if found.position > UNINDEXED_BYTES_MAX:
        return None
    state = FileScan(position + found.position, found.end_offset, found.leader_epoch)
    state.zero_end = position + first_nonzero(data, found.position)
    return state


def _last_entry(
    disk: Disk, segment: Segment, suffix: str, entry: struct.Struct
) -> tuple[int, int] | None:
    """The last of an index file, (-1, -1) if it has none; None if the file is no good."""
    path = offset_file(segment.directory, segment.base_offset, suffix)
    try:
        size = disk.size(path)
    except FileNotFoundError:
        return None
    if size == 0 or size % entry.size:
        return None if size else (-1, -1)
    first, second = entry.unpack(disk.read(path, size - entry.size, entry.size))
    return int(first), int(second)

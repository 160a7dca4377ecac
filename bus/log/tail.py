"""Where a segment's data end, from its index files and the few batches behind their last entry.

Index files are not synced, so a crash may bring an older one back: it is a prefix of the right
one, and the batches behind it tell whether it knew of their timestamps.
"""

import struct

from bus.log.layout import INDEX, TIME_INDEX, offset_file
from bus.log.scan import FileScan, scan_file
from bus.log.segment import Segment
from bus.model.limits import UNINDEXED_BYTES_MAX
from bus.ports import Disk

_INDEX_ENTRY = struct.Struct(">ii")
_TIME_ENTRY = struct.Struct(">qi")
_BATCH_OFFSETS = struct.Struct(">q15xi")  # base offset and last offset delta of a header


def scan_tail(disk: Disk, segment: Segment, length: int) -> FileScan | None:
    """The end of the data, scanned from the last index entry on; None if they disagree."""
    offsets = _last_entry(disk, segment, INDEX, _INDEX_ENTRY)
    times = _last_entry(disk, segment, TIME_INDEX, _TIME_ENTRY)
    if offsets is None or times is None:
        return None
    position, base = 0, segment.base_offset
    if offsets[1] >= 0:
        position = offsets[1]
        head = disk.read(segment.path, position, _BATCH_OFFSETS.size)
        if len(head) < _BATCH_OFFSETS.size:
            return None
        base, last_delta = _BATCH_OFFSETS.unpack(head)
        if base + last_delta != segment.base_offset + offsets[0]:
            return None
    state = scan_file(disk, segment.path, FileScan(position, base, -1), length)
    agrees = state.reason is None and state.max_timestamp <= times[0]
    return state if agrees and state.position - position <= UNINDEXED_BYTES_MAX else None


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

"""Find the first good batch behind damage, byte by byte: slow, and rarely needed."""

import struct

from bus.errors import CorruptBatch
from bus.model.batch import BatchInfo
from bus.model.limits import BATCH_OVERHEAD, SCAN_CHUNK_BYTES
from bus.native.batch import check_stored
from bus.ports import Disk

MAGIC = b"\x02"
_MAGIC_AT = 16
_HEAD = struct.Struct(">qi")
_OFFSETS_MAX = 2**31  # a segment's offsets lie so close together


def find_good(
    disk: Disk, path: str, position: int, offset: int, stop: int, below: int | None = None
) -> tuple[int, int] | None:
    """(position, base offset) of the next good batch in [`offset`, `below`); None without one.

    No checksum covers a batch's base offset, so it must agree with its neighbours: at `position`
    itself only `offset` is right, and a good batch right behind must go on where this one ends.
    """
    limits = offset, offset + _OFFSETS_MAX if below is None else below
    start = position
    while start < stop:
        data = disk.read(path, start, min(stop - start, 2 * SCAN_CHUNK_BYTES))
        found = _find_in(data, limits, stop - start)
        if found is not None:
            at, base = found
            is_right = start + at > position or base == offset
            if is_right and _is_good(disk, path, start + at, stop):
                return start + at, base
            start += at + 1
            continue
        start += max(1, len(data) - _MAGIC_AT)
    return None


def _find_in(data: bytes, limits: tuple[int, int], left: int) -> tuple[int, int] | None:
    """The first place that looks like a header."""
    found = data.find(MAGIC, _MAGIC_AT)
    while found >= 0:
        at = found - _MAGIC_AT
        base, length = _HEAD.unpack_from(data, at)
        if 49 <= length <= left - at and limits[0] <= base < limits[1]:
            return at, base
        found = data.find(MAGIC, found + 1)
    return None


def _is_good(disk: Disk, path: str, position: int, stop: int) -> bool:
    info = _checked(disk, path, position, stop)
    if info is None:
        return False
    behind = _checked(disk, path, position + info.size, stop)
    return behind is None or behind.base_offset == info.end_offset


def _checked(disk: Disk, path: str, position: int, stop: int) -> BatchInfo | None:
    """The batch at `position`, None if there is no good one."""
    head = disk.read(path, position, _HEAD.size)
    if len(head) < _HEAD.size:
        return None
    size = _HEAD.unpack(head)[1] + _HEAD.size
    if not BATCH_OVERHEAD <= size <= stop - position:
        return None
    try:
        return BatchInfo(*check_stored(disk.read(path, position, size)))
    except CorruptBatch:
        return None

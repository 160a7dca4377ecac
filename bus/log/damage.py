"""Find the first good batch behind damage, byte by byte: slow, and rarely needed."""

import struct

from bus.errors import CorruptBatch
from bus.model.limits import SCAN_CHUNK_BYTES
from bus.native.batch import check
from bus.ports import Disk

MAGIC = b"\x02"
_MAGIC_AT = 16
_HEAD = struct.Struct(">qi")
_OFFSETS_MAX = 2**31  # a segment's offsets lie so close together


def find_good(
    disk: Disk, path: str, position: int, offset: int, stop: int
) -> tuple[int, int] | None:
    """(position, base offset) of the next good batch from `offset` on; None if there is none."""
    start = position
    while start < stop:
        data = disk.read(path, start, min(stop - start, 2 * SCAN_CHUNK_BYTES))
        found = _find_in(data, offset, stop - start)
        if found is not None:
            at, base = found
            if _is_good(disk, path, start + at, stop):
                return start + at, base
            start += at + 1
            continue
        start += max(1, len(data) - _MAGIC_AT)
    return None


def _find_in(data: bytes, offset: int, left: int) -> tuple[int, int] | None:
    """The first place that looks like a header."""
    found = data.find(MAGIC, _MAGIC_AT)
    while found >= 0:
        at = found - _MAGIC_AT
        base, length = _HEAD.unpack_from(data, at)
        if 49 <= length <= left - at and offset <= base < offset + _OFFSETS_MAX:
            return at, base
        found = data.find(MAGIC, found + 1)
    return None


def _is_good(disk: Disk, path: str, position: int, stop: int) -> bool:
    head = disk.read(path, position, _HEAD.size)
    size = _HEAD.unpack(head)[1] + _HEAD.size
    if position + size > stop:
        return False
    try:
        check(disk.read(path, position, size))
    except CorruptBatch:
        return False
    return True

"""Walk a segment's file in chunks: check every batch, feed the indexes, find where it ends."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bus.errors import CorruptBatch
from bus.model.batch import BatchInfo, Buffer
from bus.model.limits import BATCH_OVERHEAD, FRAME_BYTES_MAX, SCAN_CHUNK_BYTES
from bus.native.index import OffsetIndex, TimeIndex
from bus.native.segment import first_nonzero, scan, slice_end
from bus.ports import Disk

FOREVER = 2**63 - 1
ANY_EPOCH = -(2**31)  # to go on behind damage, which may have been in an epoch
Header: TypeAlias = tuple[int, int, int, int, int, int, int, int, int, int, int]
# A batch's header as native code gives it: the fields of BatchInfo in their order.
_LENGTH = struct.Struct(">8xi")
_OFFSETS = struct.Struct(">q15xi")  # base offset and last offset delta of a header
_LENGTH_FROM = 12  # a batch's length field does not count itself and what stands before it


@dataclass(slots=True)
class FileScan:
    """Where a scan stands: everything before `position` is good."""

    position: int  # in the file
    end_offset: int  # after the last good record
    leader_epoch: int  # of the last good batch
    max_timestamp: int = -1
    max_timestamp_offset: int = -1
    zero_end: int = 0  # up to where what follows `position` is known to be zero
    reason: str | None = None  # why the batch at `position` is no good; None at the log's end


def claimed_size(data: Buffer, position: int = 0) -> int:
    """Bytes of the batch at `position` by its length field; a header's if it is not all there."""
    if len(data) - position < _LENGTH.size:
        return BATCH_OVERHEAD
    size: int = _LENGTH.unpack_from(data, position)[0]
    return size + _LENGTH_FROM


def length_with(disk: Disk, path: str, position: int, length: int) -> int:
    """`length` with the zeroes that the batch at `position` may end with: they can be a hole."""
    if length - position < BATCH_OVERHEAD:
        return length
    end = position + claimed_size(disk.read(path, position, BATCH_OVERHEAD))
    return end if length < end <= disk.size(path) else length


def scan_file(
    disk: Disk,
    path: str,
    state: FileScan,
    stop: int,
    *,
    offset_index: OffsetIndex | None = None,
    time_index: TimeIndex | None = None,
    on_headers: Callable[[list[Header]], None] | None = None,
) -> FileScan:
    """Move `state` to the end of the good batches, at most to the position `stop`; returns it.

    Checks header, checksum, order of offsets and of epochs. Zeroes end the log.
    """
    want = SCAN_CHUNK_BYTES
    while state.position < stop:
        data = disk.read(path, state.position, min(want, stop - state.position))
        found = scan(
            data,
            0,
            state.end_offset,
            state.leader_epoch,
            collect=on_headers is not None,
            origin=state.position,
            offset_index=offset_index,
            time_index=time_index,
        )
        is_last = state.position + len(data) >= stop or not data
        state.position += found.position
        state.end_offset, state.leader_epoch = found.end_offset, found.leader_epoch
        if found.max_timestamp > state.max_timestamp:
            state.max_timestamp = found.max_timestamp
            state.max_timestamp_offset = found.max_timestamp_offset
        if on_headers is not None:
            on_headers(found.headers)
        want = _bytes_to_go_on(data, found.position, found.reason)
        if is_last or want == 0:
            state.reason = found.reason
            if found.reason is None:
                zeroes = first_nonzero(data, found.position) - found.position
                state.zero_end = state.position + zeroes
            break
    return state


def _bytes_to_go_on(data: bytes, position: int, reason: str | None) -> int:
    """How much to read from `position` of this chunk on to get further; 0 if the scan ends here.

    What looks bad, or blank, may only be cut off by the end of the chunk.
    """
    left = len(data) - position
    claimed = claimed_size(data, position)
    if left < BATCH_OVERHEAD:
        return SCAN_CHUNK_BYTES
    if reason is None or claimed <= left or claimed > FRAME_BYTES_MAX:
        return 0
    return max(claimed, SCAN_CHUNK_BYTES)


def slice_at(
    data: Buffer, position: int, offset: int, size_max: int, below: int
) -> tuple[int, int]:
    """As `slice_end`, for a batch at `position` that must hold `offset`; else CorruptBatch.

    `below`, where some batch ends, is above `offset`: a batch that reaches beyond it is damaged.
    A header that was lost or changed since its batch was checked is found out here: zeroes would
    seem to be the log's end, and another base offset is not covered by the checksum.
    """
    if len(data) - position < BATCH_OVERHEAD:
        raise CorruptBatch("the data end before it")
    base, last_delta = _OFFSETS.unpack_from(data, position)
    if claimed_size(data, position) < BATCH_OVERHEAD or not base <= offset <= base + last_delta:
        raise CorruptBatch(f"what stands at position {position} is not its batch")
    if base + last_delta >= below:
        raise CorruptBatch(f"the batch at position {position} claims to end above {below}")
    return slice_end(data, position, size_max, below)


def walk_to_end(
    disk: Disk, path: str, position: int, stop: int, below: int = FOREVER
) -> tuple[int, int]:
    """(position, end offset) after the last whole batch from a boundary on; -1 if there is none.

    Only batches that end at or below the offset `below`. Headers only, no checksum. Raises
    CorruptBatch if there is something else at `position`.
    """
    end_offset, want = -1, SCAN_CHUNK_BYTES // 4
    while position < stop:
        data = disk.read(path, position, min(want, stop - position))
        claimed = claimed_size(data)
        if len(data) < claimed <= min(stop - position, FRAME_BYTES_MAX):
            want = claimed
            continue
        walked, found = slice_end(data, 0, len(data), below)
        if walked == 0:
            break
        position, end_offset = position + walked, found
    return position, end_offset


def infos(headers: list[Header]) -> list[BatchInfo]:
    """Headers by name."""
    return [BatchInfo(*header) for header in headers]

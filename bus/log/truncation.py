"""Cut a log above an offset, or begin it anew, as a follower must (R12, R13, S12).

Cut         A crash before the next step leaves
---         ------------------------------------
a checkpoint without what is cut      all records, or fewer: a recovery takes what is there
segments above removed, the one that  the same
holds the cut zeroed from there on
the directory and the file synced     the log as it is to be
snapshots above removed, a checkpoint the same

Begin anew                            A crash before the next step leaves
----------                            ------------------------------------
`<offset>.restart` is written         the old log; from here on the new one: a start goes on here
the old files are removed, synced     the new log
a checkpoint with the new start       the new log
`.restart` is removed, synced         the new log; nothing is appended before

The highest epoch seen never falls. A cut that would fall within a batch, as only a peer that is
wrong can ask for, is made where that batch begins.
"""

import struct
from typing import TYPE_CHECKING

from bus.log.epochs import EpochCache
from bus.log.files import delete_indexes, remove_old_life, set_aside
from bus.log.layout import (
    CUT,
    RESTART,
    lost_file,
    lost_ranges,
    offset_file,
    offsets_of,
)
from bus.log.producer_recovery import load_producers
from bus.log.producers import ProducerTable
from bus.log.segment import Segment
from bus.model.limits import CUT_BYTES_KEPT_MAX, SEGMENT_FIRST_BYTES
from bus.native.segment import find

if TYPE_CHECKING:
    from bus.log.partition_log import PartitionLog

_BASE_OFFSET = struct.Struct(">q")


def truncate(log: "PartitionLog", end_offset: int, keep: bool, now_ms: int) -> None:
    """See `PartitionLog.truncate`."""
    assert end_offset >= log.start_offset, "nothing below the start is left to cut"
    if end_offset >= log.end_offset:
        return
    log.settle()
    end_offset = boundary_at(log, end_offset)
    if end_offset < log.start_offset:  # the start lies within the batch that goes
        restart_at(log, log.start_offset)
        return
    log.held_end = min(log.held_end, end_offset)
    lower_end(log, end_offset)
    log.keeper.checkpoint_now()  # a crash from here on must not miss what is cut
    take_back_losses(log, end_offset)
    if keep:
        _forget_cut(log)
    while log.segments and log.segments[-1].base_offset >= end_offset:
        _give_up(log, log.segments.pop(), keep)
    if log.segments:
        _cut_segment(log, log.segments[-1], end_offset, keep)
    log.disk.sync_dir(log.directory)  # or the next start would find what was removed
    log.producers = load_producers(log.disk, log.directory, log.segments, end_offset, now_ms)
    log.keeper.checkpoint_now()


def lower_end(log: "PartitionLog", end_offset: int) -> None:
    """The log ends here now, as far as it remembers; its segments are the caller's."""
    log.cuts += 1
    log.sealing.is_needed = True
    log.flushed_offset = min(log.flushed_offset, end_offset)
    log.high_watermark = min(log.high_watermark, end_offset)
    log.epochs.truncate(end_offset)
    log.empty_end = end_offset


def boundary_at(log: "PartitionLog", offset: int) -> int:
    """Where the batch begins that holds `offset`; the end of those before if none does."""
    for segment in reversed(log.segments):
        if segment.base_offset >= offset:
            continue
        if segment.end_offset <= offset:
            return segment.end_offset
        region = segment.writable(log.settings.segment_bytes)
        with region.buffer[: segment.size] as data:
            position = find(data, segment.floor(offset), offset)
            base_offset: int = _BASE_OFFSET.unpack_from(data, position)[0]
        return min(offset, base_offset)
    return offset


def _give_up(log: "PartitionLog", segment: Segment, keep: bool) -> None:
    if not keep:
        log.remove(segment)
        return
    log.cut_bytes += segment.size
    log.let_go(segment)
    set_aside(log.disk, log.directory, segment.base_offset)


def _cut_segment(log: "PartitionLog", segment: Segment, end_offset: int, keep: bool) -> None:
    """Zero what stands above, or leave it to the file's last reader and begin a new one."""
    if segment.end_offset <= end_offset:
        return
    limit = log.settings.segment_bytes
    region = segment.writable(limit)
    with region.buffer[: segment.size] as data:
        position = find(data, segment.floor(end_offset), end_offset)
        if keep:
            above = data[position : position + CUT_BYTES_KEPT_MAX]
            log.disk.write(offset_file(log.directory, end_offset, CUT), above)
            log.cut_bytes += segment.size - position
            above.release()
    size, segment.size, segment.end_offset = segment.size, position, end_offset
    delete_indexes(log.disk, log.directory, segment.base_offset)  # they tell of what is cut
    segment.rebuild_indexes()
    if region.is_shared:
        segment.release()
        log.begin_segment(SEGMENT_FIRST_BYTES, limit)
        segment.write_indexes()
        region = log.segments[-1].writable(limit)
    else:
        region.write(position, b"", bytes(size - position))
    log.disk.sync([region])


def _forget_cut(log: "PartitionLog") -> None:
    """Only what was cut last is kept."""
    for offset in offsets_of(log.disk.list(log.directory), CUT):
        log.disk.unlink(offset_file(log.directory, offset, CUT))


def take_back_losses(log: "PartitionLog", end_offset: int) -> None:
    """Holes above the end are none any more: a later start must not expect them there."""
    stale = [lost for lost in lost_ranges(log.disk.list(log.directory)) if lost[1] > end_offset]
    for start, end in stale:
        aside = offset_file(log.directory, start, CUT)
        log.disk.rename(lost_file(log.directory, start, end), aside)
    if stale:
        log.disk.sync_dir(log.directory)


def unfinished(directory: str) -> str:
    """Why a log takes nothing whose `.restart` is still there."""
    return f"The log in {directory} was to begin anew, and its disk failed meanwhile."


def restart_at(log: "PartitionLog", start_offset: int) -> None:
    """See `PartitionLog.restart_at`."""
    log.settle()
    log.read_only = unfinished(log.directory)
    marker = offset_file(log.directory, start_offset, RESTART)
    has_files = True
    try:
        log.disk.list(log.directory)
    except FileNotFoundError:
        has_files = False
    if has_files:
        log.disk.write(marker, b"")
    for segment in [*log.dropped, *log.segments]:
        log.let_go(segment)
    log.dropped, log.segments = [], []
    if has_files:
        remove_old_life(log.disk, log.directory)
    log.epochs, log.producers = EpochCache(), ProducerTable()
    log.start_offset = log.held_end = start_offset
    lower_end(log, start_offset)
    log.flushed_offset = log.high_watermark = start_offset
    log.keeper.checkpoint_now()
    if has_files:
        log.disk.unlink(marker)
        log.disk.sync_dir(log.directory)
    log.read_only = None

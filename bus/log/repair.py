"""Give up records that are damaged below the durable end, so that their log takes writes again.

For each damaged range [start, end) of offsets: its bytes go into `<start>-<end>.lost`, whose name
tells every later recovery that this gap was accepted; good batches behind it move into a segment
of their own; then the damaged file is cut where the damage begins. Missing records at the end are
given up by an empty segment that begins behind them: no offset is ever used twice.

In this order, so that a crash in between leaves a log that is damaged still, and can be given up
again. Nothing is deleted but what stands elsewhere by then.
"""

from bus.log.files import delete_indexes
from bus.log.layout import LOG, lost_file, offset_file
from bus.log.partition_log import PartitionLog
from bus.log.segment import Damage, Segment
from bus.model.limits import CUT_BYTES_KEPT_MAX
from bus.ports import Disk


def accept_loss(disk: Disk, log: PartitionLog) -> list[str]:
    """A sentence for each range that was given up. The log must be opened anew afterwards."""
    assert log.read_only is not None, "only damaged logs have anything to accept"
    lost: list[tuple[int, int]] = []
    disk.make_dir(log.directory)
    if log.segments and log.start_offset < log.segments[0].base_offset:
        lost.append(_mark(disk, log, log.start_offset, log.segments[0].base_offset, b""))
        log.start_offset = log.segments[0].base_offset
    for segment in log.segments:
        lost += _split(disk, log, segment)
    if not log.segments and log.start_offset < log.end_offset:
        lost.append(_mark(disk, log, log.start_offset, log.end_offset, b""))
        log.start_offset = log.end_offset
    if not log.segments or log.segments[-1].damages:
        _begin_at(disk, log, log.end_offset)
    disk.sync_dir(log.directory)
    return [
        f"{log.directory}: records {start} to {end - 1} are given up; what is left of their bytes "
        f"is kept in {lost_file(log.directory, start, end)}."
        for start, end in lost
    ]


def _split(disk: Disk, log: PartitionLog, segment: Segment) -> list[tuple[int, int]]:
    """Set the damaged bytes of one file aside, and the good ones behind them into a new one."""
    damages = segment.damages
    if not damages:
        return []
    lost = []
    for index, damage in enumerate(damages):
        size = min(damage.resume - damage.position, CUT_BYTES_KEPT_MAX)
        data = disk.read(segment.path, damage.position, size)
        if damage.resume >= segment.size:  # what was only allocated is of no use
            data = data.rstrip(b"\0")
        lost.append(_mark(disk, log, damage.start_offset, damage.end_offset, data))
        stop = damages[index + 1].position if index + 1 < len(damages) else segment.size
        _move(disk, segment, damage, stop)
    delete_indexes(disk, segment.directory, segment.base_offset)
    disk.cut(segment.path, damages[0].position)
    return lost


def _move(disk: Disk, segment: Segment, damage: Damage, stop: int) -> None:
    """Good batches behind damage become a segment of their own."""
    if damage.resume < stop:
        data = disk.read(segment.path, damage.resume, stop - damage.resume)
        disk.write(offset_file(segment.directory, damage.end_offset, LOG), data)


def _begin_at(disk: Disk, log: PartitionLog, offset: int) -> None:
    """An empty segment, unless there is one that begins there."""
    path = offset_file(log.directory, offset, LOG)
    try:
        disk.size(path)
    except FileNotFoundError:
        disk.write(path, b"")


def _mark(disk: Disk, log: PartitionLog, start: int, end: int, data: bytes) -> tuple[int, int]:
    disk.write(lost_file(log.directory, start, end), data)
    return start, end

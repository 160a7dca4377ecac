"""A place in a segment's file that another process may read by itself."""

from dataclasses import dataclass

from bus.log.cold_read import LOOKAHEAD_BYTES
from bus.log.partition_log import PartitionLog
from bus.log.warm_read import mapped_bounds

FILE_RANGE_BYTES_MIN = 256 * 1024  # below it bytes are as well sent as told of


@dataclass(frozen=True, slots=True)
class FileRange:
    """Batches from `position` on; the first may lie below the offset that was asked for.

    Those that end above `below` may change yet. Where `end_offset` is known, the range holds the
    batches from the one asked for to that offset, and nothing else.
    """

    path: str
    identity: str
    position: int
    size: int
    below: int
    end_offset: int = -1


def file_range(log: PartitionLog, offset: int, size_max: int, below: int) -> FileRange | None:
    """Where a file holds what `PartitionLog.read` would give, and perhaps more.

    None if it is little, or a read has to look closer: what may yet be truncated (S12), what is
    damaged, what no index in memory tells of. Reads nothing. Raises OSError.
    """
    if below > log.high_watermark or not log.start_offset <= offset < below:
        return None
    segment = log.segment_of(offset)
    if segment.damages or not segment.is_indexed:
        return None
    position, end_offset = segment.floor(offset), -1
    size = min(size_max + LOOKAHEAD_BYTES, segment.size - position)
    if size >= FILE_RANGE_BYTES_MIN and segment.region is not None:
        bounds = mapped_bounds(segment, segment.region, offset, size_max, below)
        if bounds is not None:
            position, end, end_offset = bounds
            size, below = end - position, end_offset
    if size < FILE_RANGE_BYTES_MIN:
        return None
    path, identity = segment.disk.identify(segment.path)
    return FileRange(path, identity, position, size, below, end_offset)

"""Find records by their timestamps: the time index names a place, the batches tell the rest."""

from bus.errors import CorruptBatch
from bus.log.cold_read import ColdRead
from bus.log.segment import Segment
from bus.log.unpacking import unpack
from bus.model.batch import TIMESTAMP_TYPE_FLAG, BatchInfo
from bus.native import columns
from bus.native.batch import HEADER_SIZE, RECORD_SIZE_MIN, header

FOREVER = 2**63 - 1


def first_at(segments: list[Segment], timestamp: int, start_offset: int) -> tuple[int, int] | None:
    """(timestamp, offset) of the first record at or after `timestamp`, from `start_offset` on."""
    for segment in segments:
        if segment.end_offset <= start_offset or segment.max_timestamp < timestamp:
            continue
        index = segment.indexes()[1]
        offset = max(start_offset, index.floor(timestamp))
        found = _first_in(segment, timestamp, offset, start_offset)
        if found is not None:
            return found
    return None


def latest(segments: list[Segment], start_offset: int) -> tuple[int, int] | None:
    """(timestamp, offset) of the first record that has the latest timestamp of all."""
    live = [segment for segment in segments if segment.end_offset > start_offset]
    newest = max((segment.max_timestamp for segment in live), default=-1)
    return first_at(live, newest, start_offset) if newest >= 0 else None


def _first_in(
    segment: Segment, timestamp: int, offset: int, start_offset: int
) -> tuple[int, int] | None:
    while offset < segment.end_offset:
        batch = ColdRead(segment, offset, 1, FOREVER).load()
        if not batch:
            return None
        info = BatchInfo(*header(batch))
        if info.max_timestamp >= timestamp:
            found = _first_of(batch, info, timestamp, start_offset)
            if found is not None:
                return found
        offset = info.end_offset
    return None


def _first_of(
    batch: memoryview, info: BatchInfo, timestamp: int, start_offset: int
) -> tuple[int, int] | None:
    if info.attributes & TIMESTAMP_TYPE_FLAG:  # the broker's time: one for all records
        return info.max_timestamp, max(info.base_offset, start_offset)
    records: bytes | memoryview = batch[HEADER_SIZE : info.size]
    if info.compression:
        records = unpack(info.compression, records)
    if info.record_count * RECORD_SIZE_MIN > len(records):
        raise CorruptBatch(f"The batch at offset {info.base_offset} is shorter than it claims.")
    return columns.first_at(
        records,
        info.record_count,
        info.base_offset,
        info.base_timestamp,
        timestamp,
        start_offset,
    )

"""Which segments of a log are old enough to go. The active one never is."""

import itertools

from bus.log.segment import Segment
from bus.model.settings import TopicSettings


def below_start(segments: list[Segment], start_offset: int) -> int:
    """How many segments hold only records below `start_offset`."""
    count = 0
    while count < len(segments) - 1 and segments[count + 1].base_offset <= start_offset:
        count += 1
    return count


def expired(
    segments: list[Segment], settings: TopicSettings, now_ms: int, high_watermark: int
) -> int:
    """How many segments, oldest first, exceed retention.bytes or retention.ms.

    A segment goes by size only if what is left still has retention.bytes; by age if its latest
    record is older than retention.ms. One that bears no time, as compaction may leave it, goes
    with the next that does. Nothing above the high watermark goes.
    """
    excess = sum(segment.size for segment in segments) - settings.retention_bytes
    count = 0
    for index, (segment, following) in enumerate(itertools.pairwise(segments), 1):
        if following.base_offset > high_watermark:
            break
        by_size = settings.retention_bytes >= 0 and excess >= segment.size
        if by_size or _is_old(segment, settings.retention_ms, now_ms):
            count = index
        elif segment.max_timestamp >= 0:
            break
        excess -= segment.size
    return count


def _is_old(segment: Segment, retention_ms: int, now_ms: int) -> bool:
    if retention_ms < 0:
        return False
    latest = segment.max_timestamp
    return 0 <= latest < now_ms - retention_ms

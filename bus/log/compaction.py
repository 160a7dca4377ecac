"""What is to be compacted: which part of a log, whether it is time, and which files become one.

    start                first dirty          end of the plan               active segment
      |  clean: each key once  |  dirty: to be looked at  |  too young  |
      |---- rewritten up to where the map of keys reaches ----|

Part      What it is
----      ----------
clean     compacted before; of no key are there two records in it, but for what the map had no room
dirty     closed, committed, below the high watermark and older than min.compaction.lag.ms
due       dirty / (clean + dirty) is at least min.cleanable.dirty.ratio, or the oldest dirty record
          is older than max.compaction.lag.ms

Everything here is a function of its arguments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bus.model.settings import TopicSettings

OFFSETS_PER_SEGMENT_MAX = 2**31 - 1  # what an index entry can hold
SEGMENTS_JOINED_MAX = 32  # the removal of each takes a sync of the directory


@dataclass(frozen=True, slots=True)
class Span:
    """One segment, as far as it matters here."""

    base_offset: int
    end_offset: int
    size: int  # bytes
    max_timestamp: int  # ms since the epoch; -1 if no record has one
    is_settled: bool  # closed, durable and undamaged: its file changes no more by itself


@dataclass(frozen=True, slots=True)
class Plan:
    """What one compaction of a log would look at."""

    first_dirty: int
    end_offset: int  # of the dirty part
    clean_bytes: int
    dirty_bytes: int
    is_overdue: bool  # by max.compaction.lag.ms

    @property
    def ratio(self) -> float:
        """The dirty part's share."""
        whole = self.clean_bytes + self.dirty_bytes
        return self.dirty_bytes / whole if whole else 0.0

    def is_due(self, settings: TopicSettings) -> bool:
        """Is it time?"""
        if not self.dirty_bytes:
            return False
        return self.is_overdue or self.ratio >= float(settings.min_cleanable_dirty_ratio)


def plan(
    spans: Sequence[Span], first_dirty: int, below: int, settings: TopicSettings, now_ms: int
) -> Plan:
    """Of a log's segments, in order; `below` is where readers' records end (`now_ms`: wall)."""
    clean = dirty = 0
    end_offset = spans[0].base_offset if spans else 0
    oldest: int | None = None
    for span in spans[:-1]:  # never the active one
        if not span.is_settled or span.end_offset > below or span.base_offset != end_offset:
            break
        if span.end_offset > first_dirty:
            if span.max_timestamp > now_ms - settings.min_compaction_lag_ms:
                break
            dirty += span.size
            oldest = span.max_timestamp if oldest is None else oldest
        else:
            clean += span.size
        end_offset = span.end_offset
    is_overdue = oldest is not None and oldest < now_ms - settings.max_compaction_lag_ms
    return Plan(min(first_dirty, end_offset), end_offset, clean, dirty, is_overdue)


def groups(spans: Sequence[Span], map_end: int, end_offset: int, size_max: int) -> list[list[Span]]:
    """The segments that are rewritten, by the files that they become: small ones join.

    Those that begin below `map_end`, and none that reaches beyond the plan's end.
    """
    found: list[list[Span]] = []
    size = 0
    for span in spans:
        if span.base_offset >= map_end or span.end_offset > end_offset:
            break
        fits = (
            bool(found)
            and size + span.size <= size_max
            and len(found[-1]) < SEGMENTS_JOINED_MAX
            and span.end_offset - found[-1][0].base_offset <= OFFSETS_PER_SEGMENT_MAX
        )
        if fits:
            found[-1].append(span)
            size += span.size
        else:
            found.append([span])
            size = span.size
    return found

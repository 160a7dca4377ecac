"""Which segments go, by size and by age."""

from types import SimpleNamespace

import pytest

from bus.log.retention import below_start, expired
from bus.model.settings import TopicSettings

NOW = 1_000_000
FOREVER = 1 << 60


def segments(*timestamps):
    """Segments of ten records and 100 bytes each, with their latest timestamps."""
    return [
        SimpleNamespace(base_offset=10 * number, size=100, max_timestamp=timestamp)
        for number, timestamp in enumerate(timestamps)
    ]


def settings(retention_bytes=-1, retention_ms=-1):
    return TopicSettings(retention_bytes=retention_bytes, retention_ms=retention_ms)


@pytest.mark.parametrize(
    ("start", "count"), [(0, 0), (9, 0), (10, 1), (19, 1), (20, 2), (30, 2), (99, 2)]
)
def test_a_segment_wholly_below_the_start_goes_but_never_the_active_one(start, count):
    assert below_start(segments(0, 0, 0), start) == count


@pytest.mark.parametrize(("limit", "count"), [(-1, 0), (400, 0), (301, 0), (300, 1), (0, 3)])
def test_by_size_a_segment_goes_only_if_enough_is_left(limit, count):
    found = expired(segments(0, 0, 0, 0), settings(retention_bytes=limit), NOW, FOREVER)
    assert found == count


def test_by_age_segments_go_up_to_the_first_that_is_young():
    old, young = NOW - 1001, NOW - 1000
    some = segments(old, old, young, old, young)
    assert expired(some, settings(retention_ms=1000), NOW, FOREVER) == 2


def test_a_segment_without_timestamps_has_no_age():
    assert expired(segments(-1, -1), settings(retention_ms=1000), NOW, FOREVER) == 0


@pytest.mark.parametrize(("high_watermark", "count"), [(9, 0), (10, 1), (19, 1), (20, 2)])
def test_nothing_above_the_high_watermark_goes(high_watermark, count):
    some = segments(0, 0, 0)
    assert expired(some, settings(retention_ms=1000), NOW, high_watermark) == count


def test_without_limits_nothing_goes():
    assert expired(segments(0, 0, 0), settings(), NOW, FOREVER) == 0

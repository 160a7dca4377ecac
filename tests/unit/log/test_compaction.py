"""What is to be compacted, from sizes, offsets and times alone."""

from bus.log.compaction import Plan, Span, groups, plan
from bus.model.settings import TopicSettings

NOW = 1_000_000
SETTINGS = TopicSettings(cleanup_policy="compact")


def spans(*sizes, times=None, unsettled=()):
    """Segments of 10 offsets each; the last is the active one."""
    return [
        Span(10 * n, 10 * n + 10, size, times[n] if times else 0, n not in unsettled)
        for n, size in enumerate(sizes)
    ]


def planned(found, first_dirty=0, below=1000, **settings):
    return plan(found, first_dirty, below, TopicSettings(cleanup_policy="compact", **settings), NOW)


def test_the_active_segment_is_never_looked_at():
    assert planned(spans(100, 100, 100)).end_offset == 20
    assert planned(spans(100)) == Plan(0, 0, 0, 0, False)
    assert planned([]) == Plan(0, 0, 0, 0, False)


def test_what_was_compacted_before_is_clean():
    found = planned(spans(100, 200, 300, 7), first_dirty=10)
    assert (found.clean_bytes, found.dirty_bytes, found.first_dirty) == (100, 500, 10)


def test_a_segment_of_which_a_part_is_dirty_counts_as_dirty():
    found = planned(spans(100, 200, 7), first_dirty=15)
    assert (found.clean_bytes, found.dirty_bytes) == (100, 200)


def test_nothing_above_what_readers_see_is_touched():
    assert planned(spans(1, 1, 1, 1), below=29).end_offset == 20


def test_nothing_behind_a_segment_that_is_not_settled_is_touched():
    assert planned(spans(1, 1, 1, 1), below=1000).end_offset == 30
    assert planned(spans(1, 1, 1, 1, 1)[:2] + spans(1, 1, 1, 1, 1)[3:]).end_offset == 20
    assert plan(spans(1, 1, 1, 1, unsettled={1}), 0, 99, SETTINGS, NOW).end_offset == 10


def test_it_is_due_when_enough_is_dirty():
    found = planned(spans(100, 100, 7), first_dirty=10)
    assert found.ratio == 0.5
    assert found.is_due(TopicSettings(min_cleanable_dirty_ratio="0.5"))
    assert not found.is_due(TopicSettings(min_cleanable_dirty_ratio="0.51"))


def test_without_anything_dirty_it_is_never_due():
    found = planned(spans(100, 7), first_dirty=10)
    assert found.ratio == 0
    assert not found.is_due(TopicSettings(min_cleanable_dirty_ratio="0"))


def test_young_records_wait_and_all_behind_them():
    found = planned(spans(1, 1, 1, 1, times=[0, NOW - 99, 0, 0]), min_compaction_lag_ms=100)
    assert found.end_offset == 10


def test_old_dirty_records_make_it_due():
    many = spans(1000, 1, 7, times=[0, NOW - 101, NOW])
    found = planned(many, first_dirty=10, max_compaction_lag_ms=100)
    assert found.is_overdue
    assert found.is_due(SETTINGS)
    assert not planned(many, first_dirty=10, max_compaction_lag_ms=102).is_overdue


def test_a_note_that_is_ahead_of_the_log_is_not_believed():
    assert planned(spans(100, 7), first_dirty=500).first_dirty == 10


def bases(found):
    return [[span.base_offset for span in group] for group in found]


def test_small_segments_join_up_to_the_size_of_one():
    assert bases(groups(spans(40, 40, 40, 90, 10, 1)[:-1], 1000, 1000, 100)) == [
        [0, 10],
        [20],
        [30, 40],
    ]


def test_only_what_the_map_reaches_is_rewritten():
    assert bases(groups(spans(1, 1, 1, 1), 15, 1000, 1)) == [[0], [10]]
    assert bases(groups(spans(1, 1, 1, 1), 20, 1000, 1)) == [[0], [10]]


def test_nothing_beyond_the_plan_is_rewritten():
    assert bases(groups(spans(1, 1, 1, 1), 1000, 20, 1)) == [[0], [10]]


def test_offsets_that_an_index_cannot_hold_begin_a_new_file():
    far = [Span(0, 2**31 - 2, 1, 0, True), Span(2**31 - 2, 2**31 + 5, 1, 0, True)]
    assert bases(groups(far, 2**40, 2**40, 100)) == [[0], [2**31 - 2]]

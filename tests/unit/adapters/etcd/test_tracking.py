"""What a watch has seen: order, repetition, parts, and what must have been lost."""

import pytest

from bus.adapters.etcd.messages import Event, Watched
from bus.adapters.etcd.tracking import Tracker
from bus.errors import FrameError
from bus.model.limits import ETCD_WATCH_BYTES_MAX
from bus.ports import Changes, Entry, Snapshot
from tests.fixtures.hand_carrier import header


@pytest.fixture
def tracker() -> Tracker:
    made = Tracker("/r/", "/r/client/")
    made.restart({b"/r/a": Entry(b"1", 3), b"/r/client/1": Entry(b"m", 4)}, 5)
    return made


def message(*events: tuple[str, bytes | None, int], is_part: bool = False) -> Watched:
    made = tuple(Event(key.encode(), value, revision) for key, value, revision in events)
    return Watched(header(100), made, is_part)


def test_a_snapshot_shows_all_but_the_hidden() -> None:
    tracker = Tracker("/r/", "/r/client/")
    entries = {b"/r/a": Entry(b"1", 3), b"/r/client/1": Entry(b"m", 4)}
    assert tracker.restart(entries, 5) == Snapshot(5, {"/r/a": Entry(b"1", 3)})


def test_events_of_one_revision_are_one_change(tracker: Tracker) -> None:
    found = tracker.take(message(("/r/a", None, 6), ("/r/b", b"2", 6), ("/r/c", b"3", 7)))
    assert found == [Changes(6, {"/r/a": None, "/r/b": b"2"}), Changes(7, {"/r/c": b"3"})]
    assert tracker.position == 7


def test_what_was_seen_is_left_out(tracker: Tracker) -> None:
    tracker.take(message(("/r/b", b"2", 6)))
    again = message(("/r/a", b"1", 3), ("/r/b", b"2", 6), ("/r/b", b"3", 7))
    assert tracker.take(again) == [Changes(7, {"/r/b": b"3"})]


def test_hidden_keys_move_the_position_alone(tracker: Tracker) -> None:
    assert tracker.take(message(("/r/client/1", b"m2", 6))) == []
    assert tracker.position == 6


def test_parts_are_told_of_as_one(tracker: Tracker) -> None:
    assert tracker.take(message(("/r/b", b"2", 6), is_part=True)) == []
    assert tracker.position == 5
    assert tracker.take(message(("/r/c", b"3", 6))) == [Changes(6, {"/r/b": b"2", "/r/c": b"3"})]


def test_parts_of_a_broken_stream_are_forgotten(tracker: Tracker) -> None:
    tracker.take(message(("/r/b", b"2", 6), is_part=True))
    tracker.forget_parts()
    assert tracker.take(message(("/r/b", b"2", 6), ("/r/c", b"3", 6))) == [
        Changes(6, {"/r/b": b"2", "/r/c": b"3"})
    ]


def test_parts_without_end_are_refused(tracker: Tracker) -> None:
    piece = bytes(ETCD_WATCH_BYTES_MAX // 2)
    tracker.take(message(("/r/1", piece, 6), is_part=True))
    with pytest.raises(FrameError, match="more than"):
        tracker.take(message(("/r/2", piece, 6), is_part=True))


@pytest.mark.parametrize(
    "events",
    [
        [("/other", b"", 6)],
        [("/r0", b"", 6)],
        [("/r/a", b"", 7), ("/r/b", b"", 6)],
        [("/r/unknown", None, 6)],
    ],
)
def test_a_message_that_cannot_be_is_refused(tracker: Tracker, events: list) -> None:
    with pytest.raises(FrameError):
        tracker.take(message(*events))


def test_a_comparison_of_equals_finds_nothing(tracker: Tracker) -> None:
    tracker.begin_comparison()
    listed = {b"/r/a": Entry(b"", 3), b"/r/client/9": Entry(b"", 5)}
    assert tracker.differences(listed, 5) == []


def test_what_changed_while_all_was_read_is_no_difference(tracker: Tracker) -> None:
    tracker.begin_comparison()
    listed = {b"/r/a": Entry(b"", 3), b"/r/b": Entry(b"", 6)}  # at revision 6
    tracker.take(message(("/r/b", b"2", 6), ("/r/a", b"9", 7), ("/r/c", b"3", 8)))
    tracker.take(message(("/r/b", None, 9)))
    assert tracker.differences(listed, 6) == []


def test_lost_events_are_found(tracker: Tracker) -> None:
    tracker.begin_comparison()
    listed = {b"/r/a": Entry(b"", 4), b"/r/new": Entry(b"", 5)}
    assert tracker.differences(listed, 5) == ["/r/a", "/r/new"]
    tracker.begin_comparison()
    assert tracker.differences({}, 5) == ["/r/a"], "a deletion that was lost"


def test_a_comparison_that_a_new_start_overtook_says_nothing(tracker: Tracker) -> None:
    tracker.begin_comparison()
    tracker.restart({}, 9)
    assert tracker.differences({b"/r/a": Entry(b"", 3)}, 5) == []


def test_keys_of_strangers_that_are_no_text_are_shown_all_the_same() -> None:
    tracker = Tracker("/r/", "/r/client/")
    assert tracker.restart({b"/r/\xff": Entry(b"", 2)}, 2).entries == {"/r/\\xff": Entry(b"", 2)}

"""The checker is checked: each way in which a log may be wrong is found."""

from bus.testing.history import History, Span


def history(read: list[int], *, start: int = 0, lossy: bool = False, **told: list[Span]) -> History:
    made = History(start_offset=start, lossy=lossy, **told)
    made.saw(range(start, start + len(read)), read)
    return made


def test_a_faithful_log_has_no_problems() -> None:
    told = [Span(0, 2, 0), Span(2, 1, 2)]
    assert history([0, 1, 2], acknowledged=told).verdict() == []


def test_an_unacknowledged_record_may_stand_or_not() -> None:
    assert history([0, 1, 2], acknowledged=[Span(0, 1, 0)]).verdict() == []
    assert history([0], acknowledged=[Span(0, 1, 0)]).verdict() == []


def test_a_lost_record_is_found() -> None:
    (problem,) = history([0], acknowledged=[Span(0, 2, 0)]).verdict()
    assert "records 0 to 1 were acknowledged at offset 0" in problem


def test_a_record_at_another_offset_is_found() -> None:
    assert history([7, 0], acknowledged=[Span(7, 1, 1)]).verdict()


def test_a_doubled_record_is_found() -> None:
    (problem,) = history([0, 1, 1]).verdict()
    assert problem == "record 1 at offset 2 stands twice"


def test_a_reordered_record_is_found() -> None:
    (problem,) = history([0, 2, 1]).verdict()
    assert problem == "record 1 at offset 2 comes after 2"


def test_a_refused_record_that_stands_is_found() -> None:
    (problem,) = history([0, 1], refused=[Span(1, 1)]).verdict()
    assert "record 1 was refused for certain" in problem


def test_a_gap_in_the_offsets_is_found() -> None:
    made = History()
    made.saw([0, 2], [0, 1])
    assert made.verdict() == ["offset 2 came where 1 was due"]


def test_a_record_that_was_read_before_and_stands_again_is_found() -> None:
    made = History(start_offset=3, last_number=2)
    made.saw([3], [2])
    assert made.verdict() == ["record 2 at offset 3 stands twice"]


def test_what_was_read_before_is_not_asked_for_again() -> None:
    assert history([5, 6], start=5, acknowledged=[Span(0, 5, 0), Span(5, 2, 5)]).verdict() == []


def test_a_lossy_history_may_end_before_what_was_not_flushed() -> None:
    told = [Span(0, 2, 0), Span(2, 2, 2, flushed=False), Span(4, 2, 4, flushed=False)]
    assert history([0, 1, 2, 3], acknowledged=told, lossy=True).verdict() == []
    assert history([0, 1], acknowledged=told, lossy=True).verdict() == []
    assert history([0, 1], acknowledged=told).verdict()


def test_a_lossy_history_keeps_what_was_flushed() -> None:
    (problem,) = history([0], acknowledged=[Span(0, 2, 0)], lossy=True).verdict()
    assert "records 0 to 1 were acknowledged at offset 0" in problem


def test_a_lossy_history_has_no_holes() -> None:
    told = [Span(0, 2, 0, flushed=False), Span(2, 1, 2, flushed=False)]
    assert history([0, 7, 8], acknowledged=told, lossy=True).verdict()

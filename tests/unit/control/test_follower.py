"""A follower of one partition: its table, row by row."""

import pytest

from bus.control.effects import Committed, Halt, Promise, Restart, Take, Trim, Truncate
from bus.control.follower import FetchAnswer, Follower, LogEnds
from bus.control.insync import Standing
from bus.errors import NONE, FencedLeaderEpoch, OffsetOutOfRange
from bus.model.cluster import NO_LEADER

LEADER, EPOCH = 2, 7
ENDS = LogEnds(start_offset=10, end_offset=100, flushed_offset=90, last_epoch=6)


def following(high_watermark=50, recovered=-1):
    follower = Follower(high_watermark)
    follower.on_term(LEADER, EPOCH, recovered)
    return follower


def answer(**more):
    facts = {
        "leader_epoch": EPOCH,
        "error": NONE,
        "high_watermark": 80,
        "start_offset": 10,
        "base_offset": 100,
        "has_records": True,
    }
    return FetchAnswer(**(facts | more))


def told(follower, ends=ENDS, own_epoch=(6, 100), **more):
    return follower.on_answer(answer(**more), ends, own_epoch)


def test_an_epoch_is_promised_before_it_is_followed():
    assert Follower().on_term(LEADER, EPOCH) == [Promise(EPOCH)]


def test_no_lower_epoch_is_followed():
    with pytest.raises(AssertionError):
        following().on_term(3, EPOCH)


def test_it_asks_with_all_that_the_leader_has_to_know():
    assert following().standing(70, ENDS) == Standing(EPOCH, 70, 6, 100, 90)


def test_without_a_leader_nobody_is_asked():
    follower = Follower()
    follower.on_term(NO_LEADER, EPOCH)
    assert follower.standing(70, ENDS) is None


def test_records_are_taken_where_the_log_ends():
    assert told(following()) == [Take(100, EPOCH)]


def test_an_answer_to_an_earlier_question_is_not_for_it():
    assert told(following(), leader_epoch=EPOCH - 1) == []
    assert told(following(), base_offset=99) == []


def test_an_error_takes_nothing_and_ends_nothing():
    follower = following()
    assert told(follower, error=FencedLeaderEpoch.code) == []
    assert told(follower) == [Take(100, EPOCH)]


def test_once_taken_what_is_committed_may_be_seen():
    follower = following()
    told(follower)
    assert follower.on_taken(answer(), ENDS) == [Committed(80)]
    assert follower.on_taken(answer(), ENDS) == []


def test_no_more_is_committed_than_stands_in_the_log():
    follower = following()
    told(follower)
    assert follower.on_taken(answer(high_watermark=500), ENDS) == [Committed(100)]


def test_nothing_is_committed_before_the_logs_are_known_to_agree():
    assert following().on_taken(answer(), ENDS) == []


def test_of_two_logs_that_part_the_follower_s_is_cut():
    assert told(following(), diverging=(6, 70)) == [Truncate(70)]


def test_it_is_cut_where_its_own_epoch_ended_if_that_is_earlier():
    assert told(following(), diverging=(5, 70), own_epoch=(5, 60)) == [Truncate(60)]


def test_where_it_has_nothing_of_that_epoch_all_goes():
    follower = following(high_watermark=0)
    assert told(follower, diverging=(5, 70), own_epoch=(-1, -1)) == [Truncate(10)]


def test_below_what_was_committed_it_is_stopped_instead():
    follower = following(high_watermark=75)
    (halt,) = told(follower, diverging=(6, 70))
    assert isinstance(halt, Halt)
    assert follower.standing(70, ENDS) is None


def test_after_a_recovery_it_is_cut_below_what_was_committed_and_that_is_kept():
    follower = following(high_watermark=75, recovered=EPOCH)
    assert told(follower, diverging=(6, 70)) == [Truncate(70, is_kept=True)]
    assert follower.high_watermark == 70


def test_who_has_written_since_the_recovery_is_stopped_as_ever():
    (halt,) = told(following(high_watermark=75, recovered=6), diverging=(6, 70))
    assert isinstance(halt, Halt)


def test_after_a_recovery_it_begins_anew_below_what_was_committed():
    follower = following(50, recovered=EPOCH)
    effects = told(follower, error=OffsetOutOfRange.code, start_offset=20)
    assert (effects, follower.high_watermark) == ([Restart(20)], 20)


def test_where_the_leader_has_deleted_its_records_it_begins_anew():
    follower = following()
    effects = told(follower, error=OffsetOutOfRange.code, start_offset=300)
    assert effects == [Restart(300)]
    assert follower.high_watermark == 300


def test_but_not_if_the_leader_lacks_what_was_committed():
    (halt,) = told(following(50), error=OffsetOutOfRange.code, start_offset=20)
    assert isinstance(halt, Halt)


def test_it_deletes_what_the_leader_has_deleted():
    assert told(following(), has_records=False, start_offset=30) == [Trim(30)]


def test_but_nothing_above_its_own_high_watermark():
    assert told(following(50), has_records=False, start_offset=90) == [Trim(50)]


def test_one_that_was_halted_takes_nothing():
    follower = following()
    follower.on_halted("its disk has failed")
    assert told(follower) == []

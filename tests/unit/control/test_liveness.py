"""Who counts as dead: the table of liveness, row by row."""

from bus.control.liveness import (
    FREEZE_MS,
    ISOLATED_MS,
    OPINION_MS,
    STUCK_MS,
    Heard,
    Inquire,
    Liveness,
    Silent,
)


def watching(*brokers):
    liveness = Liveness()
    for broker in brokers or (2, 3, 4):
        liveness.watch(broker, True, 0)
    return liveness


def test_when_a_link_is_lost_the_others_are_asked():
    assert watching().on_link(2, False, 10) == [Inquire(2)]


def test_one_that_another_has_lost_too_is_silent_at_once():
    liveness = watching()
    liveness.on_link(2, False, 10)
    assert liveness.on_opinion(3, 2, False, 11) == [Silent(2)]


def test_if_nobody_says_anything_it_is_silent_soon():
    liveness = watching()
    liveness.on_link(2, False, 10)
    assert liveness.on_tick(9 + OPINION_MS) == []
    assert liveness.next_tick_ms() == 10 + OPINION_MS
    assert liveness.on_tick(10 + OPINION_MS) == [Silent(2)]


def test_one_that_another_hears_is_given_longer():
    liveness = watching()
    liveness.on_link(2, False, 10)
    assert liveness.on_opinion(3, 2, True, 11) == []
    assert Silent(2) not in liveness.on_tick(9 + ISOLATED_MS)
    assert Silent(2) in liveness.on_tick(10 + ISOLATED_MS)


def test_a_link_that_is_back_ends_it():
    liveness = watching()
    liveness.on_link(2, False, 10)
    liveness.on_tick(10 + OPINION_MS)
    assert liveness.on_link(2, True, 500) == [Heard(2)]


def test_one_whose_beats_stay_away_is_silent_though_its_link_stands():
    liveness = watching()
    liveness.on_beat(2, 0, 100)
    assert Silent(2) in liveness.on_tick(100 + STUCK_MS)


def test_one_whose_disk_stands_still_is_silent_though_it_beats():
    liveness = watching()
    assert liveness.on_beat(2, STUCK_MS - 1, 100) == []
    assert liveness.on_beat(2, STUCK_MS, 300) == [Silent(2)]
    assert liveness.on_beat(2, 0, 500) == [Heard(2)]


def test_if_more_than_half_are_lost_at_once_nobody_is_silent_for_a_while():
    liveness = watching()
    for broker in (2, 3, 4):
        liveness.on_link(broker, False, 10)
    assert liveness.on_tick(10 + OPINION_MS) == []
    late = liveness.on_tick(10 + FREEZE_MS)
    assert late == [Silent(2), Silent(3), Silent(4)]


def test_one_that_was_never_reached_is_lost_from_the_beginning():
    liveness = watching(3, 4)
    assert liveness.watch(2, False, 50) == [Inquire(2)]
    assert liveness.on_tick(50 + OPINION_MS) == [Silent(2)]


def test_of_one_that_is_not_watched_nothing_is_said():
    liveness = watching()
    liveness.forget(2)
    assert liveness.on_link(2, False, 10) == []
    assert liveness.on_beat(2, STUCK_MS, 10) == []


def test_what_could_not_be_heard_while_we_stood_still_is_held_against_nobody():
    liveness = watching()
    liveness.on_link(2, False, 10)
    liveness.on_pause(3 * STUCK_MS, 3 * STUCK_MS)
    assert liveness.on_tick(3 * STUCK_MS) == []
    assert liveness.silent == []


def test_it_tells_whom_others_hear():
    liveness = watching()
    liveness.on_link(2, False, 10)
    liveness.on_opinion(3, 2, True, 11)
    assert liveness.is_heard_elsewhere(2)
    assert not liveness.is_heard_elsewhere(3)
    assert liveness.watched == {2, 3, 4}

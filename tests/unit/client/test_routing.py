"""Routing knows who leads, and asks anew no more often than it helps."""

from uuid import UUID

from bus.client.routing import (
    AGE_MS_MAX,
    DOUBT_PAUSE_MS_MAX,
    PAUSE_MS,
    PAUSE_MS_MAX,
    ClusterView,
    Leader,
    Routing,
    TopicView,
)
from bus.model.ids import TopicPartition

ID, OTHER = UUID(int=1), UUID(int=2)


def answer(*leaders, topic_id=ID, error=0, nodes=(1, 2)):
    return ClusterView(
        {node: f"tcp://host:{node}" for node in nodes},
        (TopicView("t", topic_id, tuple(leaders), error),),
        1,
    )


def known(*leaders, **facts):
    routing = Routing()
    routing.want("t", 0)
    assert routing.due(0) == ["t"]
    routing.on_metadata(answer(*leaders, **facts), 0)
    return routing


def test_a_wanted_topic_is_asked_for_once_at_a_time():
    routing = Routing()
    assert routing.want("t", 5) is None
    assert routing.due(5) == ["t"]
    assert routing.due(6) is None


def test_a_whole_picture_is_not_asked_for_again_until_it_is_old():
    routing = known(Leader(1, 0))
    assert routing.leader_of(TopicPartition("t", 0)) == 1
    assert routing.due(1000) is None
    assert routing.due(AGE_MS_MAX) == ["t"]


def test_a_contradiction_is_followed_by_a_refresh():
    routing = known(Leader(1, 0))
    routing.stale(10)
    assert routing.due(10) == ["t"]


def test_pauses_grow_while_refreshes_do_not_help():
    routing = known(Leader(-1, 0))
    now = 0
    pauses = []
    for _ in range(9):
        due = routing.next_due_ms()
        pauses.append(due - now)
        now = due
        assert routing.due(now) == ["t"]
        routing.on_failure(now)
    assert pauses[0] == PAUSE_MS
    assert pauses == sorted(pauses)
    assert pauses[-1] == PAUSE_MS_MAX


def test_a_leader_of_an_older_epoch_does_not_win():
    routing = known(Leader(1, 5))
    routing.on_metadata(answer(Leader(2, 4)), 1)
    assert routing.leader(TopicPartition("t", 0)) == Leader(1, 5)
    routing.on_metadata(answer(Leader(2, 6)), 2)
    assert routing.leader(TopicPartition("t", 0)) == Leader(2, 6)


def test_a_topic_made_anew_begins_with_its_own_epochs():
    routing = known(Leader(1, 5))
    routing.on_metadata(answer(Leader(2, 0), topic_id=OTHER), 1)
    assert routing.leader(TopicPartition("t", 0)) == Leader(2, 0)


def test_a_leader_whose_address_is_unknown_is_none():
    routing = known(Leader(9, 0))
    assert routing.leader_of(TopicPartition("t", 0)) is None
    assert routing.next_due_ms() == PAUSE_MS


def test_an_unknown_topic_is_remembered_as_missing_since_when():
    routing = known(error=3)
    routing.due(PAUSE_MS)
    routing.on_metadata(answer(error=3), PAUSE_MS)
    assert routing.missing["t"].since_ms == 0
    routing.forget("t")
    assert routing.missing == {}
    assert routing.next_due_ms() is None


P = TopicPartition("t", 0)


def test_a_leader_in_doubt_is_looked_up_again_and_again_until_it_is_another():
    routing = known(Leader(1, 3))
    routing.doubt(P, Leader(1, 3), 0)
    now = 0
    for _ in range(20):
        due = routing.next_due_ms()
        assert due - now <= DOUBT_PAUSE_MS_MAX
        now = due
        routing.due(now)
        routing.on_metadata(answer(Leader(1, 3)), now)
    routing.due(routing.next_due_ms())
    routing.on_metadata(answer(Leader(2, 4)), now)
    assert routing.due(now + PAUSE_MS_MAX) is None


def test_a_doubt_about_a_leader_that_is_none_any_more_changes_nothing():
    routing = known(Leader(2, 4))
    routing.doubt(P, Leader(1, 3), 0)
    assert not routing.is_doubtful


def test_a_leader_that_answers_is_trusted_again():
    routing = known(Leader(1, 3))
    routing.doubt(P, Leader(1, 3), 0)
    routing.trust(P)
    assert not routing.is_doubtful


def test_a_named_leader_counts_if_its_epoch_is_newer():
    routing = known(Leader(1, 3))
    assert routing.learn(P, Leader(2, 4), {})
    assert routing.leader(P) == Leader(2, 4)
    assert not routing.learn(P, Leader(1, 4), {})
    assert not routing.learn(P, Leader(1, 3), {})


def test_a_named_leader_counts_if_it_can_be_reached():
    routing = known(Leader(1, 3))
    assert not routing.learn(P, Leader(9, 4), {})
    assert routing.learn(P, Leader(9, 4), {9: "tcp://host:9"})
    assert routing.leader_of(P) == 9

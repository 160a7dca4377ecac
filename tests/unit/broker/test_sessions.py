"""Fetch sessions: who gets one, what it is told, and what ends it (KIP-227)."""

from itertools import count
from uuid import UUID

import pytest

from bus.broker.reads import Piece, Wanted
from bus.broker.sessions import EPOCH_MAX, Admitted, Session, Sessions
from bus.errors import (
    FetchSessionIdNotFound,
    FetchSessionTopicIdError,
    InvalidFetchSessionEpoch,
)
from bus.model.ids import NO_TOPIC_ID
from bus.model.limits import FETCH_SESSION_PARTITIONS_MAX, FETCH_SESSION_REST_MS
from bus.wire.fetch import FetchPartition, FetchRequest, FetchTopic, ForgottenTopic

A_TOPIC = UUID(int=1)


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(2, count(1).__next__)


def request(*partitions: int, session_id: int = 0, epoch: int = 0, offset: int = 0, forget=()):
    asked = [FetchPartition(partition=index, fetch_offset=offset) for index in partitions]
    return FetchRequest(
        session_id=session_id,
        session_epoch=epoch,
        topics=[FetchTopic("t", partitions=asked)] if asked else [],
        forgotten_topics_data=[ForgottenTopic("t", partitions=list(forget))] if forget else [],
    )


def asked(admitted: Admitted) -> list[tuple[int, int]]:
    return [(partition.partition, partition.fetch_offset) for _, partition in admitted.asked]


def told(session: Session | None, *pieces: Piece) -> list[int]:
    assert session is not None
    return [piece.wanted.index for piece in session.changed(pieces)]


def piece(index: int, **what) -> Piece:
    return Piece(Wanted(None, index, 0, 0, topic="t"), **what)


def test_epoch_0_begins_a_session(sessions: Sessions) -> None:
    admitted = sessions.admit(request(0, 1), 0)
    assert (admitted.session_id, asked(admitted), len(sessions)) == (1, [(0, 0), (1, 0)], 1)


def test_no_session_is_begun_unasked(sessions: Sessions) -> None:
    admitted = sessions.admit(request(0, epoch=-1), 0)
    assert (admitted.session_id, admitted.session, len(sessions)) == (0, None, 0)


def test_the_next_request_changes_what_it_names_and_keeps_the_rest(sessions: Sessions) -> None:
    sessions.admit(request(0, 1, 2), 0)
    change = request(1, 3, session_id=1, epoch=1, offset=9, forget=(0,))
    assert asked(sessions.admit(change, 0)) == [(1, 9), (2, 0), (3, 9)]
    assert asked(sessions.admit(request(session_id=1, epoch=2), 0)) == [(1, 9), (2, 0), (3, 9)]


def test_an_unknown_session_is_not_found(sessions: Sessions) -> None:
    assert sessions.admit(request(0, session_id=7, epoch=1), 0).error == FetchSessionIdNotFound.code


def test_another_epoch_than_the_next_is_refused_and_changes_nothing(sessions: Sessions) -> None:
    sessions.admit(request(0), 0)
    refused = sessions.admit(request(session_id=1, epoch=5, forget=(0,)), 0)
    assert refused.error == InvalidFetchSessionEpoch.code
    assert asked(sessions.admit(request(session_id=1, epoch=1), 0)) == [(0, 0)]


@pytest.mark.parametrize(("began", "goes_on"), [(NO_TOPIC_ID, A_TOPIC), (A_TOPIC, NO_TOPIC_ID)])
def test_topics_of_a_session_are_named_as_when_it_began(
    sessions: Sessions, began: UUID, goes_on: UUID
) -> None:
    def of(topic_id: UUID, session_id: int, epoch: int) -> FetchRequest:
        name = "t" if topic_id == NO_TOPIC_ID else ""
        topics = [FetchTopic(name, topic_id, [FetchPartition()])]
        return FetchRequest(session_id=session_id, session_epoch=epoch, topics=topics)

    sessions.admit(of(began, 0, 0), 0)
    assert sessions.admit(of(goes_on, 1, 1), 0).error == FetchSessionTopicIdError.code
    assert sessions.admit(of(began, 1, 1), 0).error == 0


def test_epochs_begin_anew_at_1(sessions: Sessions) -> None:
    session = sessions.admit(request(0), 0).session
    assert session is not None
    session.epoch = EPOCH_MAX
    sessions.admit(request(session_id=1, epoch=EPOCH_MAX), 0)
    assert session.epoch == 1


@pytest.mark.parametrize("epoch", [0, -1])
def test_a_full_request_ends_the_session_that_it_names(sessions: Sessions, epoch: int) -> None:
    sessions.admit(request(0), 0)
    sessions.admit(request(0, session_id=1, epoch=epoch), 0)
    gone = sessions.admit(request(session_id=1, epoch=1), 0)
    assert gone.error == FetchSessionIdNotFound.code


def test_a_session_without_partitions_ends(sessions: Sessions) -> None:
    sessions.admit(request(0), 0)
    admitted = sessions.admit(request(session_id=1, epoch=1, forget=(0,)), 0)
    assert (admitted.error, admitted.session_id, len(sessions)) == (0, 0, 0)


def test_where_all_slots_are_in_use_there_is_no_new_session(sessions: Sessions) -> None:
    for _ in range(2):
        sessions.admit(request(0), 0)
    admitted = sessions.admit(request(0), FETCH_SESSION_REST_MS - 1)
    assert (admitted.session_id, asked(admitted), len(sessions)) == (0, [(0, 0)], 2)


def test_the_session_used_longest_ago_gives_way(sessions: Sessions) -> None:
    for _ in range(2):
        sessions.admit(request(0), 0)
    sessions.admit(request(session_id=1, epoch=1), 10)
    assert sessions.admit(request(0), FETCH_SESSION_REST_MS).session_id == 3
    gone = sessions.admit(request(session_id=2, epoch=1), FETCH_SESSION_REST_MS)
    assert gone.error == FetchSessionIdNotFound.code


def test_sessions_hold_only_so_many_partitions(sessions: Sessions) -> None:
    many = range(FETCH_SESSION_PARTITIONS_MAX)
    assert sessions.admit(request(*many), 0).session_id == 1
    assert sessions.admit(request(0), 0).session_id == 0
    grown = sessions.admit(request(len(many), session_id=1, epoch=1), 0)
    assert (grown.error, len(sessions)) == (FetchSessionIdNotFound.code, 0)
    assert sessions.admit(request(*many), 0).session_id == 2


def test_only_what_is_new_is_told(sessions: Sessions) -> None:
    session = sessions.admit(request(0, 1), 0).session
    same = [piece(0, high_watermark=5, start_offset=0), piece(1, high_watermark=3, start_offset=0)]
    assert told(session, *same) == [0, 1]
    assert told(session, *same) == []
    assert told(session, piece(0, high_watermark=6, start_offset=0), same[1]) == [0]
    assert told(session, same[1], piece(0, high_watermark=6, start_offset=2)) == [0]


@pytest.mark.parametrize("news", [{"error": 1}, {"records": b"x"}, {"diverging": (1, 2)}])
def test_records_errors_and_divergence_are_always_news(sessions: Sessions, news) -> None:
    session = sessions.admit(request(0), 0).session
    for _ in range(2):
        assert told(session, piece(0, **news)) == [0]


def test_who_gave_records_is_asked_last_next_time(sessions: Sessions) -> None:
    session = sessions.admit(request(0, 1, 2), 0).session
    told(session, piece(0, records=b"x"), piece(1), piece(2))
    again = sessions.admit(request(session_id=1, epoch=1), 0)
    assert [index for index, _ in asked(again)] == [1, 2, 0]

"""Deadlines of a group."""

from bus.control.group_facts import Now
from bus.control.group_members import Member
from bus.control.group_sessions import NEW_MEMBER_TIMEOUT_MS, SESSION, Sessions


def at(ms: int) -> Now:
    return Now(ms, 0)


def member(**facts) -> Member:
    return Member("m", None, "", "", 1000, 5000, (), **facts)


def test_a_member_that_is_heard_of_moves_its_deadline_without_a_timer() -> None:
    sessions, one = Sessions(0), member()
    sessions.hear(one, at(0))
    sessions.hear(one, at(500))
    assert sessions.next_ms() == 1000
    assert list(sessions.due(at(1000))) == [(SESSION, "m")]
    assert sessions.is_heard(one, at(1000))
    assert sessions.next_ms() == 1500


def test_a_shorter_session_counts_at_once() -> None:
    sessions, one = Sessions(0), member(is_new=True)
    sessions.hear(one, at(0))
    assert sessions.next_ms() == NEW_MEMBER_TIMEOUT_MS
    one.is_new = False
    sessions.hear(one, at(0))
    assert sessions.next_ms() == 1000

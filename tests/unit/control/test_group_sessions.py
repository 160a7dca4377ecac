"""Deadlines of a group, by themselves and in what becomes of its members."""

from bus.control.group_facts import Now
from bus.control.group_members import Member
from bus.control.group_sessions import NEW_MEMBER_TIMEOUT_MS, SESSION, Sessions
from bus.errors import UnknownMemberId
from tests.fixtures.group_machine import SESSION_MS, Desk


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


# --- of a group's members --------------------------------------------------------------------


def test_a_member_that_is_not_heard_of_is_out() -> None:
    desk = Desk().stable(1)
    desk.pass_ms(SESSION_MS)
    assert desk.group.state.value == "Empty"
    assert desk.heartbeat("m1") == UnknownMemberId.code


def test_heartbeats_keep_a_member_in() -> None:
    desk = Desk().stable(1)
    for _ in range(5):
        desk.pass_ms(SESSION_MS - 1)
        assert desk.heartbeat("m1") == 0


def test_a_commit_keeps_a_member_in() -> None:
    desk = Desk().stable(1)
    desk.pass_ms(SESSION_MS - 1)
    desk.commit(1, "m1", 1)
    desk.pass_ms(SESSION_MS - 1)
    assert desk.heartbeat("m1") == 0


def test_a_member_whose_join_waits_is_not_out_for_its_silence() -> None:
    desk = Desk().stable(2, session_timeout_ms=SESSION_MS)
    again = desk.join("m1")
    desk.pass_ms(SESSION_MS // 2)
    desk.heartbeat("m2")
    desk.pass_ms(SESSION_MS - 1)
    desk.join("m2")
    assert desk.joined(again).generation == 2
    assert desk.heartbeat("m1") == 0


def test_a_member_whose_peer_has_gone_while_its_join_waits_is_out_after_its_session() -> None:
    desk = Desk().stable(2, session_timeout_ms=SESSION_MS)
    again = desk.join("m1")
    desk.carry_out(desk.group.on_gone(again, desk.now))
    desk.pass_ms(SESSION_MS)
    assert again not in desk.answers
    assert not desk.group.members

"""Positions of a group: what is kept, refused, forgotten, and when it expires."""

import pytest

from bus.control.group_effects import Respond
from bus.control.group_facts import Leaving, Position
from bus.control.offsets_requests import delete, drop_topic, expire, forget
from bus.errors import (
    GroupIdNotFound,
    GroupSubscribedToTopic,
    IllegalGeneration,
    NonEmptyGroup,
    OffsetMetadataTooLarge,
    RebalanceInProgress,
    UnknownMemberId,
)
from tests.fixtures.group_machine import Desk, key

WEEK_MS = 1_000_000  # the retention of the bench


def kept(desk: Desk, topic: str = "t") -> int | None:
    position = desk.group.ledger.offsets.get(key(topic))
    return position.offset if position is not None else None


def error(desk: Desk, ticket: int) -> int:
    return desk.answers[ticket].error


def test_a_position_is_kept_once_it_is_durable() -> None:
    desk = Desk()
    ticket = desk.commit(5)
    assert ticket not in desk.answers
    assert kept(desk) is None
    desk.let_through()
    assert (error(desk, ticket), kept(desk)) == (0, 5)


def test_a_write_that_fails_keeps_nothing() -> None:
    desk = Desk()
    ticket = desk.commit(5)
    desk.let_through(15)
    assert (error(desk, ticket), kept(desk)) == (15, None)
    assert desk.group.is_vacant


def test_the_newest_of_several_commits_wins() -> None:
    desk = Desk()
    desk.commit(5)
    desk.commit(3)
    desk.let_through()
    assert kept(desk) == 3


def test_whoever_is_no_member_commits_only_for_an_empty_group() -> None:
    desk = Desk().stable(1)
    assert error(desk, desk.commit(5)) == UnknownMemberId.code
    desk.leave(Leaving("m1", None))
    desk.let_through()
    assert desk.commit(5) not in desk.answers


@pytest.mark.parametrize(
    ("member", "generation", "code"),
    [("m1", 0, IllegalGeneration), ("m9", 1, UnknownMemberId), ("", 1, UnknownMemberId)],
)
def test_a_member_commits_in_its_generation(member: str, generation: int, code: type) -> None:
    desk = Desk().stable(1)
    assert error(desk, desk.commit(5, member, generation)) == code.code


def test_a_generation_of_no_group_is_illegal() -> None:
    desk = Desk()
    assert error(desk, desk.commit(5, "m1", 3)) == IllegalGeneration.code


def test_members_commit_while_they_gather_but_not_before_they_know_their_work() -> None:
    desk = Desk().stable(1)
    desk.join()
    assert desk.commit(5, "m1", 1) not in desk.answers
    desk.join("m1")
    assert error(desk, desk.commit(6, "m1", 2)) == RebalanceInProgress.code


def test_a_note_that_is_too_long_is_refused_alone() -> None:
    desk = Desk()
    ticket = desk.commit(5, note="x" * 11)
    assert desk.answers[ticket].errors == (OffsetMetadataTooLarge.code,)


def asked(desk: Desk, work, *more) -> int:
    """The error of a request, once all is durable."""
    ticket = desk.ticket()
    desk.carry_out(work(desk.group, ticket, *more, desk.now))
    desk.let_through()
    return desk.answers[ticket].error


def test_a_group_is_deleted_with_what_is_still_being_written() -> None:
    desk = Desk()
    desk.commit(5)
    assert asked(desk, delete) == 0
    assert desk.group.is_vacant
    assert desk.restarted().group.is_vacant


def test_what_is_being_forgotten_is_not_forgotten_twice() -> None:
    desk = Desk()
    desk.commit(5)
    desk.carry_out(delete(desk.group, desk.ticket(), desk.now))
    desk.carry_out(delete(desk.group, desk.ticket(), desk.now))
    assert [len(write.records) for write in desk.waiting] == [1, 2, 1]


def test_only_empty_groups_are_deleted() -> None:
    assert asked(Desk(), delete) == GroupIdNotFound.code
    assert asked(Desk().stable(1), delete) == NonEmptyGroup.code


def test_what_joins_while_its_group_is_deleted_goes_on() -> None:
    desk = Desk()
    desk.commit(5)
    desk.let_through()
    ticket = desk.ticket()
    desk.carry_out(delete(desk.group, ticket, desk.now))
    newcomer = desk.join()
    desk.pass_ms(0)
    desk.sync("m1", m1=b"all")
    desk.let_through()
    assert desk.joined(newcomer).generation == 1
    assert kept(desk) is None
    assert desk.restarted().heartbeat("m1") == 0


def test_a_topic_that_is_consumed_is_not_forgotten() -> None:
    desk = Desk().stable(1)
    ticket = desk.ticket()
    desk.carry_out(forget(desk.group, ticket, [key("t"), key("other")], desk.now))
    assert desk.answers[ticket].errors == (GroupSubscribedToTopic.code, 0)


def test_members_that_are_no_consumers_keep_all_positions() -> None:
    desk = Desk().stable(1, protocol_type="connect")
    assert asked(desk, forget, [key("t")]) == NonEmptyGroup.code


def test_a_deleted_topic_takes_its_positions_with_it() -> None:
    desk = Desk().stable(1)
    desk.commit(5, "m1", 1)
    desk.carry_out(drop_topic(desk.group, "t"))
    desk.let_through()
    assert kept(desk) is None


def expired(desk: Desk) -> bool:
    desk.carry_out(expire(desk.group, desk.now))
    desk.let_through()
    return kept(desk) is None


def test_positions_expire_when_nobody_has_consumed_for_the_retention() -> None:
    desk = Desk().stable(1)
    desk.commit(5, "m1", 1)
    desk.leave(Leaving("m1", None))
    desk.let_through()
    desk.pass_ms(WEEK_MS - 1)
    assert not expired(desk)
    desk.pass_ms(1)
    assert expired(desk)
    assert desk.group.is_vacant
    assert desk.restarted().group.is_vacant


def test_positions_without_members_expire_after_their_commit() -> None:
    desk = Desk()
    desk.commit(5)
    desk.let_through()
    desk.pass_ms(WEEK_MS - 1)
    assert not expired(desk)
    desk.pass_ms(1)
    assert expired(desk)


def test_positions_of_consumed_topics_do_not_expire() -> None:
    desk = Desk().stable(1, session_timeout_ms=60_000)
    desk.commit(5, "m1", 1)
    desk.let_through()
    for _ in range(30):
        desk.pass_ms(50_000)
        desk.heartbeat("m1")
    assert not expired(desk)


def test_positions_of_topics_that_nobody_consumes_any_more_expire() -> None:
    desk = Desk().stable(1, session_timeout_ms=60_000)
    desk.group.ledger.replay((key("other"), Position(1, -1, "", desk.now.wall_ms)))
    for _ in range(30):
        desk.pass_ms(50_000)
        desk.heartbeat("m1")
    expired(desk)
    assert kept(desk, "other") is None


def test_a_commit_may_name_its_own_retention() -> None:
    desk = Desk()
    at = desk.now.wall_ms
    desk.group.ledger.replay((key("t"), Position(1, -1, "", at, expire_ms=at + 10)))
    desk.pass_ms(9)
    assert not expired(desk)
    desk.pass_ms(1)
    assert expired(desk)


def test_nothing_expires_while_members_gather() -> None:
    desk = Desk().stable(1, session_timeout_ms=60_000)
    desk.group.ledger.replay((key("t"), Position(1, -1, "", 0)))
    desk.join("m1")
    assert all(not isinstance(e, Respond) for e in expire(desk.group, desk.now))
    assert not expired(desk)

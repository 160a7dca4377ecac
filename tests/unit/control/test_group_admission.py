"""Who may join a group."""

import pytest

from bus.errors import (
    FencedInstanceId,
    GroupMaxSizeReached,
    InconsistentGroupProtocol,
    InvalidSessionTimeout,
    UnknownMemberId,
)
from tests.fixtures.group_machine import Desk, protocols


@pytest.mark.parametrize(("session_ms", "refused"), [(5999, True), (6000, False), (60_001, True)])
def test_a_session_is_neither_shorter_nor_longer_than_allowed(
    session_ms: int, refused: bool
) -> None:
    desk = Desk()
    ticket = desk.join(session_timeout_ms=session_ms)
    desk.pass_ms(0)
    assert (desk.joined(ticket).error == InvalidSessionTimeout.code) is refused


def test_an_id_that_nobody_has_is_unknown() -> None:
    desk = Desk()
    assert desk.joined(desk.join("nobody")).error == UnknownMemberId.code


def test_an_instance_that_nobody_has_is_unknown() -> None:
    desk = Desk().stable(1)
    assert desk.joined(desk.join("m1", instance_id="i1")).error == UnknownMemberId.code


def test_an_instance_of_another_member_is_fenced() -> None:
    desk = Desk().stable(1, instance_id="i1")
    assert desk.joined(desk.join("m9", instance_id="i1")).error == FencedInstanceId.code


def test_a_full_group_takes_nobody_but_its_members() -> None:
    desk = Desk().stable(5)
    assert desk.joined(desk.join()).error == GroupMaxSizeReached.code
    assert desk.join("m1") not in desk.answers


def test_a_full_group_takes_an_instance_that_comes_back() -> None:
    desk = Desk().stable(1, instance_id="i1")
    for _ in range(4):
        desk.join()
    back = desk.join(instance_id="i1")
    assert desk.joined(back).error == 0


def test_ids_that_were_given_out_count_as_members() -> None:
    desk = Desk()
    for _ in range(5):
        desk.join(needs_known_id=True)
    assert desk.joined(desk.join(needs_known_id=True)).error == GroupMaxSizeReached.code
    assert desk.join("m5", needs_known_id=True) not in desk.answers


def test_what_members_say_of_themselves_is_bounded() -> None:
    desk = Desk().stable(1)
    ticket = desk.join(protocols=protocols("range", metadata=b"x" * 10_000))
    assert desk.joined(ticket).error == GroupMaxSizeReached.code


@pytest.mark.parametrize("facts", [{"protocols": ()}, {"protocol_type": ""}])
def test_a_join_needs_a_protocol_and_its_type(facts: dict) -> None:
    desk = Desk()
    assert desk.joined(desk.join(**facts)).error == InconsistentGroupProtocol.code


def test_members_go_on_where_groups_hold_too_much_and_others_do_not_come() -> None:
    desk = Desk().stable(1)
    assert desk.joined(desk.join(is_too_much=True)).error == GroupMaxSizeReached.code
    assert desk.joined(desk.join("m1", is_too_much=True)).error == 0

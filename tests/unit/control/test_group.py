"""One group: joining, rebalancing, syncing and leaving."""

import pytest

from bus.control.group_facts import Leaving, Protocol
from bus.control.group_sessions import ID_GRACE_MS
from bus.errors import (
    CoordinatorNotAvailable,
    IllegalGeneration,
    InconsistentGroupProtocol,
    MemberIdRequired,
    RebalanceInProgress,
    UnknownMemberId,
)
from tests.fixtures.group_machine import REBALANCE_MS, SESSION_MS, Desk, protocols


def states(desk: Desk) -> str:
    return desk.group.state.value


# --- joining -------------------------------------------------------------------------------


def test_a_new_member_of_version_4_is_told_its_id_and_joins_with_it() -> None:
    desk = Desk()
    first = desk.joined(desk.join(needs_known_id=True))
    assert (first.error, first.member_id) == (MemberIdRequired.code, "m1")
    second = desk.join("m1", needs_known_id=True)
    desk.pass_ms(0)
    assert desk.joined(second).generation == 1


def test_an_id_that_was_given_out_is_forgotten_after_its_session() -> None:
    desk = Desk()
    desk.join(needs_known_id=True)
    desk.pass_ms(SESSION_MS)
    assert desk.group.is_vacant
    assert desk.joined(desk.join("m1")).error == UnknownMemberId.code


def test_the_first_generation_waits_for_its_delay() -> None:
    desk = Desk(initial_delay_ms=3000)
    ticket = desk.join()
    desk.pass_ms(2999)
    assert ticket not in desk.answers
    desk.pass_ms(1)
    assert desk.joined(ticket).generation == 1


def test_newcomers_prolong_the_first_delay_up_to_the_rebalance_timeout() -> None:
    desk = Desk(initial_delay_ms=3000)
    tickets = [desk.join(rebalance_timeout_ms=7000)]
    for _ in range(3):
        desk.pass_ms(2000)
        tickets.append(desk.join(rebalance_timeout_ms=7000))
    assert not desk.answers
    desk.pass_ms(1000)
    assert {desk.joined(ticket).generation for ticket in tickets} == {1}


def test_the_first_generation_waits_a_little_for_ids_that_were_given_out() -> None:
    desk = Desk()
    desk.join(needs_known_id=True)
    desk.join(needs_known_id=True)
    first = desk.join("m1")
    desk.pass_ms(ID_GRACE_MS - 1)
    assert first not in desk.answers
    second = desk.join("m2")
    assert desk.joined(first).generation == desk.joined(second).generation == 1


def test_the_first_generation_does_not_wait_for_ever_for_an_id() -> None:
    desk = Desk()
    desk.join(needs_known_id=True)
    desk.join(needs_known_id=True)
    first = desk.join("m1")
    desk.pass_ms(ID_GRACE_MS)
    assert desk.joined(first).generation == 1


def test_those_who_join_in_one_turn_are_in_the_first_generation_together() -> None:
    desk = Desk()
    tickets = [desk.join(), desk.join(), desk.join()]
    desk.pass_ms(0)
    assert [desk.joined(ticket).generation for ticket in tickets] == [1, 1, 1]


def test_only_the_leader_is_told_the_members() -> None:
    desk = Desk()
    leader, follower = desk.join(), desk.join()
    desk.pass_ms(0)
    assert [member.member_id for member in desk.joined(leader).members] == ["m1", "m2"]
    assert desk.joined(follower).members == ()
    assert desk.joined(follower).leader == "m1"


def test_the_protocol_is_one_that_all_know_and_most_prefer() -> None:
    desk = Desk()
    desk.join(protocols=protocols("a", "b", "c"))
    desk.join(protocols=protocols("c", "b"))
    ticket = desk.join(protocols=protocols("c", "b"))
    desk.pass_ms(0)
    assert desk.joined(ticket).protocol == "c"


def test_a_join_without_a_protocol_in_common_is_refused() -> None:
    desk = Desk().stable(1)
    ticket = desk.join(protocols=protocols("other"))
    assert desk.joined(ticket).error == InconsistentGroupProtocol.code


def test_an_empty_group_may_become_one_of_another_type() -> None:
    desk = Desk().stable(1)
    desk.leave(Leaving("m1", None))
    ticket = desk.join(protocol_type="connect")
    desk.pass_ms(0)
    assert desk.joined(ticket).protocol_type == "connect"


# --- rebalancing ---------------------------------------------------------------------------


def test_a_newcomer_waits_until_all_members_have_joined_again() -> None:
    desk = Desk().stable(2)
    newcomer = desk.join()
    assert desk.heartbeat("m1") == RebalanceInProgress.code
    desk.join("m1")
    assert newcomer not in desk.answers
    desk.join("m2")
    assert desk.joined(newcomer).generation == 2


def test_who_does_not_join_again_in_time_is_out() -> None:
    desk = Desk().stable(2, session_timeout_ms=60_000)
    newcomer = desk.join()
    desk.join("m1")
    desk.pass_ms(REBALANCE_MS)
    assert desk.joined(newcomer).generation == 2
    assert desk.heartbeat("m2") == UnknownMemberId.code


def test_a_rebalance_ends_early_when_the_missing_member_leaves() -> None:
    desk = Desk().stable(2)
    newcomer = desk.join()
    desk.join("m1")
    desk.leave(Leaving("m2", None))
    assert desk.joined(newcomer).generation == 2


def test_a_rebalance_waits_for_ids_that_were_given_out() -> None:
    desk = Desk().stable(1)
    desk.join(needs_known_id=True)
    again = desk.join("m1")
    assert again not in desk.answers
    desk.join("m2")
    assert desk.joined(again).generation == 2


def test_the_next_generation_is_led_by_one_who_joined() -> None:
    desk = Desk().stable(2)
    newcomer = desk.join()
    desk.join("m2")
    desk.leave(Leaving("m1", None))
    assert desk.joined(newcomer).leader == "m2"


def test_a_leader_that_joins_again_begins_a_rebalance() -> None:
    desk = Desk().stable(2)
    ticket = desk.join("m1")
    assert ticket not in desk.answers
    assert states(desk) == "PreparingRebalance"


def test_a_follower_that_joins_again_as_it_was_is_told_the_generation() -> None:
    desk = Desk().stable(2)
    again = desk.joined(desk.join("m2"))
    assert (again.error, again.generation, again.leader, again.members) == (0, 1, "m1", ())
    assert states(desk) == "Stable"


def test_a_follower_that_subscribes_to_something_else_begins_a_rebalance() -> None:
    desk = Desk().stable(2)
    desk.join("m2", protocols=(Protocol("range", b"other", frozenset({"u"})),))
    assert states(desk) == "PreparingRebalance"


def test_a_leader_that_missed_its_answer_is_told_again() -> None:
    desk = Desk()
    desk.join()
    desk.pass_ms(0)
    again = desk.joined(desk.join("m1"))
    assert (again.generation, len(again.members)) == (1, 1)
    assert states(desk) == "CompletingRebalance"


def test_a_second_join_of_a_member_takes_the_place_of_the_first() -> None:
    desk = Desk().stable(2)
    first = desk.join("m1")
    second = desk.join("m1")
    assert desk.joined(first).error == RebalanceInProgress.code
    desk.join("m2")
    assert desk.joined(second).generation == 2


# --- syncing -------------------------------------------------------------------------------


def completing(count: int) -> Desk:
    desk = Desk()
    for _ in range(count):
        desk.join()
    desk.pass_ms(0)
    return desk


def test_followers_wait_until_the_leaders_assignment_is_durable() -> None:
    desk = completing(2)
    follower = desk.sync("m2")
    leader = desk.sync("m1", m1=b"a", m2=b"b")
    assert follower not in desk.answers
    assert leader not in desk.answers
    desk.let_through()
    assert desk.synced(leader).assignment == b"a"
    assert desk.synced(follower).assignment == b"b"


def test_a_follower_that_comes_late_is_answered_at_once() -> None:
    desk = completing(2)
    desk.sync("m1", m1=b"a", m2=b"b")
    desk.let_through()
    assert desk.synced(desk.sync("m2")).assignment == b"b"


def test_a_member_that_the_leader_forgot_has_nothing_to_do() -> None:
    desk = completing(2)
    desk.sync("m1", m1=b"a")
    desk.let_through()
    assert desk.synced(desk.sync("m2")).assignment == b""


def test_a_write_that_fails_refuses_the_syncs_and_begins_anew() -> None:
    desk = completing(2)
    follower, leader = desk.sync("m2"), desk.sync("m1", m1=b"a", m2=b"b")
    desk.let_through(CoordinatorNotAvailable.code)
    assert desk.synced(leader).error == desk.synced(follower).error == CoordinatorNotAvailable.code
    assert states(desk) == "PreparingRebalance"


def test_a_newcomer_has_syncs_that_wait_refused() -> None:
    desk = completing(2)
    follower = desk.sync("m2")
    desk.join()
    assert desk.synced(follower).error == RebalanceInProgress.code


def test_an_assignment_that_is_written_too_late_is_told_nobody() -> None:
    desk = completing(1)
    leader = desk.sync("m1", m1=b"old")
    desk.join()
    desk.join("m1")
    assert desk.group.generation == 2
    desk.let_through()
    assert desk.synced(leader).error == RebalanceInProgress.code
    assert states(desk) == "CompletingRebalance"
    again = desk.sync("m1", m1=b"new")
    desk.let_through()
    assert desk.synced(again).assignment == b"new"


def test_a_sync_that_the_leader_repeats_writes_nothing_twice() -> None:
    desk = completing(1)
    first = desk.sync("m1", m1=b"a")
    second = desk.sync("m1", m1=b"b")
    assert desk.synced(first).error == RebalanceInProgress.code
    desk.let_through()
    assert desk.synced(second).assignment == b"a"
    assert len(desk.log) == 1


def test_a_sync_of_an_older_generation_is_refused() -> None:
    desk = completing(1)
    assert desk.synced(desk.sync("m1", generation=0)).error == IllegalGeneration.code


def test_a_sync_while_members_gather_is_refused() -> None:
    desk = Desk().stable(1)
    desk.join()
    assert desk.synced(desk.sync("m1")).error == RebalanceInProgress.code


@pytest.mark.parametrize("who_syncs", [[], ["m2"]])
def test_who_never_syncs_is_out_after_the_rebalance_timeout(who_syncs: list[str]) -> None:
    desk = Desk()
    for _ in range(2):
        desk.join(session_timeout_ms=60_000)
    desk.pass_ms(0)
    waiting = [desk.sync(name) for name in who_syncs]
    desk.pass_ms(REBALANCE_MS)
    assert [member.member_id for member in desk.group.members] == who_syncs
    assert [desk.synced(ticket).error for ticket in waiting] == [
        RebalanceInProgress.code for _ in who_syncs
    ]


# --- leaving --------------------------------------------------------------------------------


def test_a_newcomer_whose_peer_has_gone_is_out_at_once() -> None:
    desk = Desk().stable(1)
    newcomer = desk.join()
    again = desk.join("m1", protocols=protocols("range", metadata=b"new"))
    assert desk.joined(newcomer).generation == 2
    last = desk.join()
    desk.carry_out(desk.group.on_gone(last, desk.now))
    assert [member.member_id for member in desk.group.members] == ["m1", "m2"]
    assert desk.joined(again).generation == 2


def test_the_last_one_to_leave_leaves_an_empty_group_in_the_log() -> None:
    desk = Desk().stable(1)
    assert desk.leave(Leaving("m1", None)) == (0,)
    desk.let_through()
    assert desk.group.ledger.stored is not None
    assert desk.group.ledger.stored.members == ()
    assert desk.group.ledger.stored.generation == 2


def test_each_of_several_that_leave_is_answered_for() -> None:
    desk = Desk().stable(3)
    assert desk.leave(Leaving("m1", None), Leaving("nobody", None), Leaving("", "x")) == (
        0,
        UnknownMemberId.code,
        UnknownMemberId.code,
    )


def test_an_id_that_is_given_back_disturbs_nobody() -> None:
    desk = Desk().stable(1)
    desk.join(needs_known_id=True)
    assert desk.leave(Leaving("m2", None)) == (0,)
    assert states(desk) == "Stable"


def test_a_rebalance_that_ends_with_nobody_starts_over_with_the_next_generation() -> None:
    desk = Desk().stable(1)
    desk.leave(Leaving("m1", None))
    ticket = desk.join()
    desk.pass_ms(0)
    assert desk.joined(ticket).generation == 3


# --- another life --------------------------------------------------------------------------


def test_a_restart_keeps_the_generation_and_each_ones_work() -> None:
    desk = Desk().stable(2).restarted()
    assert states(desk) == "Stable"
    assert desk.heartbeat("m1") == 0
    assert desk.synced(desk.sync("m2")).assignment == b"m2"


def test_a_restart_gives_members_one_session_to_be_heard() -> None:
    desk = Desk().stable(2).restarted()
    desk.pass_ms(SESSION_MS - 1)
    desk.heartbeat("m1")
    desk.pass_ms(1)
    assert [member.member_id for member in desk.group.members] == ["m1"]


def test_a_restart_forgets_a_generation_that_nobody_had_work_of() -> None:
    desk = Desk().stable(1)
    desk.join("m1")
    assert desk.group.generation == 2
    desk = desk.restarted()
    assert desk.group.generation == 1
    assert desk.heartbeat("m1", generation=2) == IllegalGeneration.code

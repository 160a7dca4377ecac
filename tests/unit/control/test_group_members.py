"""Members of a group: static ones, who come back to their place, and what all agree on."""

from bus.control.group_facts import Leaving, Sync
from bus.errors import CoordinatorNotAvailable, FencedInstanceId
from tests.fixtures.group_machine import REBALANCE_MS, SESSION_MS, Desk, protocols


def states(desk: Desk) -> str:
    return desk.group.state.value


def static(count: int = 2, **facts) -> Desk:
    """A stable group of instances i1, i2, ..."""
    desk = Desk()
    for number in range(count):
        desk.join(instance_id=f"i{number + 1}", **facts)
    desk.pass_ms(0)
    names = [member.member_id for member in desk.group.members]
    for name in names:
        desk.carry_out(desk.group.on_sync(desk.ticket(), _sync(desk, name, names), desk.now))
    desk.let_through()
    return desk


def _sync(desk: Desk, name: str, names: list[str]) -> Sync:
    work = {one: one.encode() for one in names}
    return Sync(desk.group.generation, name, None, None, None, work)


def test_an_instance_that_comes_back_takes_its_work_under_another_id() -> None:
    desk = static()
    back = desk.join(instance_id="i2")
    assert back not in desk.answers
    desk.let_through()
    assert (desk.joined(back).member_id, desk.joined(back).generation) == ("m3", 1)
    assert desk.synced(desk.sync("m3")).assignment == b"m2"
    assert states(desk) == "Stable"


def test_the_former_id_of_an_instance_is_fenced() -> None:
    desk = static()
    desk.join(instance_id="i2")
    desk.let_through()
    ticket = desk.ticket()
    desk.carry_out(desk.group.on_heartbeat(ticket, 1, "m2", "i2", desk.now))
    assert desk.answers[ticket].error == FencedInstanceId.code


def test_a_leader_that_comes_back_is_told_to_skip_the_assignment() -> None:
    desk = static()
    back = desk.join(instance_id="i1")
    desk.let_through()
    answer = desk.joined(back)
    assert (answer.leader, answer.skip_assignment, len(answer.members)) == ("m3", True, 2)


def test_before_version_9_a_leader_that_comes_back_is_not_told_that_it_leads() -> None:
    desk = static()
    back = desk.join(instance_id="i1", may_skip_assignment=False)
    desk.let_through()
    answer = desk.joined(back)
    assert (answer.leader, answer.skip_assignment, answer.members) == ("m1", False, ())


def test_a_come_back_that_could_not_be_written_is_an_error() -> None:
    desk = static()
    back = desk.join(instance_id="i2")
    desk.let_through(CoordinatorNotAvailable.code)
    assert desk.joined(back).error == CoordinatorNotAvailable.code


def test_a_come_back_during_a_rebalance_waits_for_it() -> None:
    desk = static()
    desk.join()
    back = desk.join(instance_id="i2")
    desk.join("m1", instance_id="i1")
    assert desk.joined(back).generation == 2


def test_a_rebalance_that_begins_before_a_come_back_is_written_answers_it() -> None:
    desk = static()
    back = desk.join(instance_id="i2")
    desk.join()
    desk.let_through()
    assert back not in desk.answers
    desk.join("m1", instance_id="i1")
    assert desk.joined(back).generation == 2


def test_an_instance_that_comes_back_with_another_protocol_begins_a_rebalance() -> None:
    desk = Desk()
    desk.join(instance_id="i1", protocols=protocols("a", "b"))
    desk.pass_ms(0)
    desk.sync("m1", m1=b"all")
    desk.let_through()
    desk.join(instance_id="i1", protocols=protocols("b", "a"))
    assert (states(desk), desk.group.generation) == ("CompletingRebalance", 2)


def test_an_instance_does_not_lose_its_place_to_a_rebalance_it_missed() -> None:
    desk = static(session_timeout_ms=60_000)
    newcomer = desk.join()
    desk.join("m1", instance_id="i1")
    desk.pass_ms(REBALANCE_MS)
    assert desk.joined(newcomer).generation == 2
    assert [member.member_id for member in desk.group.members] == ["m1", "m2", "m3"]


def test_an_instance_that_is_not_heard_of_is_out() -> None:
    desk = static(1)
    desk.pass_ms(SESSION_MS)
    assert states(desk) == "Empty"


def test_somebody_else_may_have_an_instance_leave() -> None:
    desk = static()
    assert desk.leave(Leaving("", "i2")) == (0,)
    assert [member.member_id for member in desk.group.members] == ["m1"]

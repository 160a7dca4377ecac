"""FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup: what each version is answered."""

import pytest

from bus.errors import (
    CoordinatorNotAvailable,
    IllegalGeneration,
    InvalidGroupId,
    InvalidRequest,
    MemberIdRequired,
    RebalanceInProgress,
    TransactionalIdAuthorizationFailed,
    UnknownMemberId,
)
from bus.wire.groups import (
    FindCoordinatorRequest,
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    MemberIdentity,
    SyncGroupRequest,
)
from tests.fixtures.members import GROUP, Member
from tests.fixtures.node import URL, Bench


@pytest.fixture
def topic(bench: Bench) -> Bench:
    bench.create_topic("t", 3, 1, {})
    return bench


def test_this_broker_coordinates_every_group(bench: Bench) -> None:
    (found,) = bench.ask(FindCoordinatorRequest(coordinator_keys=["g"])).coordinators
    assert (found.key, found.node_id, found.host, found.error_code) == ("g", 1, URL, 0)


def test_before_version_4_a_coordinator_is_asked_for_by_one_key(bench: Bench) -> None:
    found = bench.ask(FindCoordinatorRequest(key="g"), version=1)
    assert (found.node_id, found.host, found.error_code) == (1, URL, 0)


@pytest.mark.parametrize(
    ("kind", "error"), [(1, TransactionalIdAuthorizationFailed), (9, InvalidRequest)]
)
def test_there_are_coordinators_of_groups_only(bench: Bench, kind: int, error: type) -> None:
    request = FindCoordinatorRequest(key_type=kind, coordinator_keys=["x"])
    assert bench.ask(request).coordinators[0].error_code == error.code


def test_looking_for_a_coordinator_makes_the_offsets_topic(bench: Bench) -> None:
    bench.ask(FindCoordinatorRequest(coordinator_keys=["g"]))
    assert len(bench.node.metadata.image.topics["__consumer_offsets"].partitions) == 50


def test_a_new_member_is_told_its_id_first(topic: Bench) -> None:
    answer = topic.ask(Member(topic).join_request())
    assert answer.error_code == MemberIdRequired.code
    assert answer.member_id


def test_before_version_4_a_new_member_joins_at_once(topic: Bench) -> None:
    answers = topic.send(Member(topic).join_request(), version=3)
    topic.pass_ms(1)
    assert answers[0].error_code == 0
    assert answers[0].generation_id == 1


def test_the_only_member_leads_and_is_told_all_members(topic: Bench) -> None:
    member = Member(topic)
    answer = member.join()
    assert answer.leader == answer.member_id == answer.members[0].member_id
    assert answer.protocol_name == "range"


def test_members_are_named_after_their_clients_or_instances(topic: Bench) -> None:
    answers = topic.send(Member(topic, instance="one").join_request())
    topic.pass_ms(1)
    assert answers[0].member_id.startswith("one-")


def test_followers_wait_for_the_leaders_assignment(topic: Bench) -> None:
    leader, follower = Member(topic), Member(topic)
    leader.settle()
    joining = follower.ask_to_join()
    assert leader.heartbeat() == RebalanceInProgress.code
    leader.take(leader.ask_to_join())
    follower.take(joining)
    waiting = topic.send(follower.sync_request())
    assert waiting == []
    assert leader.sync(**{leader.member_id: b"a", follower.member_id: b"b"}) == b"a"
    assert waiting[0].assignment == b"b"


def test_an_assignment_is_told_only_once_it_is_on_disk(topic: Bench) -> None:
    member = Member(topic)
    member.join()
    answers = topic.send(member.sync_request(**{member.member_id: b"all"}))
    assert answers == []
    while not answers:
        assert topic.disk.wait(60)


def test_a_group_without_a_name_is_refused(topic: Bench) -> None:
    for request in (JoinGroupRequest(), HeartbeatRequest(), SyncGroupRequest()):
        assert topic.ask(request).error_code == InvalidGroupId.code


def test_names_that_no_record_can_hold_are_refused(topic: Bench) -> None:
    long = "x" * 40_000
    assert topic.ask(Member(topic, group=long).join_request()).error_code == InvalidGroupId.code
    request = Member(topic, instance=long).join_request()
    assert topic.ask(request).error_code == InvalidRequest.code
    request = Member(topic).join_request()
    request.protocols[0].name = long
    assert topic.ask(request).error_code == InvalidRequest.code


def test_a_long_client_id_does_not_make_a_member_id_that_nobody_can_read(topic: Bench) -> None:
    answer = topic.send(Member(topic).join_request(), client_id="x" * 32_000)[0]
    assert len(answer.member_id) < 2000


@pytest.mark.parametrize(
    "request_of_nobody",
    [HeartbeatRequest(GROUP, 1, "nobody"), SyncGroupRequest(GROUP, 1, "nobody")],
)
def test_nobody_knows_a_member_that_never_joined(topic: Bench, request_of_nobody) -> None:
    assert topic.ask(request_of_nobody).error_code == UnknownMemberId.code


def test_a_heartbeat_of_an_older_generation_is_refused(topic: Bench) -> None:
    member = Member(topic)
    member.settle()
    member.generation -= 1
    assert member.heartbeat() == IllegalGeneration.code


def test_several_members_leave_with_one_request(topic: Bench) -> None:
    member = Member(topic)
    member.settle()
    leaving = [MemberIdentity(member.member_id), MemberIdentity("nobody")]
    answer = topic.ask(LeaveGroupRequest(GROUP, members=leaving))
    assert [one.error_code for one in answer.members] == [0, UnknownMemberId.code]


def test_before_version_3_a_member_leaves_alone(topic: Bench) -> None:
    member = Member(topic)
    member.settle()
    assert topic.ask(LeaveGroupRequest(GROUP, member.member_id), version=2).error_code == 0
    again = topic.ask(LeaveGroupRequest(GROUP, member.member_id), version=2)
    assert again.error_code == UnknownMemberId.code


def test_a_member_stays_over_a_restart(topic: Bench) -> None:
    member = Member(topic)
    member.settle()
    topic.restart()
    assert member.heartbeat() == 0


def test_a_member_that_waits_is_answered_when_the_broker_stops(topic: Bench) -> None:
    Member(topic).settle()
    waiting = Member(topic).ask_to_join()
    assert waiting == []
    topic.restart()
    assert waiting[0].error_code == CoordinatorNotAvailable.code

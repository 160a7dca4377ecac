"""DescribeGroups, ListGroups, DeleteGroups: groups seen from outside."""

import pytest

from bus.errors import GroupIdNotFound, NonEmptyGroup
from bus.wire.group_admin import DeleteGroupsRequest, DescribeGroupsRequest, ListGroupsRequest
from tests.fixtures.members import GROUP, Member, commit_of
from tests.fixtures.node import Bench


@pytest.fixture
def topic(bench: Bench) -> Bench:
    bench.create_topic("t", 3, 1, {})
    return bench


def test_a_stable_group_is_described_with_its_members_work(topic: Bench) -> None:
    member = Member(topic)
    member.settle()
    (found,) = topic.ask(DescribeGroupsRequest([GROUP])).groups
    assert (found.group_state, found.protocol_type, found.protocol_data) == (
        "Stable",
        "consumer",
        "range",
    )
    assert found.members[0].member_assignment == b"all"


def test_a_group_that_does_not_exist_is_dead(topic: Bench) -> None:
    (found,) = topic.ask(DescribeGroupsRequest(["nobody"])).groups
    assert (found.error_code, found.group_state) == (0, "Dead")


def test_groups_are_listed_by_state(topic: Bench) -> None:
    Member(topic).settle()
    topic.ask(commit_of(("t", 0, 1), group="positions"))
    assert {one.group_id for one in topic.ask(ListGroupsRequest()).groups} == {GROUP, "positions"}
    (found,) = topic.ask(ListGroupsRequest(["stable"])).groups
    assert (found.group_id, found.protocol_type) == (GROUP, "consumer")


def test_a_group_is_deleted_with_its_positions(topic: Bench) -> None:
    topic.ask(commit_of(("t", 0, 1)))
    answer = topic.ask(DeleteGroupsRequest([GROUP, "nobody"]))
    assert [one.error_code for one in answer.results] == [0, GroupIdNotFound.code]
    topic.restart()
    assert topic.ask(ListGroupsRequest()).groups == []


def test_a_group_with_members_is_not_deleted(topic: Bench) -> None:
    Member(topic).settle()
    assert topic.ask(DeleteGroupsRequest([GROUP])).results[0].error_code == NonEmptyGroup.code

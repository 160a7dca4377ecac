"""DescribeGroups, ListGroups and DeleteGroups: groups seen from outside."""

from functools import partial

from bus.broker.context import Context, Reply
from bus.broker.handlers.groups import ask
from bus.broker.node import Node
from bus.control.group_effects import Outcome, Told
from bus.control.group_facts import GONE
from bus.control.offsets_requests import delete
from bus.errors import BusError, CoordinatorLoading
from bus.wire.group_admin import (
    DeletableGroupResult,
    DeleteGroupsRequest,
    DeleteGroupsResponse,
    DescribedGroup,
    DescribedGroupMember,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
    ListedGroup,
    ListGroupsRequest,
    ListGroupsResponse,
)
from bus.wire.metadata import NO_OPERATIONS

ALL_OPERATIONS = 1 << 3 | 1 << 6 | 1 << 8  # protocol: ACL operations READ, DELETE and DESCRIBE


def describe_groups(
    node: Node, context: Context, request: DescribeGroupsRequest, reply: Reply
) -> None:
    """Serve one DescribeGroups; a group that does not exist is "Dead"."""
    operations = ALL_OPERATIONS if request.include_authorized_operations else NO_OPERATIONS
    groups = [_describe(node, name, operations) for name in dict.fromkeys(request.groups)]
    reply(DescribeGroupsResponse(groups=groups))


def _describe(node: Node, group_id: str, operations: int) -> DescribedGroup:
    try:
        group = node.coordinators.find(group_id)
    except BusError as error:
        node.count_error(error.code)
        return DescribedGroup(error_code=error.code, group_id=group_id)
    summary = group.summary() if group is not None else GONE
    return DescribedGroup(
        group_id=group_id,
        group_state=summary.state.value,
        protocol_type=summary.protocol_type,
        protocol_data=summary.protocol,
        members=[
            DescribedGroupMember(
                member.member_id,
                member.instance_id,
                member.client_id,
                member.client_host,
                member.metadata,
                member.assignment,
            )
            for member in summary.members
        ],
        authorized_operations=operations,
    )


def list_groups(node: Node, context: Context, request: ListGroupsRequest, reply: Reply) -> None:
    """Serve one ListGroups; while some are being loaded, that is told beside the others."""
    states = {state.lower() for state in request.states_filter}
    shards = node.coordinators.shards
    groups = [
        ListedGroup(group.group_id, group.protocol_type, group.state.value)
        for shard in shards
        for group in shard.groups.values()
        if not states or group.state.value.lower() in states
    ]
    loading = any(not shard.is_loaded and shard.failure is None for shard in shards)
    reply(ListGroupsResponse(error_code=CoordinatorLoading.code if loading else 0, groups=groups))


def delete_groups(node: Node, context: Context, request: DeleteGroupsRequest, reply: Reply) -> None:
    """Serve one DeleteGroups; answered when all that can be are gone."""
    results = [DeletableGroupResult(name) for name in dict.fromkeys(request.groups_names)]
    left = 1  # ours, given back at the end: answers may come at once

    def finish_one(result: DeletableGroupResult | None, outcome: Outcome) -> None:
        nonlocal left
        if result is not None:
            node.count_error(outcome.error)
            result.error_code = outcome.error
        left -= 1
        if left == 0:
            reply(DeleteGroupsResponse(results=results))

    for result in results:
        left += 1
        ask(node, context, result.group_id, delete, partial(finish_one, result))
    finish_one(None, Told())

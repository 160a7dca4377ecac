"""FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup: members and their coordinator.

A group's coordinator is the leader of its partition of `__consumer_offsets`. Versions differ in
little: what follows from one is told to the group's machine as a fact, and answers have fields that
only some versions write.
"""

from uuid import UUID

from bus.broker.context import Context, Reply
from bus.broker.coordinators_records import topics_of
from bus.broker.coordinators_shard import Answered, Work
from bus.broker.leaders import endpoint_for
from bus.broker.node import Node
from bus.control.group_effects import Joined, Outcome, Synced, Told
from bus.control.group_facts import Join, Leaving, Protocol, Sync
from bus.errors import (
    NONE,
    BusError,
    CoordinatorNotAvailable,
    InvalidGroupId,
    InvalidRequest,
    TransactionalIdAuthorizationFailed,
)
from bus.model.limits import CLIENT_ID_LENGTH_MAX, GROUP_NAME_LENGTH_MAX
from bus.wire.groups import (
    KEY_TYPE_GROUP,
    KEY_TYPE_TRANSACTION,
    Coordinator,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    JoinGroupRequest,
    JoinGroupResponse,
    JoinGroupResponseMember,
    LeaveGroupRequest,
    LeaveGroupResponse,
    MemberIdentity,
    MemberResponse,
    SyncGroupRequest,
    SyncGroupResponse,
)

SEVERAL_KEYS_SINCE_VERSION = 4  # protocol: FindCoordinator
KNOWN_ID_SINCE_VERSION = 4  # protocol: JoinGroup (KIP-394)
NULL_PROTOCOL_SINCE_VERSION = 7  # protocol: JoinGroup
SKIP_ASSIGNMENT_SINCE_VERSION = 9  # protocol: JoinGroup (KIP-814)
SEVERAL_MEMBERS_SINCE_VERSION = 3  # protocol: LeaveGroup


def ask(
    node: Node,
    context: Context,
    group_id: str,
    work: Work,
    answered: Answered,
    *,
    may_begin: bool = False,
    may_be_empty: bool = False,
) -> None:
    """Have a group's machine do `work`; an error is answered, too.

    A group without a name has no members, but may have positions: old programs keep them so.
    """
    if len(group_id) > GROUP_NAME_LENGTH_MAX or not (group_id or may_be_empty):
        answered(Told(InvalidGroupId.code))
    else:
        node.coordinators.ask(group_id, work, answered, context.is_gone, may_begin=may_begin)


def find_coordinator(
    node: Node, context: Context, request: FindCoordinatorRequest, reply: Reply
) -> None:
    """Serve one FindCoordinator; the topic of groups is made for the first who asks."""

    def found(failure: BusError | None) -> None:
        reply(_coordinators(node, context, request, failure))

    if request.key_type == KEY_TYPE_GROUP:
        node.coordinators.ensure_topic(found)
    else:
        found(None)


def _coordinators(
    node: Node, context: Context, request: FindCoordinatorRequest, failure: BusError | None
) -> FindCoordinatorResponse:
    if context.version >= SEVERAL_KEYS_SINCE_VERSION:
        keys, kind = request.coordinator_keys, request.key_type
        several = [_coordinator(node, context, key, kind, failure) for key in keys]
        return FindCoordinatorResponse(coordinators=several)
    one = _coordinator(node, context, request.key, request.key_type, failure)
    return FindCoordinatorResponse(
        error_code=one.error_code,
        error_message=one.error_message,
        node_id=one.node_id,
        host=one.host,
        port=one.port,
    )


def _coordinator(
    node: Node, context: Context, key: str, key_type: int, failure: BusError | None
) -> Coordinator:
    try:
        if key_type == KEY_TYPE_TRANSACTION:
            # the one error that all clients take as final; of any other, some ask again for ever
            raise TransactionalIdAuthorizationFailed("Transactions are not served by this broker.")
        if key_type != KEY_TYPE_GROUP:
            raise InvalidRequest(f"There are no coordinators of type {key_type}.")
        if failure is not None:
            raise failure
        broker = node.metadata.image.brokers.get(node.coordinators.leader_of(key))
        endpoint = endpoint_for(node, context, broker) if broker is not None else None
        if broker is None or endpoint is None:
            raise CoordinatorNotAvailable("Nobody who can be reached coordinates the group now.")
    except BusError as error:
        node.count_error(error.code)
        return Coordinator(key, -1, "", -1, error.code, str(error))
    return Coordinator(key, broker.broker_id, endpoint.host, endpoint.port)


def join_group(node: Node, context: Context, request: JoinGroupRequest, reply: Reply) -> None:
    """Serve one JoinGroup; answered when the next generation begins."""

    def answer(outcome: Outcome) -> None:
        node.count_error(outcome.error)
        if not isinstance(outcome, Joined):
            outcome = Joined(outcome.error, request.member_id)
        reply(_joined(context.version, outcome))

    if not _has_good_names(request):
        answer(Told(InvalidRequest.code))
        return
    join = _join(node, context, request)
    ask(
        node,
        context,
        request.group_id,
        lambda group, ticket, now: group.on_join(ticket, join, now),
        answer,
        may_begin=True,
    )


def _has_good_names(request: JoinGroupRequest) -> bool:
    """Compact strings have no bound, records have: whatever is too long is no name."""
    names = [request.protocol_type, request.group_instance_id or ""]
    names += [one.name for one in request.protocols]
    return all(len(name) <= GROUP_NAME_LENGTH_MAX for name in names)


def _join(node: Node, context: Context, request: JoinGroupRequest) -> Join:
    client_id = (context.client_id or "")[:CLIENT_ID_LENGTH_MAX]
    prefix = client_id if request.group_instance_id is None else request.group_instance_id
    rebalance = request.rebalance_timeout_ms
    return Join(
        member_id=request.member_id,
        new_member_id=f"{prefix}-{UUID(bytes=node.random.uuid_bytes(), version=4)}",
        instance_id=request.group_instance_id,
        client_id=client_id,
        client_host=context.host,
        session_timeout_ms=request.session_timeout_ms,
        rebalance_timeout_ms=rebalance if rebalance >= 0 else request.session_timeout_ms,
        protocol_type=request.protocol_type,
        protocols=tuple(
            Protocol(one.name, bytes(one.metadata), topics_of(request.protocol_type, one.metadata))
            for one in request.protocols
        ),
        needs_known_id=context.version >= KNOWN_ID_SINCE_VERSION,
        may_skip_assignment=context.version >= SKIP_ASSIGNMENT_SINCE_VERSION,
        is_too_much=node.coordinators.is_full,
    )


def _joined(version: int, outcome: Joined) -> JoinGroupResponse:
    name = outcome.protocol
    if name is None and version < NULL_PROTOCOL_SINCE_VERSION:
        name = ""
    return JoinGroupResponse(
        error_code=outcome.error,
        generation_id=outcome.generation,
        protocol_type=outcome.protocol_type,
        protocol_name=name,
        leader=outcome.leader,
        skip_assignment=outcome.skip_assignment,
        member_id=outcome.member_id,
        members=[
            JoinGroupResponseMember(member.member_id, member.instance_id, member.metadata)
            for member in outcome.members
        ],
    )


def sync_group(node: Node, context: Context, request: SyncGroupRequest, reply: Reply) -> None:
    """Serve one SyncGroup; answered when the assignments are durable."""

    def answer(outcome: Outcome) -> None:
        node.count_error(outcome.error)
        if not isinstance(outcome, Synced):
            outcome = Synced(outcome.error)
        reply(
            SyncGroupResponse(
                error_code=outcome.error,
                protocol_type=outcome.protocol_type,
                protocol_name=outcome.protocol,
                assignment=outcome.assignment,
            )
        )

    sync = Sync(
        request.generation_id,
        request.member_id,
        request.group_instance_id,
        request.protocol_type,
        request.protocol_name,
        {one.member_id: bytes(one.assignment) for one in request.assignments},
    )
    ask(
        node,
        context,
        request.group_id,
        lambda group, ticket, now: group.on_sync(ticket, sync, now),
        answer,
    )


def heartbeat(node: Node, context: Context, request: HeartbeatRequest, reply: Reply) -> None:
    """Serve one Heartbeat."""

    def answer(outcome: Outcome) -> None:
        node.count_error(outcome.error)
        reply(HeartbeatResponse(error_code=outcome.error))

    ask(
        node,
        context,
        request.group_id,
        lambda group, ticket, now: group.on_heartbeat(
            ticket, request.generation_id, request.member_id, request.group_instance_id, now
        ),
        answer,
    )


def leave_group(node: Node, context: Context, request: LeaveGroupRequest, reply: Reply) -> None:
    """Serve one LeaveGroup; before version 3 it is of one member."""
    several = context.version >= SEVERAL_MEMBERS_SINCE_VERSION
    named = request.members if several else [MemberIdentity(request.member_id)]

    def answer(outcome: Outcome) -> None:
        errors = outcome.errors if isinstance(outcome, Told) else ()
        error = outcome.error or (errors[0] if errors and not several else NONE)
        node.count_error(error)
        members = [
            MemberResponse(one.member_id, one.group_instance_id, code)
            for one, code in zip(named, errors, strict=False)
        ]
        reply(LeaveGroupResponse(error_code=error, members=members if several else []))

    leaving = [Leaving(one.member_id, one.group_instance_id) for one in named]
    ask(
        node,
        context,
        request.group_id,
        lambda group, ticket, now: group.on_leave(ticket, leaving, now),
        answer,
    )

"""FindCoordinator, JoinGroup, SyncGroup, Heartbeat and LeaveGroup: how members make a group.

Keys 10 (versions 0 to 4), 11 (0 to 9), 14 (0 to 5), 12 (0 to 4) and 13 (0 to 5).
"""

from bus.wire.schema import (
    Message,
    array,
    binary,
    boolean,
    int8,
    int16,
    int32,
    nullable_string,
    string,
    table,
)

KEY_TYPE_GROUP = 0
KEY_TYPE_TRANSACTION = 1

# --- FindCoordinator -----------------------------------------------------------------------


@table
class FindCoordinatorRequest(Message):
    """Which broker looks after a group, or from version 4 on, after each of several."""

    key: str = string(until=4)
    key_type: int = int8(since=1)
    coordinator_keys: list[str] = array("string", since=4)


@table
class Coordinator:
    """The broker that looks after one group."""

    key: str = string()
    node_id: int = int32()
    host: str = string()
    port: int = int32()
    error_code: int = int16()
    error_message: str | None = nullable_string()


@table
class FindCoordinatorResponse(Message):
    """The broker, or from version 4 on, that of each group."""

    throttle_time_ms: int = int32(since=1)
    error_code: int = int16(until=4)
    error_message: str | None = nullable_string(since=1, until=4)
    node_id: int = int32(until=4)
    host: str = string(until=4)
    port: int = int32(until=4)
    coordinators: list[Coordinator] = array(Coordinator, since=4)


# --- JoinGroup -----------------------------------------------------------------------------


@table
class JoinGroupRequestProtocol:
    """An assignor that the member knows, with what it says of itself; opaque to the broker."""

    name: str = string()
    metadata: bytes = binary()


@table
class JoinGroupRequest(Message):
    """Become a member, or take part in the next generation."""

    group_id: str = string()
    session_timeout_ms: int = int32()
    rebalance_timeout_ms: int = int32(-1, since=1)
    member_id: str = string()
    group_instance_id: str | None = nullable_string(since=5)
    protocol_type: str = string()
    protocols: list[JoinGroupRequestProtocol] = array(JoinGroupRequestProtocol)
    reason: str | None = nullable_string(since=8)


@table
class JoinGroupResponseMember:
    """A member of the new generation, as its leader sees it."""

    member_id: str = string()
    group_instance_id: str | None = nullable_string(since=5)
    metadata: bytes = binary()


@table
class JoinGroupResponse(Message):
    """The new generation; only its leader is told the members."""

    throttle_time_ms: int = int32(since=2)
    error_code: int = int16()
    generation_id: int = int32(-1)
    protocol_type: str | None = nullable_string(since=7)
    protocol_name: str | None = nullable_string("", nullable=7)
    leader: str = string()
    skip_assignment: bool = boolean(since=9)
    member_id: str = string()
    members: list[JoinGroupResponseMember] = array(JoinGroupResponseMember)


# --- SyncGroup -----------------------------------------------------------------------------


@table
class SyncGroupRequestAssignment:
    """What one member is to work on; opaque to the broker."""

    member_id: str = string()
    assignment: bytes = binary()


@table
class SyncGroupRequest(Message):
    """Ask for the own assignment; the leader brings those of all."""

    group_id: str = string()
    generation_id: int = int32()
    member_id: str = string()
    group_instance_id: str | None = nullable_string(since=3)
    protocol_type: str | None = nullable_string(since=5)
    protocol_name: str | None = nullable_string(since=5)
    assignments: list[SyncGroupRequestAssignment] = array(SyncGroupRequestAssignment)


@table
class SyncGroupResponse(Message):
    """The member's assignment."""

    throttle_time_ms: int = int32(since=1)
    error_code: int = int16()
    protocol_type: str | None = nullable_string(since=5)
    protocol_name: str | None = nullable_string(since=5)
    assignment: bytes = binary()


# --- Heartbeat -----------------------------------------------------------------------------


@table
class HeartbeatRequest(Message):
    """I am here: the session goes on."""

    group_id: str = string()
    generation_id: int = int32()
    member_id: str = string()
    group_instance_id: str | None = nullable_string(since=3)


@table
class HeartbeatResponse(Message):
    """Success, or that the group has moved on."""

    throttle_time_ms: int = int32(since=1)
    error_code: int = int16()


# --- LeaveGroup ----------------------------------------------------------------------------


@table
class MemberIdentity:
    """A member that leaves, by its id or its instance id."""

    member_id: str = string()
    group_instance_id: str | None = nullable_string()
    reason: str | None = nullable_string(since=5)


@table
class LeaveGroupRequest(Message):
    """Leave, or from version 3 on, make several leave."""

    group_id: str = string()
    member_id: str = string(until=3)
    members: list[MemberIdentity] = array(MemberIdentity, since=3)


@table
class MemberResponse:
    """What became of one member's leaving."""

    member_id: str = string()
    group_instance_id: str | None = nullable_string()
    error_code: int = int16()


@table
class LeaveGroupResponse(Message):
    """What became of each."""

    throttle_time_ms: int = int32(since=1)
    error_code: int = int16()
    members: list[MemberResponse] = array(MemberResponse, since=3)

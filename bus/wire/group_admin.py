"""DescribeGroups, ListGroups and DeleteGroups: groups seen from outside.

Keys 15 (versions 0 to 5), 16 (0 to 4) and 42 (0 to 2).
"""

from bus.wire.metadata import NO_OPERATIONS
from bus.wire.schema import (
    Message,
    array,
    binary,
    boolean,
    int16,
    int32,
    nullable_string,
    string,
    table,
)

# --- DescribeGroups ------------------------------------------------------------------------


@table
class DescribeGroupsRequest(Message):
    """Describe groups by name."""

    groups: list[str] = array("string")
    include_authorized_operations: bool = boolean(since=3)


@table
class DescribedGroupMember:
    """One member; what it said of itself and what it works on are opaque to the broker."""

    member_id: str = string()
    group_instance_id: str | None = nullable_string(since=4)
    client_id: str = string()
    client_host: str = string()
    member_metadata: bytes = binary()
    member_assignment: bytes = binary()


@table
class DescribedGroup:
    """One group; a group that does not exist is "Dead" and has no members."""

    error_code: int = int16()
    group_id: str = string()
    group_state: str = string()
    protocol_type: str = string()
    protocol_data: str = string()  # the assignor that was agreed on
    members: list[DescribedGroupMember] = array(DescribedGroupMember)
    authorized_operations: int = int32(NO_OPERATIONS, since=3)


@table
class DescribeGroupsResponse(Message):
    """The groups that were asked for."""

    throttle_time_ms: int = int32(since=1)
    groups: list[DescribedGroup] = array(DescribedGroup)


# --- ListGroups ----------------------------------------------------------------------------


@table
class ListGroupsRequest(Message):
    """Name the groups that this broker looks after; no states are all of them."""

    states_filter: list[str] = array("string", since=4)


@table
class ListedGroup:
    """One group."""

    group_id: str = string()
    protocol_type: str = string()
    group_state: str = string(since=4)


@table
class ListGroupsResponse(Message):
    """The groups that this broker looks after."""

    throttle_time_ms: int = int32(since=1)
    error_code: int = int16()
    groups: list[ListedGroup] = array(ListedGroup)


# --- DeleteGroups --------------------------------------------------------------------------


@table
class DeleteGroupsRequest(Message):
    """Delete groups that have no members, and their positions."""

    groups_names: list[str] = array("string")


@table
class DeletableGroupResult:
    """What became of one group."""

    group_id: str = string()
    error_code: int = int16()


@table
class DeleteGroupsResponse(Message):
    """What became of each group."""

    throttle_time_ms: int = int32()
    results: list[DeletableGroupResult] = array(DeletableGroupResult)

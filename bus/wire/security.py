"""DescribeAcls, CreateAcls and DeleteAcls (keys 29 to 31, versions 1 to 3): who may do what.

Types, operations and permissions are Kafka's numbers; None in a filter is any.
"""

from bus.wire.schema import Message, array, int8, int16, int32, nullable_string, string, table

PATTERN_LITERAL = 3


# --- DescribeAcls --------------------------------------------------------------------------


@table
class DescribeAclsRequest(Message):
    """Name the rules that a filter lets through."""

    resource_type_filter: int = int8()
    resource_name_filter: str | None = nullable_string()
    pattern_type_filter: int = int8(PATTERN_LITERAL)
    principal_filter: str | None = nullable_string()
    host_filter: str | None = nullable_string()
    operation: int = int8()
    permission_type: int = int8()


@table
class AclDescription:
    """One rule."""

    principal: str = string()
    host: str = string()
    operation: int = int8()
    permission_type: int = int8()


@table
class DescribeAclsResource:
    """The rules of one resource."""

    resource_type: int = int8()
    resource_name: str = string()
    pattern_type: int = int8(PATTERN_LITERAL)
    acls: list[AclDescription] = array(AclDescription)


@table
class DescribeAclsResponse(Message):
    """The rules that were asked for."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = nullable_string()
    resources: list[DescribeAclsResource] = array(DescribeAclsResource)


# --- CreateAcls ----------------------------------------------------------------------------


@table
class AclCreation:
    """A new rule."""

    resource_type: int = int8()
    resource_name: str = string()
    resource_pattern_type: int = int8(PATTERN_LITERAL)
    principal: str = string()
    host: str = string()
    operation: int = int8()
    permission_type: int = int8()


@table
class CreateAclsRequest(Message):
    """Add rules."""

    creations: list[AclCreation] = array(AclCreation)


@table
class AclCreationResult:
    """What became of one rule."""

    error_code: int = int16()
    error_message: str | None = nullable_string()


@table
class CreateAclsResponse(Message):
    """What became of each rule."""

    throttle_time_ms: int = int32()
    results: list[AclCreationResult] = array(AclCreationResult)


# --- DeleteAcls ----------------------------------------------------------------------------


@table
class DeleteAclsFilter:
    """Which rules shall go."""

    resource_type_filter: int = int8()
    resource_name_filter: str | None = nullable_string()
    pattern_type_filter: int = int8(PATTERN_LITERAL)
    principal_filter: str | None = nullable_string()
    host_filter: str | None = nullable_string()
    operation: int = int8()
    permission_type: int = int8()


@table
class DeleteAclsRequest(Message):
    """Delete the rules that each filter lets through."""

    filters: list[DeleteAclsFilter] = array(DeleteAclsFilter)


@table
class DeleteAclsMatchingAcl:
    """One rule that was deleted, or why it was not."""

    error_code: int = int16()
    error_message: str | None = nullable_string()
    resource_type: int = int8()
    resource_name: str = string()
    pattern_type: int = int8(PATTERN_LITERAL)
    principal: str = string()
    host: str = string()
    operation: int = int8()
    permission_type: int = int8()


@table
class DeleteAclsFilterResult:
    """The rules that one filter let through."""

    error_code: int = int16()
    error_message: str | None = nullable_string()
    matching_acls: list[DeleteAclsMatchingAcl] = array(DeleteAclsMatchingAcl)


@table
class DeleteAclsResponse(Message):
    """What became of each filter."""

    throttle_time_ms: int = int32()
    filter_results: list[DeleteAclsFilterResult] = array(DeleteAclsFilterResult)

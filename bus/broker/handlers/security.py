"""The requests about access rules: this version has none, and says so."""

from bus.broker.context import Context, Reply
from bus.broker.node import Node
from bus.errors import SecurityDisabled
from bus.wire.security import (
    AclCreationResult,
    CreateAclsRequest,
    CreateAclsResponse,
    DeleteAclsFilterResult,
    DeleteAclsRequest,
    DeleteAclsResponse,
    DescribeAclsRequest,
    DescribeAclsResponse,
)

DISABLED = (SecurityDisabled.code, "This version of busd keeps no access rules.")


def describe_acls(node: Node, context: Context, request: DescribeAclsRequest, reply: Reply) -> None:
    """Serve one DescribeAcls."""
    response = DescribeAclsResponse()
    response.error_code, response.error_message = DISABLED
    node.count_error(response.error_code)
    reply(response)


def create_acls(node: Node, context: Context, request: CreateAclsRequest, reply: Reply) -> None:
    """Serve one CreateAcls."""
    node.count_error(SecurityDisabled.code)
    reply(CreateAclsResponse(results=[AclCreationResult(*DISABLED) for _ in request.creations]))


def delete_acls(node: Node, context: Context, request: DeleteAclsRequest, reply: Reply) -> None:
    """Serve one DeleteAcls."""
    node.count_error(SecurityDisabled.code)
    results = [DeleteAclsFilterResult(*DISABLED) for _ in request.filters]
    reply(DeleteAclsResponse(filter_results=results))

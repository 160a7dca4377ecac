"""DescribeCluster: the brokers, without any topic."""

from bus.broker.context import Context, Reply
from bus.broker.leaders import endpoint_for
from bus.broker.node import Node
from bus.errors import MismatchedEndpointType, UnsupportedEndpointType
from bus.wire.cluster import (
    ENDPOINT_BROKERS,
    ENDPOINT_CONTROLLERS,
    DescribeClusterBroker,
    DescribeClusterRequest,
    DescribeClusterResponse,
)


def describe_cluster(
    node: Node, context: Context, request: DescribeClusterRequest, reply: Reply
) -> None:
    """Serve one DescribeCluster; controllers have no endpoints of their own here."""
    response = DescribeClusterResponse(endpoint_type=request.endpoint_type)
    if request.endpoint_type != ENDPOINT_BROKERS:
        is_known = request.endpoint_type == ENDPOINT_CONTROLLERS
        refusal = MismatchedEndpointType if is_known else UnsupportedEndpointType
        response.error_code, response.error_message = refusal.code, str(refusal())
        node.count_error(refusal.code)
        reply(response)
        return
    image = node.metadata.image
    response.cluster_id, response.controller_id = image.cluster_id, image.controller_id
    response.level = image.level
    draining = node.standing.draining()
    response.brokers = [
        DescribeClusterBroker(
            broker.broker_id,
            endpoint.host,
            endpoint.port,
            broker.rack,
            broker.levels.low,
            broker.levels.high,
            broker.broker_id in draining,
        )
        for broker in image.brokers.values()
        if (endpoint := endpoint_for(node, context, broker)) is not None
    ]
    reply(response)

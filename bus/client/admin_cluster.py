"""The cluster as an admin sees it: its brokers, and which of them is the controller."""

from dataclasses import dataclass

from bus.client.admin_asking import Asking
from bus.client.cluster import endpoint_of
from bus.errors import UnsupportedVersion
from bus.wire.cluster import DescribeClusterRequest, DescribeClusterResponse
from bus.wire.metadata import MetadataRequest, MetadataResponse


@dataclass(frozen=True, slots=True)
class BrokerDescription:
    """One broker."""

    node: int
    url: str  # where it serves
    rack: str | None


@dataclass(frozen=True, slots=True)
class ClusterDescription:
    """The brokers by their numbers."""

    cluster_id: str
    controller: int  # -1 while there is none
    brokers: tuple[BrokerDescription, ...]


async def describe_cluster(asking: Asking) -> ClusterDescription:
    """As the controller sees it, or any broker. Older brokers tell the same by Metadata."""
    try:
        answer = await asking.ask(
            DescribeClusterRequest(),
            DescribeClusterResponse,
            lambda r: [(r.error_code, r.error_message)],
        )
    except UnsupportedVersion:
        return await _by_metadata(asking)
    brokers = sorted(answer.brokers, key=lambda broker: broker.broker_id)
    return ClusterDescription(
        answer.cluster_id,
        answer.controller_id,
        tuple(BrokerDescription(b.broker_id, endpoint_of(b.host, b.port), b.rack) for b in brokers),
    )


async def _by_metadata(asking: Asking) -> ClusterDescription:
    answer = await asking.ask(MetadataRequest(topics=[]), MetadataResponse, lambda r: [])
    brokers = sorted(answer.brokers, key=lambda broker: broker.node_id)
    return ClusterDescription(
        answer.cluster_id or "",
        answer.controller_id,
        tuple(BrokerDescription(b.node_id, endpoint_of(b.host, b.port), b.rack) for b in brokers),
    )

"""Who leads a partition, for those who asked a broker that does not (KIP-951).

What is known comes from the authority's records. A reader or writer that is sent away is told the
leader, its epoch and its endpoint at once, so that it need not ask for metadata first.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bus.broker.context import Context
from bus.broker.node import Node
from bus.errors import NotLeader, UnknownTopicOrPartition
from bus.model.cluster import BrokerInfo, PartitionImage
from bus.model.endpoint import Endpoint
from bus.wire.hints import LeaderIdAndEpoch, NodeEndpoint


@dataclass(frozen=True, slots=True)
class Leaders:
    """What one who asks may be told of them."""

    node: Node
    context: Context

    def hint(self, topic: str, index: int) -> LeaderIdAndEpoch | None:
        """Who leads it; None if nobody else is known to."""
        image = record_of(self.node, topic, index)
        if image is None or image.leader < 0 or image.leader == self.node.settings.node_id:
            return None
        return LeaderIdAndEpoch(image.leader, image.leader_epoch)

    def endpoints(self, hints: Iterable[LeaderIdAndEpoch | None]) -> list[NodeEndpoint]:
        """Where those who were named are reached, each once."""
        brokers = self.node.metadata.image.brokers
        named = {hint.leader_id for hint in hints if hint is not None}
        known = [brokers[broker] for broker in sorted(named) if broker in brokers]
        return [
            NodeEndpoint(broker.broker_id, endpoint.host, endpoint.port, broker.rack)
            for broker in known
            if (endpoint := endpoint_for(self.node, self.context, broker)) is not None
        ]


def endpoint_for(node: Node, context: Context, broker: BrokerInfo) -> Endpoint | None:
    """Where who asks reaches `broker`: ourselves by default where it has reached us already."""
    if context.reached is not None and broker.broker_id == node.settings.node_id:
        return context.reached
    return node.endpoint_of(broker, context.listener)


def record_of(node: Node, topic: str, index: int) -> PartitionImage | None:
    """The authority's record of a partition, None if there is none."""
    known = node.metadata.image.topics.get(topic)
    if known is None or not 0 <= index < len(known.partitions):
        return None
    return known.partitions[index]


def absence(node: Node, topic: str, index: int) -> int:
    """What to answer for a partition that this broker holds no replica of."""
    image = record_of(node, topic, index)
    if image is None or image.leader == node.settings.node_id:
        return UnknownTopicOrPartition.code
    return NotLeader.code

"""Which replica a reader is sent to, and what a follower gives to one (KIP-392).

A reader that names its rack, and whose leader stands in another one, is sent to the replica of its
rack that holds most, if one is in sync and holds what is asked for. A follower shows what it knows
to be committed, which may be less than its leader shows: who asks for more waits, and who asks for
what it does not hold at all goes back to the leader. Who names no rack is served by leaders alone:
to it the high watermark never falls (I5).
"""

from bus.broker.node import Node
from bus.broker.partition import Partition
from bus.broker.reads import Wanted
from bus.model.broker_settings import RACK_AWARE

NOBODY = -1


class Closest:
    """The choice for readers of one rack."""

    __slots__ = ("_node", "_rack")

    def __init__(self, node: Node, rack: str) -> None:
        self._node = node
        self._rack = rack

    def choose(self, wanted: Wanted) -> int:
        """A broker other than this one, the leader; NOBODY if none is better."""
        partition = wanted.partition
        assert partition is not None, "only what is led here is asked about"
        image = partition.leader.insync.image
        held = {broker: self._held(partition, broker) for broker in image.isr}
        if self._is_here(self._node.settings.node_id):
            return NOBODY
        near = [b for b, end in held.items() if end >= wanted.offset and self._is_here(b)]
        return max(near, key=lambda broker: held[broker], default=NOBODY)

    def _is_here(self, broker: int) -> bool:
        known = self._node.metadata.image.brokers.get(broker)
        return known is not None and known.rack == self._rack

    def _held(self, partition: Partition, broker: int) -> int:
        return partition.leader.insync.held(broker)


def closest(node: Node, rack: str) -> Closest | None:
    """For readers of this rack; None if they are served by leaders alone."""
    if not rack or node.settings.replica_selector_class != RACK_AWARE:
        return None
    return Closest(node, rack)

"""A Node as a member of a cluster, put together as the daemon will do it.

Until the product's own composition does this, it is done here; topics and producer ids come from
the world, for a broker of a cluster cannot make them yet.
"""

from collections.abc import Callable
from typing import Any

from bus.broker.cluster import Cluster
from bus.broker.metadata import Metadata
from bus.broker.mirror import Mirror
from bus.broker.node import Node
from bus.broker.partition import Partition
from bus.broker.parts import Parts
from bus.broker.watching import Watching
from bus.control.insync import Proposal
from bus.model.cluster import BrokerInfo
from bus.model.ids import PartitionId
from bus.model.keys import Keys
from bus.model.stored_brokers import BrokerRecord
from bus.ports import Coordination, Disk
from tests.sim.peers import SimPeers
from tests.sim.process import Process
from tests.sim.store import CLUSTER

SESSIONS = 1 << 30
LEAVE_MS_MAX = 1500
LAG_MS_MAX = 800  # shorter than in earnest, so that sets shrink within a world's seconds


class ClusterNode(Node):
    """See the module."""

    def __init__(
        self,
        settings: Any,
        disk: Disk,
        coordination: Coordination,
        process: Process,
        random: Any,
        peers: SimPeers,
        brokers: int,
        new_id: Callable[[], int],
        on_proposed: Callable[[PartitionId, int, int, Proposal], None],
    ) -> None:
        self.cluster: Cluster | None = None
        super().__init__(settings, [disk], coordination, process, random, process, process.later)
        self._new_id = new_id
        self.producer_ids.next = self._give_id
        me, keys = settings.node_id, Keys(CLUSTER)
        infos = {broker: BrokerInfo(broker, {}) for broker in range(1, brokers + 1)}
        self.copy = mirror = Mirror(coordination, keys.root, self._on_news)
        self.metadata = Metadata(mirror, keys, lambda: infos, lambda: me)
        self.roles._recovered = self.metadata.recovered_epoch  # not that of a node alone
        record = BrokerRecord({}, "", disk.facts().boot_id)
        parts = Parts(
            me,
            keys,
            coordination,
            mirror,
            self.metadata,
            self.runtime,
            self.roles,
            self.stores,
            process,
            process.later,
            process,
            lambda: 1 + random.below(SESSIONS),
            self.topics.settings_of,
            self.fetches.on_committed,
            self.coordinators.on_topic_deleted,
        )
        self.cluster = Cluster(record, parts, peers)
        self._tell_proposed, self._propose = on_proposed, self.runtime.on_proposed
        self.runtime.on_proposed = self._on_proposed
        peers.replication = self.cluster.replication
        members = self.cluster.members
        self.watching = peers.watching = Watching(
            me, members, peers, process, process.later, self._stuck_ms
        )
        self._tell_changed, members._on_changed = members._on_changed, self._on_members_changed

    def _stuck_ms(self) -> int:
        return self.stores.stuck_ms(self.clock.now_ms())

    def _on_members_changed(self) -> None:
        self._tell_changed()
        self.watching.on_members_changed()

    def start(self, done: Callable[[Exception | None], None]) -> None:
        self.recovery = self.stores.open()
        self.cluster.start()
        self.serving = True
        done(None)

    def stop(self, *, clean: bool = True) -> None:
        self.watching.close()
        self.cluster.close()
        super().stop(clean=clean)

    def leave(self, done: Callable[[], None]) -> None:
        """Hand over first; `stop` comes when `done` is called."""
        self.cluster.leave(LEAVE_MS_MAX, done)

    def tick(self, now_ms: int) -> None:
        super().tick(now_ms)
        self.cluster.replication.tick(now_ms)

    def next_tick_ms(self) -> int | None:
        times = (super().next_tick_ms(), self.cluster.replication.next_tick_ms())
        return min(filter(None, times), default=None)

    def _give_id(self, told: Callable[[int], None]) -> None:
        told(self._new_id())

    def endpoint_of(self, broker: BrokerInfo, listener: str) -> None:
        return None

    def _on_proposed(self, partition: Partition, proposal: Proposal) -> None:
        pid, epoch = partition.log.partition, partition.leader.epoch
        self._tell_proposed(pid, self.settings.node_id, epoch, proposal)
        self._propose(partition, proposal)

    def _on_news(self) -> None:
        if self.cluster is not None:
            self.cluster.on_news()
            for partition in self.runtime.partitions.values():
                partition.leader.insync.lag_ms_max = LAG_MS_MAX

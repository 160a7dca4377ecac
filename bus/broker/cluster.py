"""A node's part in a cluster: put together, and kept in step with the coordination store.

Each time the store's copy has changed: who is a member and who controls first, then topics; of
those that have changed, the partitions that have a replica here are opened and take up the role
that their record gives them, and those that have none any more are removed.
"""

from collections.abc import Callable

from bus.broker.feeding import Feeds
from bus.broker.fetches import Pool
from bus.broker.following import Following
from bus.broker.membership import Membership
from bus.broker.metadata import Metadata
from bus.broker.mirror import Mirror
from bus.broker.partition import Partition
from bus.broker.peers import Peers
from bus.broker.replication import Replication
from bus.broker.roles import Roles
from bus.broker.runtime import Runtime
from bus.broker.streams import Later
from bus.model.cluster import PartitionImage, TopicImage
from bus.model.ids import PartitionId
from bus.model.keys import Keys
from bus.model.stored_brokers import BrokerRecord
from bus.model.topic_settings import TopicSettings
from bus.ports import Clock, Coordination

SettingsOf = Callable[[TopicImage], TopicSettings]


class Cluster:
    """On the event loop's thread."""

    def __init__(
        self,
        me: int,
        record: BrokerRecord,
        coordination: Coordination,
        mirror: Mirror,
        keys: Keys,
        metadata: Metadata,
        runtime: Runtime,
        roles: Roles,
        peers: Peers,
        clock: Clock,
        later: Later,
        pool: Pool,
        new_session_id: Callable[[], int],
        settings_of: SettingsOf,
        on_committed: Callable[[Partition], None],
    ) -> None:
        self._me = me
        self._mirror = mirror
        self._keys = keys
        self._metadata = metadata
        self._runtime = runtime
        self._settings_of = settings_of
        self._topics: dict[str, TopicImage] = {}
        self._is_open = False  # the logs are recovered
        self._is_judged = False  # the controller knows what this life has found of them
        self.members = Membership(
            me, coordination, mirror, keys, later, record, self._on_members_changed
        )
        self.following = Following(
            me, peers, later, runtime.counters, lambda: self.members.epoch, on_committed
        )
        feeds = Feeds(runtime, clock, pool, lambda: self.members.lives, new_session_id)
        self.replication = Replication(
            me, self.members, runtime, roles, feeds, self.following, peers, clock, later
        )

    def start(self) -> None:
        """Become a member; the logs are recovered."""
        self._is_open = True
        self.members.start()
        self.on_news()

    def close(self) -> None:
        """Leave."""
        self._is_open = False
        self.members.close()

    def on_news(self) -> None:
        """The store's copy has changed."""
        if not self._is_open or self._mirror.get(self._keys.meta) is None:
            return
        self.members.on_news()
        self._is_judged = self._is_judged or self.members.is_accepted
        if self._is_judged:  # before, a record may name us for what we do not hold any more (R2)
            self._take_up(self._metadata.refresh().topics)

    def _on_members_changed(self) -> None:
        self.replication.on_members_changed()

    def _take_up(self, topics: dict[str, TopicImage]) -> None:
        wanted: list[tuple[Partition, PartitionImage]] = []
        before, self._topics = self._topics, topics
        for name, topic in topics.items():
            known = before.get(name)
            if known is topic:
                continue
            if known is not None and known.topic_id != topic.topic_id:
                self._release(known)
            wanted += self._replicas_of(topic)
        for name in before.keys() - topics.keys():
            self._release(before[name])
        if wanted:
            self.replication.assume(wanted)

    def _replicas_of(self, topic: TopicImage) -> list[tuple[Partition, PartitionImage]]:
        """Those here, opened; those that were here and shall be no more are removed."""
        found: list[tuple[Partition, PartitionImage]] = []
        settings = self._settings_of(topic)
        for index, image in enumerate(topic.partitions):
            pid = PartitionId(topic.topic_id, index)
            partition = self._runtime.partitions.get(pid)
            if self._me not in image.replicas:
                self._remove([pid] if partition is not None else [])
                continue
            if partition is None:
                (partition,) = self._runtime.host(topic.name, [(pid, settings)])
            found.append((partition, image))
        return found

    def _release(self, topic: TopicImage) -> None:
        self._remove([PartitionId(topic.topic_id, n) for n in range(len(topic.partitions))])

    def _remove(self, pids: list[PartitionId]) -> None:
        self.following.drop(pids)
        self._runtime.release(pids)

"""The coordinator of a broker's groups: `__consumer_offsets`, and a shard for each partition.

What          Rule
----          ----
topic         made at first use by a request that would write to it, compacted
shard         of a group: the hash of its name, as Kafka's; all requests of a group go there
start         all shards are loaded, a few at a time; until then their groups are refused
deleted topic what groups have read of it is forgotten
"""

import logging
from collections.abc import Callable, Iterator

from bus.broker.coordinators_loading import Groups, Loading
from bus.broker.coordinators_shard import Answered, Load, Shard, Work
from bus.broker.coordinators_writes import Later, Writes
from bus.broker.fetches import Pool
from bus.broker.partition import Partition
from bus.broker.runtime import Runtime
from bus.control.group import Group
from bus.control.group_facts import GroupRules
from bus.control.offsets import Offsets
from bus.errors import GroupMaxSizeReached
from bus.model.cluster import ClusterImage, TopicImage
from bus.model.group_settings import GroupSettings
from bus.model.hashing import coordinator_partition
from bus.model.ids import OFFSETS_TOPIC
from bus.model.limits import (
    GROUP_METADATA_BYTES_MAX,
    GROUP_RECORD_BYTES_MAX,
    GROUPS_BYTES_MAX,
    GROUPS_MAX,
)
from bus.ports import Clock

log = logging.getLogger("busd.groups")

LOADINGS_MAX = 2  # at a time: each holds a piece of a log
Create = Callable[[str, int, dict[str, str]], TopicImage]


class Coordinators:
    """All groups of this broker; on the event loop's thread."""

    def __init__(
        self,
        runtime: Runtime,
        image: Callable[[], ClusterImage],
        create: Create,
        clock: Clock,
        pool: Pool,
        later: Later,
        settings: GroupSettings,
    ) -> None:
        self._runtime = runtime
        self._image = image
        self._create = create
        self._clock = clock
        self._pool = pool
        self._later = later
        self._settings = settings
        self.rules = GroupRules(
            size_max=settings.group_max_size,
            session_min_ms=settings.group_min_session_timeout_ms,
            session_max_ms=settings.group_max_session_timeout_ms,
            initial_delay_ms=settings.group_initial_rebalance_delay_ms,
            metadata_bytes_max=GROUP_METADATA_BYTES_MAX,
            offset_metadata_length_max=settings.offset_metadata_max_bytes,
            retention_ms=settings.offsets_retention_minutes * 60_000,
        )
        self._load = Load()
        self._shards: list[Shard] = []
        self._nobody = Shard(self.rules, clock, None, self._load)  # before the topic is made
        self._nobody.load({}, ())
        self._started_ms = clock.now_ms()
        self._waiting: list[Loading] = []  # to be loaded
        self._loading: list[Loading] = []
        self._expire_ms = clock.now_ms() + settings.offsets_retention_check_interval_ms
        self._expiring: Iterator[Shard] = iter(())

    @property
    def shards(self) -> list[Shard]:
        """Of each partition in order; none until the topic is made."""
        return self._shards

    def start(self) -> None:
        """Load what an earlier life has left."""
        self._started_ms = self._clock.now_ms()
        topic = self._image().topics.get(OFFSETS_TOPIC)
        if topic is not None:
            self._open(topic)

    def ensure_topic(self) -> None:
        """Make the topic if there is none. Raises as the making of a topic does."""
        if self._shards:
            return
        config = {
            "cleanup.policy": "compact",
            "segment.bytes": str(self._settings.offsets_topic_segment_bytes),
            "max.message.bytes": str(GROUP_RECORD_BYTES_MAX),
        }
        count = self._settings.offsets_topic_num_partitions
        self._open(self._create(OFFSETS_TOPIC, count, config))

    def ask(
        self,
        group_id: str,
        work: Work,
        answered: Answered,
        is_gone: Callable[[], bool],
        *,
        may_begin: bool = False,
    ) -> None:
        """Have a group's machine do `work`. With `may_begin` the group may be new.

        Raises CoordinatorLoading, CoordinatorNotAvailable, GroupMaxSizeReached, or what the making
        of the topic raises; `answered` is not called then.
        """
        if may_begin:
            self.ensure_topic()
        shard = self._shard_of(group_id)
        if may_begin and group_id not in shard.groups and self._load.groups >= GROUPS_MAX:
            raise GroupMaxSizeReached(f"The broker has {GROUPS_MAX} groups, as many as it may.")
        shard.ask(group_id, work, answered, is_gone)

    @property
    def is_full(self) -> bool:
        """Do members say so much of themselves that no others are taken?"""
        return self._load.bytes >= GROUPS_BYTES_MAX

    def find(self, group_id: str) -> Group | None:
        """The group, None if there is none. Raises CoordinatorLoading, CoordinatorNotAvailable."""
        shard = self._shard_of(group_id)
        shard.check()
        return shard.groups.get(group_id)

    def offsets_of(self, group_id: str) -> Offsets:
        """Its positions, none if there is no such group. Raises as `find`."""
        group = self.find(group_id)
        return group.ledger.offsets if group is not None else Offsets()

    def _shard_of(self, group_id: str) -> Shard:
        if not self._shards:
            return self._nobody
        return self._shards[coordinator_partition(group_id, len(self._shards))]

    def on_topic_deleted(self, topic: str) -> None:
        """One made anew under its name begins without positions."""
        for shard in self._shards:
            shard.drop_topic(topic)

    def next_tick_ms(self) -> int | None:
        """When `tick` has something to do."""
        return self._load.timers.next_ms()

    def tick(self, now_ms: int) -> None:
        """Let deadlines pass."""
        for group_id in self._load.timers.due(now_ms):
            self._shard_of(group_id).tick(group_id)

    def keep_house(self, now_ms: int) -> None:
        """Peers that have gone, loading that could not begin, positions that expire."""
        self._load_more()
        for shard in self._shards:
            shard.keep_house()
        if now_ms >= self._expire_ms:
            self._expire_ms = now_ms + self._settings.offsets_retention_check_interval_ms
            self._expiring = iter(self._shards)
        shard_due = next(self._expiring, None)  # one a call: a large one takes a while
        if shard_due is not None:
            shard_due.expire()

    def stop(self) -> None:
        """The broker stops: nobody is left waiting."""
        self._waiting.clear()
        for shard in self._shards:
            shard.stop()

    def _open(self, topic: TopicImage) -> None:
        for index in range(len(topic.partitions)):
            partition = self._runtime.find(OFFSETS_TOPIC, index)
            if partition is None:
                shard = Shard(self.rules, self._clock, None, self._load)
                shard.failure = f"Partition {index} of {OFFSETS_TOPIC} is absent."
            else:
                writes = Writes(self._runtime, partition, self._clock, self._later)
                shard = Shard(self.rules, self._clock, writes, self._load)
                self._begin(partition, shard)
            self._shards.append(shard)
        self._load_more()

    def _begin(self, partition: Partition, shard: Shard) -> None:
        if partition.log.start_offset == partition.log.end_offset:
            shard.load({}, ())
            return

        def done(found: Groups | str) -> None:
            self._loading.remove(loading)
            if isinstance(found, str):
                shard.failure = found
            else:
                shard.load(found, self._image().topics)
            self._load_more()
            self._tell_loaded()

        loading = Loading(partition, self._pool, self.rules, done)
        self._waiting.append(loading)

    def _load_more(self) -> None:
        """Begin what may begin; whatever has to wait for its log is asked again later."""
        while len(self._loading) < LOADINGS_MAX:
            loading = next((one for one in self._waiting if one.may_begin), None)
            if loading is None:
                return
            self._waiting.remove(loading)
            self._loading.append(loading)
            loading.begin()

    def _tell_loaded(self) -> None:
        if self._waiting or self._loading:
            return
        groups = [group for shard in self._shards for group in shard.groups.values()]
        log.info(
            "groups loaded: %d with %d positions in %d ms",
            len(groups),
            sum(len(group.ledger.offsets) for group in groups),
            self._clock.now_ms() - self._started_ms,
        )

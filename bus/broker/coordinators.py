"""The groups that this broker coordinates: those of the `__consumer_offsets` partitions it leads.

What          Rule
----          ----
topic         made at first use by a request that would write to it, compacted
shard         one a partition; a group belongs to that of the hash of its name, as with Kafka
led here      in an epoch of its own: its shard is loaded, a few at a time; its groups are refused
                until then. It begins once all is committed that the log held (R9)
led no more   its shard is closed: who waits is sent to the next coordinator, its deadlines go, and
                what was to be written is not; a loading that is under way comes to nothing
in doubt      a write may or may not stand: the shard is loaded anew once that is known
deleted topic what groups have read of it is forgotten
"""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

from bus.broker.cold_loads import Pool
from bus.broker.coordinators_loading import Groups, Loading
from bus.broker.coordinators_shard import Answered, Load, Shard, Work
from bus.broker.coordinators_writes import Later, Writes
from bus.broker.partition import Partition
from bus.broker.runtime import Runtime
from bus.control.group import Group
from bus.control.group_effects import Told
from bus.control.group_facts import GroupRules
from bus.control.offsets import Offsets
from bus.errors import BusError, CoordinatorNotAvailable, GroupMaxSizeReached, NotCoordinator
from bus.model.cluster import NO_LEADER, ClusterImage
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
LOOK_AGAIN_MS = 10  # whether a loading may begin


class Create(Protocol):
    """How a topic is made."""

    def __call__(
        self,
        name: str,
        done: Callable[[BusError | None], None],
        *,
        partitions: int,
        config: dict[str, str],
    ) -> None:
        """`done` is called once, now or later."""


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
        me: int,
    ) -> None:
        self._me = me
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
        self._shards: dict[int, Shard] = {}  # of the partitions that are led here
        self._nobody = Shard(self.rules, clock, None, self._load)  # before the topic is made
        self._nobody.load({}, ())
        self._started_ms = clock.now_ms()
        self._awaiting: list[Callable[[BusError | None], None]] = []  # that the topic is made
        self._waiting: list[Loading] = []  # to be loaded
        self._loading: list[Loading] = []
        self._looks_again = False  # whether one of them may begin, soon
        self._expire_ms = clock.now_ms() + settings.offsets_retention_check_interval_ms
        self._expiring: Iterator[Shard] = iter(())

    @property
    def shards(self) -> list[Shard]:
        """Of each partition that is led here, in order."""
        return [self._shards[index] for index in sorted(self._shards)]

    def on_role(self, partition: Partition) -> None:
        """This broker leads the partition from now on, or in another epoch, or no more."""
        if partition.topic != OFFSETS_TOPIC:
            return
        known = self._shards.get(partition.index)
        leads, epoch = not partition.leader.resigned, partition.leader.epoch
        if known is not None and not (leads and known.epoch == epoch):
            self._unload(partition, NotCoordinator.code)
        if leads and partition.index not in self._shards:
            self._open(partition)

    def ensure_topic(self, done: Callable[[BusError | None], None]) -> None:
        """Have the topic made if there is none; `done` as of the making of a topic."""
        if OFFSETS_TOPIC in self._image().topics:
            done(None)
            return
        self._awaiting.append(done)
        if len(self._awaiting) > 1:
            return
        config = {
            "cleanup.policy": "compact",
            "segment.bytes": str(self._settings.offsets_topic_segment_bytes),
            "max.message.bytes": str(GROUP_RECORD_BYTES_MAX),
        }
        count = self._settings.offsets_topic_num_partitions
        self._create(OFFSETS_TOPIC, self._on_made, partitions=count, config=config)

    def _on_made(self, error: BusError | None) -> None:
        is_there = OFFSETS_TOPIC in self._image().topics  # maybe somebody else was faster
        awaiting, self._awaiting = self._awaiting, []
        for done in awaiting:
            done(None if is_there else error)

    def leader_of(self, group_id: str) -> int:
        """The broker that coordinates the group; below 0 while there is none."""
        topic = self._image().topics.get(OFFSETS_TOPIC)
        if topic is None:
            return NO_LEADER
        return topic.partitions[coordinator_partition(group_id, len(topic.partitions))].leader

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

        What keeps it from that is answered, too: NotCoordinator, CoordinatorLoading,
        CoordinatorNotAvailable, GroupMaxSizeReached, or what the making of the topic brings.
        """

        def ready(error: BusError | None) -> None:
            try:
                if error is not None:
                    raise error
                shard = self._shard_of(group_id)
                is_new = may_begin and group_id not in shard.groups
                if is_new and self._load.groups >= GROUPS_MAX:
                    raise GroupMaxSizeReached
                shard.ask(group_id, work, answered, is_gone)
            except BusError as refusal:
                answered(Told(refusal.code))

        if may_begin:
            self.ensure_topic(ready)
        else:
            ready(None)

    @property
    def is_full(self) -> bool:
        """Do members say so much of themselves that no others are taken?"""
        return self._load.bytes >= GROUPS_BYTES_MAX

    def find(self, group_id: str) -> Group | None:
        """The group, None if there is none. Raises as `ask` does of its coordinator."""
        shard = self._shard_of(group_id)
        shard.check()
        return shard.groups.get(group_id)

    def offsets_of(self, group_id: str) -> Offsets:
        """Its positions, none if there is no such group. Raises as `find`."""
        group = self.find(group_id)
        return group.ledger.offsets if group is not None else Offsets()

    def _shard_of(self, group_id: str) -> Shard:
        image = self._image()
        if not image.cluster_id:
            raise CoordinatorNotAvailable("The cluster's metadata has not been read yet.")
        topic = image.topics.get(OFFSETS_TOPIC)
        if topic is None:
            return self._nobody
        index = coordinator_partition(group_id, len(topic.partitions))
        shard = self._shards.get(index)
        if shard is not None:
            return shard
        if topic.partitions[index].leader in (self._me, NO_LEADER):
            raise CoordinatorNotAvailable(f"Nobody leads partition {index} of {OFFSETS_TOPIC}.")
        raise NotCoordinator

    def on_topic_deleted(self, topic: str) -> None:
        """One made anew under its name begins without positions."""
        for shard in self.shards:
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
        for shard in self.shards:
            shard.keep_house()
        if now_ms >= self._expire_ms:
            self._expire_ms = now_ms + self._settings.offsets_retention_check_interval_ms
            self._expiring = iter(self.shards)
        shard_due = next(self._expiring, None)  # one a call: a large one takes a while
        if shard_due is not None:
            shard_due.expire()

    def stop(self) -> None:
        """The broker stops: nobody is left waiting."""
        self._waiting.clear()
        for shard in self.shards:
            shard.stop()

    def _open(self, partition: Partition) -> None:
        writes = Writes(self._runtime, partition, self._clock, self._later)
        shard = Shard(self.rules, self._clock, writes, self._load, partition.leader.epoch)
        shard.on_doubt = partial(self._load_anew, partition, shard)
        self._shards[partition.index] = shard
        if partition.log.start_offset == partition.log.end_offset:
            shard.load({}, ())
            return
        done = partial(self._on_loaded, shard)
        shard.loading = Loading(partition, self._pool, self.rules, done)
        if not self._waiting and not self._loading:
            self._started_ms = self._clock.now_ms()
        self._waiting.append(shard.loading)
        self._load_more()

    def _unload(self, partition: Partition, error: int) -> None:
        shard = self._shards.pop(partition.index)
        loading = shard.loading
        if loading is not None:
            loading.cancel()
            self._waiting = [one for one in self._waiting if one is not loading]
            self._loading = [one for one in self._loading if one is not loading]
        shard.close(error)

    def _load_anew(self, partition: Partition, shard: Shard) -> None:
        """What its groups know may be less than what will stand in the log."""
        if self._shards.get(partition.index) is shard:
            self._unload(partition, CoordinatorNotAvailable.code)
            self._open(partition)

    def _on_loaded(self, shard: Shard, found: Groups | str) -> None:
        assert shard.loading is not None, "nothing else is told of it"
        self._loading.remove(shard.loading)
        shard.loading = None
        if isinstance(found, str):
            shard.failure = found
        else:
            shard.load(found, self._image().topics)
        self._load_more()
        self._tell_loaded()

    def _load_more(self) -> None:
        """Begin what may begin; whatever has to wait for its log is looked at again soon."""
        while len(self._loading) < LOADINGS_MAX:
            loading = next((one for one in self._waiting if one.may_begin), None)
            if loading is None:
                break
            self._waiting.remove(loading)
            self._loading.append(loading)
            loading.begin()
        if self._waiting and not self._looks_again and len(self._loading) < LOADINGS_MAX:
            self._looks_again = True
            self._later(LOOK_AGAIN_MS / 1000, self._look_again)

    def _look_again(self) -> None:
        self._looks_again = False
        self._load_more()

    def _tell_loaded(self) -> None:
        if self._waiting or self._loading:
            return
        groups = [group for shard in self.shards for group in shard.groups.values()]
        log.info(
            "groups loaded: %d with %d positions in %d ms",
            len(groups),
            sum(len(group.ledger.offsets) for group in groups),
            self._clock.now_ms() - self._started_ms,
        )

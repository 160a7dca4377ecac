"""A broker without its listeners: store, metadata, runtime and parked fetches, put together.

Everything is called on one event loop's thread. Listeners (`service.py`) hand requests to
`dispatch.py`, whose handlers call what is here.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias
from uuid import UUID

from bus.broker.cluster import Cluster
from bus.broker.coordinators import Coordinators
from bus.broker.counters import Counters
from bus.broker.directories import Directories
from bus.broker.fetches import Fetches, Pool
from bus.broker.founding import found
from bus.broker.hosting import Hosting, ids_of
from bus.broker.housework import Housework
from bus.broker.metadata import Metadata
from bus.broker.mirror import Mirror
from bus.broker.partition import Partition
from bus.broker.producer_ids import ProducerIds
from bus.broker.roles import Roles
from bus.broker.runtime import Runtime
from bus.broker.sessions import Sessions
from bus.broker.stores import Stores
from bus.broker.streams import Later, Streams
from bus.broker.topic_changes import TopicChanges
from bus.broker.topics import Topics
from bus.broker.watches import Watches
from bus.errors import NONE, BusError, StorageError, error_class
from bus.log.partition_log import PartitionLog
from bus.log.room import Reserve
from bus.log.store import LogStore
from bus.model.broker_config import broker_config
from bus.model.broker_settings import BrokerSettings
from bus.model.cluster import BrokerInfo, PartitionImage, TopicImage
from bus.model.endpoint import Endpoint
from bus.model.ids import OFFSETS_TOPIC
from bus.model.keys import LOCAL_CLUSTER, Keys
from bus.model.topic_settings import COMPACT
from bus.ports import Clock, Coordination, Disk, Random
from bus.wire.metadata import ApiVersion
from bus.wire.registry import Api

Started: TypeAlias = Callable[[Exception | None], None]
SESSION_ID_MAX = 2**31 - 1
log = logging.getLogger("busd")


class Node:
    """The broker's state and the few changes that span several of its parts."""

    def __init__(
        self,
        settings: BrokerSettings,
        disks: Sequence[Disk],
        coordination: Coordination,
        clock: Clock,
        random: Random,
        pool: Pool,
        later: Later,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.later = later
        self.counters = Counters()
        self.endpoints: dict[str, Endpoint] = {}  # by listener name, once bound
        self.served: list[Api] = []
        self.offered: dict[bool, list[ApiVersion]] = {}  # of it, to Kafka's clients and to ours
        self.started_ms = clock.now_ms()
        self.serving = False
        self.host = disks[0].facts().boot_id if settings.fetch_from_files else ""
        reserve = Reserve(settings.log_reserve_bytes, settings.log_reserve_percent)
        told = (self._on_flushed, self._on_disk_failed)
        times = settings.producer_id_expiration_ms, settings.checkpoint_interval_ms
        self.stores = Stores(disks, clock, random, *told, reserve, *times)
        self.housework = Housework(settings, self.stores, disks, clock, pool)
        self._coordination = coordination
        self._keys = keys = Keys(LOCAL_CLUSTER)
        self._mirror = mirror = Mirror(coordination, keys.root, self._on_news)
        self.cluster: Cluster | None = None  # of several brokers
        self.directories = Directories(mirror, keys, settings.node_id)
        self.metadata = Metadata(mirror, keys, self._brokers, lambda: settings.node_id)
        changes = TopicChanges(mirror, self.metadata, keys, random)
        self.topics = Topics(settings, self.metadata, changes, self._racks)
        self.producer_ids = ProducerIds(mirror, keys)
        self.streams = Streams(clock, self.counters, later)
        self.watches = Watches(lambda: self.metadata.image, later)
        self.metadata.on_changed = self.watches.on_change
        self.fetches = Fetches(
            clock, pool, self.counters, self.streams, settings.max_parked_fetches
        )
        slots = settings.max_incremental_fetch_session_cache_slots
        self.sessions = Sessions(slots, lambda: 1 + random.below(SESSION_ID_MAX))
        self.runtime = Runtime(
            self.stores, clock, self.counters, self.fetches.on_committed, settings.node_id
        )
        self.roles = Roles(self.runtime, self.stores, clock, settings.node_id)
        self.random = random
        self.hosting = Hosting(
            settings.node_id,
            self.runtime,
            self.topics.settings_of,
            self._lead,
            lambda _: None,
            lambda name: self.coordinators.on_topic_deleted(name),
        )
        self.coordinators = self._coordinators(pool)
        self.runtime.on_role = self.coordinators.on_role

    def _coordinators(self, pool: Pool) -> Coordinators:
        return Coordinators(
            self.runtime,
            lambda: self.metadata.image,
            self.topics.create,
            self.clock,
            pool,
            self.later,
            self.settings.group,
            self.settings.node_id,
        )

    def start(self, done: Started) -> None:
        """Recover the log and lead every partition that the metadata names."""

        def on_founded(error: BusError | None) -> None:
            if error is not None:
                done(error)
                return
            try:
                directories = self._recover()
            except (BusError, OSError) as wrong:
                done(wrong)
                return
            self.directories.note(directories, on_noted)

        def on_noted(error: BusError | None) -> None:
            if error is None and not self.stores.working:
                error = StorageError(f"No disk can be written: {self.stores.all[0].failed}.")
            if error is None:
                self._serve()
            done(error)

        found(self._mirror, self._keys, self.random, on_founded)

    def _recover(self) -> dict[UUID, str]:
        """The logs; which directories are this broker's. Raises BusError or OSError."""
        topics = self.metadata.refresh().topics.values()
        accept_missing = self.settings.accept_missing_data
        missing = self.directories.check(self.stores.identities(), accept_missing)
        if not topics:
            self.directories.check_orphans(self.stores.topics(), accept_missing)
        self.recovery = self.stores.open()
        absent = self.hosting.absent
        if missing:
            pids = (pid for topic in topics for pid in ids_of(topic))
            absent |= {pid for pid in pids if self.stores.find(pid) is None}
        kept = missing if absent else {}  # one that holds nothing any more is forgotten
        return self.stores.identities() | kept

    def _serve(self) -> None:
        self.serving = True
        self._on_news()
        self._compact_offsets()

    def stop(self, *, clean: bool = True) -> None:
        """Answer who waits, flush, and close the log."""
        self.serving = False
        self.coordinators.stop()
        self.runtime.resign_all()
        self.fetches.drain()
        self.watches.drain()
        self.housework.close()
        self.stores.close(clean=clean)
        self._coordination.close(lambda: None)

    def tick(self, now_ms: int) -> None:
        """Let due deadlines pass."""
        self.runtime.tick(now_ms)
        self.fetches.tick(now_ms)
        self.coordinators.tick(now_ms)

    def keep_house(self, now_ms: int) -> None:
        """Roll, retain, checkpoint: what is due of the work that nobody waits for."""
        self.housework.keep(now_ms)
        self.coordinators.keep_house(now_ms)

    def next_tick_ms(self) -> int | None:
        """When `tick` has something to do."""
        runtime, fetches = self.runtime.next_tick_ms(), self.fetches.next_tick_ms()
        return min(filter(None, (runtime, fetches, self.coordinators.next_tick_ms())), default=None)

    def described_settings(self) -> dict[str, str]:
        """Every setting of this broker as text."""
        return broker_config(self.settings)

    def topic_name(self, topic_id: UUID) -> str | None:
        """The name of the topic with this id."""
        topic = self.metadata.image.topic_by_id(topic_id)
        return topic.name if topic is not None else None

    def endpoint_of(self, broker: BrokerInfo, listener: str) -> Endpoint | None:
        """Where `broker` answers those who came in by `listener`."""
        assert broker.broker_id == self.settings.node_id, "this broker knows no other"
        return self.endpoints.get(listener)

    def count_error(self, code: int) -> None:
        """An answer carried this error; success is none."""
        if code == NONE:
            return
        self.counters.errors[error_class(code).__name__] += 1

    def _on_news(self) -> None:
        """The store's copy has changed."""
        if self.serving:
            self.hosting.take_up(self.metadata.refresh().topics)

    def _compact_offsets(self) -> None:
        """Groups' positions that an earlier version kept for ever are compacted from now on."""
        topic = self.metadata.image.topics.get(OFFSETS_TOPIC)
        if topic is None or "cleanup.policy" in topic.config:
            return

        def told(error: BusError | None) -> None:
            if error is not None:
                log.warning("%s is not compacted: %s", OFFSETS_TOPIC, error)

        def altered(topic: TopicImage) -> dict[str, str]:
            config = {name: topic.config[name] for name in topic.config if name != "retention.ms"}
            return {**config, "cleanup.policy": COMPACT}

        self.topics.alter(OFFSETS_TOPIC, altered, told)

    def _brokers(self) -> dict[int, BrokerInfo]:
        urls = {name: endpoint.url for name, endpoint in self.endpoints.items()}
        return {self.settings.node_id: BrokerInfo(self.settings.node_id, urls)}

    def _racks(self) -> dict[int, str]:
        return {self.settings.node_id: ""}

    def _lead(self, wanted: Iterable[tuple[Partition, PartitionImage]]) -> None:
        """Those that have just been opened; a node that is alone leads all of them."""
        self.roles.lead_alone([p for p, _ in wanted if p.leader.epoch < 0])

    def _on_flushed(self, log: PartitionLog, offset: int) -> None:
        self.runtime.on_flushed(log, offset)

    def _on_disk_failed(self, store: LogStore, error: OSError) -> None:
        log.error("the disk of %s has failed: %s; its partitions are fenced", store.path, error)
        self.runtime.on_disk_failed(store)

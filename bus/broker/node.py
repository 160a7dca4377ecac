"""A broker without its listeners: store, metadata, runtime and parked fetches, put together.

Everything is called on one event loop's thread. Listeners (`service.py`) hand requests to
`dispatch.py`, whose handlers call what is here.
"""

import logging
from collections.abc import Mapping, Sequence
from uuid import UUID

from bus.broker.coordinators import Coordinators
from bus.broker.counters import Counters
from bus.broker.directories import Directories
from bus.broker.fetches import Fetches, Pool
from bus.broker.metadata import Metadata
from bus.broker.mirror import Mirror
from bus.broker.roles import Roles
from bus.broker.runtime import Runtime
from bus.broker.sessions import Sessions
from bus.broker.stores import Stores
from bus.broker.streams import Later, Streams
from bus.errors import NONE, StorageError, error_class
from bus.log.cleaner import Cleaner, CleanerLimits
from bus.log.partition_log import PartitionLog
from bus.log.room import Reserve
from bus.log.scrubber import Scrubber
from bus.log.store import LogStore
from bus.model.broker_config import broker_config
from bus.model.broker_settings import BrokerSettings
from bus.model.cluster import BrokerInfo, TopicImage
from bus.model.endpoint import Endpoint
from bus.model.ids import OFFSETS_TOPIC, PartitionId
from bus.model.keys import LOCAL_CLUSTER, Keys
from bus.model.topic_settings import (
    COMPACT,
    TopicSettings,
    check_replication,
    topic_config,
    topic_settings,
)
from bus.ports import Clock, Coordination, Disk, Random
from bus.wire.metadata import ApiVersion
from bus.wire.registry import Api

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
        self.absent: set[PartitionId] = set()  # in a data directory that is not there
        reserve = Reserve(settings.log_reserve_bytes, settings.log_reserve_percent)
        told = (self._on_flushed, self._on_disk_failed)
        times = settings.producer_id_expiration_ms, settings.checkpoint_interval_ms
        self.stores = Stores(disks, clock, random, *told, reserve, *times)
        with_disks = list(zip(self.stores.all, disks, strict=True))
        pace = settings.log_scrub_bytes_per_second, settings.log_scrub_interval_ms
        self.scrubbers = [Scrubber(store, disk, clock, *pace) for store, disk in with_disks]
        limits = _cleaner_limits(settings)
        self.cleaners = [Cleaner(store, disk, clock, limits) for store, disk in with_disks]
        self._pool = pool
        self._coordination = coordination
        mirror = Mirror(coordination, Keys(LOCAL_CLUSTER).root)
        self.directories = Directories(mirror, settings.node_id)
        self.metadata = Metadata(mirror, random, self._brokers, settings.node_id)
        self.streams = Streams(clock, self.counters, later)
        self.fetches = Fetches(
            clock, pool, self.counters, self.streams, settings.max_parked_fetches
        )
        self.sessions = Sessions(
            settings.max_incremental_fetch_session_cache_slots,
            lambda: 1 + random.below(SESSION_ID_MAX),
        )
        self.runtime = Runtime(
            self.stores, clock, self.counters, self.fetches.on_committed, settings.node_id
        )
        self.roles = Roles(self.runtime, self.stores, clock, settings.node_id)
        self.random = random
        self.coordinators = Coordinators(
            self.runtime,
            lambda: self.metadata.image,
            self._create_internal,
            clock,
            pool,
            later,
            settings.group,
            settings.node_id,
        )
        self.runtime.on_role = self.coordinators.on_role
        self._producer_ids = iter(range(0))

    def start(self) -> None:
        """Recover the log and lead every partition that the metadata names."""
        self.metadata.load()
        accept_missing = self.settings.accept_missing_data
        missing = self.directories.check(self.stores.identities(), accept_missing)
        topics = self.metadata.image.topics.values()
        if not topics:
            self.directories.check_orphans(self.stores.topics(), accept_missing)
        self.recovery = self.stores.open()
        if missing:
            pids = (pid for topic in topics for pid in _ids(topic))
            self.absent = {pid for pid in pids if self.stores.find(pid) is None}
        kept = missing if self.absent else {}  # one that holds nothing any more is forgotten
        self.directories.note(self.stores.identities() | kept)
        for topic in topics:
            self._host(topic)
        if not self.stores.working:
            raise StorageError(f"No disk can be written: {self.stores.all[0].failed}.")
        self._compact_offsets()
        self.serving = True

    def stop(self, *, clean: bool = True) -> None:
        """Answer who waits, flush, and close the log."""
        self.serving = False
        self.coordinators.stop()
        self.runtime.resign_all()
        self.fetches.drain()
        for cleaner in self.cleaners:
            cleaner.close()
        self.stores.close(clean=clean)
        self._coordination.close(lambda: None)

    def tick(self, now_ms: int) -> None:
        """Let due deadlines pass."""
        self.runtime.tick(now_ms)
        self.fetches.tick(now_ms)
        self.coordinators.tick(now_ms)

    def keep_house(self, now_ms: int) -> None:
        """Roll, retain, checkpoint: what is due of the work that nobody waits for."""
        self.stores.housekeeping(now_ms)
        self.coordinators.keep_house(now_ms)
        for scrubber in self.scrubbers:
            scrubber.step(now_ms, self._pool.submit)
        for cleaner in self.cleaners:
            cleaner.step(now_ms, self._pool.submit)

    def next_tick_ms(self) -> int | None:
        """When `tick` has something to do."""
        runtime, fetches = self.runtime.next_tick_ms(), self.fetches.next_tick_ms()
        return min(filter(None, (runtime, fetches, self.coordinators.next_tick_ms())), default=None)

    def create_topic(
        self,
        name: str,
        partitions: int | None = None,
        replication_factor: int | None = None,
        config: Mapping[str, str] | None = None,
        validate_only: bool = False,
    ) -> TopicImage | None:
        """A new topic, ready to be written to; None if it was only validated."""
        count = self.settings.num_partitions if partitions is None else partitions
        replicas = 1 if replication_factor is None else replication_factor
        given = dict(config or {})
        self.metadata.check_new_topic(name, count, replicas)
        check_replication(topic_settings(given, self.settings.topic), replicas)
        if validate_only:
            return None
        topic = self.metadata.create_topic(name, count, replicas, given)
        self._host(topic)
        return topic

    def delete_topic(self, name: str) -> TopicImage:
        """The topic, its records and its settings are gone."""
        topic = self.metadata.delete_topic(name)
        self.runtime.release(_ids(topic))
        self.absent.difference_update(_ids(topic))
        self.coordinators.on_topic_deleted(name)
        return topic

    def create_partitions(self, name: str, total: int, validate_only: bool = False) -> None:
        """Grow a topic to `total` partitions."""
        if validate_only:
            self.metadata.check_growth(name, total)
            return
        self._host(self.metadata.create_partitions(name, total))

    def alter_config(self, name: str, config: Mapping[str, str], validate_only: bool) -> None:
        """Replace a topic's settings as given; they count from now on."""
        settings = topic_settings(config, self.settings.topic)
        topic = self.metadata.image.topics[name]
        check_replication(settings, len(topic.partitions[0].replicas))
        if validate_only:
            return
        topic = self.metadata.alter_config(name, config)
        for pid in _ids(topic):
            if pid not in self.absent:
                self.runtime.configure(self.runtime.partitions[pid], settings)

    def described_config(self, topic: TopicImage) -> dict[str, str]:
        """Every setting of a topic as text, defaults included."""
        return topic_config(topic_settings(topic.config, self.settings.topic))

    def described_settings(self) -> dict[str, str]:
        """Every setting of this broker as text."""
        return broker_config(self.settings)

    def new_producer_id(self) -> int:
        """An id that no producer has had; a block of them is taken from the store at a time."""
        found = next(self._producer_ids, None)
        if found is None:
            self._producer_ids = iter(self.metadata.allocate_producer_ids())
            found = next(self._producer_ids)
        return found

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

    def _compact_offsets(self) -> None:
        """Groups' positions that an earlier version kept for ever are compacted from now on."""
        topic = self.metadata.image.topics.get(OFFSETS_TOPIC)
        if topic is not None and "cleanup.policy" not in topic.config:
            config = {name: topic.config[name] for name in topic.config if name != "retention.ms"}
            self.alter_config(OFFSETS_TOPIC, {**config, "cleanup.policy": COMPACT}, False)

    def _create_internal(self, name: str, partitions: int, config: dict[str, str]) -> TopicImage:
        topic = self.create_topic(name, partitions, 1, config)
        assert topic is not None, "it was not only validated"
        return topic

    def _brokers(self) -> dict[int, BrokerInfo]:
        urls = {name: endpoint.url for name, endpoint in self.endpoints.items()}
        return {self.settings.node_id: BrokerInfo(self.settings.node_id, urls)}

    def _host(self, topic: TopicImage) -> None:
        settings = self.settings_of(topic)
        hosted = self.runtime.partitions.keys() | self.absent
        wanted = [(pid, settings) for pid in _ids(topic) if pid not in hosted]
        found = self.runtime.host(topic.name, wanted)
        self.roles.lead_alone(found)

    def settings_of(self, topic: TopicImage) -> TopicSettings:
        """What holds for a topic: what it was given, and this broker's defaults."""
        return topic_settings(topic.config, self.settings.topic)

    def _on_flushed(self, log: PartitionLog, offset: int) -> None:
        self.runtime.on_flushed(log, offset)

    def _on_disk_failed(self, store: LogStore, error: OSError) -> None:
        log.error("the disk of %s has failed: %s; its partitions are fenced", store.path, error)
        self.runtime.on_disk_failed(store)


def _ids(topic: TopicImage) -> list[PartitionId]:
    return [PartitionId(topic.topic_id, index) for index in range(len(topic.partitions))]


def _cleaner_limits(settings: BrokerSettings) -> CleanerLimits:
    return CleanerLimits(
        settings.log_cleaner_io_max_bytes_per_second,
        settings.log_cleaner_dedupe_buffer_size,
        settings.log_cleaner_backoff_ms,
        settings.log_cleaner_enable,
    )

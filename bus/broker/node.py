"""A broker without its listeners: store, metadata, runtime and parked fetches, put together.

Everything is called on one event loop's thread. Listeners (`service.py`) hand requests to
`dispatch.py`, whose handlers call what is here.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from bus.broker.alone import Alone
from bus.broker.cold_loads import Pool
from bus.broker.coordinators import Coordinators
from bus.broker.counters import Counters
from bus.broker.directories import Directories
from bus.broker.fetches import Fetches
from bus.broker.host import EtcdSight
from bus.broker.housework import Housework
from bus.broker.metadata import Metadata
from bus.broker.mirror import Mirror
from bus.broker.producer_ids import ProducerIds
from bus.broker.raising import Told, raise_level
from bus.broker.roles import Roles
from bus.broker.runtime import Runtime
from bus.broker.sessions import Sessions
from bus.broker.standing import Standing
from bus.broker.starting import Started, Starting
from bus.broker.stores import Stores
from bus.broker.streams import Streams
from bus.broker.topic_changes import Done, TopicChanges
from bus.broker.topics import Topics
from bus.broker.watches import Watches
from bus.errors import NONE, BusError, error_class
from bus.log.partition_log import PartitionLog
from bus.log.room import Reserve
from bus.log.store import LogStore
from bus.model.broker_config import broker_config
from bus.model.broker_settings import BrokerSettings
from bus.model.cluster import BrokerInfo, TopicImage
from bus.model.endpoint import Endpoint, endpoint_of_url
from bus.model.features import KNOWN, Levels
from bus.model.ids import INTERNAL_TOPICS, OFFSETS_TOPIC
from bus.model.keys import LOCAL_CLUSTER, Keys
from bus.model.stored_brokers import NO_EPOCH, BrokerRecord
from bus.model.topic_settings import COMPACT
from bus.ports import Clock, Coordination, Disk, Later, Random
from bus.wire.metadata import ApiVersion
from bus.wire.registry import Api

if TYPE_CHECKING:
    from bus.broker.cluster import Cluster
    from bus.broker.growing import Growing
    from bus.broker.member import Links, Member

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
        links: "Links | None" = None,
        single: Coordination | None = None,
        known: Levels = KNOWN,
    ) -> None:
        """`links` make it a member of the settings' cluster; `single` is what it kept alone."""
        self.settings, self.known = settings, known
        self.clock, self.later = clock, later
        self.random = random
        self.counters = Counters()
        self.endpoints: dict[str, Endpoint] = {}  # by listener name, once bound
        self.served: list[Api] = []
        self.offered: dict[bool, list[ApiVersion]] = {}  # of it, to Kafka's clients and to ours
        self.started_ms = clock.now_ms()
        self.serving = False
        self._is_composed = False
        self.host = disks[0].facts().boot_id if settings.fetch_from_files else ""
        reserve = Reserve(settings.log_reserve_bytes, settings.log_reserve_percent)
        told = (self._on_flushed, self._on_disk_failed)
        times = settings.producer_id_expiration_ms, settings.checkpoint_interval_ms
        self.stores = Stores(disks, clock, random, *told, reserve, *times)
        self.housework = Housework(settings, self.stores, disks, clock, pool)
        self.pool, self.etcd = pool, EtcdSight()
        self._coordination, self._disks = coordination, disks
        self._links, self._single = links, single
        self._keys = keys = Keys(settings.cluster if links is not None else LOCAL_CLUSTER)
        self._mirror = mirror = Mirror(coordination, keys.root, self._on_news)
        self.directories = Directories(mirror, keys, settings.node_id)
        self.metadata = Metadata(
            mirror, keys, lambda: self.standing.brokers(), lambda: self.standing.controller
        )
        self.topics = self._topics(mirror, keys)
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
        recovered = self.metadata.recovered_epoch
        self.roles = Roles(self.runtime, self.stores, clock, settings.node_id, recovered)
        self.coordinators = self._coordinators(pool)
        self.runtime.on_role = self.coordinators.on_role
        self.cluster: Cluster | None = None  # of several brokers, once it has entered
        self.member: Member | None = None
        self.standing: Standing = self._alone() if links is None else self._member(links, pool)
        self._is_composed = True

    def _topics(self, mirror: Mirror, keys: Keys) -> Topics:
        metadata, random = self.metadata, self.random
        changes = TopicChanges(mirror, metadata, keys, random, lambda: self.standing.guards())
        return Topics(
            self.settings,
            metadata,
            changes,
            lambda: self.standing.racks(),
            lambda: self.standing.hosts(),
        )

    def _coordinators(self, pool: Pool) -> Coordinators:
        return Coordinators(
            self.runtime,
            lambda: self.metadata.image,
            self._make_internal,
            self.clock,
            pool,
            self.later,
            self.settings.group,
            self.settings.node_id,
        )

    def _growing(self) -> "Growing | None":
        if self._single is None:
            return None
        from bus.broker.growing import Growing  # a node alone needs none of it

        return Growing(
            self._single,
            self._coordination,
            self._keys,
            self.settings.cluster,
            self.stores,
            self.settings.node_id,
        )

    def _alone(self) -> Alone:
        return Alone(
            self.settings.node_id,
            self.known,
            self.endpoints,
            self.metadata,
            self.runtime,
            self.roles,
            self.topics.settings_of,
            self.coordinators.on_topic_deleted,
        )

    def _member(self, links: "Links", pool: Pool) -> "Member":
        from bus.broker.member import Member  # a node alone needs none of it
        from bus.broker.parts import Parts
        from bus.control.policy import policy_of

        parts = Parts(
            self.settings.node_id,
            self._keys,
            self._coordination,
            self._mirror,
            self.metadata,
            self.runtime,
            self.roles,
            self.stores,
            self.clock,
            self.later,
            pool,
            lambda: 1 + self.random.below(SESSION_ID_MAX),
            self.topics.settings_of,
            self.fetches.on_committed,
            self.coordinators.on_topic_deleted,
            policy_of(self.settings),
        )
        self.member = Member(parts, links)
        return self.member

    def start(self, done: Started) -> None:
        """Recover the logs and host what the records say; `done` once, with what went wrong."""

        def entered() -> None:
            self.serving = True
            self._compact_offsets()
            done(None)

        def enter() -> None:
            self.standing.enter(self._record(), self.starting.absent, entered)
            self.cluster = self.member.cluster if self.member is not None else None

        self.starting = Starting(
            self._coordination,
            self._mirror,
            self._keys,
            self.metadata,
            self.directories,
            self.stores,
            self.clock,
            self.later,
            self.random,
            self.settings.accept_missing_data,
            self.member is None,
            self._growing(),
            self.known,
            enter,
            done,
        )
        self.starting.begin()

    def stop(self, *, clean: bool = True, closed: Callable[[], None] = lambda: None) -> None:
        """Answer who waits, flush, and close the log; `closed` once the store is let go of, too."""
        self.serving = False
        self.standing.close()
        self.coordinators.stop()
        self.runtime.resign_all()
        self.fetches.drain()
        self.watches.drain()
        self.housework.close()
        self.stores.close(clean=clean)
        self._coordination.close(closed)

    def tick(self, now_ms: int) -> None:
        """Let due deadlines pass."""
        self.runtime.tick(now_ms)
        self.fetches.tick(now_ms)
        self.coordinators.tick(now_ms)
        self.standing.tick(now_ms)

    def keep_house(self, now_ms: int) -> None:
        """Roll, retain, checkpoint: what is due of the work that nobody waits for."""
        self.housework.keep(now_ms)
        self.coordinators.keep_house(now_ms)

    def next_tick_ms(self) -> int | None:
        """When `tick` has something to do."""
        runtime, fetches = self.runtime.next_tick_ms(), self.fetches.next_tick_ms()
        others = self.coordinators.next_tick_ms(), self.standing.next_tick_ms()
        return min(filter(None, (runtime, fetches, *others)), default=None)

    def described_settings(self) -> dict[str, str]:
        """Every setting of this broker as text."""
        return broker_config(self.settings)

    def raise_level(self, level: int, told: Told, *, validate_only: bool) -> None:
        """The cluster, or this node alone, goes to a higher level; see raising.py."""
        here, guards = {self.settings.node_id: self.known}, self.standing.guards
        mirror, keys = self._mirror, self._keys
        raise_level(mirror, keys, here, guards, level, told, validate_only=validate_only)

    def unsafe_directories(self) -> dict[str, str]:
        """Filesystem by path, of the data directories that may lose what was acknowledged."""
        facts = ((disk.path, disk.facts()) for disk in self._disks)
        return {path: found.filesystem for path, found in facts if not found.durable}

    def topic_name(self, topic_id: UUID) -> str | None:
        """The name of the topic with this id."""
        return self.metadata.name_of(topic_id)

    def endpoint_of(self, broker: BrokerInfo, listener: str) -> Endpoint | None:
        """Where `broker` answers those who came in by `listener`."""
        if broker.broker_id == self.settings.node_id:
            return self.endpoints.get(listener)
        url = broker.endpoints.get(listener)
        return endpoint_of_url(url) if url is not None else None

    def make_topic(self, name: str, done: Done) -> None:
        """A topic that somebody's first use makes, where that is done."""
        if name in INTERNAL_TOPICS:
            self.coordinators.ensure_topic(done)
        else:
            self.standing.make(name, partial(self.topics.create, name), done)

    def _make_internal(
        self, name: str, done: Done, *, partitions: int, config: dict[str, str]
    ) -> None:
        here = partial(self.topics.create, name, partitions=partitions, config=config)
        self.standing.make(name, here, done)

    def _record(self) -> BrokerRecord:
        """Where this broker answers; the store gives it its epoch."""
        urls = {
            name: endpoint.url
            for name, endpoint in self.endpoints.items()
            if not endpoint.url.startswith("inproc:")
        }
        boot_id = self._disks[0].facts().boot_id
        links = self._links
        at = ("", "", "")
        if links is not None:
            at = links.endpoint, links.public_key, links.local_path
        return BrokerRecord(urls, self.settings.rack, boot_id, NO_EPOCH, *at, self.known)

    def count_error(self, code: int) -> None:
        """An answer carried this error; success is none."""
        if code == NONE:
            return
        self.counters.errors[error_class(code).__name__] += 1

    def _on_news(self) -> None:
        """The store's copy has changed."""
        if self._is_composed:
            self.standing.on_news()

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

    def _on_flushed(self, log: PartitionLog, offset: int) -> None:
        self.runtime.on_flushed(log, offset)

    def _on_disk_failed(self, store: LogStore, error: OSError) -> None:
        log.error("the disk of %s has failed: %s; its partitions are fenced", store.path, error)
        self.runtime.on_disk_failed(store)

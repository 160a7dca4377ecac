"""A cluster without logs: its metadata, its controller, and brokers that are entries in the store.

What is here is what a cluster runs: the store's client over a simulated etcd, the copy, metadata,
topics and their placement, and the controller. Two brokers have all of it: the one that controls,
and one that looks on. The others do as they would when they are asked: they join in-sync sets.
"""

from collections.abc import Callable, Iterable
from functools import partial
from uuid import UUID

from bus.broker.controlling import Controlling
from bus.broker.counters import Counters
from bus.broker.founding import found
from bus.broker.metadata import Metadata
from bus.broker.mirror import Mirror
from bus.broker.topic_changes import TopicChanges
from bus.broker.topics import Topics
from bus.control.commands import Command
from bus.control.knowledge import Knowledge, Report
from bus.control.placement import Load, place
from bus.control.policy import Policy
from bus.control.wishes import Wish
from bus.model.broker_config import broker_settings
from bus.model.cluster import BrokerInfo, PartitionImage
from bus.model.ids import PartitionId
from bus.model.keys import Keys
from bus.model.limits import TRANSACTION_WRITES_MAX
from bus.model.stored import RECORDS_PER_GROUP_MAX, Group, TopicRecord, group_to_bytes
from bus.model.stored_brokers import NO_EPOCH, BrokerEpochRecord, BrokerRecord, BrokerState
from bus.ports import Write, revision_of
from tests.fixtures.etcd_stores import SimBench
from tests.fixtures.seeded_random import SeededRandom
from tests.sim.plane.counted import Counted

KEYS = Keys("plane")
TICK_SECONDS = 0.05
SETTLED_SECONDS = 3600
BOOT = "0b2a9c6e-55a1-4a93-9f0e-0a4f1d2c3b4"


class Broker:
    """One that knows the cluster."""

    def __init__(self, bench: SimBench, name: str, brokers: dict[int, BrokerInfo]) -> None:
        self.store = Counted(bench.store(name))
        self.controlling: Controlling | None = None
        self.mirror = Mirror(self.store, KEYS.root, self._on_news)
        self.metadata = Metadata(self.mirror, KEYS, lambda: brokers, lambda: 1)

    def _on_news(self) -> None:
        if self.mirror.get(KEYS.meta) is None:
            return
        if self.controlling is not None:
            self.controlling.on_news()
        self.metadata.refresh()
        self.metadata.take_changed()


class Plane:
    """So many brokers in racks, and topics as they are made."""

    def __init__(self, brokers: int, racks: int, policy: Policy) -> None:
        self.bench = SimBench()
        self.policy = policy
        self.racks = {number: f"rack-{number % racks}" for number in range(1, brokers + 1)}
        self._infos: dict[int, BrokerInfo] = {}
        self._random = SeededRandom(1)
        self.controller = Broker(self.bench, "1", self._infos)
        self.observer = Broker(self.bench, "2", self._infos)
        changes = TopicChanges(self.mirror, self.controller.metadata, KEYS, self._random)
        settings = broker_settings({"cluster": "plane"})
        self.topics = Topics(settings, self.controller.metadata, changes, lambda: self.racks)
        self.until(lambda: self.mirror.is_ready and self.observer.mirror.is_ready)
        told: list[object] = []
        found(self.mirror, KEYS, self._random, told.append)
        self.until(lambda: bool(told))
        self.register(self.racks)
        self.take_control(self.controller)
        self._tick()

    @property
    def mirror(self) -> Mirror:
        return self.controller.mirror

    @property
    def controlling(self) -> Controlling:
        assert self.controller.controlling is not None
        return self.controller.controlling

    def until(self, is_so: Callable[[], bool]) -> None:
        """Let simulated time pass."""
        self.bench.until(is_so, SETTLED_SECONDS)

    def caught_up(self) -> None:
        """Until both have heard all."""
        mirrors = self.mirror, self.observer.mirror
        newest = max(mirror.revision for mirror in mirrors)
        self.until(lambda: all(mirror.revision >= newest for mirror in mirrors))

    def register(self, numbers: Iterable[int]) -> None:
        """They live, and are accepted."""
        writes: list[Write] = []
        for number in numbers:
            host = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            urls = {"zmq": f"tcp://{host}:7901", "PLAINTEXT": f"tcp://{host}:9092"}
            record = BrokerRecord(
                urls, self.racks[number], f"{BOOT}{number}", number, f"tcp://{host}:7902", "k" * 40
            )
            disks = (self._random_id(),)
            accepted = BrokerEpochRecord(number, BrokerState.ACTIVE, NO_EPOCH, disks, BOOT)
            self._infos[number] = BrokerInfo(number, urls, self.racks[number])
            writes.append(self._write(KEYS.broker(number), record.to_bytes()))
            writes.append(self._write(KEYS.broker_epoch(number), accepted.to_bytes()))
        for at in range(0, len(writes), TRANSACTION_WRITES_MAX):
            self.transact(writes[at : at + TRANSACTION_WRITES_MAX])

    def transact(self, writes: list[Write]) -> int:
        """The revision."""
        told: list[object] = []
        self.mirror.transact(writes, {}, told.append)
        self.until(lambda: bool(told))
        assert isinstance(told[0], int), told
        return told[0]

    def take_control(self, broker: Broker) -> None:
        """As another broker, which then controls in place of the one that did."""
        if self.controller.controlling is not None:
            self.controller.controlling.end()
            self.controller.controlling = None
        told: list[object] = []
        held = revision_of(broker.mirror.get(KEYS.controller))
        broker.mirror.transact([Write(KEYS.controller, b"1", held)], {}, told.append)
        self.until(lambda: bool(told))
        revision = told[0]
        assert isinstance(revision, int), revision

        def begin() -> None:
            broker.controlling = Controlling(
                broker.mirror, KEYS, revision, self.bench.timeline, self.policy, Counters()
            )

        broker.store.timed(begin)
        if broker is not self.controller:
            self.controller, self.observer = broker, self.controller

    def fill(self, topics: int, partitions: int, replicas: int) -> None:
        """As if so many topics had been made one by one, each group written once."""
        groups: dict[int, Group] = {}
        room: dict[frozenset[int], int] = {}
        writes: list[Write] = []
        counts: dict[int, Load] = {}
        for number in range(topics):
            topic_id, used = self._random_id(), {}
            for index, held in enumerate(place(partitions, replicas, self.racks, counts)):
                at = room.setdefault(frozenset(held), len(groups))
                group = groups.setdefault(at, {})
                group[PartitionId(topic_id, index)] = PartitionImage(held[0], 0, 0, 2, held, held)
                used[at] = None
                if len(group) == RECORDS_PER_GROUP_MAX:
                    del room[frozenset(held)]
                for place_of, broker in enumerate(held):
                    load = counts.get(broker, Load())
                    counts[broker] = Load(load.replicas + 1, load.leaders + (place_of == 0))
            record = TopicRecord(topic_id, partitions, {}, tuple(sorted(used)))
            writes.append(self._write(KEYS.topic(f"topic-{number}"), record.to_bytes()))
        found = [self._write(KEYS.group(at), group_to_bytes(g)) for at, g in groups.items()]
        for at in range(0, len(found), TRANSACTION_WRITES_MAX):
            self.transact(found[at : at + TRANSACTION_WRITES_MAX])
        for at in range(0, len(writes), TRANSACTION_WRITES_MAX):
            self.transact(writes[at : at + TRANSACTION_WRITES_MAX])

    def create(self, name: str, partitions: int, replicas: int) -> None:
        told: list[object] = []

        def make() -> None:
            self.topics.create(
                name, told.append, partitions=partitions, replication_factor=replicas
            )

        self.controller.store.timed(make)
        self.until(lambda: bool(told))
        assert told == [None], told

    # --- what brokers do ---------------------------------------------------------------------

    def kill(self, numbers: Iterable[int]) -> None:
        """The controller hears of them no more."""
        for number in numbers:
            self.controller.store.timed(partial(self.controlling.on_silent, number))

    def come_back(self, number: int) -> None:
        """It starts again in the life that was accepted: a link was lost, say."""
        report = Report(self.accepted(number).epoch, self.accepted(number).disk_ids, BOOT, {})
        self.controller.store.timed(lambda: self.controlling.report(number, report))

    def drain(self, number: int) -> None:
        told: list[object] = []
        command = Command(number, is_draining=True)
        self.controller.store.timed(
            lambda: self.controlling.command(command, lambda *what: told.append(what))
        )
        self.until(lambda: bool(told))

    def join_sets(self, pids: Iterable[PartitionId]) -> int:
        """Each leader asks for all of its replicas that live, one request a partition; how many."""
        asked = 0
        lives = {number: self.accepted(number) for number in self.racks}
        for pid in pids:
            image = self.image(pid)
            active = [b for b in image.replicas if lives[b].state is BrokerState.ACTIVE]
            added = [b for b in active if b not in image.isr]
            if image.leader >= 0 and added:
                asked += 1
                self.ask(pid, (*image.isr, *added), {b: lives[b].epoch for b in added})
        return asked

    def ask(self, pid: PartitionId, isr: tuple[int, ...], added: dict[int, int]) -> None:
        """Its leader asks for this in-sync set."""
        image = self.image(pid)
        leader, epochs = image.leader, (image.leader_epoch, image.partition_epoch)
        wish = Wish(pid, leader, self.accepted(leader).epoch, *epochs, isr, added)
        self.controller.store.timed(lambda: self.controlling.wish(wish, lambda *_: None))

    # --- what there is -----------------------------------------------------------------------

    def accepted(self, number: int) -> BrokerEpochRecord:
        return self.mirror.parsed(KEYS.broker_epoch(number), BrokerEpochRecord.from_bytes)

    def image(self, pid: PartitionId) -> PartitionImage:
        return self.known.partitions[pid]

    @property
    def known(self) -> Knowledge:
        return self.controlling._machine.known

    def is_in(self, number: int, state: BrokerState) -> bool:
        """As who looks on has it."""
        record = self.observer.mirror.parsed(
            KEYS.broker_epoch(number), BrokerEpochRecord.from_bytes
        )
        return record.state is state

    def led_by_the_dead(self) -> int:
        dead = {n for n in self.racks if self.is_in(n, BrokerState.FENCED)}
        groups = self.observer.metadata.groups.all().values()
        return sum(image.leader in dead for group in groups for image in group.values())

    def _write(self, key: str, value: bytes) -> Write:
        return Write(key, value, revision_of(self.mirror.get(key)))

    def _random_id(self) -> UUID:
        return UUID(bytes=self._random.uuid_bytes(), version=4)

    def _tick(self) -> None:
        """Of whoever controls."""
        controlling = self.controller.controlling
        if controlling is not None:
            self.controller.store.timed(lambda: controlling.tick(self.bench.timeline.now_ms()))
        self.bench.timeline.later(TICK_SECONDS, self._tick)

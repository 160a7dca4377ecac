"""The coordination store that all brokers of a world share: one simulated etcd, a way for each.

Each life of a broker gets the real client (bus/adapters/etcd) over a carrier of its own, whose
weather the faults make.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from bus.adapters.etcd.carrier import Answered
from bus.adapters.etcd.messages import (
    Answer,
    Delete,
    Failure,
    Put,
    Range,
    Ranged,
    Request,
    Transacted,
    Txn,
)
from bus.adapters.etcd.store import EtcdStore
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.keys import Keys
from bus.model.stored import ClusterRecord, TopicRecord, group_to_bytes
from bus.model.stored_brokers import BrokerEpochRecord, BrokerState
from bus.ports import Entry
from tests.fixtures.seeded_random import SeededRandom
from tests.fixtures.sim_carrier import SimCarrier, Weather
from tests.fixtures.sim_etcd import SimEtcd
from tests.fixtures.timeline import Timeline
from tests.sim.process import Process

if TYPE_CHECKING:
    from tests.sim.plan import Plan, Topic
    from tests.sim.world import World

CLUSTER = "sim"
ROUGH = Weather(lost=0.1, answer_lost=0.1, late=0.03, stream_ends=0.1, delay_ms=20)


class SharedStore:
    """See the module."""

    def __init__(self, world: "World") -> None:
        self.etcd = SimEtcd(world.timeline)
        self._world = world
        self._carriers: dict[int, SimCarrier] = {}
        self._away: set[int] = set()
        self._rough: set[int] = set()
        self._lags: dict[int, int] = {}  # ms, of what its watch brings
        self._keys = Keys(CLUSTER)

    def entry(self, key: str) -> Entry | None:
        """As it is now."""
        found = self.etcd.answer(Range(key.encode()))
        assert isinstance(found, Ranged), found
        return found.entries.get(key.encode())

    def accepted(self, broker: int) -> BrokerEpochRecord | None:
        """What the controller has accepted of it."""
        key = self._keys.broker_epoch(broker)
        entry = self.entry(key)
        return BrokerEpochRecord.from_bytes(key, entry.value) if entry is not None else None

    def of(self, number: int, process: Process) -> EtcdStore:
        """For one life of a broker; what it has asked for ends with it."""
        chance = self._world.chance(f"store {number} {self._world.timeline.time_ms}")
        timeline = _Living(process)
        carrier = _Carrier(self._world, number, timeline, chance.randrange(1 << 32))
        self._carriers[number] = carrier
        process.on_death(carrier.close)
        self._make_weather(number)
        random = SeededRandom(chance.randrange(1 << 32))
        scratch = Keys(CLUSTER).clients
        return EtcdStore(carrier, process, random, process.later, scratch, str(number + 1))

    def fill(self, plan: "Plan", first_topic_id: int) -> None:
        """The topics of a plan, as if somebody had made them in a cluster that has stood for long.

        Each is led by its first replica, and all are in sync.
        """
        values = {self._keys.meta: ClusterRecord("sim", 1, {}).to_bytes()}
        everybody = range(1, plan.brokers + 1)
        for number, topic in enumerate(plan.topics):
            values |= self._values_of(topic, number, UUID(int=first_topic_id + number), everybody)
        self._write(Put(key.encode(), value) for key, value in values.items())

    def create(self, topic: "Topic", number: int, topic_id: UUID) -> None:
        """In sync is who is there; the controller knows best who that is."""
        brokers = range(1, len(self._world.machines) + 1)
        records = {broker: self.accepted(broker) for broker in brokers}
        active = [b for b, r in records.items() if r and r.state is BrokerState.ACTIVE]
        values = self._values_of(topic, number, topic_id, active or brokers)
        self._write(Put(key.encode(), value) for key, value in values.items())

    def delete(self, topic: "Topic", number: int) -> None:
        keys = self._keys.topic(topic.name), self._keys.group(number)
        self._write(Delete(key.encode()) for key in keys)

    def _values_of(
        self, topic: "Topic", number: int, topic_id: UUID, active: Collection[int]
    ) -> dict[str, bytes]:
        config = {"flush": topic.flush, "segment.bytes": str(topic.segment_bytes)}
        config |= {"retention.bytes": str(topic.retention_bytes)}
        config |= {"min.insync.replicas": str(topic.min_isr), "index.interval.bytes": "256"}
        record = TopicRecord(topic_id, topic.partitions, config, (number,))
        group, brokers = {}, len(self._world.machines)
        for index in range(topic.partitions):
            order = [1 + (number + index + each) % brokers for each in range(topic.replicas)]
            isr = tuple(broker for broker in order if broker in active) or tuple(order)
            image = PartitionImage(isr[0], 0, 0, topic.min_isr, tuple(order), isr)
            group[PartitionId(topic_id, index)] = image
        return {
            self._keys.topic(topic.name): record.to_bytes(),
            self._keys.group(number): group_to_bytes(group),
        }

    def _write(self, operations: Iterable[Put | Delete]) -> None:
        answer = self.etcd.answer(Txn((), tuple(operations)))
        assert not isinstance(answer, Failure), answer

    def cut_off(self, number: int) -> None:
        self._away.add(number)
        carrier = self._carriers.get(number)
        if carrier is not None:
            carrier.cut_off(*range(len(carrier.names)))

    def roughen(self, number: int) -> None:
        self._rough.add(number)
        self._make_weather(number)

    def delay(self, number: int, ms: int) -> None:
        """It hears of all changes late; what it writes is written at once."""
        self._lags[number] = ms
        self._make_weather(number)

    def expire(self, number: int) -> None:
        """All of a broker's leases end, as if it had been silent for too long."""
        for key in [Keys(CLUSTER).broker(number + 1), Keys(CLUSTER).controller]:
            self.etcd.end_lease_of(key.encode())

    def hurry(self, number: int) -> None:
        """Whatever it has not heard yet it reads anew."""
        carrier = self._carriers.get(number)
        if number in self._lags and carrier is not None:
            carrier.break_streams(*range(len(carrier.names)))

    def heal(self, number: int) -> None:
        self._away.discard(number)
        self._rough.discard(number)
        self._lags[number] = 0
        carrier = self._carriers.get(number)
        if carrier is not None:
            carrier.heal()

    def _make_weather(self, number: int) -> None:
        carrier = self._carriers.get(number)
        if carrier is None:
            return
        carrier.weather = replace(
            ROUGH if number in self._rough else Weather(), lag_ms=self._lags.get(number, 0)
        )
        if number in self._away:
            carrier.cut_off(*range(len(carrier.names)))


class _Carrier(SimCarrier):
    """Of one broker: what leaves it is signed, and what is done of it is judged."""

    def __init__(self, world: "World", number: int, timeline: Timeline, seed: int) -> None:
        super().__init__(world.store.etcd, timeline, seed)
        self._world = world
        self._number = number

    def ask(self, member: int, request: Request, timeout_ms: int, answered: Answered) -> None:
        if isinstance(request, Txn):
            request = self._world.authors.signed(self._world.machines[self._number], request)
        super().ask(member, request, timeout_ms, answered)

    def arrive(self, request: Request) -> Answer | Failure:
        answer = super().arrive(request)
        if isinstance(request, Txn) and isinstance(answer, Transacted) and answer.succeeded:
            self._world.authors.on_written(request)
        return answer


class _Living(Timeline):
    """A process's idea of time, for what acts in its name."""

    def __init__(self, process: Process) -> None:
        super().__init__()
        self.later = process.later
        self.now_ms = process.now_ms

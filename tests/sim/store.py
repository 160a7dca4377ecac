"""The coordination store that all brokers of a world share: one simulated etcd, a way for each.

Each life of a broker gets the real client (bus/adapters/etcd) over a carrier of its own, whose
weather the faults make.
"""

from typing import TYPE_CHECKING
from uuid import UUID

from bus.adapters.etcd.messages import Failure, Put, Txn
from bus.adapters.etcd.store import EtcdStore
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.keys import Keys
from bus.model.stored import ClusterRecord, TopicRecord, group_to_bytes
from tests.fixtures.seeded_random import SeededRandom
from tests.fixtures.sim_carrier import SimCarrier, Weather
from tests.fixtures.sim_etcd import SimEtcd
from tests.fixtures.timeline import Timeline
from tests.sim.process import Process

if TYPE_CHECKING:
    from tests.sim.plan import Plan
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

    def of(self, number: int, process: Process) -> EtcdStore:
        """For one life of a broker; what it has asked for ends with it."""
        chance = self._world.chance(f"store {number} {self._world.timeline.time_ms}")
        timeline = _Living(process)
        carrier = SimCarrier(self.etcd, timeline, chance.randrange(1 << 32))
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
        keys, brokers = Keys(CLUSTER), plan.brokers
        values = {keys.meta: ClusterRecord("sim", 1, {}).to_bytes()}
        for number, topic in enumerate(plan.topics):
            uuid = UUID(int=first_topic_id + number)
            config = {"flush": topic.flush, "segment.bytes": str(topic.segment_bytes)}
            config |= {"retention.bytes": str(topic.retention_bytes)}
            config |= {"min.insync.replicas": str(topic.min_isr), "index.interval.bytes": "256"}
            record = TopicRecord(uuid, topic.partitions, config, (number,))
            values[keys.topic(topic.name)] = record.to_bytes()
            group = {}
            for index in range(topic.partitions):
                order = [1 + (number + index + each) % brokers for each in range(topic.replicas)]
                image = PartitionImage(order[0], 0, 0, topic.min_isr, tuple(order), tuple(order))
                group[PartitionId(uuid, index)] = image
            values[keys.group(number)] = group_to_bytes(group)
        puts = tuple(Put(key.encode(), value) for key, value in values.items())
        answer = self.etcd.answer(Txn((), puts))
        assert not isinstance(answer, Failure), answer

    def cut_off(self, number: int) -> None:
        self._away.add(number)
        carrier = self._carriers.get(number)
        if carrier is not None:
            carrier.cut_off(*range(len(carrier.names)))

    def roughen(self, number: int) -> None:
        self._rough.add(number)
        self._make_weather(number)

    def expire(self, number: int) -> None:
        """All of a broker's leases end, as if it had been silent for too long."""
        for key in [Keys(CLUSTER).broker(number + 1), Keys(CLUSTER).controller]:
            self.etcd.end_lease_of(key.encode())

    def heal(self, number: int) -> None:
        self._away.discard(number)
        self._rough.discard(number)
        carrier = self._carriers.get(number)
        if carrier is not None:
            carrier.heal()

    def _make_weather(self, number: int) -> None:
        carrier = self._carriers.get(number)
        if carrier is None:
            return
        if number in self._rough:
            carrier.weather = ROUGH
        if number in self._away:
            carrier.cut_off(*range(len(carrier.names)))


class _Living(Timeline):
    """A process's idea of time, for what acts in its name."""

    def __init__(self, process: Process) -> None:
        super().__init__()
        self.later = process.later
        self.now_ms = process.now_ms

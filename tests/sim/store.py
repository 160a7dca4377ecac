"""The coordination store that all brokers of a world share: one simulated etcd, a way for each.

Each life of a broker gets the real client (bus/adapters/etcd) over a carrier of its own, whose
weather the faults make.
"""

from typing import TYPE_CHECKING

from bus.adapters.etcd.store import EtcdStore
from bus.model.keys import Keys
from tests.fixtures.seeded_random import SeededRandom
from tests.fixtures.sim_carrier import SimCarrier, Weather
from tests.fixtures.sim_etcd import SimEtcd
from tests.fixtures.timeline import Timeline
from tests.sim.process import Process

if TYPE_CHECKING:
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

"""A machine with a disk, and the lives of the broker on it.

What               Memory    Page cache   Disk                 Next life
----               ------    ----------   ----                 ---------
stop               closed    stays        stays                same boot
kill               gone      stays        stays                same boot
power failure      gone      gone         what was synced      another boot
"""

from functools import cache
from typing import TYPE_CHECKING

from bus.adapters.solo import Solo
from bus.broker.dispatch import SERVED
from bus.broker.node import Node
from bus.broker.ticker import Ticker
from bus.errors import BusError
from bus.model.broker_config import broker_settings
from bus.model.broker_settings import BrokerSettings
from bus.model.endpoint import Endpoint
from tests.fixtures.seeded_random import SeededRandom
from tests.sim.cluster_node import ClusterNode
from tests.sim.disk import WorldDisk
from tests.sim.peers import SimPeers
from tests.sim.process import Process

if TYPE_CHECKING:
    from tests.sim.calls import Connection
    from tests.sim.world import World

START_AGAIN_MS = 300
UUIDS = 1 << 32


class Machine:
    """See the module; brokers are numbered from 0, and their node ids from 1."""

    def __init__(self, world: "World", number: int) -> None:
        self.number = number
        self.node: Node | None = None
        self.disk: WorldDisk | None = None
        self.process: Process | None = None
        self.ticker: Ticker | None = None
        self.connections: list[Connection] = []
        self.is_wanted = True  # up, or on its way
        self.is_leaving = False
        self.lives = 0
        self.unreadable = False  # files of the next life, too
        self.room: int | None = None
        self.slow = 1.0
        self.wall_jump_ms = 0
        self._world = world
        self._has_reserve = world.chance("reserve").random() < 0.5
        self._boots = 1
        self._booted_ms = 0.0
        self._root = None

    @property
    def broker(self) -> int:
        """Its node id."""
        return self.number + 1

    # --- lives ------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin a life, again and again until one begins."""
        self.is_wanted = True
        if self.process is not None:
            return
        self.lives += 1
        name = f"broker {self.number} life {self.lives}"
        world = self._world
        process = Process(world.timeline, world.chance(name), self._booted_ms, self._on_step)
        process.wall_jump_ms = self.wall_jump_ms
        self.disk = WorldDisk(self._root, process, world.chance(f"{name} disk"), self._boot())
        self._root = self.disk.root
        self.disk.room, self.disk.slow = self.room, self.slow
        self._make_unreadable()
        try:
            self.node = self._node(process)
            outcomes: list[Exception | None] = []
            self.node.start(outcomes.append)
            if outcomes[0] is not None:
                raise outcomes[0]
        except (OSError, BusError) as error:
            world.note(f"{name} does not begin: {error}")
            self.node = None
            self._end(process)
            world.timeline.later(START_AGAIN_MS / 1000, self._start_again)
            return
        self.process = process
        self.ticker = Ticker(process, self.node)
        world.note(f"{name} begins: {self._state()}")
        world.observer.on_started(self)

    def _node(self, process: Process) -> Node:
        seed = self._world.chance(f"broker {self.number} life {self.lives} random")
        random = SeededRandom(seed.randrange(UUIDS))
        settings = settings_of(self.broker, self._has_reserve)
        if self._world.is_cluster:
            node = self._cluster_node(settings, process, random)
        else:
            solo = Solo(self.disk)
            later = process.later
            node = Node(settings, [self.disk], solo, process, random, process, later)
        url = f"tcp://10.0.0.{self.broker}:7901"
        node.served = SERVED
        node.endpoints["zmq"] = Endpoint(url, url, 7901)
        return node

    def _cluster_node(
        self, settings: BrokerSettings, process: Process, random: SeededRandom
    ) -> Node:
        world = self._world
        return ClusterNode(
            settings,
            self.disk,
            world.store.of(self.number, process),
            process,
            random,
            SimPeers(world.net, self.broker, len(world.machines), process),
            len(world.machines),
            world.new_producer_id,
            world.authors.on_proposed,
        )

    def stop(self) -> None:
        """As it is asked to."""
        self.is_wanted = False
        if self.process is None:
            return
        self._world.observer.on_ending(self)
        try:
            self.ticker.close()
            self.node.stop(clean=True)
            self.disk.close()
        except OSError as error:
            self._world.note(f"broker {self.number} stops with an error: {error}")
        self._world.observer.on_ending(self)  # once more: the last flush has committed something
        self._world.note(f"broker {self.number} has stopped")
        self._end(self.process)

    def leave(self) -> None:
        """The same in a cluster: others take over first."""
        self.is_wanted = False
        life = self.process
        if life is None or self.is_leaving:
            return

        def stop() -> None:
            if self.process is life:
                self.stop()

        self.is_leaving = True
        self._world.note(f"broker {self.number} is about to stop")
        self.node.leave(stop)

    def kill(self) -> None:
        """kill -9."""
        self.is_wanted = False
        if self.process is None:
            return
        self._world.observer.on_ending(self)
        self._world.note(f"broker {self.number} is killed: {self._state()}")
        self._end(self.process)

    def fail_power(self) -> None:
        """What was not synced is gone, in part."""
        self.is_wanted = False
        if self.process is not None:
            self._world.observer.on_ending(self)
            self._world.note(f"broker {self.number} loses power: {self._state()}")
        disk = self.disk
        self._end(self.process)
        self._boots += 1
        self._booted_ms = self._world.timeline.time_ms
        if self._root is not None:  # else it is new, and nothing has been written to it
            self._root = disk.crash(self._world.chance(f"power {self.number} {self._boots}")).root
        self._world.observer.on_power_failed(self)

    def wipe(self) -> None:
        """Its disk is replaced by an empty one."""
        self.kill()
        self._root = None
        self._world.note(f"broker {self.number} has an empty disk now")
        self._world.observer.on_wiped(self)

    def _end(self, process: Process | None) -> None:
        if self.disk is not None:
            self.disk.die()
        if process is not None:
            process.end()
        self.process = self.node = self.ticker = None
        self.is_leaving = False

    def _start_again(self) -> None:
        if self.is_wanted:
            self.start()

    @property
    def has_failed(self) -> bool:
        """Its disk has: nothing is written any more."""
        return self.node is not None and not self.node.stores.working

    # --- its disk and its clock ---------------------------------------------------------------

    def set_room(self, room: int | None) -> None:
        self.room = self.disk.room = room

    def set_slow(self, factor: float) -> None:
        self.slow = self.disk.slow = factor

    def set_unreadable(self, unreadable: bool) -> None:
        self.unreadable = unreadable
        self._make_unreadable()

    def jump(self, ms: int) -> None:
        self.wall_jump_ms = ms
        if self.process is not None:
            self.process.wall_jump_ms = self.wall_jump_ms

    def _make_unreadable(self) -> None:
        if self.disk is None:
            return
        data = [path for path in self.disk.files() if path.endswith(".log")]
        self.disk.bad_reads = set(data) if self.unreadable else set()

    def _boot(self) -> str:
        return f"{self.number:08d}-0000-0000-0000-{self._boots:012d}"

    def _on_step(self) -> None:
        if self.node is not None:
            self._world.observer.after_step(self)

    def _state(self) -> str:
        parts = sorted(self.node.runtime.partitions.values(), key=lambda each: each.name)
        return ", ".join(
            f"{p.name} [{p.log.start_offset}, {p.log.flushed_offset}, {p.log.end_offset}) "
            f"hw {p.leader.high_watermark} epoch {p.leader.epoch}"
            for p in parts
        )


@cache
def settings_of(broker: int, has_reserve: bool) -> BrokerSettings:
    """Without a reserve a disk may fill up to the last byte."""
    given = {"data": "sim", "listen": "", "node_id": str(broker)}
    none = {"log_reserve_bytes": "0", "log_reserve_percent": "0"}
    return broker_settings(given if has_reserve else given | none)

"""What all clients of the world do: find who leads a partition, and keep connections to brokers."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from bus.wire.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from bus.wire.schema import Message
from tests.sim.calls import Connection

if TYPE_CHECKING:
    from tests.sim.world import World

ASK_MS_MAX = 3000  # a client waits so long for any answer that is not told another time
Found = Callable[[Connection, UUID], None]


class Client:
    """One client; each has chance of its own."""

    def __init__(self, world: "World", name: str) -> None:
        self.name = name
        self.world = world
        self.chance = world.chance(name)
        self._connections: dict[int, Connection] = {}
        self._leaders: dict[tuple[str, int], tuple[int, UUID]] = {}
        self._next = self.chance.randrange(len(world.machines))

    def after(self, low_ms: float, high_ms: float, call: Callable[[], None]) -> None:
        self.world.timeline.later(self.chance.uniform(low_ms, high_ms) / 1000, call)

    def anybody(self) -> Connection:
        """The brokers take turns."""
        self._next = (self._next + 1) % len(self.world.machines)
        return self._connection(self._next)

    def at_leader(self, topic: str, index: int, found: Found) -> None:
        """`found` once it is known who leads; be it in a long time."""
        known = self._leaders.get((topic, index))
        if known is None:
            self._look_up(topic, index, found)
            return
        connection = self._connection(known[0])
        if connection.is_open:
            found(connection, known[1])
        else:
            self.forget(topic, index)
            self.after(10, 60, lambda: self.at_leader(topic, index, found))

    def forget(self, topic: str, index: int) -> None:
        """Who leads it is not known any more."""
        self._leaders.pop((topic, index), None)

    def _connection(self, number: int) -> Connection:
        known = self._connections.get(number)
        if known is None or not known.is_open:
            known = Connection(self.world, self.name, self.world.machines[number])
            self._connections[number] = known
        return known

    def _look_up(self, topic: str, index: int, found: Found) -> None:
        request = MetadataRequest(
            topics=[MetadataRequestTopic(name=topic)], allow_auto_topic_creation=False
        )

        def on_answer(answer: Message | None) -> None:
            assert answer is None or isinstance(answer, MetadataResponse)
            for known in answer.topics if answer is not None else []:
                for part in known.partitions:
                    if part.error_code == 0 and part.leader_id > 0:
                        place = part.leader_id - 1, known.topic_id
                        self._leaders[topic, part.partition_index] = place
            if (topic, index) in self._leaders:
                self.at_leader(topic, index, found)
            else:
                self.after(10, 60, lambda: self._look_up(topic, index, found))

        self.anybody().ask(request, on_answer, ASK_MS_MAX)

"""A topic that is deleted and made again under its name, while others write to it (KIP-516).

Brokers of a cluster cannot make topics in this world: it is done to the store, as whoever may do it
would. What was written to an earlier one of that name must never be seen in a later one.
"""

from typing import TYPE_CHECKING
from uuid import UUID

from tests.sim.plan import Producer, Topic
from tests.sim.producers import SimProducer

if TYPE_CHECKING:
    from tests.sim.world import World

NOT_PLANNED = -1  # as the number of its topic
FIRST_ID, FIRST_PRODUCER = 1100, 100


class Churn:
    """One for all of a world."""

    def __init__(self, world: "World") -> None:
        replicas = min(3, world.plan.brokers)
        self.topic = Topic("churn", 1, "group", 8192, -1, replicas, replicas // 2 + 1)
        self.producer: SimProducer | None = None  # while the topic is there
        self._world = world
        self._made = 0

    def create(self) -> None:
        if self.producer is not None:
            return
        world, number = self._world, self._made
        self._made += 1
        world.note(f"{self.topic.name} is made for the {number + 1}. time")
        world.store.create(self.topic, len(world.plan.topics), new_id(number))
        spec = Producer(NOT_PLANNED, 0, -1, False)
        self.producer = SimProducer(world, FIRST_PRODUCER + number, spec, self.topic)
        world.producers.append(self.producer)

    def delete(self) -> None:
        if self.producer is None:
            return
        self._world.note(f"{self.topic.name} is deleted")
        self._world.store.delete(self.topic, len(self._world.plan.topics))
        self.producer.stop()
        self._world.producers.remove(self.producer)
        self.producer = None

    def produce(self, count: int, size: int) -> None:
        if self.producer is not None:
            self.producer.send(count, size)


def new_id(number: int) -> UUID:
    """Of the so manieth topic of that name."""
    return UUID(int=FIRST_ID + number)

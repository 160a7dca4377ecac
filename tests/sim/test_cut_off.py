"""A follower that its leader cannot hear, and the store can: it leaves the in-sync set once."""

import pytest

from tests.sim.plan import Plan, Producer, Step, Topic
from tests.sim.world import World

FROM_IT, AT_IT, BOTH = 0, 1, 2


@pytest.mark.parametrize("way", [FROM_IT, AT_IT, BOTH])
def test_it_leaves_the_set_once_and_comes_back_once(way: int) -> None:
    topic = Topic("topic-0", 1, "group", 65536, replicas=3, min_isr=2)
    produces = Step(500, "produce", (0, 5, 10)), Step(1000, "produce", (0, 5, 10))
    leader, follower = 0, 2
    cut = Step(1500, "cut", (leader, follower, way, 7000))
    plan = Plan(way, 3, 10_000, (topic,), (Producer(0, 0, -1, True),), (), produces, (cut,))
    world = World(plan)
    assert world.run().violation is None
    (history,) = world.observer.cluster.history.values()
    sets = [set(image.isr) for image in history]
    assert sets == [{1, 2, 3}, {1, 2}, {1, 2, 3}]

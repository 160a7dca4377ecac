"""Whichever broker answers first is heard; one that hangs keeps nobody waiting."""

import asyncio

from bus.client.anybody import Anybody
from bus.client.connection import Connections
from bus.errors import NetworkError
from bus.wire.metadata import MetadataRequest, MetadataResponse


class HandLink:
    """A link whose answers are given by hand, unless it is lost."""

    def __init__(self, is_lost: bool) -> None:
        self.asked: list = []
        self._is_lost = is_lost

    def call(self, request, done) -> None:
        self.asked.append(done)
        if self._is_lost:
            asyncio.get_running_loop().call_soon(done, NetworkError())

    def close(self) -> None:
        pass


class World:
    """Some endpoints, of which some are lost."""

    def __init__(self, *endpoints: str, lost: tuple[str, ...] = ()) -> None:
        self.links: dict[str, HandLink] = {}
        self._lost = lost
        loop = asyncio.get_running_loop()
        self.connections = Connections(loop, self._connect)
        self.anybody = Anybody(loop, self.connections, lambda: list(endpoints))
        self.answers: list = []
        self._heard = asyncio.Event()

    def _connect(self, endpoint: str) -> HandLink:
        return self.links.setdefault(endpoint, HandLink(endpoint in self._lost))

    def ask(self) -> None:
        self.anybody.ask(MetadataRequest(topics=[]), 60_000, self._hear)

    def _hear(self, answer) -> None:
        self.answers.append(answer)
        self._heard.set()

    async def heard(self) -> None:
        await asyncio.wait_for(self._heard.wait(), 60)
        self._heard.clear()

    async def until_asked(self, endpoint: str) -> HandLink:
        async with asyncio.timeout(60):
            while endpoint not in self.links:
                await asyncio.sleep(0.01)
        return self.links[endpoint]

    def close(self) -> None:
        self.anybody.close()
        self.connections.close()


def play(story) -> None:
    async def run() -> None:
        world = World("a", "b")
        try:
            await story(world)
        finally:
            world.close()

    asyncio.run(run())


def test_the_first_answer_counts_and_no_other_is_told() -> None:
    async def story(world: World) -> None:
        world.ask()
        other = await world.until_asked("b")
        other.asked[0](MetadataResponse(controller_id=2))
        await world.heard()
        world.links["a"].asked[0](MetadataResponse(controller_id=1))
        assert [answer.controller_id for answer in world.answers] == [2]

    play(story)


def test_whoever_has_answered_is_asked_first_the_next_time() -> None:
    async def story(world: World) -> None:
        world.ask()
        (await world.until_asked("b")).asked[0](MetadataResponse())
        await world.heard()
        world.ask()
        assert [len(world.links[name].asked) for name in ("a", "b")] == [1, 2]

    play(story)


def test_of_a_watch_all_that_its_broker_tells_is_told() -> None:
    async def story(world: World) -> None:
        world.ask()
        (done,) = world.links["a"].asked
        for number in (1, 2):
            done(MetadataResponse(controller_id=number, more=True))
        assert [answer.controller_id for answer in world.answers] == [1, 2]

    play(story)


def test_one_that_is_lost_gives_its_turn_to_the_next() -> None:
    async def run() -> None:
        world = World("a", "b", lost=("a",))
        world.ask()
        await world.heard()
        assert isinstance(world.answers[0], NetworkError)
        world.ask()
        assert len(world.links["b"].asked) == 1
        world.close()

    asyncio.run(run())

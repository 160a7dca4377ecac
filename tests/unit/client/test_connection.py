"""Calls get one answer each: in time, from the link they left on, and never after close."""

import asyncio

from bus.client.connection import Connections
from bus.errors import NetworkError, RequestTimedOut
from bus.model import limits
from bus.wire.fetch import FetchResponse
from bus.wire.metadata import MetadataRequest, MetadataResponse

URL = "tcp://host:1"


class StubLink:
    def __init__(self):
        self.calls, self.closed = [], False

    def call(self, request, done):
        self.calls.append(done)

    def close(self):
        self.closed = True


class StoppedClock:
    """The running loop, at a time that only the test puts forward."""

    def __init__(self):
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time()

    def time(self):
        return self.now

    def __getattr__(self, name):
        return getattr(self._loop, name)


class Stage:
    """Connections over links that do nothing by themselves."""

    def __init__(self, loop=None):
        self.links, self.answers = [], []
        self.connections = Connections(loop or asyncio.get_running_loop(), self.connect)

    def connect(self, endpoint):
        self.links.append(StubLink())
        return self.links[-1]

    def call(self, timeout_ms=60_000):
        self.connections.call(URL, MetadataRequest(), timeout_ms, self.answers.append)


def on_loop(story):
    def run():
        asyncio.run(story())

    run.__name__ = story.__name__
    return run


@on_loop
async def test_calls_to_one_endpoint_share_a_link():
    stage = Stage()
    stage.call()
    stage.call()
    for done in stage.links[0].calls:
        done(MetadataResponse())
    assert len(stage.links) == 1
    assert stage.answers == [MetadataResponse(), MetadataResponse()]
    stage.connections.close()


@on_loop
async def test_a_lost_link_fails_its_calls_and_is_made_anew_after_a_pause():
    loop = StoppedClock()
    stage = Stage(loop)
    stage.call()
    stage.call()
    stage.links[0].calls[0](NetworkError())
    await asyncio.sleep(0)
    assert [type(answer) for answer in stage.answers] == [NetworkError, NetworkError]
    stage.call()
    await asyncio.sleep(0)
    assert len(stage.links) == 1, "the pause is not over"
    loop.now += 0.03
    stage.call()
    assert len(stage.links) == 2
    assert stage.links[0].closed
    stage.connections.close()


@on_loop
async def test_an_answer_that_does_not_come_ends_the_link():
    stage = Stage()
    stage.call(timeout_ms=10)
    await asyncio.sleep(0.03)
    assert [type(answer) for answer in stage.answers] == [RequestTimedOut]
    stage.links[0].calls[0](MetadataResponse())
    assert len(stage.answers) == 1
    assert stage.links[0].closed
    stage.connections.close()


@on_loop
async def test_nothing_is_answered_after_close():
    stage = Stage()
    stage.call()
    stage.connections.close()
    stage.links[0].calls[0](MetadataResponse())
    await asyncio.sleep(0)
    assert stage.answers == []


@on_loop
async def test_a_stream_is_answered_until_its_last_answer():
    stage = Stage()
    stage.call()
    for more in (True, True, False, True):
        stage.links[0].calls[0](FetchResponse(more=more))
    assert [answer.more for answer in stage.answers] == [True, True, False]
    stage.connections.close()


def test_a_stream_that_falls_silent_is_given_up(monkeypatch):
    monkeypatch.setattr("bus.client.connection.STREAM_SILENCE_MS_MAX", 10)
    assert limits.STREAM_SILENCE_MS_MAX > 2 * limits.STREAM_BEACON_MS, "a beacon may be missed"

    async def story():
        stage = Stage()
        stage.call()
        stage.links[0].calls[0](FetchResponse(more=True))
        while len(stage.answers) < 2:
            await asyncio.sleep(0.005)
        assert isinstance(stage.answers[1], RequestTimedOut)
        stage.connections.close()

    asyncio.run(story())

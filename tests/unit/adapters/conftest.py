"""A loop that a test drives until what it waits for has happened."""

import asyncio
import time

import pytest
import zmq

from tests.fixtures.waiting import SECONDS


class DrivenLoop:
    """An event loop and a ZeroMQ context, both closed at the end of the test."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.context = zmq.Context()
        self.reports: list[dict] = []
        self.loop.set_exception_handler(lambda _, context: self.reports.append(context))

    def until(self, condition, seconds: float = SECONDS) -> None:
        """Run the loop until `condition()` holds; fails after `seconds`."""
        deadline = time.monotonic() + seconds

        async def wait() -> None:
            while not condition():
                assert time.monotonic() < deadline, "it never happened"
                await asyncio.sleep(0.001)

        self.loop.run_until_complete(wait())

    def close(self) -> None:
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()
        self.context.destroy(linger=0)


@pytest.fixture
def driven():
    driven = DrivenLoop()
    yield driven
    driven.close()
    assert driven.reports == []

"""The pytest plugin: the fixture `bus_broker`, a broker for each test that asks for one.

pytest imports this module at every start, in projects that do not use it too: so it imports
nothing of ours before the fixture is used.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bus.testing.broker import TemporaryBroker

MARK = "bus_broker"
HELP = f"{MARK}(**settings): what the fixture {MARK} is started with, as of bus.Broker"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", HELP)


@pytest.fixture
def bus_broker(request: pytest.FixtureRequest) -> "Iterator[TemporaryBroker]":
    """A busd for this test alone; `bus_broker.bootstrap` is HOST:PORT for any Kafka client."""
    from bus.testing.broker import TemporaryBroker

    settings: dict[str, object] = {}
    for mark in request.node.iter_markers(MARK):  # the nearest first
        settings = {**mark.kwargs, **settings}
    with TemporaryBroker(**settings) as broker:
        yield broker

"""Peers that stop reading, and peers that come and go: what busd holds for them is bounded."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

import bus
from tests.fixtures.leaks import anonymous_bytes
from tests.fixtures.waiting import wait_until
from tests.integration.conftest import Serving

MIB = 1 << 20
TOPIC = "t"
PREFETCH_BYTES = 2 * MIB  # the most that one subscriber's streams may have
PADDING = bytes(92)
OPENED_ONCE = 12  # by the first visitors, for threads that stay; fewer than turns to come

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


class Subscribers:
    """A process of `count` consumers (tests/integration/subscribers.py)."""

    def __init__(self, endpoint: str, count: int) -> None:
        program = [sys.executable, "-m", "tests.integration.subscribers"]
        self.process = subprocess.Popen(
            [*program, endpoint, TOPIC, str(count), str(PREFETCH_BYTES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def read(self, end_offset: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{end_offset}\n")
        self.process.stdin.flush()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def subscribers() -> Iterator["type"]:
    """Starts processes of subscribers; they end with the test."""
    started: list[Subscribers] = []

    def start(endpoint: str, count: int) -> Subscribers:
        started.append(Subscribers(endpoint, count))
        return started[-1]

    yield start
    for one in started:
        one.end()


def produced(producer: bus.Producer, first: int, count: int) -> int:
    """Records `first` and on, in calls of 2,000; the offset behind them."""
    for at in range(first, first + count, 2_000):
        numbers = range(at, at + 2_000)
        producer.send_batch(TOPIC, [number.to_bytes(8, "big") + PADDING for number in numbers])
    producer.flush()
    return first + count


def test_who_stops_reading_costs_no_more_than_its_credit(serve, subscribers) -> None:
    broker = serve("--set", "log.flush=os")
    with bus.Producer(broker.endpoint, linger_ms=0) as producer:
        end = produced(producer, 0, 2_000)
        tails = [subscribers(broker.endpoint, 20) for _ in range(2)]
        assert [tail.says() for tail in tails] == ["live", "live"]
        end = produced(producer, end, 20_000)  # what a stream needs is allocated
        for tail in tails:
            tail.read(end)
        assert [tail.says() for tail in tails] == ["done", "done"]
        before = anonymous_bytes(broker.process.pid)
        for tail in tails:
            tail.signal(signal.SIGSTOP)
        for _ in range(200):  # small answers, which are copied, and then large ones, which are lent
            end = produced(producer, end, 2_000)
        end = produced(producer, end, 300_000)
        grown = anonymous_bytes(broker.process.pid) - before
        for tail in tails:
            tail.signal(signal.SIGCONT)
            tail.read(end)
        assert [tail.says() for tail in tails] == ["done", "done"]
    assert grown < 40 * PREFETCH_BYTES + 32 * MIB


def test_a_thousand_clients_that_come_and_go_leave_nothing(serve, subscribers) -> None:
    broker = serve("--set", "log.flush=os")
    with bus.Producer(broker.endpoint) as producer:
        produced(producer, 0, 2_000)
    at_rest = descriptors(broker) + OPENED_ONCE
    come_and_go(broker, subscribers, 4)
    assert wait_until(lambda: descriptors(broker) <= at_rest)
    before = anonymous_bytes(broker.process.pid)
    come_and_go(broker, subscribers, 16)
    assert wait_until(lambda: descriptors(broker) <= at_rest)
    assert wait_until(lambda: anonymous_bytes(broker.process.pid) < before + 16 * MIB)


def come_and_go(broker: Serving, subscribers, turns: int) -> None:
    """50 clients a turn, in one process: half of the turns close, the others are killed."""
    for turn in range(turns):
        visitors = subscribers(broker.endpoint, 50)
        assert visitors.says() == "live"
        if turn % 2:
            visitors.signal(signal.SIGKILL)
        visitors.process.communicate()  # its input ends, so it closes its clients and leaves
        assert visitors.process.returncode in (0, -signal.SIGKILL)


def descriptors(broker: Serving) -> int:
    return len(os.listdir(f"/proc/{broker.process.pid}/fd"))

"""Live tails through the real client: from catch-up to the tail and back, nothing lost or doubled.

Record n of every topic begins with the number n, so what a reader gets tells where it belongs.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

import bus
from bus.testing.history import History
from tests.crash.load import Load
from tests.integration.subscribers import check

TOPIC = "t"
FULL = 16 << 20
SMALL = 4 << 10  # of one fetch, and so of a credit: a stream ends after a few records


class Writer:
    """A producer at full rate on a thread of its own, until it is told to end."""

    def __init__(self, endpoint: str, flush: str = "os") -> None:
        with bus.Admin(endpoint) as admin:
            admin.create_topic(TOPIC, partitions=1, config={"flush": flush})
        self.history = History()
        self._load = Load(endpoint, TOPIC)
        self._ending = Event()
        self._error: list[BaseException] = []
        self._thread = Thread(target=self._run)
        self._thread.start()

    @property
    def acknowledged(self) -> int:
        return self._load.acknowledged

    def end(self) -> int:
        """The end of the log."""
        self._ending.set()
        self._thread.join()
        self._load.producer.close()
        if self._error:
            raise self._error[0]
        return self._load.acknowledged

    def _run(self) -> None:
        try:
            while not self._ending.wait(0.001):
                self._load.produce(self.history, 500)
            self._load.settle(self.history)
        except BaseException as error:
            self._error.append(error)


@contextmanager
def writing(endpoint: str, flush: str = "os") -> Iterator[Writer]:
    writer = Writer(endpoint, flush)
    try:
        yield writer
    finally:
        if not writer._ending.is_set():
            writer.end()


class Follower:
    """A consumer that looks at every record."""

    def __init__(self, endpoint: str, fetch_bytes: int) -> None:
        self.consumer = bus.Consumer(endpoint, fetch_bytes=fetch_bytes)
        self.consumer.assign([(TOPIC, 0)])
        self.offset = 0

    def read(self, seconds: float = 0.0, end_offset: int = -1) -> None:
        """For so long, or up to an offset."""
        deadline = time.monotonic() + (60 if end_offset >= 0 else seconds)
        while self.offset < end_offset or end_offset < 0:
            batch = self.consumer.poll_batch(2_000, timeout=0.2)
            if batch:
                self.offset = check(batch, self.offset)
            if time.monotonic() > deadline:
                assert end_offset < 0, f"stuck at {self.offset} of {end_offset}"
                return

    def seek(self, offset: int) -> None:
        self.consumer.seek(TOPIC, 0, offset)
        self.offset = offset


@pytest.mark.parametrize("fetch_bytes", [SMALL, 256 << 10, FULL])
def test_a_reader_keeps_up_with_a_writer_at_full_rate(serve, fetch_bytes: int) -> None:
    endpoint = serve().endpoint
    with writing(endpoint) as writer:
        follower = Follower(endpoint, fetch_bytes)
        with follower.consumer:
            follower.read(seconds=1.0)
            follower.read(end_offset=writer.end())
    assert follower.offset > 0


@pytest.mark.parametrize("seed", range(3))
def test_a_reader_that_seeks_pauses_and_naps_gets_what_belongs_there(serve, seed: int) -> None:
    endpoint, draw = serve().endpoint, random.Random(seed)
    with writing(endpoint) as writer:
        follower = Follower(endpoint, draw.choice([SMALL, 256 << 10, FULL]))
        with follower.consumer as consumer:
            for _ in range(25):
                act = draw.choice(["back", "ahead", "pause", "nap", "read"])
                if act == "back":
                    follower.seek(draw.randrange(follower.offset + 1))
                elif act == "ahead":  # close to the tail
                    follower.seek(max(follower.offset, writer.acknowledged - draw.randrange(500)))
                elif act == "pause":
                    consumer.pause()
                    follower.read(seconds=0.02)
                    consumer.resume()
                elif act == "nap":
                    time.sleep(draw.random() * 0.1)
                follower.read(seconds=draw.random() * 0.08)
            follower.read(end_offset=writer.end())


def test_readers_go_on_where_they_were_when_the_broker_is_killed(serve, tmp_path: Path) -> None:
    broker = serve()
    with writing(broker.endpoint, "group") as writer:
        followers = [Follower(broker.endpoint, size) for size in (SMALL, FULL)]
        for _ in range(3):
            for follower in followers:
                follower.read(seconds=0.2)
            os.kill(broker.process.pid, 9)
            broker.process.wait()
            broker = serve("--listen", broker.endpoint)
        end = writer.end()
        for follower in followers:
            follower.read(end_offset=end)
            follower.consumer.close()
        assert _all_there(broker.endpoint, writer.history, end) == []


def _all_there(endpoint: str, history: History, end: int) -> list[str]:
    with bus.Consumer(endpoint) as consumer:
        consumer.assign([(TOPIC, 0)])
        while history.end_offset < end:
            batch = consumer.poll_batch(timeout=60)
            numbers = [int.from_bytes(value[:8], "big") for value in batch.values]
            history.saw(batch.offsets.tolist(), numbers)
    return history.verdict()

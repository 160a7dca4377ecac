"""100 of our own consumers in a group: all have work, one leaves, and the others read on.

Cooperative members keep what they own while others come and go. A record goes to each partition
every 50 ms; the pause of a partition is by how much more two of its records were apart when a
consumer had them in its hands. Those of partitions that had to move are told apart from those that
stayed where they were.
"""

import threading
import time
from collections.abc import Sequence

import bus
from perf.bench import Bench, Failed
from perf.daemon import Daemon
from perf.result import Result
from perf.stats import median

MEMBERS, PARTITIONS = 100, 200
PERIOD_SECONDS = 0.05
WATCH_SECONDS = 8.0  # from the leaving on
REST_SECONDS = 0.01
GIVE_UP_SECONDS = 60.0
TOPIC = "t"


def run(bench: Bench) -> list[Result]:
    """group pause."""
    joined, left, kept, moved = [], [], [], []
    for _ in range(bench.repeats):
        with bench.fresh_directory() as directory, Daemon(directory / "data") as daemon:
            times = _once(daemon.endpoint)
        for figures, seconds in zip((joined, left, kept, moved), times, strict=True):
            figures.append(seconds)
    pauses = {"kept_pause_ms": median(kept) * 1000, "moved_pause_ms": median(moved) * 1000}
    bench.say(f"group pause: joined {median(joined):.2f} s, left {median(left):.2f} s, {pauses}")
    return [
        Result(
            "group pause",
            {"joined_seconds": median(joined), "left_seconds": median(left), **pauses},
            kept,
            facts={"members": MEMBERS, "partitions": PARTITIONS, "assignor": "cooperative-sticky"},
        )
    ]


class _Readers:
    """All members, polled in turn by one thread."""

    def __init__(self, endpoint: str) -> None:
        self.consumers = [bus.Consumer(endpoint, group="g") for _ in range(MEMBERS)]
        for consumer in self.consumers:
            consumer.subscribe(TOPIC)
        self.last = [0.0] * PARTITIONS  # when a record of each came
        self.pauses = [0.0] * PARTITIONS

    def poll(self) -> None:
        time.sleep(REST_SECONDS)  # the I/O thread, which is of this process, has to get its turn
        for consumer in self.consumers:
            while batch := consumer.poll_batch(timeout=0):
                now, at = time.perf_counter(), batch.partition
                pause = now - self.last[at] - PERIOD_SECONDS
                self.pauses[at] = max(self.pauses[at], pause)
                self.last[at] = now

    def owners(self) -> list[set[int]]:
        return [{one.partition for one in consumer.assignment()} for consumer in self.consumers]

    def have_all(self) -> bool:
        """Does everybody have work, and each partition one owner?"""
        owners = self.owners()
        return all(owners) and sum(map(len, owners)) == PARTITIONS == len(set().union(*owners))

    def poll_until_all(self) -> None:
        give_up = time.perf_counter() + GIVE_UP_SECONDS
        while not self.have_all():
            if time.perf_counter() > give_up:
                raise Failed("the members do not come to share the partitions")
            self.poll()


def _once(endpoint: str) -> Sequence[float]:
    with bus.Admin(endpoint) as admin:
        admin.create_topic(TOPIC, PARTITIONS, config={"flush": "os"})
    done = threading.Event()
    before = time.perf_counter()
    sender = threading.Thread(target=_send, args=(endpoint, done))
    readers = _Readers(endpoint)
    sender.start()
    try:
        readers.poll_until_all()
        joined = time.perf_counter() - before
        end = time.perf_counter() + 2
        while time.perf_counter() < end:
            readers.poll()
        stayed = set().union(*readers.owners()[:-1])
        readers.pauses = [0.0] * PARTITIONS
        before = time.perf_counter()
        readers.consumers.pop().close()
        readers.poll_until_all()
        left = time.perf_counter() - before
        end = time.perf_counter() + WATCH_SECONDS
        while time.perf_counter() < end:
            readers.poll()
    finally:
        done.set()
        sender.join()
        for consumer in readers.consumers:
            consumer.close()
    kept = max(readers.pauses[partition] for partition in stayed)
    moved = max(readers.pauses[p] for p in range(PARTITIONS) if p not in stayed)
    return joined, left, kept, moved


def _send(endpoint: str, done: threading.Event) -> None:
    """A record to each partition, every PERIOD_SECONDS as far as the machine lets."""
    with bus.Producer(endpoint, linger_ms=0) as producer:
        due = time.perf_counter()
        while not done.is_set():
            for partition in range(PARTITIONS):
                producer.send(TOPIC, b"x" * 100, partition=partition)
            due += PERIOD_SECONDS
            time.sleep(max(0.0, due - time.perf_counter()))

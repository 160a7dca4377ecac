"""The leader is killed at 5,000 records a second: the longest gap between acknowledgements.

The load is paced: a call each 10 ms. Each round kills the broker that leads the one partition,
takes the longest time between two acknowledgements around it, starts the broker again and waits
until all three are in sync. What was acknowledged is held against what stands, as always.
"""

import threading
import time
from contextlib import ExitStack
from typing import Any

import bus
from bus.cli.local_cluster import LocalCluster
from bus.testing.history import History, Span
from perf.bench import Bench, Failed
from perf.cluster.produce import NODES, make_topic
from perf.macro.client import read
from perf.pool import VALUE_BYTES
from perf.result import Result
from perf.stats import percentile

ROUNDS = 50
RECORDS_A_SECOND = 5_000
CALL_SECONDS = 0.01
STEADY_SECONDS = 2.0  # before each kill
AFTER_SECONDS = 4.0  # that the gap is looked for in
TOPIC = "failover"


def run(bench: Bench) -> list[Result]:
    """cluster failover."""
    rounds = max(3, int(ROUNDS * bench.scale))
    with ExitStack() as stack:
        directory = stack.enter_context(bench.fresh_directory())
        cluster = stack.enter_context(LocalCluster(str(directory / "cluster"), NODES))
        admin = stack.enter_context(bus.Admin(cluster.urls))
        make_topic(admin, TOPIC, "os")
        load = stack.enter_context(Paced(cluster.urls, TOPIC))
        gaps = []
        for number in range(rounds):
            gaps.append(_round(cluster, admin, load))
            bench.say(f"round {number + 1} of {rounds}: {gaps[-1] * 1000:.0f} ms")
        load.stop()
        problems = load.check(cluster.urls)
    if problems:
        raise Failed(problems[0])
    gaps_ms = sorted(gap * 1000 for gap in gaps)
    found = {"p50_ms": percentile(gaps_ms, 0.5), "p99_ms": percentile(gaps_ms, 0.99)}
    facts = {"rounds": rounds, "records_a_second": RECORDS_A_SECOND, "flush": "os"}
    return [Result("cluster failover", found | {"max_ms": gaps_ms[-1]}, gaps_ms, {}, facts)]


def _round(cluster: LocalCluster, admin: bus.Admin, load: "Paced") -> float:
    cluster.wait_until_in_sync(admin, TOPIC)
    time.sleep(STEADY_SECONDS)
    leader = admin.describe_topic(TOPIC).partitions[0].leader
    load.longest = 0.0
    cluster.kill(leader)
    time.sleep(AFTER_SECONDS)
    gap = max(load.longest, time.perf_counter() - load.last)
    cluster.start(leader)
    cluster.wait_until_ready(leader)
    return gap


class Paced:
    """A producer on a thread of its own, and when it was told of what."""

    def __init__(self, urls: list[str], topic: str) -> None:
        self.longest = 0.0  # seconds between two acknowledgements
        self.last = time.perf_counter()
        self._topic = topic
        self._producer = bus.Producer(urls, linger_ms=0)
        self._sent: list[tuple[int, bus.Deliveries]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, name="paced", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Paced":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more; what was sent is answered when this returns."""
        self._stop.set()
        self._thread.join()
        self._producer.close()

    def check(self, urls: list[str]) -> list[str]:
        """What is wrong with what stands, in sentences."""
        history = History()
        for first, deliveries in self._sent:
            for delivery in deliveries:
                history.acknowledged.append(Span(first, delivery.count, delivery.result()))
                first += delivery.count
        wanted = max(span.first + span.count for span in history.acknowledged)

        def look(batch: Any) -> None:
            numbers = [int.from_bytes(value[:8], "big") for value in batch.values]
            history.saw(batch.offsets.tolist(), numbers)

        with bus.Consumer(urls) as consumer:
            read(consumer, self._topic, wanted, look)
        return history.verdict()

    def _send(self) -> None:
        count = int(RECORDS_A_SECOND * CALL_SECONDS)
        padding, number, due = bytes(VALUE_BYTES - 8), 0, time.perf_counter()
        while not self._stop.is_set():
            values = [n.to_bytes(8, "big") + padding for n in range(number, number + count)]
            deliveries = self._producer.send_batch(self._topic, values)
            self._sent.append((number, deliveries))
            for batch in deliveries.batches:
                batch.when_done(self._note)
            number += count
            due += CALL_SECONDS
            self._stop.wait(max(0.0, due - time.perf_counter()))

    def _note(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self.last)
        self.last = now

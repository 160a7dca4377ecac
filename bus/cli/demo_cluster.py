"""`busd demo --cluster`: flights stream through three brokers while their leader is killed."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

from bus.cli.demo_work import PARTITIONS, TOPIC, Tail
from bus.cli.failure import OK, Failure
from bus.cli.flight_check import Expected
from bus.cli.flights import Flights
from bus.cli.local_cluster import LocalCluster
from bus.cli.options import Namespace
from bus.cli.progress import Bar, bars
from bus.cli.table import print_table
from bus.client.admin import Admin
from bus.client.consumer import Consumer
from bus.client.producer import Producer
from bus.errors import BusError, UnknownTopicOrPartition

NODES = 3
PIECE_ROWS = 500
ROWS_A_SECOND = 40_000
KILL_AT, RETURN_AT = 0.3, 0.6  # shares of the rows
WATCH_SECONDS = 0.02
SETTLE_SECONDS_MAX = 60.0


def run(args: Namespace, flights: Flights, directory: str) -> int:
    """Stream, kill, check and tell."""
    with ExitStack() as stack:
        print(f"starting {NODES} brokers in {directory} ...", flush=True)
        cluster = stack.enter_context(LocalCluster(directory, NODES))
        admin = stack.enter_context(Admin(cluster.urls))
        _new_topic(cluster, admin, args.flush)
        show_leaders(admin, "Three brokers, each with a copy of everything:")
        shown = stack.enter_context(bars())
        consumer = stack.enter_context(Consumer(cluster.urls, start="earliest"))
        tail = Tail(
            consumer, len(flights.values), shown.add("read", len(flights.values), "rows").advance
        )
        stack.callback(tail.stop)
        producer = stack.enter_context(Producer(cluster.urls))
        bar = shown.add("acknowledged", len(flights.values), "rows")
        play = _Play(cluster, admin)
        stack.callback(play.join)
        acks = _send(producer, flights, play, bar)
        rows = tail.result().rows
    verdict = Expected(flights.values, flights.keys, flights.timestamps).compare(rows)
    if not verdict.good:
        raise Failure(f"The check failed. The consumer saw {verdict.sentence()}.")
    _tell(play, acks, len(rows), directory)
    return OK


def _new_topic(cluster: LocalCluster, admin: Admin, flush: str) -> None:
    with suppress(UnknownTopicOrPartition):
        admin.delete_topic(TOPIC)
    config: dict[str, Any] = {"flush": flush, "min.insync.replicas": 2}
    admin.create_topic(TOPIC, PARTITIONS, NODES, config)
    cluster.wait_until_in_sync(admin, TOPIC)


def _await(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + SETTLE_SECONDS_MAX
    while True:
        with suppress(BusError):
            if is_so():
                return
        if time.monotonic() > until:
            raise Failure(f"The brokers did not settle within {SETTLE_SECONDS_MAX:.0f} seconds.")
        time.sleep(WATCH_SECONDS)


def show_leaders(admin: Admin, title: str) -> None:
    """Who leads and who is in sync, partition by partition."""
    rows: list[list[object]] = [
        [f"{TOPIC}-{p.partition}", str(p.leader), p.leader_epoch, " ".join(map(str, sorted(p.isr)))]
        for p in admin.describe_topic(TOPIC).partitions
    ]
    print_table(title, ["partition", "leader", "epoch", "in sync"], rows)


class Acks:
    """When each partition was acknowledged something; called on the client's I/O thread."""

    def __init__(self) -> None:
        self.last: dict[int, float] = {}
        self.longest: dict[int, tuple[float, float]] = {}  # seconds, and when they began

    def note(self, partition: int) -> None:
        """Another batch is acknowledged."""
        now = time.perf_counter()
        before = self.last.get(partition, now)
        if now - before > self.longest.get(partition, (0.0, 0.0))[0]:
            self.longest[partition] = now - before, before
        self.last[partition] = now


def _send(producer: Producer, flights: Flights, play: "_Play", bar: Bar) -> Acks:
    """All rows, at a steady pace; what happens to the brokers happens on the way."""
    acks, total, began = Acks(), len(flights.values), time.perf_counter()
    for start in range(0, total, PIECE_ROWS):
        part = slice(start, start + PIECE_ROWS)
        deliveries = producer.send_batch(
            TOPIC,
            flights.values[part],
            keys=flights.keys[part],
            timestamps=flights.timestamps[part],
        )
        for batch in deliveries.batches:
            batch.when_done(partial(acks.note, batch.partition))
        bar.advance(len(flights.values[part]))
        play.go_on(start / total)
        ahead = began + start / ROWS_A_SECOND - time.perf_counter()
        if ahead > 0:
            time.sleep(ahead)
    producer.flush()
    return acks


class _Play:
    """The leader is killed, another one leads, and the killed one comes back."""

    def __init__(self, cluster: LocalCluster, admin: Admin) -> None:
        self._cluster = cluster
        self._admin = admin
        self.victim = 0
        self.led: list[int] = []  # the partitions that it led
        self.killed_at = 0.0
        self.elected_after: float | None = None
        self.back_after: float | None = None
        self._watcher: threading.Thread | None = None

    def go_on(self, share: float) -> None:
        """So much of the rows is sent."""
        if not self.victim and share >= KILL_AT:
            self._kill()
        elif (
            self.victim and share >= RETURN_AT and not self._cluster.brokers[self.victim].is_running
        ):
            self._cluster.start(self.victim)

    def join(self) -> None:
        """Nothing is watched any more."""
        if self._watcher is not None:
            self._watcher.join()

    def _kill(self) -> None:
        partitions = self._admin.describe_topic(TOPIC).partitions
        self.victim = partitions[0].leader
        self.led = [p.partition for p in partitions if p.leader == self.victim]
        process = self._cluster.brokers[self.victim].process
        assert process is not None, "it leads, so it runs"
        self._cluster.kill(self.victim)
        self.killed_at = time.perf_counter()
        print(f"kill -9 {process.pid}: broker {self.victim}, which led {len(self.led)} partitions")
        self._watcher = threading.Thread(target=self._watch, name="demo-watch", daemon=True)
        self._watcher.start()

    def _watch(self) -> None:
        def has_moved() -> bool:
            found = self._admin.describe_topic(TOPIC).partitions
            return all(p.leader not in (-1, self.victim) for p in found)

        with suppress(Failure):
            _await(has_moved)
            self.elected_after = time.perf_counter() - self.killed_at
            show_leaders(self._admin, "Others lead now:")
            self._cluster.wait_until_in_sync(self._admin, TOPIC)
            self.back_after = time.perf_counter() - self.killed_at


def _tell(play: _Play, acks: Acks, rows: int, directory: str) -> None:
    gap = max(acks.longest[partition][0] for partition in play.led)
    others = [gap for partition, (gap, _) in acks.longest.items() if partition not in play.led]
    elected, back = play.elected_after, play.back_after
    print(
        f"""
Gap       {gap * 1000:,.0f} ms without an acknowledgement on the partitions of the killed broker
          ({max(others, default=0.0) * 1000:,.0f} ms on the others)
Leaders   {_seconds(elected)} after the kill another broker led, as far as a client could see
Returned  {_seconds(back)} after the kill all three were in sync again
Checked   {rows:,} rows came back exactly once, unchanged and in order per aircraft: nothing lost
Files     {os.path.relpath(directory)}"""
    )


def _seconds(value: float | None) -> str:
    return "not seen" if value is None else f"{value:.2f} s"

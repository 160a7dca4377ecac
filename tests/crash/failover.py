"""Clients of a cluster whose brokers are killed, one after the other, while they work.

A producer, idempotent and with acks=all, numbers its records per partition; a reader follows all
partitions; two members of a group commit what they read. At the end each partition's History is
judged, and the group must have read every record and have its positions at the ends.

    python -m tests.crash.failover kafka|busd KILLS
"""

import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy

import bus
from bus.errors import BusError
from bus.testing.history import History, Span
from perf.foreign.kafka_cluster import KafkaCluster
from tests.fixtures.busd_cluster import BusdCluster

TOPIC, GROUP, PARTITIONS = "t", "g", 3
RECORDS_PER_CALL, PAUSE_SECONDS = 25, 0.02  # some 3,700 records a second
DEADLINE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Of the kills."""

    between_seconds: float = 3.0  # from a start to the next kill
    down_seconds: float = 4.0
    works_records: int = 5000  # acknowledged, until it counts as working


LONG, SHORT = Pace(), Pace(0.0, 0.5, 1000)


class Brokers(Protocol):
    """A cluster of three."""

    servers: str

    def start(self, number: int) -> None:
        """Begin a broker's next life."""

    def kill(self, number: int) -> None:
        """SIGKILL."""


class Worker(threading.Thread):
    """Works in steps until it is told to end; what goes wrong is a problem."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.problems: list[str] = []
        self.told_to_end = threading.Event()

    def run(self) -> None:
        try:
            while not self.told_to_end.is_set():
                self.step()
            self.finish()
        except BusError as error:
            self.problems.append(f"{type(self).__name__}: {type(error).__name__}: {error}")

    def step(self) -> None:
        """Some work, in a moment."""

    def finish(self) -> None:
        """Let go."""

    def end(self) -> None:
        """Return when it has."""
        self.told_to_end.set()
        self.join(2 * DEADLINE_SECONDS)
        if self.is_alive():
            self.problems.append(f"{type(self).__name__} hangs")


class Writer(Worker):
    """Sends at a steady pace to all partitions in turn."""

    def __init__(self, servers: str, histories: list[History]) -> None:
        super().__init__()
        self._producer = bus.Producer(
            servers, delivery_timeout_ms=int(DEADLINE_SECONDS * 1000), linger_ms=1
        )
        self._histories = histories
        self._next = [0] * PARTITIONS
        self._out: list[tuple[int, int, bus.Deliveries]] = []
        self.acknowledged = 0
        self._last = [time.monotonic()] * PARTITIONS  # acknowledgement
        self._gap = 0.0

    def step(self) -> None:
        for partition in range(PARTITIONS):
            first = self._next[partition]
            values = [b"%s" % struct.pack(">q", first + n) for n in range(RECORDS_PER_CALL)]
            sent = self._producer.send_batch(TOPIC, values, partition=partition)
            self._out.append((partition, first, sent))
            self._next[partition] += RECORDS_PER_CALL
        time.sleep(PAUSE_SECONDS)
        self._account([entry for entry in self._out if entry[2].done])

    def finish(self) -> None:
        self._account(list(self._out))
        self._producer.close()

    def works_again(self, records: int) -> Callable[[], bool]:
        """Whether so many more are acknowledged than now."""
        goal = self.acknowledged + records
        return lambda: self.acknowledged >= goal

    def take_gap(self) -> float:
        """The longest time in which a partition's records were not acknowledged, in seconds."""
        gap, self._gap = self._gap, 0.0
        return gap

    def _account(self, entries: list[tuple[int, int, bus.Deliveries]]) -> None:
        for entry in entries:
            self._out.remove(entry)
            partition, first, sent = entry
            for delivery in sent:
                self._note(partition, first, delivery)
                first += delivery.count

    def _note(self, partition: int, first: int, delivery: bus.Delivery) -> None:
        history = self._histories[partition]
        try:
            delivery.result(DEADLINE_SECONDS)
        except BusError as error:
            self.problems.append(f"a batch was given up: {error}")
            if error.definite:
                history.refused.append(Span(first, delivery.count))
        else:
            history.acknowledged.append(Span(first, delivery.count, delivery.offset))
            self.acknowledged += delivery.count
        now = time.monotonic()
        self._gap = max(self._gap, now - self._last[partition])
        self._last[partition] = now


class Reader(Worker):
    """Follows all partitions."""

    def __init__(self, servers: str, histories: list[History]) -> None:
        super().__init__()
        self._consumer = bus.Consumer(servers)
        self._consumer.assign([(TOPIC, index) for index in range(PARTITIONS)])
        self._histories = histories

    def step(self) -> None:
        batch = self._consumer.poll_batch(timeout=0.2)
        if len(batch):
            numbers = numpy.frombuffer(b"".join(batch.values), ">i8")
            self._histories[batch.partition].saw(batch.offsets.tolist(), numbers.tolist())

    def finish(self) -> None:
        self._consumer.close()


class Member(Worker):
    """Reads its share and commits it."""

    def __init__(self, servers: str) -> None:
        super().__init__()
        self._consumer = bus.Consumer(
            servers, group=GROUP, auto_commit=False, session_timeout_ms=10_000
        )
        self._consumer.subscribe(TOPIC)
        self.read: dict[int, set[int]] = {index: set() for index in range(PARTITIONS)}
        self.commits = 0

    def step(self) -> None:
        batch = self._consumer.poll_batch(max_records=2000, timeout=0.2)
        if not len(batch):
            return
        self.read[batch.partition].update(batch.offsets.tolist())
        try:
            self._consumer.commit()
            self.commits += 1
        except BusError as error:
            if not error.retriable and "lost" not in str(error):
                raise

    def finish(self) -> None:
        self._consumer.close()


def until(what: str, holds, problems: list[str]) -> None:
    give_up = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        if time.monotonic() > give_up:
            problems.append(f"not within {DEADLINE_SECONDS:g} s: {what}")
            return
        time.sleep(0.1)


def run_kills(
    brokers: Brokers, kills: int, say=lambda _: None, pace: Pace = LONG
) -> Iterator[list[str]]:
    """Each kill, and at last all that was wrong."""
    with bus.Admin(brokers.servers) as admin:
        admin.create_topic(TOPIC, PARTITIONS, 3)
    histories = [History() for _ in range(PARTITIONS)]
    writer, reader = Writer(brokers.servers, histories), Reader(brokers.servers, histories)
    members = [Member(brokers.servers), Member(brokers.servers)]
    workers = [writer, reader, *members]
    for worker in workers:
        worker.start()
    problems: list[str] = []
    for kill in range(kills):
        until("records are acknowledged", writer.works_again(pace.works_records), problems)
        time.sleep(pace.between_seconds)
        writer.take_gap()
        brokers.kill(kill % 3)
        time.sleep(pace.down_seconds)
        until("records are acknowledged", writer.works_again(pace.works_records), problems)
        say(f"kill {kill + 1}: no acknowledgement for {writer.take_gap():.2f} s")
        brokers.start(kill % 3)
        yield []
    writer.end()
    ends = dict(enumerate(writer._next))
    until("the reader is at the ends", lambda: _lengths(histories) == ends, problems)
    until("the group has read all", lambda: _missing(members, ends) == 0, problems)
    for worker in workers[1:]:
        worker.end()
    with bus.Admin(brokers.servers) as admin:
        kept = {place.partition: at.offset for place, at in admin.group_offsets(GROUP).items()}
    if kept != ends:
        problems.append(f"the group's positions are {kept}, and the ends {ends}")
    for worker in workers:
        problems += worker.problems
    for history in histories:
        problems += history.verdict()
    say(f"{writer.acknowledged} records, {sum(m.commits for m in members)} commits")
    yield problems


def _lengths(histories: list[History]) -> dict[int, int]:
    return {index: history.end_offset for index, history in enumerate(histories)}


def _missing(members: list[Member], ends: dict[int, int]) -> int:
    read = {index: set().union(*(m.read[index] for m in members)) for index in ends}
    return sum(end - len(read[index]) for index, end in ends.items())


def main(name: str, kills: int) -> int:
    made = {"kafka": KafkaCluster, "busd": BusdCluster}[name]
    problems: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="failover-") as folder,
        made(Path(folder)) as brokers,
    ):
        for found in run_kills(brokers, kills, print):
            problems += found
    print("\n".join(problems) or "nothing is wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))

"""The demo's pieces of work on a bus: send all rows, tail them live, read them back, replay a week.

All over the public API, so that each reads as a program of a user would.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

from bus.cli.flight_check import Row
from bus.cli.flights import Flights

TOPIC = "flights"
PARTITIONS = 4
SEND_ROWS = 10_000
POLL_ROWS = 100_000
POLL_S = 0.2
QUIET_POLLS = 3  # empty polls after which nothing more is to be expected
WEAKEST_FIRST = ("unknown", "written", "flushed")
STALL_S = 30.0  # without a record for so long, what is missing is lost

OnRows = Callable[[int], None]


@dataclass(slots=True)
class Reading:
    """What one reader saw, and how long that took."""

    rows: list[Row] = field(default_factory=list)
    first: float = 0.0  # time.perf_counter()
    last: float = 0.0

    @property
    def seconds(self) -> float:
        """From the first look to the last record."""
        return max(self.last - self.first, 1e-9)

    def add(self, batch: Any) -> None:
        """Open a batch into rows."""
        moments = batch.timestamps.tolist()
        self.rows.extend(zip(batch.keys, batch.values, moments, strict=True))


def send(producer: Any, flights: Flights, on_rows: OnRows) -> tuple[float, str]:
    """Send all rows and wait for the answers: seconds, and how durable the weakest batch is."""
    began = time.perf_counter()
    sent = []
    for start in range(0, len(flights.values), SEND_ROWS):
        part = slice(start, start + SEND_ROWS)
        deliveries = producer.send_batch(
            TOPIC,
            flights.values[part],
            keys=flights.keys[part],
            timestamps=flights.timestamps[part],
        )
        sent.append(deliveries)
        on_rows(len(flights.values[part]))
    producer.flush()
    seconds = time.perf_counter() - began
    found = {str(deliveries.durability) for deliveries in sent}
    return seconds, next(word for word in WEAKEST_FIRST if word in found)


class Tail:
    """A consumer on a thread of its own that follows the topic while it is written."""

    def __init__(self, consumer: Any, total: int, on_rows: OnRows) -> None:
        self.reading = Reading()
        self._consumer, self._total, self._on_rows = consumer, total, on_rows
        self._error: BaseException | None = None
        self._leave = Event()
        self._thread = Thread(target=self._follow, name="demo-tail", daemon=True)
        self._thread.start()

    def result(self) -> Reading:
        """Wait for all rows, or until nothing comes any more."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self.reading

    def stop(self) -> None:
        """Leave early."""
        self._leave.set()
        self._thread.join()

    def _follow(self) -> None:
        try:
            self._consumer.subscribe(TOPIC)
            self._read()
        except BaseException as error:
            self._error = error

    def _read(self) -> None:
        reading, quiet, stalled = self.reading, 0, time.monotonic() + STALL_S
        while not self._leave.is_set() and quiet < QUIET_POLLS and time.monotonic() < stalled:
            batch = self._consumer.poll_batch(max_records=SEND_ROWS, timeout=POLL_S)
            if not len(batch):
                quiet += len(reading.rows) >= self._total
                continue
            reading.first = reading.first or time.perf_counter()
            reading.add(batch)
            reading.last, stalled = time.perf_counter(), time.monotonic() + STALL_S
            self._on_rows(len(batch))


def read_columns(consumer: Any, total: int, on_rows: OnRows) -> Reading:
    """Read the topic from its beginning in large batches; rows are made after the clock stopped."""
    consumer.subscribe(TOPIC)
    reading, batches, count, quiet = Reading(first=time.perf_counter()), [], 0, 0
    stalled = time.monotonic() + STALL_S
    while quiet < QUIET_POLLS and time.monotonic() < stalled:
        batch = consumer.poll_batch(max_records=POLL_ROWS, timeout=POLL_S)
        if not len(batch):
            quiet += count >= total
            continue
        batches.append(batch)
        count += len(batch)
        reading.last, stalled = time.perf_counter(), time.monotonic() + STALL_S
        on_rows(len(batch))
    for batch in batches:
        reading.add(batch)
    return reading


def replay(make_consumer: Callable[[], Any], start_ms: int, stop_ms: int) -> Reading:
    """The records of [start, stop), found by timestamp in each partition."""
    reading = Reading(first=time.perf_counter())
    for partition in range(PARTITIONS):
        consumer = make_consumer()
        consumer.assign([(TOPIC, partition)])
        consumer.seek(TOPIC, partition, timestamp=start_ms)
        later = False
        while not later:
            batch = consumer.poll_batch(max_records=SEND_ROWS, timeout=STALL_S)
            part = Reading()
            part.add(batch)
            reading.rows.extend(row for row in part.rows if row[2] < stop_ms)
            later = not part.rows or part.rows[-1][2] >= stop_ms
        consumer.close()
    reading.last = time.perf_counter()
    return reading

"""Kill `busd` at full rate, again and again, and account for every acknowledged record.

One producer lives through all rounds, with several batches in flight. In each round the broker
is killed at a moment drawn from the seed, after at least RECORDS_PER_ROUND acknowledged records,
and started again on the same directory; the producer's retries must then neither lose, double
nor reorder anything.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy

import bus
from bus.errors import BusError
from bus.testing.history import History, Span
from tests.crash.daemon import Daemon

RECORDS_PER_ROUND = 100_000
EXTRA_RECORDS_MAX = 50_000  # acknowledged on top, drawn from the seed
RECORDS_PER_CALL = 500
UNANSWERED_CALLS_MAX = 40
VALUE_BYTES = 100
TOPIC = "rounds"
DEADLINE_SECONDS = 60.0


@dataclass(slots=True)
class Sending:
    """What is on its way: (first number, the handle of its batches)."""

    next_number: int = 0
    unanswered: list[tuple[int, bus.Deliveries]] = field(default_factory=list)
    acknowledged: int = 0


def run_rounds(data: Path, seed: int, rounds: int, flush: str) -> Iterator[list[str]]:
    """The problems found in each round; all empty is the promise kept."""
    chance = random.Random(seed)
    daemon = Daemon(data).start()
    try:
        with bus.Admin(daemon.url) as admin:
            admin.create_topic(TOPIC, partitions=1, config={"flush": flush})
        producer = bus.Producer(daemon.url, delivery_timeout_ms=int(DEADLINE_SECONDS * 1000))
        history, sending = History(), Sending()
        for _ in range(rounds):
            wanted = RECORDS_PER_ROUND + chance.randrange(EXTRA_RECORDS_MAX)
            _produce(producer, sending, history, wanted)
            daemon.kill()
            daemon.start()
            _settle(sending, history)
            _read(daemon.url, history)
            told = sum(span.count for span in history.acknowledged)
            assert told >= RECORDS_PER_ROUND, "a round without acknowledgements proves nothing"
            yield list(history.verdict())
            last = max(history.read, default=history.last_number)
            next_offset = history.start_offset + len(history.read)
            history = History(start_offset=next_offset, last_number=last)
        producer.close()
    finally:
        daemon.kill()


def _produce(producer: bus.Producer, sending: Sending, history: History, wanted: int) -> None:
    """Send at full rate until `wanted` more records are acknowledged; some stay in flight."""
    goal = sending.acknowledged + wanted
    padding = b"." * (VALUE_BYTES - 8)
    while sending.acknowledged < goal:
        first = sending.next_number
        numbers = range(first, first + RECORDS_PER_CALL)
        values = [struct.pack(">q", number) + padding for number in numbers]
        sending.unanswered.append((first, producer.send_batch(TOPIC, values)))
        sending.next_number += RECORDS_PER_CALL
        while sending.unanswered and (
            sending.unanswered[0][1].done or len(sending.unanswered) > UNANSWERED_CALLS_MAX
        ):
            _account(sending, history)


def _settle(sending: Sending, history: History) -> None:
    while sending.unanswered:
        _account(sending, history)


def _account(sending: Sending, history: History) -> None:
    """Wait for the oldest call and note what it was told."""
    first, deliveries = sending.unanswered.pop(0)
    for delivery in deliveries:
        try:
            delivery.result(DEADLINE_SECONDS)
        except BusError as error:
            if error.definite:
                history.refused.append(Span(first, delivery.count))
        else:
            span = Span(first, delivery.count, delivery.offset)
            history.acknowledged.append(span)
            sending.acknowledged += delivery.count
        first += delivery.count


def _read(url: str, history: History) -> None:
    """Read what is new since the last round, up to the end of the log."""
    with bus.Admin(url) as admin:
        end = admin.offsets(TOPIC, "latest")[0]
    with bus.Consumer(url) as consumer:
        consumer.assign([(TOPIC, 0)])
        consumer.seek(TOPIC, 0, history.start_offset)
        while history.start_offset + len(history.read) < end:
            batch = consumer.poll_batch(max_records=100_000, timeout=DEADLINE_SECONDS)
            if not len(batch):
                history.problems.append("the log could not be read to its end")
                return
            numbers = numpy.frombuffer(b"".join(v[:8] for v in batch.values if v), ">i8")
            history.saw(batch.offsets.tolist(), numbers.tolist())

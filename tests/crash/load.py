"""One producer at full rate whose every record is accounted for, and a reader of what stands.

Each record begins with its number. What the producer is told goes into a History, whose verdict
is the test.
"""

import struct
from contextlib import suppress

import numpy

import bus
from bus.errors import BusError
from bus.testing.history import History, Span

RECORDS_PER_CALL = 500
UNANSWERED_CALLS_MAX = 40
VALUE_BYTES = 100
DEADLINE_SECONDS = 60.0


class Load:
    """Sends numbered records to partition 0 of a topic; several batches are in flight."""

    def __init__(self, url: str, topic: str, next_number: int = 0) -> None:
        deadline_ms = int(DEADLINE_SECONDS * 1000)
        self.producer = bus.Producer(url, delivery_timeout_ms=deadline_ms)
        self.next_number = next_number
        self.acknowledged = 0  # records
        self._topic = topic
        self._unanswered: list[tuple[int, bus.Deliveries]] = []  # first number, its batches

    def produce(self, history: History, wanted: int) -> None:
        """Send until `wanted` more records are acknowledged; some stay in flight."""
        goal = self.acknowledged + wanted
        padding = b"." * (VALUE_BYTES - 8)
        while self.acknowledged < goal:
            first = self.next_number
            numbers = range(first, first + RECORDS_PER_CALL)
            values = [struct.pack(">q", number) + padding for number in numbers]
            self._unanswered.append((first, self.producer.send_batch(self._topic, values)))
            self.next_number += RECORDS_PER_CALL
            while self._unanswered and (
                self._unanswered[0][1].done or len(self._unanswered) > UNANSWERED_CALLS_MAX
            ):
                self._account(history)

    def settle(self, history: History) -> None:
        """Wait for the outcome of all that is in flight."""
        while self._unanswered:
            self._account(history)

    def give_up(self, history: History) -> None:
        """Close without waiting: what is in flight has no outcome."""
        with suppress(BusError):
            self.producer.close(0)
        self.settle(history)

    def _account(self, history: History) -> None:
        """Wait for the oldest call and note what it was told."""
        first, deliveries = self._unanswered.pop(0)
        for delivery in deliveries:
            try:
                delivery.result(DEADLINE_SECONDS)
            except BusError as error:
                if error.definite:
                    history.refused.append(Span(first, delivery.count))
            else:
                flushed = delivery.durability == "flushed"
                span = Span(first, delivery.count, delivery.offset, flushed)
                history.acknowledged.append(span)
                self.acknowledged += delivery.count
            first += delivery.count


def read_to_end(url: str, topic: str, history: History) -> None:
    """Read partition 0 from where the history ends to the end of the log."""
    with bus.Admin(url) as admin:
        end = admin.offsets(topic, "latest")[0]
    with bus.Consumer(url) as consumer:
        consumer.assign([(topic, 0)])
        consumer.seek(topic, 0, history.end_offset)
        while history.end_offset < end:
            batch = consumer.poll_batch(max_records=100_000, timeout=DEADLINE_SECONDS)
            if not len(batch):
                history.problems.append("the log could not be read to its end")
                return
            numbers = numpy.frombuffer(b"".join(v[:8] for v in batch.values if v), ">i8")
            history.saw(batch.offsets.tolist(), numbers.tolist())


def following(history: History, **more: bool) -> History:
    """The history of what comes behind this one."""
    last = max(history.read, default=history.last_number)
    return History(start_offset=history.end_offset, last_number=last, **more)

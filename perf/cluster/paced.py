"""A producer at a steady pace on a thread of its own, and when it was told of what.

A call each 10 ms, 5,000 records a second. Every record begins with its number, so that what was
acknowledged can be held against what stands.
"""

import threading
import time
from typing import Any

import confluent_kafka

import bus
from bus.testing.history import History, Span
from perf.bench import Failed
from perf.macro.client import read
from perf.pool import VALUE_BYTES

RECORDS_A_SECOND = 5_000
CALL_SECONDS = 0.01
CALL_RECORDS = int(RECORDS_A_SECOND * CALL_SECONDS)
FLUSH_SECONDS = 60.0
TUNED = {  # librdkafka for failovers: it waits for 100 ms to 10 s by default
    "acks": "all",
    "enable.idempotence": True,
    "linger.ms": 0,
    "message.timeout.ms": 120_000,
    "retry.backoff.ms": 20,
    "retry.backoff.max.ms": 100,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 100,
    "topic.metadata.refresh.fast.interval.ms": 20,
    "socket.nagle.disable": True,
    "log_level": 0,
}


class Paced:
    """What is common to all producers; a subclass says how a call is made."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.longest = 0.0  # seconds between two acknowledgements
        self.last = time.perf_counter()
        self._next = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="paced", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Paced":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more; what was sent is answered when this returns."""
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join()
            self.finish()

    def check(self, urls: list[str]) -> list[str]:
        """What is wrong with what stands, in sentences."""
        history = History(acknowledged=self.acknowledged())
        wanted = max(span.first + span.count for span in history.acknowledged)

        def look(batch: Any) -> None:
            numbers = [int.from_bytes(value[:8], "big") for value in batch.values]
            history.saw(batch.offsets.tolist(), numbers)

        with bus.Consumer(urls) as consumer:
            read(consumer, self.topic, wanted, look)
        return history.verdict()

    def send(self, first: int, values: list[bytes]) -> None:
        """Begin to send; the first value has this number."""
        raise NotImplementedError

    def finish(self) -> None:
        """Wait for what was sent."""
        raise NotImplementedError

    def acknowledged(self) -> list[Span]:
        """All that was sent and answered."""
        raise NotImplementedError

    def note(self) -> None:
        """An acknowledgement has come."""
        now = time.perf_counter()
        self.longest = max(self.longest, now - self.last)
        self.last = now

    def _work(self) -> None:
        padding, due = bytes(VALUE_BYTES - 8), time.perf_counter()
        while not self._stop.is_set():
            numbers = range(self._next, self._next + CALL_RECORDS)
            self.send(self._next, [number.to_bytes(8, "big") + padding for number in numbers])
            self._next += CALL_RECORDS
            due += CALL_SECONDS
            self._stop.wait(max(0.0, due - time.perf_counter()))


class Own(Paced):
    """Our own client, as it comes."""

    def __init__(self, urls: list[str], topic: str) -> None:
        self._producer = bus.Producer(urls, linger_ms=0)
        self._sent: list[tuple[int, bus.Deliveries]] = []
        super().__init__(topic)

    def send(self, first: int, values: list[bytes]) -> None:
        deliveries = self._producer.send_batch(self.topic, values)
        self._sent.append((first, deliveries))
        for batch in deliveries.batches:
            batch.when_done(self.note)

    def finish(self) -> None:
        self._producer.close()

    def acknowledged(self) -> list[Span]:
        spans = []
        for first, deliveries in self._sent:
            for delivery in deliveries:
                spans.append(Span(first, delivery.count, delivery.result()))
                first += delivery.count
        return spans


class Librdkafka(Paced):
    """confluent-kafka, tuned for failovers."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap, **TUNED})
        self._spans: list[list[int]] = []  # first, count, base offset; neighbours become one
        self._errors: list[str] = []
        self._ended = threading.Event()
        self._polling = threading.Thread(target=self._poll, name="paced-polls", daemon=True)
        self._polling.start()
        super().__init__(topic)

    def send(self, first: int, values: list[bytes]) -> None:
        for value in values:
            self._producer.produce(self.topic, value, on_delivery=self._on_delivery)

    def finish(self) -> None:
        left = self._producer.flush(FLUSH_SECONDS)
        self._ended.set()
        self._polling.join()
        if left or self._errors:
            what = self._errors[0] if self._errors else f"{left} records were not answered"
            raise Failed(f"librdkafka: {what}")

    def acknowledged(self) -> list[Span]:
        return [Span(*span) for span in self._spans]

    def _poll(self) -> None:
        while not self._ended.is_set():
            self._producer.poll(CALL_SECONDS)

    def _on_delivery(self, error: Any, message: Any) -> None:
        if error is not None:
            self._errors.append(str(error))
            return
        self.note()
        number, offset = int.from_bytes(message.value()[:8], "big"), message.offset()
        if self._spans:
            first, count, base = self._spans[-1]
            if (number, offset) == (first + count, base + count):
                self._spans[-1][1] += 1
                return
        self._spans.append([number, 1, offset])

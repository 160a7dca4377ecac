"""What became of records that were sent: where they are, and how durable."""

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias, overload

from bus.client.bell import Bell
from bus.client.lane import Written
from bus.errors import BusError, RequestTimedOut
from bus.native.builder import Delivery

SyncDelivery: TypeAlias = Delivery  # for layers that do not know the native one


class Durability(str):
    """How durable records were when the broker answered; equal to its plain text.

    flushed   on the leader's disk: fsynced
    written   in the leader's page cache
    unknown   the broker did not say (Kafka brokers do not), or there is no answer yet
    """

    __slots__ = ("replicas",)

    replicas: int  # brokers that held the records; -1 if unknown

    def __new__(cls, text: str, replicas: int = -1) -> "Durability":
        """`text` is one of the three words."""
        durability = super().__new__(cls, text)
        durability.replicas = replicas
        return durability


WORDS = ("unknown", "written", "flushed")  # from weak to strong
UNKNOWN = Durability("unknown")


def durability_of(written: Written, count: int) -> Durability:
    """What the broker's answer promises for a batch of `count` records."""
    if written.base_offset < 0 or written.flushed_offset < 0:
        return UNKNOWN if written.replicas < 0 else Durability("unknown", written.replicas)
    flushed = written.flushed_offset >= written.base_offset + count
    return Durability("flushed" if flushed else "written", written.replicas)


def weakest(batches: "Sequence[BatchDelivery]") -> object:
    """The weakest durability among them."""
    known = (batch.durability for batch in batches)
    return min(known, key=lambda durability: WORDS.index(str(durability)), default=UNKNOWN)


class BatchDelivery:
    """What became of one batch; its records' Deliveries ask here.

    One that was too large is cut: its parts have outcomes of their own, and it has its own with
    the last of them. `base_offset` is then that of its first record, the others' may lie anywhere
    above it.
    """

    __slots__ = (
        "base_offset",
        "bell",
        "count",
        "done",
        "durability",
        "error",
        "first",
        "hurry",
        "partition",
        "parts",
        "seen",
        "topic",
        "whole",
    )

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.done = False
        self.base_offset: int | None = -1  # unknown also for acks=0
        self.count = 0  # records; grows while the batch is open
        self.durability: object = UNKNOWN
        self.error: BusError | None = None
        self.seen = False  # the error was raised to the user
        self.hurry: Callable[[], object] | None = None  # somebody waits: do not linger
        self.bell = Bell()
        self.whole: BatchDelivery | None = None  # that this is a part of
        self.first = 0  # place of its first record in the batch that was cut first
        self.parts: Sequence[BatchDelivery] = ()

    def wait(self, timeout: float | None = None, index: int = -1) -> None:
        """Return once it is written; RequestTimedOut after `timeout`.

        Raises the error of the record at `index`, or of the first that has one.
        """
        if not self.settled(timeout):
            raise RequestTimedOut(
                f"A batch for {self.topic}/{self.partition} is not acknowledged after "
                f"{timeout} seconds; it is still on its way."
            )
        found = self if index < 0 else self.part(index)
        if found.error is not None:
            found.see()
            raise found.error

    def see(self) -> None:
        """The user knows the error."""
        self.seen = True
        for part in self.parts:
            part.see()

    def part(self, index: int) -> "BatchDelivery":
        """What the record at `index` was sent in."""
        found = self
        while found.parts:
            starts = [part.first for part in found.parts]
            found = found.parts[bisect_right(starts, index) - 1]
        return found

    def cut(self, parts: "Sequence[BatchDelivery]") -> None:
        """Its records are sent as `parts`, in their order."""
        first = self.first
        for part in parts:
            part.whole, part.first = self, first
            first += part.count
        assert first == self.first + self.count, "no record is lost"
        self.parts = tuple(parts)

    def settled(self, timeout: float | None) -> bool:
        """Wait for the outcome, whatever it is; False if there is none after `timeout`."""
        if self.done:
            return True
        if self.hurry is not None:
            self.hurry()
        return self.bell.wait(lambda: self.done, timeout)

    def when_done(self, wake: Callable[[], object]) -> None:
        """Call `wake` once the outcome is known, perhaps at once."""
        self.bell.add(wake)
        if self.done:
            self.bell.ring()

    def succeed(self, written: Written) -> None:
        """The broker has the batch."""
        assert not self.done, "a batch has one outcome"
        self.base_offset = written.base_offset
        self.durability = durability_of(written, self.count)
        self._finish()

    def fail(self, error: BusError) -> None:
        """The batch is given up."""
        assert not self.done, "a batch has one outcome"
        self.error = error
        self._finish()

    def _finish(self) -> None:
        self.done = True
        self.bell.ring()
        if self.whole is not None and all(part.done for part in self.whole.parts):
            self.whole._add_up()

    def _add_up(self) -> None:
        """Every part has its outcome."""
        self.base_offset = self.parts[0].base_offset
        self.durability = weakest(self.parts)
        self.error = next((part.error for part in self.parts if part.error is not None), None)
        self._finish()


class Deliveries(Sequence[Delivery]):
    """What became of a `send_batch`: one Delivery a batch that it was cut into."""

    __slots__ = ("_batches", "_deliveries")

    def __init__(self, batches: Sequence[BatchDelivery]) -> None:
        self._batches = tuple(batches)
        self._deliveries = tuple(Delivery(batch, 0) for batch in batches)

    @overload
    def __getitem__(self, index: int) -> Delivery: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Delivery]: ...
    def __getitem__(self, index: int | slice) -> Delivery | Sequence[Delivery]:
        """The Delivery of one batch."""
        return self._deliveries[index]

    def __len__(self) -> int:
        """Batches."""
        return len(self._deliveries)

    def __iter__(self) -> Iterator[Delivery]:
        """Batch by batch, in the order of the rows for each partition."""
        return iter(self._deliveries)

    @property
    def batches(self) -> tuple[BatchDelivery, ...]:
        """The batches themselves."""
        return self._batches

    @property
    def count_records(self) -> int:
        """Records in all batches."""
        return sum(batch.count for batch in self._batches)

    @property
    def done(self) -> bool:
        """Whether every batch has its outcome."""
        return all(batch.done for batch in self._batches)

    @property
    def durability(self) -> object:
        """The weakest of all batches."""
        return weakest(self._batches)

    def result(self, timeout: float | None = None) -> "Deliveries":
        """Return once all are written; raise the first error, or RequestTimedOut."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for batch in self._batches:
            batch.wait(None if deadline is None else max(deadline - time.monotonic(), 0.0))
        return self

"""Producer, Consumer and Admin as coroutines: the same client, awaited instead of waited for.

Each wraps its synchronous namesake and shares its machines, its buffers and the one I/O thread;
what would put a thread to sleep there is awaited here, by a callback into the caller's loop. Any
number of loops may be used, one handle belongs to one of them at a time.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Literal, TypeVar

from bus.client import consumer as sync_consumer
from bus.client import producer as sync_producer
from bus.client.admin_async import Admin as Admin
from bus.client.awaiting import AsyncClosing, wait_for
from bus.client.batch import Batch, ReadRecord
from bus.client.delivery import BatchDelivery, SyncDelivery
from bus.client.handle import CLOSE_SECONDS
from bus.client.intake import Blocked
from bus.client.lag import Lag
from bus.client.outbox import Headers
from bus.client.outcome import Outcome
from bus.client.session import Wait, Waits
from bus.errors import Closed, RequestTimedOut
from bus.model.batch import Buffer
from bus.model.ids import TopicPartition

T = TypeVar("T")


class Delivery:
    """What became of a record, or of one batch of a `send_batch`."""

    __slots__ = ("_delivery",)

    def __init__(self, delivery: SyncDelivery) -> None:
        self._delivery = delivery

    def __getattr__(self, name: str) -> Any:
        """done, topic, partition, offset, count and durability, as of the synchronous one."""
        return getattr(self._delivery, name)

    async def result(self, timeout: float | None = None) -> int:
        """The offset, once the record is written; raise its error, or RequestTimedOut."""
        await _outcome(_batch_of(self._delivery), timeout)
        return self._delivery.result(0.0)


class Deliveries:
    """What became of a `send_batch`: one Delivery a batch that it was cut into."""

    def __init__(self, batches: list[BatchDelivery]) -> None:
        self._deliveries = [Delivery(SyncDelivery(batch)) for batch in batches]

    def __len__(self) -> int:
        """Batches."""
        return len(self._deliveries)

    def __iter__(self) -> Iterator[Delivery]:
        """Batch by batch."""
        return iter(self._deliveries)

    def __getitem__(self, index: int) -> Delivery:
        """The Delivery of one batch."""
        return self._deliveries[index]

    async def result(self, timeout: float | None = None) -> "Deliveries":
        """Return once all are written; raise the first error, or RequestTimedOut."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for delivery in self._deliveries:
            await delivery.result(_left(deadline))
        return self


class Producer(AsyncClosing):
    """As `bus.Producer`; all methods are coroutines."""

    def __init__(self, servers: str | Iterable[str], **options: Any) -> None:
        """Options as of `bus.Producer`."""
        self._sync = sync_producer.Producer(servers, **options)

    async def send(
        self,
        topic: str,
        value: Buffer | None,
        *,
        key: Buffer | None = None,
        headers: Headers | None = None,
        timestamp: int | None = None,
        partition: int | None = None,
    ) -> Delivery:
        """Add one record; await the Delivery's `result` to know that it is written."""
        self._sync.check()
        intake = self._sync.intake
        return Delivery(
            await self._wait(
                lambda: intake.try_send(topic, value, key, headers, timestamp, partition)
            )
        )

    async def send_batch(
        self,
        topic: str,
        values: object,
        keys: object = None,
        timestamps: object = None,
        partition: int | None = None,
    ) -> Deliveries:
        """Add many records at once, as `bus.Producer.send_batch`."""
        self._sync.check()
        view = await self._wait(lambda: self._sync.intake.view(topic))
        encoded = self._sync.encoded(view, values, keys, timestamps, partition)
        return Deliveries([await self._put(*made) for made in encoded])

    async def flush(self, timeout: float | None = None) -> None:
        """Return once all that was sent has its outcome; raise the first error among them."""
        self._sync.check()
        await self._settle(timeout)
        self._sync.raise_first_error()

    async def close(self, timeout: float | None = sync_producer.CLOSE_SECONDS) -> None:
        """Flush for at most `timeout` seconds, fail what is left, and let go of everything."""
        if not self._sync.begin_close():
            return
        try:
            await self._settle(timeout)
        except RequestTimedOut:
            pass
        finally:
            self._sync.release()
        self._sync.raise_first_error()

    async def _put(self, target: TopicPartition, records: memoryview, count: int) -> BatchDelivery:
        return await self._wait(lambda: self._sync.intake.try_put(target, records, count))

    async def _wait(self, attempt: Callable[[], T | Blocked]) -> T:
        deadline = time.monotonic() + self._sync.intake.options.max_block_ms / 1000
        while isinstance(result := attempt(), Blocked):
            if not await wait_for(result.bell, result.ready, _left(deadline)):
                raise result.error()
            self._sync.check()
        return result

    async def _settle(self, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        self._sync.intake.hurry()
        for batch in list(self._sync.intake.outbox.unfinished):
            await _outcome(batch, _left(deadline))


class Consumer(AsyncClosing):
    """As `bus.Consumer`; all methods but the constructor are coroutines."""

    def __init__(self, servers: str | Iterable[str], **options: Any) -> None:
        """Options as of `bus.Consumer`."""
        self._timeout: float | None = options.get("timeout")
        self._sync = sync_consumer.Consumer(servers, **options)

    async def assign(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Read these partitions and no others."""
        self._sync.assign(partitions)

    async def subscribe(
        self, *topics: str | Iterable[str], timeout: float = sync_consumer.METADATA_SECONDS
    ) -> None:
        """Read all partitions of these topics, or in a group a share of them."""
        sync = self._sync
        sync.check()
        sync.watch.subscribe(sync_consumer.names_of(topics), assigns=sync.session is None)
        deadline = time.monotonic() + timeout
        while sync.watch.apply() is not None:
            if not await wait_for(sync.reading.inbox.bell, sync.watch.is_news, _left(deadline)):
                raise sync.reading.receiver.cluster.unreachable()
            sync.check()
        sync.join()

    async def assignment(self) -> list[TopicPartition]:
        """The partitions that are read, sorted."""
        return self._sync.assignment()

    async def seek(
        self,
        topic: str,
        partition: int,
        offset: int | Literal["earliest", "latest"] | None = None,
        *,
        timestamp: int | None = None,
    ) -> None:
        """Go on at an offset or an end, or at the first record with this time (ms) or later."""
        self._sync.seek(topic, partition, offset, timestamp=timestamp)

    async def pause(self, *partitions: tuple[str, int]) -> None:
        """Hand out nothing of these partitions (of none named: of all) until `resume`."""
        self._sync.pause(*partitions)

    async def resume(self, *partitions: tuple[str, int]) -> None:
        """Go on with these partitions (none named: all)."""
        self._sync.resume(*partitions)

    async def position(self, topic: str, partition: int) -> int:
        """Offset of the next record from this partition; -1 until that is known."""
        return self._sync.position(topic, partition)

    async def poll_batch(self, max_records: int = 100_000, timeout: float | None = 1.0) -> Batch:
        """Records of one partition; the empty batch after `timeout` seconds without any."""
        sync = self._sync
        deadline = None if timeout is None else time.monotonic() + timeout
        sync.poll_begins()
        try:
            while True:
                await _through(sync.news())
                if batch := sync.take(max_records):
                    return batch
                if not await wait_for(sync.reading.inbox.bell, sync.has_news, _left(deadline)):
                    return batch
        finally:
            sync.poll_ends()

    async def records(self, timeout: float | None = None) -> AsyncIterator[ReadRecord]:
        """Record by record, until `close` or until there was none for `timeout` seconds."""
        with contextlib.suppress(Closed):
            async for record in self._records(timeout):
                yield record

    async def _records(self, timeout: float | None) -> AsyncIterator[ReadRecord]:
        while batch := await self.poll_batch(sync_consumer.RECORDS_MAX, timeout):
            for record in self._sync.iterated(batch):
                yield record

    def __aiter__(self) -> AsyncIterator[ReadRecord]:
        """Record by record, until `close` or the consumer's `timeout`."""
        return self.records(self._timeout)

    async def commit(
        self,
        what: sync_consumer.Committable = None,
        timeout: float = sync_consumer.COMMIT_SECONDS,
    ) -> None:
        """Keep positions for the group, as `bus.Consumer.commit`."""
        await _value(self._sync.begin_commit(what, timeout), timeout)

    async def committed(
        self, *partitions: tuple[str, int], timeout: float = sync_consumer.COMMIT_SECONDS
    ) -> dict[TopicPartition, int]:
        """What the group has committed (of none named: of all that are read); -1 is nothing."""
        return await _value(self._sync.begin_committed(partitions, timeout), timeout)

    async def lag(self) -> dict[TopicPartition, Lag]:
        """How far the reader is behind, for each partition that is read."""
        return self._sync.lag()

    async def close(self, timeout: float | None = CLOSE_SECONDS) -> None:
        """Leave the group, if there is one, and let go of everything; who polls gets Closed."""
        sync = self._sync
        try:
            if sync.is_member():
                await _through(sync.farewell(timeout))
        finally:
            sync.end(timeout)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self._sync.finished = kind is None
        await super().__aexit__(kind, error, traceback)


async def _through(waits: Waits) -> None:
    """Await what a thread would sleep through."""
    for wait in waits:
        if isinstance(wait, Wait):
            await wait_for(wait.bell, wait.ready, wait.seconds)
        else:
            await wait


async def _value(outcome: Outcome[T], timeout: float) -> T:
    if not await wait_for(outcome.bell, outcome.is_done, timeout):
        raise RequestTimedOut(f"The group's coordinator did not answer in {timeout} seconds.")
    return outcome.value


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(deadline - time.monotonic(), 0.0)


def _batch_of(delivery: SyncDelivery) -> BatchDelivery:
    batch = delivery.owner
    assert isinstance(batch, BatchDelivery), "every delivery is of a batch of ours"
    return batch


async def _outcome(batch: BatchDelivery, timeout: float | None) -> None:
    """Wait for the batch's outcome, whatever it is. Raises RequestTimedOut."""
    if not batch.done and batch.hurry is not None:
        batch.hurry()
    if not await wait_for(batch.bell, lambda: batch.done, timeout):
        raise RequestTimedOut(
            f"A batch for {batch.topic}/{batch.partition} is not acknowledged in time; "
            "it is still on its way."
        )

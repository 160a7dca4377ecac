"""The synchronous producer: records and columns in, deliveries out.

`send` has a fast path: one look-up of the topic's open batch and one native append, without a
lock. All else goes through `Intake`, and this class only adds the waiting.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from bus.adapters.clock import SystemClock
from bus.client.delivery import BatchDelivery, Deliveries
from bus.client.handle import Handle
from bus.client.intake import Blocked, Intake
from bus.client.link import Connector
from bus.client.options import (
    BULK_BYTES,
    SEND_BYTES,
    Acks,
    Compression,
    ProducerOptions,
    acks_of,
    check_client_id,
    codec_of,
    servers_of,
)
from bus.client.outbox import Append, Headers, TopicSlots
from bus.client.packing import packed
from bus.client.remote import connector
from bus.client.routing import TopicView
from bus.client.rows import keys_of, rows_of, stamps_of
from bus.client.sharing import shares_of
from bus.errors import Closed, RequestTimedOut
from bus.model.batch import Buffer
from bus.model.ids import TopicPartition
from bus.model.limits import MIB
from bus.native.builder import NOW, Delivery, murmur2

T = TypeVar("T")

POSITIVE = 0x7FFFFFFF
CLOSE_SECONDS = 30.0


class Producer(Handle):
    """Writes records to topics. Threads may share it; a forked child may not use it."""

    KIND = "producer"

    def __init__(
        self,
        servers: str | Iterable[str],
        *,
        acks: Acks = "all",
        compression: Compression = "none",
        linger_ms: int = 5,
        batch_size: int | None = None,
        buffer_bytes: int = 64 * MIB,
        max_in_flight: int = 5,
        idempotent: bool | None = None,
        delivery_timeout_ms: int = 120_000,
        request_timeout_ms: int = 30_000,
        max_block_ms: int = 60_000,
        retry_backoff_ms: int = 50,
        client_id: str = "busd",
        connect: Connector | None = None,
    ) -> None:
        """Open; nothing is asked of the servers before the first record.

        servers        endpoint URLs, several with commas
        acks           "all": committed; 1: the leader has it; 0: nobody answers
        linger_ms      how long a batch waits for more records
        batch_size     bytes at which a batch is full, never above the topic's max.message.bytes;
                       None is what is fastest
        buffer_bytes   of records not yet acknowledged; beyond it `send` blocks for `max_block_ms`
        idempotent     order and single copies hold under retries; None: unless acks is 0
        """
        level = acks_of(acks)
        options = ProducerOptions(
            acks=level,
            codec=codec_of(compression),
            linger_ms=linger_ms,
            batch_size=SEND_BYTES if batch_size is None else batch_size,
            bulk_size=BULK_BYTES if batch_size is None else batch_size,
            buffer_bytes=buffer_bytes,
            max_in_flight=max_in_flight,
            idempotent=level != 0 if idempotent is None else bool(idempotent),
            delivery_timeout_ms=delivery_timeout_ms,
            request_timeout_ms=request_timeout_ms,
            max_block_ms=max_block_ms,
            retry_backoff_ms=retry_backoff_ms,
        )
        endpoints = servers_of(servers)
        chosen = connect or connector(check_client_id(client_id))
        super().__init__()
        self.intake = Intake(self._io, endpoints, chosen, options, SystemClock())
        self._appends: dict[str, Append] = self.intake.outbox.appends
        self._slots: dict[str, TopicSlots] = self.intake.outbox.topics
        error = Closed("The producer was given up without being closed.")
        self._when_forgotten(self.intake.sender.close, error)

    def send(
        self,
        topic: str,
        value: Buffer | None,
        *,
        key: Buffer | None = None,
        headers: Headers | None = None,
        timestamp: int | None = None,
        partition: int | None = None,
    ) -> Delivery:
        """Add one record; it leaves with its batch. `timestamp` is ms since 1970, None is now.

        Blocks while the buffer is full or the topic's partitions are not known, for at most
        `max_block_ms`; then BufferFull or BrokerUnreachable, and nothing was accepted.
        """
        if partition is None and timestamp is None:
            append: Append | None = None
            if key is None:
                append = self._appends.get(topic)
            else:
                slots = self._slots.get(topic)
                if slots is not None:
                    append = slots.appends.get((murmur2(key) & POSITIVE) % slots.count)
            if append is not None:
                delivery = append(value, key, NOW, headers)
                if delivery is not None:
                    return delivery
        return self._send_slowly(topic, value, key, headers, timestamp, partition)

    def send_batch(
        self,
        topic: str,
        values: object,
        keys: object = None,
        timestamps: object = None,
        partition: int | None = None,
    ) -> Deliveries:
        """Add many records at once: a list of bytes, a NumPy array of S or V, or an Arrow array.

        Without keys all of them go to one partition; with keys each goes where its key belongs,
        in the order given. (NumPy's S drops NUL bytes at the end of a value.)
        """
        self.check()
        view = self._wait(lambda: self.intake.view(topic))
        batches: list[BatchDelivery] = []
        for target, records, count in self.encoded(view, values, keys, timestamps, partition):
            batches.append(self._put(target, records, count))
        return Deliveries(batches)

    def encoded(
        self,
        view: TopicView,
        values: object,
        keys: object,
        timestamps: object,
        partition: int | None,
    ) -> Iterator[tuple[TopicPartition, memoryview, int]]:
        """The batches of a `send_batch`, made one by one: where each goes, and its records."""
        chunks = rows_of(values)
        count = sum(map(len, chunks))
        listed = keys_of(keys, count)
        stamps = stamps_of(timestamps, count, self.intake.clock.wall_ms())
        sticky = self.intake.sticky
        chosen = sticky(view) if listed is None and partition is None else partition
        size = min(self.intake.options.bulk_size, view.batch_bytes_max)
        codec = self.intake.options.codec
        for share in shares_of(chunks, listed, stamps, view, chosen, sticky):
            start, end = 0, len(share.rows)
            while start < end:
                records, stop = share.rows.encode(share.keys, share.stamps, start, size)
                yield share.partition, packed(records, codec), stop - start
                start = stop

    def flush(self, timeout: float | None = None) -> None:
        """Return once everything sent so far has its outcome; raise the first error among them.

        RequestTimedOut after `timeout` seconds; then what is left is still on its way.
        """
        self.check()
        self._settle(timeout)
        self.raise_first_error()

    def close(self, timeout: float | None = CLOSE_SECONDS) -> None:
        """Flush for at most `timeout` seconds, fail what is left, and let go of everything.

        Raises the first delivery error that no `flush` has raised. Closing twice is fine.
        """
        if not self.begin_close():
            return
        try:
            self._settle(timeout)
        except RequestTimedOut:
            pass
        finally:
            self.release()
        self.raise_first_error()

    def release(self) -> None:
        """Fail what is left, and let go of everything."""
        self.intake.outbox.shut(self.closed())
        if self._io.is_alive():
            error = Closed("The producer was closed before the record was acknowledged.")
            self._io.call(self.intake.sender.close, error, timeout=CLOSE_SECONDS)

    def _send_slowly(
        self,
        topic: str,
        value: Buffer | None,
        key: Buffer | None,
        headers: Headers | None,
        timestamp: int | None,
        partition: int | None,
    ) -> Delivery:
        """All but the fast path; by itself, for a closure would make `send` a third slower."""
        self.check()
        return self._wait(
            lambda: self.intake.try_send(topic, value, key, headers, timestamp, partition)
        )

    def _put(self, target: TopicPartition, records: memoryview, count: int) -> BatchDelivery:
        return self._wait(lambda: self.intake.try_put(target, records, count))

    def _wait(self, attempt: Callable[[], T | Blocked]) -> T:
        """Call until it is not blocked any more, for at most `max_block_ms`."""
        result = attempt()
        if not isinstance(result, Blocked):
            return result
        deadline = time.monotonic() + self.intake.options.max_block_ms / 1000
        while isinstance(result, Blocked):
            if not result.bell.wait(result.ready, max(deadline - time.monotonic(), 0.0)):
                raise result.error()
            self.check()
            result = attempt()
        return result

    def _settle(self, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        self.intake.hurry()
        for delivery in list(self.intake.outbox.unfinished):
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            if not delivery.settled(left):
                raise RequestTimedOut(
                    f"Not everything is acknowledged after {timeout} seconds; "
                    "it is still on its way."
                )

    def raise_first_error(self) -> None:
        """Raise the first delivery error since the last call that nobody has seen."""
        failures = self.intake.sender.failures
        while failures and failures[0].error is not None:
            delivery = failures.popleft()
            if delivery.error is not None and not delivery.seen:
                failures.clear()
                raise delivery.error

    def _on_fork(self) -> None:
        super()._on_fork()
        self._appends, self._slots = {}, {}

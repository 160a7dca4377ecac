"""The synchronous producer: records and columns in, deliveries out.

`send` has a fast path: one look-up of the topic's open batch and one native append, without a
lock. All else goes through `Intake`, and this class only adds the waiting.
"""

import time
import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TypeVar

from bus.adapters.clock import SystemClock
from bus.adapters.io_thread import IoThread
from bus.client.delivery import BatchDelivery, Deliveries
from bus.client.handle import Handle, closed
from bus.client.intake import Blocked, Intake
from bus.client.link import Connector
from bus.client.options import (
    Acks,
    Compression,
    ProducerOptions,
    acks_of,
    check_client_id,
    codec_of,
    servers_of,
)
from bus.client.outbox import Append, Headers, TopicSlots
from bus.client.remote import connector
from bus.client.rows import keys_of, rows_of, stamps_of
from bus.client.sender import Sender
from bus.client.sharing import Share, shares_of
from bus.errors import BusError, Closed, RequestTimedOut
from bus.model.batch import Buffer
from bus.model.limits import KIB, MIB
from bus.native.builder import NOW, Delivery, murmur2

T = TypeVar("T")

POSITIVE = 0x7FFFFFFF
CLOSE_SECONDS = 30.0
BATCH_BYTES = 512 * KIB  # of a batch that `send_batch` makes


class Producer(Handle):
    """Writes records to topics. Threads may share it; a forked child may not use it."""

    def __init__(
        self,
        servers: str | Iterable[str],
        *,
        acks: Acks = "all",
        compression: Compression = "none",
        linger_ms: int = 5,
        batch_size: int = 256 * KIB,
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
        batch_size     bytes at which a batch of `send` is full
        buffer_bytes   of records not yet acknowledged; beyond it `send` blocks for `max_block_ms`
        idempotent     order and single copies hold under retries; None: unless acks is 0
        """
        level = acks_of(acks)
        options = ProducerOptions(
            acks=level,
            codec=codec_of(compression),
            linger_ms=linger_ms,
            batch_size=batch_size,
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
        self._intake = Intake(self._io, endpoints, chosen, options, SystemClock())
        self._appends: dict[str, Append] = self._intake.outbox.appends
        self._slots: dict[str, TopicSlots] = self._intake.outbox.topics
        weakref.finalize(self, _abandon, self._io, self._intake.sender).atexit = False

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
            elif topic in self._slots:
                slots = self._slots[topic]
                append = slots.appends.get((murmur2(key) & POSITIVE) % slots.count)
            if append is not None:
                delivery = append(value, key, NOW, headers)
                if delivery is not None:
                    return delivery
        self._check()
        return self._wait(
            lambda: self._intake.try_send(topic, value, key, headers, timestamp, partition)
        )

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
        self._check()
        chunks = rows_of(values)
        count = sum(map(len, chunks))
        listed = keys_of(keys, count)
        stamps = stamps_of(timestamps, count, self._intake.clock.wall_ms())
        view = self._wait(lambda: self._intake.view(topic))
        chosen = self._intake.sticky(view) if listed is None and partition is None else partition
        batches: list[BatchDelivery] = []
        for share in shares_of(chunks, listed, stamps, view, chosen, self._intake.sticky):
            self._put(share, batches)
        return Deliveries(batches)

    def flush(self, timeout: float | None = None) -> None:
        """Return once everything sent so far has its outcome; raise the first error among them.

        RequestTimedOut after `timeout` seconds; then what is left is still on its way.
        """
        self._check()
        self._settle(timeout)
        self._raise_first_error()

    def close(self, timeout: float | None = CLOSE_SECONDS) -> None:
        """Flush for at most `timeout` seconds, fail what is left, and let go of everything.

        Raises the first delivery error that no `flush` has raised. Closing twice is fine.
        """
        if not self._retire(closed("producer")):
            return
        try:
            self._settle(timeout)
        except RequestTimedOut:
            pass
        finally:
            error = Closed("The producer was closed before the record was acknowledged.")
            self._intake.outbox.shut(closed("producer"))
            self._io.call(self._intake.sender.close, error, timeout=CLOSE_SECONDS)
        self._raise_first_error()

    def __enter__(self) -> "Producer":
        """For `with`."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close; an error of the block goes before a delivery error."""
        try:
            self.close()
        except BusError:
            if error is None:
                raise

    def _put(self, share: Share, batches: list[BatchDelivery]) -> None:
        """Encode one partition's rows batch by batch; each leaves as soon as it is made."""
        start, count = 0, len(share.rows)
        while start < count:
            records, stop = share.rows.encode(share.keys, share.stamps, start, BATCH_BYTES)
            batches.append(self._put_one(share, records, stop - start))
            start = stop

    def _put_one(self, share: Share, records: memoryview, count: int) -> BatchDelivery:
        return self._wait(lambda: self._intake.try_put(share.partition, records, count))

    def _wait(self, attempt: Callable[[], T | Blocked]) -> T:
        """Call until it is not blocked any more, for at most `max_block_ms`."""
        result = attempt()
        if not isinstance(result, Blocked):
            return result
        deadline = time.monotonic() + self._intake.options.max_block_ms / 1000
        while isinstance(result, Blocked):
            if not result.bell.wait(result.ready, max(deadline - time.monotonic(), 0.0)):
                raise result.error()
            self._check()
            result = attempt()
        return result

    def _settle(self, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        self._intake.hurry()
        for delivery in list(self._intake.outbox.unfinished):
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            if not delivery.settled(left):
                raise RequestTimedOut(
                    f"Not everything is acknowledged after {timeout} seconds; "
                    "it is still on its way."
                )

    def _raise_first_error(self) -> None:
        sender = self._intake.sender
        error, sender.first_error = sender.first_error, None
        if error is not None:
            raise error

    def _on_fork(self) -> None:
        super()._on_fork()
        self._appends, self._slots = {}, {}


def _abandon(io: IoThread, sender: Sender) -> None:
    """The user forgot the producer without closing it."""
    if io.is_alive():
        io.post(sender.close, Closed("The producer was given up without being closed."))

"""The synchronous consumer: batches and records out of assigned partitions."""

import operator
import time
from collections.abc import Iterable, Iterator
from typing import Literal, NoReturn

from bus.adapters.clock import SystemClock
from bus.client.batch import EMPTY, Batch
from bus.client.handle import Handle
from bus.client.link import Connector
from bus.client.options import (
    ConsumerOptions,
    Start,
    check_client_id,
    check_range,
    servers_of,
)
from bus.client.reading import Reading
from bus.client.remote import connector
from bus.client.topics import TopicWatch
from bus.errors import BadSetting, Closed
from bus.model.ids import TopicPartition
from bus.model.limits import MIB
from bus.native.columns import Record

RECORDS_MAX = 1 << 30
METADATA_SECONDS = 30.0
NO_GROUPS = (
    "Consumer groups need the group coordinator, which this version does not have; "
    "leave out group= and use assign or subscribe."
)


class Consumer(Handle):
    """Reads records of topics. One thread at a time uses it; a forked child may not."""

    KIND = "consumer"

    def __init__(
        self,
        servers: str | Iterable[str],
        *,
        group: str | None = None,
        start: Start = "earliest",
        timeout: float | None = None,
        out_of_range: Literal["error", "earliest", "latest"] = "error",
        prefetch_bytes: int = 32 * MIB,
        fetch_bytes: int = 16 * MIB,
        partition_bytes: int = 8 * MIB,
        min_bytes: int = 1,
        max_wait_ms: int = 500,
        check_crcs: bool = True,
        request_timeout_ms: int = 30_000,
        client_id: str = "busd",
        connect: Connector | None = None,
    ) -> None:
        """Open; nothing is fetched before `assign` or `subscribe`.

        start          where partitions begin: "earliest", "latest", or a time in ms since 1970
        timeout        seconds without a record after which iteration ends; None is never
        out_of_range   what to do when the log no longer has the position: raise, or go to an end
        prefetch_bytes fetched ahead of the reader, over all partitions
        """
        if group is not None:
            raise BadSetting(NO_GROUPS)
        options = ConsumerOptions(
            start=start,
            out_of_range=out_of_range,
            prefetch_bytes=prefetch_bytes,
            fetch_bytes=fetch_bytes,
            partition_bytes=partition_bytes,
            min_bytes=min_bytes,
            max_wait_ms=max_wait_ms,
            check_crcs=check_crcs,
            request_timeout_ms=request_timeout_ms,
        )
        endpoints = servers_of(servers)
        chosen = connect or connector(check_client_id(client_id))
        super().__init__()
        self._timeout = timeout
        self.reading = Reading(self._io, endpoints, chosen, options, SystemClock())
        self.watch = TopicWatch(self._io, self.reading)
        self._rows: Iterator[Record] | None = None  # that a `for` loop is in the middle of
        self._rows_end = 0
        self._rows_batch = EMPTY
        self._when_forgotten(self.reading.receiver.close)

    def assign(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Read these partitions and no others; those that stay keep their positions."""
        self.check()
        self.watch.subscribe(())
        self.reading.assign(TopicPartition(topic, index) for topic, index in partitions)

    def subscribe(self, *topics: str | Iterable[str], timeout: float = METADATA_SECONDS) -> None:
        """Read all partitions of these topics, also those that are added later.

        Waits until the topics are known. Raises UnknownTopicOrPartition, or BrokerUnreachable
        after `timeout` seconds.
        """
        self.check()
        self.watch.subscribe(names_of(topics))
        deadline = time.monotonic() + timeout
        while self.watch.apply() is not None:
            left = max(deadline - time.monotonic(), 0.0)
            if not self.reading.inbox.bell.wait(self.watch.is_news, left):
                raise self.reading.receiver.cluster.unreachable()
            self.check()

    def assignment(self) -> list[TopicPartition]:
        """The partitions that are read, sorted."""
        self.check()
        return sorted(self.reading.places)

    def seek(
        self,
        topic: str,
        partition: int,
        offset: int | Literal["earliest", "latest"] | None = None,
        *,
        timestamp: int | None = None,
    ) -> None:
        """Go on at an offset or an end, or at the first record with this time (ms) or later."""
        self.check()
        if (offset is None) == (timestamp is None):
            raise BadSetting("seek needs an offset or a timestamp, one of the two.")
        self.settle_rows()
        target = TopicPartition(topic, partition)
        if isinstance(offset, str):
            self.reading.seek(target, None, None, offset)
            return
        if timestamp is not None:
            check_range("timestamp", timestamp, 0, (1 << 63) - 1)
        else:
            check_range("offset", offset, 0, (1 << 63) - 1)
        self.reading.seek(target, offset, timestamp, None)

    def pause(self, *partitions: tuple[str, int]) -> None:
        """Hand out nothing of these partitions (of none named: of all) until `resume`."""
        self._pause(partitions, True)

    def resume(self, *partitions: tuple[str, int]) -> None:
        """Go on with these partitions (none named: all)."""
        self._pause(partitions, False)

    def position(self, topic: str, partition: int) -> int:
        """Offset of the next record from this partition; -1 until that is known."""
        self.check()
        place = self.reading.place(TopicPartition(topic, partition))
        left = operator.length_hint(self._rows) if self._rows is not None else 0
        batch = self._rows_batch
        if left and (batch.topic, batch.partition) == (topic, partition):
            return int(batch.offsets[len(batch) - left])
        return place.position

    def high_watermark(self, topic: str, partition: int) -> int:
        """End of what was committed at the last fetch; -1 if nothing was fetched yet."""
        self.check()
        return self.reading.place(TopicPartition(topic, partition)).high_watermark

    def poll_batch(self, max_records: int = 100_000, timeout: float | None = 1.0) -> Batch:
        """Records of one partition, at most `max_records`; the empty batch after `timeout`.

        None waits for ever. Raises OffsetOutOfRange, LogTruncated, CorruptBatch and what else
        stops a partition, again at each poll until the user seeks.
        """
        self.check()
        check_range("max_records", max_records, 1, RECORDS_MAX)
        self.settle_rows()
        return self._poll(max_records, timeout)

    def records(self, timeout: float | None = None) -> Iterator[Record]:
        """Record by record, until `close` or until there was none for `timeout` seconds."""
        self.check()
        self.settle_rows()
        while True:
            try:
                batch = self._poll(RECORDS_MAX, timeout)
            except Closed:
                return
            if not batch:
                return
            yield from self.iterated(batch)
            self._rows = None

    def iterated(self, batch: Batch) -> Iterator[Record]:
        """The batch's records; how far they are taken is the consumer's position."""
        self._rows, self._rows_batch = iter(batch), batch
        return self._rows

    def take(self, max_records: int) -> Batch:
        """What is there of one partition, perhaps nothing, without waiting."""
        self.check()
        check_range("max_records", max_records, 1, RECORDS_MAX)
        self.settle_rows()
        self.watch.apply()
        return self.reading.try_batch(max_records)

    def __iter__(self) -> Iterator[Record]:
        """Record by record, until `close` or the consumer's `timeout`."""
        return self.records(self._timeout)

    def commit(self) -> NoReturn:
        """Offsets are committed for a group, and there are none yet."""
        raise BadSetting(NO_GROUPS)

    def _release(self, timeout: float | None) -> None:
        """A loop ends, and a poll raises Closed."""
        self.reading.inbox.bell.ring()
        self._io.call(self.reading.receiver.close, timeout=timeout)
        self.reading.forget()

    def _poll(self, max_records: int, timeout: float | None) -> Batch:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            batch = self.reading.try_batch(max_records)
            if batch:
                return batch
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            if not self.reading.inbox.bell.wait(self.has_news, left):
                return batch
            self.check()
            self.watch.apply()

    def has_news(self) -> bool:
        """Whether a poll that waits should look again."""
        return self.reading.ready() or self._refusal is not None or self.watch.is_news()

    def settle_rows(self) -> None:
        """A `for` loop was left in the middle: the rest of its batch comes next."""
        rows, self._rows = self._rows, None
        if rows is not None:
            self.reading.put_back(self._rows_batch, operator.length_hint(rows))
            self._rows_batch = EMPTY

    def _pause(self, partitions: tuple[tuple[str, int], ...], paused: bool) -> None:
        self.check()
        named = [TopicPartition(topic, index) for topic, index in partitions]
        self.reading.pause(named or list(self.reading.places), paused)


def names_of(topics: tuple[str | Iterable[str], ...]) -> list[str]:
    """Names given one by one, or as a list."""
    return [n for topic in topics for n in ([topic] if isinstance(topic, str) else topic)]

"""The synchronous consumer: batches and records out of assigned partitions."""

import inspect
import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Literal, TypeAlias, Unpack

from bus.adapters.clock import SystemClock
from bus.adapters.random import SystemRandom
from bus.client.batch import Batch
from bus.client.handle import CLOSE_SECONDS, Handle
from bus.client.lag import Lag, lag_of
from bus.client.link import Connector
from bus.client.offsets import Positions
from bus.client.options import (
    ConsumerOptions,
    GroupKeywords,
    Start,
    check_client_id,
    check_range,
    group_options,
    servers_of,
    spread_of,
)
from bus.client.outcome import Outcome
from bus.client.reading import Reading
from bus.client.remote import connector
from bus.client.session import Callback, Callbacks, Session, Wait, Waits
from bus.client.topics import TopicWatch
from bus.errors import BadSetting, Closed, RequestTimedOut
from bus.model.ids import TopicPartition
from bus.model.limits import MIB
from bus.native.columns import Record

RECORDS_MAX = 1 << 30
METADATA_SECONDS = 30.0
YIELD_SECONDS = 20e-6  # of a poll in vain: who polls in a loop would starve the I/O thread
COMMIT_SECONDS = 30.0
NO_GROUP = "Positions are kept for a group; open the consumer with group=."

Committable: TypeAlias = "Batch | Record | Mapping[tuple[str, int], int] | None"


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
        read_files: bool = True,
        rack: str = "",
        connect: Connector | None = None,
        on_assigned: Callback | None = None,
        on_revoked: Callback | None = None,
        on_lost: Callback | None = None,
        **membership: Unpack[GroupKeywords],
    ) -> None:
        """Open; nothing is fetched before `assign` or `subscribe`.

        group          share the topics' partitions with the other members of this group
        start          where partitions begin: "earliest", "latest", or a time in ms since 1970;
                       in a group only those of which nothing is committed
        timeout        seconds without a record after which iteration ends; None is never
        out_of_range   what to do when the log no longer has the position: raise, or go to an end
        prefetch_bytes fetched ahead of the reader, over all partitions
        read_files     read the broker's files where they are on this machine, and may be read
        rack           where this consumer stands: a replica there is read from, if there is one
        on_...         called with partitions from within a poll: before they are given up, once
                       they are there, when they were lost (else `on_revoked` is)
        membership     instance_id, assignor, session_timeout_ms, heartbeat_ms,
                       max_poll_interval_ms, auto_commit, auto_commit_interval_ms
        """
        sizes = prefetch_bytes, fetch_bytes, partition_bytes, min_bytes
        options = ConsumerOptions(
            start, out_of_range, *sizes, max_wait_ms, check_crcs, request_timeout_ms, rack
        )
        chosen = connect or connector(check_client_id(client_id), read_files)
        member = group_options(group, membership, request_timeout_ms, spread_of(SystemRandom()))
        super().__init__()
        self._timeout, self._clock, self.finished = timeout, SystemClock(), True
        self.reading = Reading(self._io, servers_of(servers), chosen, options, self._clock)
        self.watch = TopicWatch(self._io, self.reading)
        self.session: Session | None = None
        if member is not None:
            told = Callbacks(on_assigned, on_revoked, on_lost)
            self.session = Session(self._io, self.reading, member, start, told, self._clock)
            self._when_forgotten(self.session.closer())
        self._when_forgotten(self.reading.receiver.close)

    def assign(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Read these partitions and no others; those that stay keep their positions."""
        self.check()
        self.watch.subscribe(())
        named = [TopicPartition(topic, index) for topic, index in partitions]
        if self.session is not None:
            self.session.assign(named)
        else:
            self.reading.assign(named)

    def subscribe(self, *topics: str | Iterable[str], timeout: float = METADATA_SECONDS) -> None:
        """Read all partitions of these topics, also those that are added later.

        In a group: the share of them that the group gives us, once it does so during a poll.
        Waits until the topics are known. Raises UnknownTopicOrPartition, or BrokerUnreachable
        after `timeout` seconds.
        """
        self.check()
        self.watch.subscribe(names_of(topics), assigns=self.session is None)
        deadline = time.monotonic() + timeout
        while self.watch.apply() is not None:
            left = max(deadline - time.monotonic(), 0.0)
            if not self.reading.inbox.bell.wait(self.watch.is_news, left):
                raise self.reading.receiver.cluster.unreachable()
            self.check()
        self.join()

    def join(self) -> None:
        """The topics are known: ask the group for a share of them."""
        if self.session is not None:
            self.session.subscribe(self.watch.topics)

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
        return self.reading.position(self.reading.place(TopicPartition(topic, partition)))

    def high_watermark(self, topic: str, partition: int) -> int:
        """End of what was committed at the last fetch; -1 if nothing was fetched yet."""
        self.check()
        place = self.reading.place(TopicPartition(topic, partition))
        return self.reading.end(place)

    def lag(self) -> dict[TopicPartition, Lag]:
        """How far the reader is behind, for each partition that is read."""
        self.check()
        return lag_of(self.reading, self._clock.wall_ms())

    def poll_batch(self, max_records: int = 100_000, timeout: float | None = 1.0) -> Batch:
        """Records of one partition, at most `max_records`; the empty batch after `timeout`.

        None waits for ever. Raises OffsetOutOfRange, LogTruncated, CorruptBatch and what else
        stops a partition, again at each poll until the user seeks.
        """
        self.check()
        check_range("max_records", max_records, 1, RECORDS_MAX)
        return self._poll(max_records, timeout)

    def records(self, timeout: float | None = None) -> Iterator[Record]:
        """Record by record, until `close` or until there was none for `timeout` seconds."""
        self.check()
        while True:
            try:
                batch = self._poll(RECORDS_MAX, timeout)
            except Closed:
                return
            if not batch:
                return
            yield from self.iterated(batch)
            self.reading.loop = None

    def iterated(self, batch: Batch) -> Iterator[Record]:
        """The batch's records; how far they are taken is the consumer's position."""
        rows = iter(batch)
        self.reading.loop = (rows, batch)
        return rows

    def take(self, max_records: int) -> Batch:
        """What is there of one partition, perhaps nothing, without waiting."""
        self.check()
        check_range("max_records", max_records, 1, RECORDS_MAX)
        return self.reading.try_batch(max_records)

    def __iter__(self) -> Iterator[Record]:
        """Record by record, until `close` or the consumer's `timeout`."""
        return self.records(self._timeout)

    def commit(self, what: Committable = None, timeout: float = COMMIT_SECONDS) -> None:
        """Keep positions for the group: the next one of each partition, or what is named.

        what   a batch or a record: what comes behind it; a mapping: (topic, partition) -> the
               next offset to read
        """
        outcome = self.begin_commit(what, timeout)
        if not outcome.bell.wait(outcome.is_done, timeout):
            raise RequestTimedOut(f"The commit was not answered in {timeout} seconds.")
        _ = outcome.value

    def committed(
        self, *partitions: tuple[str, int], timeout: float = COMMIT_SECONDS
    ) -> dict[TopicPartition, int]:
        """What the group has committed (of none named: of all that are read); -1 is nothing."""
        outcome = self.begin_committed(partitions, timeout)
        if not outcome.bell.wait(outcome.is_done, timeout):
            raise RequestTimedOut(f"The group's positions were not told in {timeout} seconds.")
        return dict(outcome.value)

    def begin_commit(self, what: Committable, timeout: float) -> "Outcome[bool]":
        """Ask for it, without waiting."""
        self.check()
        if self.session is None:
            raise BadSetting(NO_GROUP)
        return self.session.commit(positions_of(what, self.reading), timeout)

    def begin_committed(
        self, partitions: tuple[tuple[str, int], ...], timeout: float
    ) -> "Outcome[Positions]":
        """Ask for it, without waiting."""
        self.check()
        if self.session is None:
            raise BadSetting(NO_GROUP)
        named = [TopicPartition(topic, index) for topic, index in partitions]
        return self.session.committed(named or list(self.reading.places), timeout)

    def close(self, timeout: float | None = CLOSE_SECONDS) -> None:
        """Commit (if that is automatic), leave the group, and let go of everything.

        What the user was given is taken to be done, unless an error ended the `with` block.
        """
        try:
            if self.is_member():
                self._sleep_through(self.farewell(timeout))
        finally:
            self.end(timeout)

    def close_at_exit(self, timeout: float) -> None:
        """What is in hand is not taken to be done: the program may have died of it."""
        self.finished = False
        self.close(timeout)

    def is_member(self) -> bool:
        """Whether there is a group to say farewell to."""
        return self._refusal is None and self._io.is_alive() and self.session is not None

    def end(self, timeout: float | None) -> None:
        """Let go of everything."""
        super().close(timeout)

    def farewell(self, timeout: float | None) -> Waits:
        """What a member does before it goes."""
        assert self.session is not None, "only a member says farewell"
        if self.finished:
            self.settle_rows()
            self.reading.mark_done()
        yield from self.session.finish(timeout)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.finished = kind is None
        super().__exit__(kind, error, traceback)

    def _release(self, timeout: float | None) -> None:
        """A loop ends, and a poll raises Closed."""
        self.reading.inbox.bell.ring()
        if self.session is not None:
            self._io.call(self.session.closer(), timeout=timeout)
        self._io.call(self.reading.receiver.close, timeout=timeout)
        self.reading.forget()

    def _poll(self, max_records: int, timeout: float | None) -> Batch:
        deadline = None if timeout is None else time.monotonic() + timeout
        self.poll_begins()
        try:
            while True:
                self._sleep_through(self.news())
                batch = self.reading.try_batch(max_records)
                if batch:
                    return batch
                left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
                if left == 0.0:
                    time.sleep(YIELD_SECONDS)
                if not self.reading.inbox.bell.wait(self.has_news, left):
                    return batch
                self.check()
        finally:
            self.poll_ends()

    def poll_begins(self) -> None:
        """The user is through with what it was given, and waits for more."""
        self.check()
        self.settle_rows()
        self.reading.mark_done()
        if self.session is not None:
            self.session.poll_begins()

    def poll_ends(self) -> None:
        """The user is at work."""
        if self.session is not None:
            self.session.poll_ends()

    def news(self) -> Waits:
        """Act on what the group or the cluster has told."""
        if self.session is None:
            self.watch.apply()
        elif self.session.has_news():
            yield from self.session.apply()

    def has_news(self) -> bool:
        """Whether a poll that waits should look again."""
        if self.reading.ready() or self._refusal is not None:
            return True
        return self.watch.is_news() if self.session is None else self.session.has_news()

    def settle_rows(self) -> None:
        """A `for` loop was left in the middle: the rest of its batch comes next."""
        self.reading.end_loop()

    def _sleep_through(self, waits: Waits) -> None:
        for wait in waits:
            if not isinstance(wait, Wait):
                if inspect.iscoroutine(wait):
                    wait.close()
                raise BadSetting("A callback that is a coroutine needs bus.aio.Consumer.")
            wait.bell.wait(wait.ready, wait.seconds)

    def _pause(self, partitions: tuple[tuple[str, int], ...], paused: bool) -> None:
        self.check()
        named = [TopicPartition(topic, index) for topic, index in partitions]
        self.reading.pause(named or list(self.reading.places), paused)


def positions_of(what: Committable, reading: Reading) -> dict[TopicPartition, int]:
    """The next offset to read, for each partition that `what` names."""
    if what is None:
        return reading.positions()
    if isinstance(what, Batch):
        last = int(what.offsets[-1]) + 1 if what else -1
        return {TopicPartition(what.topic, what.partition): last} if what else {}
    if isinstance(what, Record):
        return {TopicPartition(what.topic, what.partition): what.offset + 1}
    for offset in what.values():
        check_range("offset", offset, 0, (1 << 63) - 1)
    return {TopicPartition(topic, index): offset for (topic, index), offset in what.items()}


def names_of(topics: tuple[str | Iterable[str], ...]) -> list[str]:
    """Names given one by one, or as a list."""
    return [n for topic in topics for n in ([topic] if isinstance(topic, str) else topic)]

"""The I/O thread's side of a consumer: lookups and fetches ahead of the reader.

A *turn* asks for what the fetcher says is due. It runs when the reader assigns, seeks or has
consumed, when an answer came, and when a pause is over. The reader is woken first and the next
fetch leaves while it wakes, so that the broker works while the reader does. What a stream sends
makes nothing due if it is records alone: there the reader has the interpreter at once.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from bus.client.cluster import Cluster
from bus.client.fetcher import (
    Ask,
    Deliver,
    Effect,
    Fetched,
    Fetcher,
    FetchRules,
    Plan,
    Raise,
    Refresh,
)
from bus.client.inbox import Chunk, Fault, Inbox
from bus.client.link import Connector
from bus.client.options import ConsumerOptions
from bus.errors import BusError, CorruptBatch, NetworkError, error_of
from bus.model.batch import OFFSET_END
from bus.model.ids import TopicPartition
from bus.native.segment import find, slice_end
from bus.ports import Clock
from bus.wire.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData
from bus.wire.offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)
from bus.wire.schema import Message

EPOCH_AT = 12  # byte of a batch's leader epoch


class Receiver:
    """Everything of a consumer that lives on the I/O thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        servers: tuple[str, ...],
        connect: Connector,
        options: ConsumerOptions,
        inbox: Inbox,
        clock: Clock,
        on_change: Callable[[], None],
    ) -> None:
        self.cluster = Cluster(loop, servers, connect, clock, partial(self._on_change, on_change))
        self._loop = loop
        self._options = options
        self._inbox = inbox
        self._clock = clock
        self._fetcher = Fetcher(
            FetchRules(
                options.prefetch_bytes,
                options.fetch_bytes,
                options.partition_bytes,
                options.out_of_range,
            )
        )
        self.on_picture: Callable[[], object] = bool  # told when the cluster's picture is new
        self.begun: dict[TopicPartition, tuple[int, int]] = {}  # generation, first offset
        self.watermarks: dict[TopicPartition, int] = {}  # ends as last heard of
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def assign(self, partitions: list[tuple[TopicPartition, int, int | None]]) -> None:
        """Replace the assignment: (partition, generation, timestamp that says where to begin).

        With no timestamp the partition rests until `begin` or `seek`.
        """
        keep = {partition for partition, _, _ in partitions}
        for partition in list(self._fetcher.seats):
            if partition not in keep:
                self._fetcher.unassign(partition)
                self.begun.pop(partition, None)
                self.watermarks.pop(partition, None)
        for partition, generation, lookup in partitions:
            if partition not in self._fetcher.seats:
                self._fetcher.assign(partition, generation)
                if lookup is not None:
                    self._fetcher.seek(partition, generation, lookup=lookup)
                self.cluster.want(partition.topic)
        self.turn()

    def begin(
        self, partition: TopicPartition, generation: int, offset: int, lookup: int | None
    ) -> None:
        """Begin a partition that rests, unless its reader has moved on by itself."""
        seat = self._fetcher.seats.get(partition)
        if seat is not None and seat.generation == generation:
            self._fetcher.seek(partition, generation, offset=offset, lookup=lookup)
            if lookup is None:
                self.begun[partition] = (generation, offset)

    def fail(self, partition: TopicPartition, generation: int, error: BusError) -> None:
        """Where to begin could not be found out: the reader's next poll raises it."""
        self._inbox.put(Fault(partition, generation, error))
        self._inbox.bell.ring()

    def seek(
        self, partition: TopicPartition, generation: int, offset: int, lookup: int | None
    ) -> None:
        """Begin again at an offset, or at what a timestamp stands for."""
        self._fetcher.seek(partition, generation, offset=offset, lookup=lookup)
        self.turn()

    def pause(self, partitions: list[TopicPartition], paused: bool) -> None:
        """Stop or go on fetching."""
        self._fetcher.pause(partitions, paused)
        self.turn()

    def consumed(self, partition: TopicPartition, generation: int, size: int) -> None:
        """The reader has taken a chunk: there is room for another."""
        self._fetcher.on_consumed(partition, generation, size)
        self.turn()

    def turn(self) -> None:
        """Ask for what is due."""
        if self._closed:
            return
        now_ms = self._clock.now_ms()
        for plan in self._fetcher.lookups(now_ms, self.cluster.leader):
            self._look_up(plan)
        for plan in self._fetcher.fetches(now_ms, self.cluster.leader):
            self._fetch(plan)
        if self._fetcher.leaderless(self.cluster.leader):
            self.cluster.stale()
        self._set_timer(now_ms)

    def close(self) -> None:
        """Let go of links and timers."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self.cluster.close()

    def _on_change(self, on_change: Callable[[], None]) -> None:
        on_change()
        self.on_picture()
        self._fetcher.on_leaders(self.cluster.leader, self._clock.now_ms())
        self.turn()

    def _look_up(self, plan: Plan) -> None:
        topics: dict[str, ListOffsetsTopic] = {}
        for ask in plan.asks:
            topic = topics.setdefault(ask.partition.topic, ListOffsetsTopic(ask.partition.topic))
            topic.partitions.append(
                ListOffsetsPartition(ask.partition.partition, ask.leader_epoch, ask.offset)
            )
        request = ListOffsetsRequest(topics=list(topics.values()))
        timeout_ms = self._options.request_timeout_ms
        self.cluster.call(plan.node, request, timeout_ms, partial(self._on_looked_up, plan))

    def _on_looked_up(self, plan: Plan, answer: Message | BusError) -> None:
        if self._closed:
            return
        now_ms = self._clock.now_ms()
        found: dict[TopicPartition, ListOffsetsPartitionResponse] = {}
        if isinstance(answer, ListOffsetsResponse):
            for topic in answer.topics:
                for part in topic.partitions:
                    found[TopicPartition(topic.name, part.partition_index)] = part
        effects: list[Effect] = []
        for ask in plan.asks:
            offset, error = _offset_of(found.get(ask.partition), answer)
            effects += self._fetcher.on_offset(plan, ask, offset, error, now_ms)
            seat = self._fetcher.seats.get(ask.partition)
            if seat is not None and seat.generation == ask.generation and seat.lookup is None:
                self.begun[ask.partition] = (ask.generation, seat.offset)
        self._carry_out(effects, {})
        self.turn()

    def _fetch(self, plan: Plan) -> None:
        options = self._options
        topics: dict[str, FetchTopic] = {}
        for ask in plan.asks:
            topic = topics.setdefault(ask.partition.topic, FetchTopic(ask.partition.topic))
            topic.partitions.append(
                FetchPartition(
                    partition=ask.partition.partition,
                    current_leader_epoch=ask.leader_epoch,
                    fetch_offset=ask.offset,
                    last_fetched_epoch=ask.last_epoch,
                    partition_max_bytes=options.partition_bytes,
                )
            )
        request = FetchRequest(
            max_wait_ms=options.max_wait_ms,
            min_bytes=options.min_bytes,
            max_bytes=plan.bytes_max,
            topics=list(topics.values()),
            rack_id=options.rack if plan.names_rack else "",
            credit_bytes=plan.bytes_max,
        )
        timeout_ms = options.request_timeout_ms + options.max_wait_ms
        self.cluster.call(plan.node, request, timeout_ms, partial(self._on_fetched, plan))

    def _on_fetched(self, plan: Plan, answer: Message | BusError) -> None:
        if self._closed:
            return
        now_ms = self._clock.now_ms()
        more = isinstance(answer, FetchResponse) and answer.more
        asks = self._fetcher.asks(plan)
        if not more:
            self._fetcher.on_plan_done(plan)
        if isinstance(answer, FetchResponse) and answer.error_code:
            answer = error_of(answer.error_code)
        found = self._parts(answer)
        effects: list[Effect] = []
        chunks: dict[TopicPartition, Chunk] = {}
        told = [ask for ask in asks if not more or ask.partition in found]
        for ask in told:
            fetched, data = _fetched(ask, found.get(ask.partition), answer, more)
            self._note_end(ask.partition, fetched.high_watermark)
            if fetched.size:
                chunks[ask.partition] = Chunk(
                    ask.partition,
                    ask.generation,
                    data,
                    ask.offset,
                    fetched.end_offset,
                    fetched.high_watermark,
                )
            effects += self._fetcher.on_fetched(plan, ask, fetched, now_ms, more=more)
        self._carry_out(effects, chunks)
        if not more or len(chunks) < len(told) or not told:
            self.turn()  # else nothing is due: this fetch goes on, and the reader is waking

    def _parts(self, answer: Message | BusError) -> dict[TopicPartition, PartitionData]:
        """An answer's partitions; what it says of leaders is noted (KIP-951)."""
        found: dict[TopicPartition, PartitionData] = {}
        if isinstance(answer, FetchResponse):
            for topic in answer.responses:
                for part in topic.partitions:
                    partition = TopicPartition(topic.topic, part.partition_index)
                    found[partition] = part
                    if part.error_code:
                        self.cluster.learn(partition, part.current_leader, answer.node_endpoints)
                    else:
                        self.cluster.routing.trust(partition)
        return found

    def _note_end(self, partition: TopicPartition, high_watermark: int) -> None:
        if high_watermark >= 0:
            self.watermarks[partition] = high_watermark

    def _carry_out(self, effects: list[Effect], chunks: dict[TopicPartition, Chunk]) -> None:
        news = refused = False
        for effect in effects:
            match effect:
                case Deliver(ask):
                    self._inbox.put(chunks[ask.partition])
                    news = True
                case Raise(ask, error):
                    self._inbox.put(Fault(ask.partition, ask.generation, error))
                    news = True
                case Refresh(ask, leader, cause):
                    self.cluster.refused(ask.partition, leader, cause)
                    refused = True
        if news:
            self._inbox.bell.ring()
        if refused:
            self._fetcher.on_leaders(self.cluster.leader, self._clock.now_ms())

    def _set_timer(self, now_ms: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_ms = self._fetcher.next_due_ms(now_ms)
        if due_ms is not None:
            self._timer = self._loop.call_later(max(due_ms - now_ms, 1) / 1000, self.turn)


def _offset_of(
    found: ListOffsetsPartitionResponse | None, answer: Message | BusError
) -> tuple[int, BusError | None]:
    if isinstance(answer, BusError):
        return -1, answer
    if found is None:
        return -1, NetworkError("The broker's answer leaves out a partition.")
    if found.error_code:
        return -1, error_of(found.error_code)
    return found.offset, None


def _fetched(
    ask: Ask, found: PartitionData | None, answer: Message | BusError, more: bool
) -> tuple[Fetched, memoryview]:
    """The facts of one partition, and its whole batches; of a stream they must join the last."""
    nothing = memoryview(b"")
    if isinstance(answer, BusError):
        return Fetched(error=answer), nothing
    if found is None:
        return Fetched(error=NetworkError("The broker's answer leaves out a partition.")), nothing
    facts = partial(
        Fetched, start_offset=found.log_start_offset, high_watermark=found.high_watermark
    )
    if found.diverging_epoch is not None and found.diverging_epoch.end_offset >= 0:
        return facts(diverged_at=found.diverging_epoch.end_offset), nothing
    if found.error_code:
        return facts(error=error_of(found.error_code)), nothing
    if found.preferred_read_replica >= 0:
        return facts(preferred=found.preferred_read_replica), nothing
    data = memoryview(found.records or b"")
    if not data:
        return facts(), nothing
    if more and int.from_bytes(data[:8], "big") > ask.offset:
        return facts(error=NetworkError("A part of the stream is missing.")), nothing
    try:
        size, end_offset = slice_end(data, 0, len(data), OFFSET_END)
    except CorruptBatch as error:
        return facts(error=_corrupt(ask, str(error))), nothing
    if end_offset <= ask.offset or size <= 0:
        return facts(error=_corrupt(ask, "no whole batch at this offset")), nothing
    epoch = _last_epoch(data[:size], end_offset)
    return facts(size=size, end_offset=end_offset, epoch=epoch), data[:size]


def _last_epoch(data: memoryview, end_offset: int) -> int:
    """Leader epoch of the last batch."""
    last = find(data, 0, end_offset - 1)
    return int.from_bytes(data[last + EPOCH_AT : last + 16], "big", signed=True)


def _corrupt(ask: Ask, reason: str) -> CorruptBatch:
    return CorruptBatch(
        f"{ask.partition.topic}/{ask.partition.partition}: what came for offset {ask.offset} "
        f"is no record batch: {reason}"
    )

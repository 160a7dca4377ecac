"""The I/O thread's side of a producer: from closed batches to acknowledged ones.

One *turn* moves everything on as far as it goes: closed batches join their lanes, open ones that
are due are closed, overdue ones fail, and what may leave leaves, one batch a partition in each
request. A turn runs when a user's thread wakes it, when an answer came, and when time is up.

An open batch is due when its linger is over and it would leave at once; while the lane is full it
goes on taking records, so that a busy producer's batches grow by themselves.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from bus.client.accumulator import Accumulator
from bus.client.cluster import Cluster
from bus.client.cutting import cut
from bus.client.delivery import BatchDelivery
from bus.client.lane import Delivered, Effect, LaneRules, Parcel, Written
from bus.client.link import Connector
from bus.client.options import ProducerOptions
from bus.client.outbox import ClosedBatch, OpenBatch, Outbox
from bus.client.packing import packed
from bus.client.routing import Leader
from bus.errors import (
    BusError,
    DuplicateSequence,
    MessageTooLarge,
    NetworkError,
    OutOfOrderSequence,
    RecordListTooLarge,
    error_of,
)
from bus.model.ids import TopicPartition
from bus.model.limits import BUFFERS_PER_REQUEST_MAX, CREDIT_BYTES
from bus.native.batch import seal
from bus.ports import Clock
from bus.wire.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from bus.wire.schema import Message
from bus.wire.transactions import InitProducerIdRequest, InitProducerIdResponse

UNKNOWN_PRODUCER_ID = 59  # what brokers before 2.5 say when they forgot a producer
IDENTITY_PAUSE_MS = 50
FAILURES_KEPT_MAX = 1000
TOO_LARGE = MessageTooLarge, RecordListTooLarge

Entry = tuple[TopicPartition, Parcel]


@dataclass(slots=True)
class Urge:
    """What the users' threads ask of the next turn."""

    woken: bool = False  # a turn is on its way
    hurry: bool = False  # close what is open, whatever its linger


class Sender:
    """Everything of a producer that lives on the I/O thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        servers: tuple[str, ...],
        connect: Connector,
        options: ProducerOptions,
        outbox: Outbox,
        clock: Clock,
        on_change: Callable[[], None],
    ) -> None:
        self.urge = Urge()
        self.failures: deque[BatchDelivery] = deque()  # since a flush
        self.cluster = Cluster(
            loop, servers, connect, clock, partial(self._on_change, on_change), create_topics=True
        )
        self._loop = loop
        self._options = options
        self._outbox = outbox
        self._clock = clock
        rules = LaneRules(options.max_in_flight, options.idempotent, options.retry_backoff_ms)
        self._accumulator = Accumulator(rules)
        self._identity_asked = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def turn(self) -> None:
        """Move everything on as far as it goes."""
        self.urge.woken = False
        if self._closed:
            return
        now_ms = self._clock.now_ms()
        open_due_ms = self._collect(now_ms)
        self._carry_out(self._accumulator.expire(now_ms))
        if self._accumulator.needs_identity:
            self._ask_identity()
        else:
            self._ship(now_ms)
        self._set_timer(open_due_ms, now_ms)

    def close(self, error: BusError) -> None:
        """Fail what is left, and let go of links and timers."""
        if self._closed:
            return
        self._collect(self._clock.now_ms())
        self._closed = True
        self._carry_out(self._accumulator.fail_all(error))
        if self._timer is not None:
            self._timer.cancel()
        self.cluster.close()

    def _on_change(self, on_change: Callable[[], None]) -> None:
        on_change()
        now_ms = self._clock.now_ms()
        for partition in self._accumulator.busy:
            self._note_leader(partition, now_ms)
        self.turn()

    def _note_leader(self, partition: TopicPartition, now_ms: int) -> None:
        leader = self.cluster.leader(partition)
        if leader.node >= 0:
            self._accumulator.on_leader(partition, (leader.node, leader.epoch), now_ms)

    def _collect(self, now_ms: int) -> int | None:
        """Close what is due and queue what is closed; when the next open batch is due."""
        hurry, self.urge.hurry = self.urge.hurry, False
        linger_ms = self._options.linger_ms
        timeout_ms = self._options.delivery_timeout_ms
        accumulator = self._accumulator
        self._queue_closed()

        def is_due(batch: OpenBatch) -> bool:
            age_ms = now_ms - batch.opened_ms
            if hurry or age_ms >= timeout_ms:
                return True
            return age_ms >= linger_ms and accumulator.has_room(batch.partition, now_ms)

        def next_due(batch: OpenBatch) -> int:
            if now_ms < batch.opened_ms + linger_ms:
                return batch.opened_ms + linger_ms
            pause_ends_ms = accumulator.pause_ends_ms(batch.partition, now_ms)
            return pause_ends_ms or batch.opened_ms + timeout_ms

        due_ms = self._outbox.close_due(is_due, next_due)
        self._queue_closed()
        return due_ms

    def _queue_closed(self) -> None:
        closed = self._outbox.closed
        timeout_ms = self._options.delivery_timeout_ms
        while closed:
            batch = closed.popleft()
            parcel = Parcel(batch.count, batch.size, batch.opened_ms + timeout_ms, batch)
            self._accumulator.add(batch.partition, parcel)

    def _ship(self, now_ms: int) -> None:
        while True:
            shipment = self._accumulator.take(now_ms, self.cluster.routing.leader_of)
            for node, entries in shipment.by_node.items():
                for part in requests_of(entries):
                    self._send(node, part)
            if not shipment.by_node:
                break
        for partition in shipment.leaderless:
            self.cluster.want(partition.topic)
        if shipment.leaderless:
            self.cluster.stale()

    def _send(self, node: int, entries: list[Entry]) -> None:
        topics: dict[str, TopicProduceData] = {}
        for partition, parcel in entries:
            topic, index = partition
            parcel.sent_to = (node, self.cluster.routing.leader(partition).epoch)
            data = topics.setdefault(topic, TopicProduceData(topic))
            data.partition_data.append(PartitionProduceData(index, self._seal(parcel)))
        options = self._options
        request = ProduceRequest(
            acks=options.acks,
            timeout_ms=options.request_timeout_ms,
            topic_data=list(topics.values()),
        )
        done = partial(self._on_produced, entries)
        if options.acks == 0:
            self.cluster.call(node, request, options.request_timeout_ms, _nothing)
            self._loop.call_soon(done, None)
        else:
            self.cluster.call(node, request, options.request_timeout_ms, done)

    def _seal(self, parcel: Parcel) -> memoryview:
        batch = parcel.payload
        assert isinstance(batch, ClosedBatch), "a producer's parcels are its batches"
        if not batch.packed:
            batch.packed = True
            smaller = packed(batch.records, self._options.codec)
            if smaller is not batch.records:
                self._outbox.resize(batch, smaller)
        numbers = (parcel.epoch, parcel.sequence)
        if batch.sealed != numbers:
            if batch.sealed is not None:  # an older copy may still be leaving: leave it alone
                batch.records = memoryview(bytearray(batch.records))
            seal(batch.records, self._accumulator.producer_id, *numbers)
            batch.sealed = numbers
        return batch.records

    def _on_produced(self, entries: list[Entry], answer: Message | BusError | None) -> None:
        if self._closed:
            return
        now_ms = self._clock.now_ms()
        partitions = _by_partition(answer)
        for partition, parcel in entries:
            outcome = _outcome(partition, partitions, answer)
            if isinstance(outcome, Written):
                self.cluster.routing.trust(partition)
                effects = self._accumulator.on_written(partition, parcel, outcome)
            elif isinstance(outcome, TOO_LARGE):
                effects = self._on_too_large(partition, parcel, outcome, now_ms)
            else:
                if isinstance(answer, ProduceResponse) and partition in partitions:
                    hint = partitions[partition].current_leader
                    self.cluster.learn(partition, hint, answer.node_endpoints)
                self._note_leader(partition, now_ms)
                effects = self._accumulator.on_refused(partition, parcel, outcome, now_ms)
                if type(outcome).retriable:
                    self.cluster.refused(partition, Leader(*parcel.sent_to), outcome)
            self._carry_out(effects)
        if not self._accumulator.idle or self._outbox.is_filled:
            self.turn()  # else there is nothing to move, and nothing becomes due

    def _on_too_large(
        self, partition: TopicPartition, parcel: Parcel, error: BusError, now_ms: int
    ) -> list[Effect]:
        """Cut it, and ask what is too large; a lone record fails."""
        self.cluster.forget_limit(partition.topic)
        batch = parcel.payload
        assert isinstance(batch, ClosedBatch), "a producer's parcels are its batches"
        if parcel.count == 1 or parcel.overdue:
            if parcel.count == 1:
                error = _lone(error, partition, batch.size)
            return self._accumulator.on_refused(partition, parcel, error, now_ms)
        known = self.cluster.routing.topics.get(partition.topic)
        parts = cut(batch, batch.size if known is None else known.batch_bytes_max)
        self._outbox.cut(batch, parts)
        parcels = [Parcel(part.count, part.size, parcel.deadline_ms, part) for part in parts]
        return self._accumulator.on_cut(partition, parcel, parcels)

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            batch = effect.parcel.payload
            assert isinstance(batch, ClosedBatch), "a producer's parcels are its batches"
            self._outbox.finish(batch)
            if isinstance(effect, Delivered):
                batch.delivery.succeed(effect.written)
            else:
                if len(self.failures) < FAILURES_KEPT_MAX:
                    self.failures.append(batch.delivery)
                batch.delivery.fail(effect.error)

    def _ask_identity(self) -> None:
        if not self._identity_asked:
            self._identity_asked = True
            self.cluster.call_any(
                InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60_000),
                self._options.request_timeout_ms,
                self._on_identity,
            )

    def _on_identity(self, answer: Message | BusError) -> None:
        if self._closed:
            return
        error = answer if isinstance(answer, BusError) else None
        if isinstance(answer, InitProducerIdResponse) and answer.error_code:
            error = error_of(answer.error_code)
        if isinstance(answer, InitProducerIdResponse) and error is None:
            self._accumulator.on_identity(answer.producer_id, answer.producer_epoch)
            self.turn()
        elif error is not None and not type(error).retriable:
            self._identity_asked = False
            self._carry_out(self._accumulator.fail_all(error))
        else:
            self._loop.call_later(IDENTITY_PAUSE_MS / 1000, self._retry_identity)

    def _retry_identity(self) -> None:
        self._identity_asked = False
        self.turn()

    def _set_timer(self, open_due_ms: int | None, now_ms: int) -> None:
        """Look again when something is due; a look too early costs less than a timer each turn."""
        due = (self._accumulator.next_due_ms(now_ms), open_due_ms)
        moment = min((ms for ms in due if ms is not None), default=None)
        if moment is None:
            return
        at = self._loop.time() + max(moment - now_ms, 0.5) / 1000
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.turn()


def requests_of(entries: list[Entry]) -> Iterator[list[Entry]]:
    """As few requests as a broker takes: so many buffers and, but for a lone one, so many bytes."""
    part: list[Entry] = []
    size = 0
    for entry in entries:
        size += entry[1].size
        if part and (len(part) == BUFFERS_PER_REQUEST_MAX or size > CREDIT_BYTES):
            yield part
            part, size = [], entry[1].size
        part.append(entry)
    if part:
        yield part


def _by_partition(
    answer: Message | BusError | None,
) -> dict[TopicPartition, PartitionProduceResponse]:
    if not isinstance(answer, ProduceResponse):
        return {}
    return {
        TopicPartition(topic.name, partition.index): partition
        for topic in answer.responses
        for partition in topic.partition_responses
    }


def _outcome(
    partition: TopicPartition,
    answers: dict[TopicPartition, PartitionProduceResponse],
    answer: Message | BusError | None,
) -> Written | BusError:
    """What one partition's part of an answer says."""
    if answer is None:
        return Written()  # acks=0: nobody knows
    if isinstance(answer, BusError):
        return answer
    found = answers.get(partition)
    if found is None:
        return NetworkError(
            f"The broker's answer leaves out {partition.topic}/{partition.partition}."
        )
    if found.error_code == UNKNOWN_PRODUCER_ID:
        return OutOfOrderSequence(found.error_message)
    if found.error_code == DuplicateSequence.code:
        return Written()
    if found.error_code:
        return error_of(found.error_code, found.error_message)
    return Written(found.base_offset, found.flushed_offset, found.replicas)


def _lone(error: BusError, partition: TopicPartition, size: int) -> BusError:
    """A record that no cutting makes smaller."""
    return type(error)(
        f"A record for {partition.topic}/{partition.partition} is too large: {size} bytes in a "
        f"batch of its own. The broker says: {error}"
    )


def _nothing(_answer: object) -> None:
    """For an answer that nobody waits for."""

"""Produce: validate each batch, offer it to its leader, answer when all have been answered.

A produce with acks=0 gets no answer (protocol: Produce); if it fails, a client of Kafka's learns
that by the end of its connection. Batches are checked here, before any
machine sees them: a hostile header must not poison consumers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bus.broker.context import Context, Reply
from bus.broker.fetch_response import MISLED
from bus.broker.leaders import Leaders, absence
from bus.broker.node import Node
from bus.broker.partition import Partition
from bus.control.effects import Answer
from bus.control.leader import ACKS_NONE
from bus.errors import (
    NONE,
    CorruptBatch,
    CorruptMessage,
    InvalidRecord,
    InvalidTimestamp,
    InvalidTopic,
    InvalidTransactionState,
    RecordListTooLarge,
    UnsupportedCompressionType,
)
from bus.log.unpacking import unpack
from bus.model.batch import BatchInfo, Buffer
from bus.model.ids import INTERNAL_TOPICS
from bus.model.limits import BATCH_OVERHEAD
from bus.model.topic_settings import LOG_APPEND_TIME
from bus.native.batch import check, header, lacks_key, stamp_append_time
from bus.wire.hints import LeaderIdAndEpoch
from bus.wire.produce import (
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceResponse,
)

ZSTD = 4
ZSTD_SINCE_VERSION = 7  # protocol: older clients cannot read it back
SELF_ONLY = 1  # replicas that hold a record of this broker


@dataclass(slots=True)
class Refusal(Exception):
    """Why a batch is not offered to the leader."""

    error: int
    detail: str


def produce(node: Node, context: Context, request: ProduceRequest, reply: Reply) -> None:
    """Serve one Produce."""
    response = ProduceResponse()
    left = 1  # ours, given back at the end: answers may come at once
    is_misled = False

    def finish_one(error: int = NONE) -> None:
        nonlocal left, is_misled
        left -= 1
        is_misled = is_misled or error in MISLED
        if left > 0:
            return
        if is_misled:
            _hint(node, context, response)
        if request.acks == ACKS_NONE:
            _end_unanswered(context, response, reply)
        else:
            reply(response)

    for topic in request.topic_data:
        answers: list[PartitionProduceResponse] = []
        response.responses.append(
            TopicProduceResponse(name=topic.name, partition_responses=answers)
        )
        for data in topic.partition_data:
            answer = PartitionProduceResponse(index=data.index)
            answers.append(answer)
            partition = node.runtime.find(topic.name, data.index)
            try:
                if partition is None:
                    raise _absent(node, topic.name, data.index)
                if request.transactional_id is not None:
                    raise Refusal(
                        InvalidTransactionState.code, "Transactions are not served by this broker."
                    )
                records, info, append_time = _validate(node, context, partition, data.records)
            except Refusal as refusal:
                left += 1
                _refuse(node, answer, refusal)
                finish_one(refusal.error)
                continue
            left += 1
            answer.log_append_time_ms = append_time
            done = partial(_answered, node, partition, answer, finish_one)
            node.runtime.produce(partition, records, info, request.acks, request.timeout_ms, done)
    finish_one()


def _validate(
    node: Node, context: Context, partition: Partition, records: Buffer | None
) -> tuple[Buffer, BatchInfo, int]:
    """The records, their header, and the append time if the broker sets it (else -1)."""
    if partition.topic in INTERNAL_TOPICS:
        raise Refusal(InvalidTopic.code, f"Only the broker itself writes to {partition.topic!r}.")
    if not records:
        raise Refusal(InvalidRecord.code, "The request has no records for the partition.")
    try:
        info = BatchInfo(*check(records))
    except CorruptBatch as error:
        raise Refusal(CorruptMessage.code, str(error)) from None
    if info.size != len(records):
        raise Refusal(InvalidRecord.code, "A request may hold one batch a partition.")
    now = node.clock.wall_ms()
    _check_settings(context, partition, info, now)
    if partition.settings.compacts:
        _check_keys(records, info)
    if partition.settings.message_timestamp_type == LOG_APPEND_TIME:
        stamped = bytearray(records)
        stamp_append_time(stamped, 0, now)
        return stamped, BatchInfo(*header(stamped)), now
    return records, info, -1


def _check_settings(context: Context, partition: Partition, info: BatchInfo, now: int) -> None:
    settings = partition.settings
    if info.compression > ZSTD or (
        info.compression == ZSTD and context.version < ZSTD_SINCE_VERSION
    ):
        raise Refusal(UnsupportedCompressionType.code, "The compression cannot be used here.")
    if info.size > settings.segment_bytes:
        raise Refusal(
            RecordListTooLarge.code,
            f"The batch has {info.size} bytes; segment.bytes is {settings.segment_bytes}.",
        )
    ahead = info.max_timestamp - now
    limit = settings.message_timestamp_after_max_ms
    if ahead > limit and settings.message_timestamp_type != LOG_APPEND_TIME:
        raise Refusal(
            InvalidTimestamp.code,
            f"A record's timestamp is {ahead} ms ahead of this broker's clock; "
            f"message.timestamp.after.max.ms is {limit}.",
        )


def _check_keys(records: Buffer, info: BatchInfo) -> None:
    """Compaction keeps the newest record of a key: without one nothing could be said of it."""
    plain: Buffer = memoryview(records)[BATCH_OVERHEAD:]
    try:
        if info.compression:
            plain = unpack(info.compression, plain)
        is_keyless = lacks_key(plain, info.record_count)
    except CorruptBatch as error:
        raise Refusal(CorruptMessage.code, str(error)) from None
    if is_keyless:
        raise Refusal(InvalidRecord.code, "A record of a compacted topic needs a key.")


def _answered(
    node: Node,
    partition: Partition,
    answer: PartitionProduceResponse,
    finish_one: Callable[[int], None],
    outcome: Answer,
) -> None:
    answer.error_code = outcome.error
    if outcome.error == NONE:
        answer.base_offset = outcome.base_offset
        answer.log_start_offset = partition.log.start_offset
        answer.flushed_offset = partition.leader.flushed_offset
        answer.replicas = SELF_ONLY
    else:
        answer.error_message = outcome.detail
        node.count_error(outcome.error)
    finish_one(outcome.error)


def _refuse(node: Node, answer: PartitionProduceResponse, refusal: Refusal) -> None:
    answer.error_code, answer.error_message = refusal.error, refusal.detail
    node.count_error(refusal.error)


def _absent(node: Node, topic: str, index: int) -> Refusal:
    return Refusal(
        absence(node, topic, index), f"This broker has no partition {index} of {topic!r}."
    )


def _end_unanswered(context: Context, response: ProduceResponse, reply: Reply) -> None:
    reply(None)
    if any(part.error_code for topic in response.responses for part in topic.partition_responses):
        context.hang_up("a produce with acks=0 failed")


def _hint(node: Node, context: Context, response: ProduceResponse) -> None:
    """Tell who leads what this broker does not lead (KIP-951)."""
    leaders = Leaders(node, context)
    hints: list[LeaderIdAndEpoch | None] = []
    for topic in response.responses:
        for part in topic.partition_responses:
            if part.error_code in MISLED:
                part.current_leader = leaders.hint(topic.name, part.index)
                hints.append(part.current_leader)
    response.node_endpoints = leaders.endpoints(hints)

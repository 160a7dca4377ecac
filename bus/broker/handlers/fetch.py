"""Fetch: what to look at, and the pieces put back into the answer's shape.

Sessions (KIP-227) are not kept: session id 0 tells the client to send full fetches, which is what
Kafka answers when its session cache is full.
"""

from functools import partial

from bus.broker.context import Context, Reply
from bus.broker.fetches import ParkedFetch, Piece, Wanted
from bus.broker.node import Node
from bus.errors import (
    NONE,
    FetchSessionIdNotFound,
    UnknownTopicId,
    UnknownTopicOrPartition,
    UnsupportedCompressionType,
)
from bus.model.batch import COMPRESSION_MASK, Buffer
from bus.model.ids import NO_TOPIC_ID
from bus.wire.fetch import (
    EpochEndOffset,
    FetchableTopicResponse,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    PartitionData,
)

ZSTD, ZSTD_SINCE_VERSION = 4, 10
ATTRIBUTES_BYTE = 22  # low byte of a batch's attributes


def fetch(node: Node, context: Context, request: FetchRequest, reply: Reply) -> None:
    """Serve one Fetch."""
    if request.session_id != 0:
        reply(FetchResponse(error_code=FetchSessionIdNotFound.code))
        return
    wanted: list[Wanted] = []
    for topic in request.topics:
        name, error = _resolve(node, topic)
        for asked in topic.partitions:
            partition = node.runtime.find(name, asked.partition)
            wanted.append(
                Wanted(
                    partition,
                    asked.partition,
                    asked.fetch_offset,
                    max(asked.partition_max_bytes, 0),
                    asked.current_leader_epoch,
                    asked.last_fetched_epoch,
                    error if partition is None else NONE,
                )
            )
    bytes_max = min(request.max_bytes, node.settings.fetch_max_bytes)
    answered = partial(_answer, context, request, reply)
    parked = ParkedFetch(wanted, request.min_bytes, bytes_max, answered)
    node.fetches.fetch(parked, request.max_wait_ms)


def _resolve(node: Node, topic: FetchTopic) -> tuple[str, int]:
    """The topic's name, and the error if it has no such partition; ids since version 13."""
    if topic.topic_id == NO_TOPIC_ID:
        return topic.topic, UnknownTopicOrPartition.code
    return node.topic_name(topic.topic_id) or "", UnknownTopicId.code


def _answer(context: Context, request: FetchRequest, reply: Reply, pieces: list[Piece]) -> None:
    response = FetchResponse()
    following = iter(pieces)
    for topic in request.topics:
        partitions = [_partition_data(context, next(following)) for _ in topic.partitions]
        response.responses.append(
            FetchableTopicResponse(
                topic=topic.topic, topic_id=topic.topic_id, partitions=partitions
            )
        )
    reply(response)


def _partition_data(context: Context, piece: Piece) -> PartitionData:
    error, records = piece.error, piece.records
    if context.version < ZSTD_SINCE_VERSION and _first_compression(records) == ZSTD:
        error, records = UnsupportedCompressionType.code, b""
    return PartitionData(
        partition_index=piece.wanted.index,
        error_code=error,
        high_watermark=piece.high_watermark,
        last_stable_offset=piece.high_watermark,
        log_start_offset=piece.start_offset,
        diverging_epoch=EpochEndOffset(*piece.diverging) if piece.diverging is not None else None,
        records=records,
    )


def _first_compression(records: Buffer) -> int:
    if len(records) <= ATTRIBUTES_BYTE:
        return 0
    return int(memoryview(records)[ATTRIBUTES_BYTE]) & COMPRESSION_MASK

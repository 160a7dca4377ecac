"""The pieces of a fetch in the shape of its answer."""

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

from bus.broker.reads import Fetch, Piece
from bus.errors import FencedLeaderEpoch, NotLeader, UnsupportedCompressionType
from bus.model.batch import COMPRESSION_MASK, Buffer
from bus.wire.fetch import (
    EpochEndOffset,
    FetchableTopicResponse,
    FetchResponse,
    FileRange,
    PartitionData,
)

ZSTD, ZSTD_SINCE_VERSION = 4, 10
MISLED = (NotLeader.code, FencedLeaderEpoch.code)  # errors that come with a hint (KIP-951)
ATTRIBUTES_BYTE = 22  # low byte of a batch's attributes


def response_of(fetch: Fetch, pieces: Sequence[Piece], more: bool = False) -> FetchResponse:
    """The answer to `fetch`, topics in the order of the pieces; `more` announces another."""
    if fetch.changed is not None:
        pieces = fetch.changed(pieces)
    topics = [
        FetchableTopicResponse(topic, topic_id, [_partition_data(fetch, p) for p in group])
        for (topic, topic_id), group in groupby(pieces, key=_topic)
    ]
    response = FetchResponse(session_id=fetch.session_id, responses=topics, more=more)
    if fetch.leaders is not None and any(piece.error in MISLED for piece in pieces):
        parts = [part for topic in topics for part in topic.partitions]
        for piece, part in zip(pieces, parts, strict=True):
            if piece.error in MISLED:
                part.current_leader = fetch.leaders.hint(piece.wanted.name, piece.wanted.index)
        response.node_endpoints = fetch.leaders.endpoints(part.current_leader for part in parts)
    return response


def _topic(piece: Piece) -> tuple[str, UUID]:
    return piece.wanted.topic, piece.wanted.topic_id


def _partition_data(fetch: Fetch, piece: Piece) -> PartitionData:
    error, records = piece.error, piece.records
    if fetch.version < ZSTD_SINCE_VERSION and _first_compression(records) == ZSTD:
        error, records = UnsupportedCompressionType.code, b""
    return PartitionData(
        partition_index=piece.wanted.index,
        error_code=error,
        high_watermark=piece.high_watermark,
        last_stable_offset=piece.high_watermark,
        log_start_offset=piece.start_offset,
        diverging_epoch=EpochEndOffset(*piece.diverging) if piece.diverging is not None else None,
        preferred_read_replica=piece.preferred,
        aborted_transactions=[] if fetch.read_committed else None,
        records=records,
        file_range=_file_range(piece),
    )


def _file_range(piece: Piece) -> FileRange | None:
    found = piece.file_range
    if found is None:
        return None
    return FileRange(found.path, found.identity, found.position, found.size, found.below)


def _first_compression(records: Buffer) -> int:
    if len(records) <= ATTRIBUTES_BYTE:
        return 0
    return int(memoryview(records)[ATTRIBUTES_BYTE]) & COMPRESSION_MASK

"""What one partition gives to a follower's fetch: its records up to the log's end, or why not."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from bus.broker.partition import Partition
from bus.control.insync import Standing
from bus.errors import NONE, BusError, OffsetOutOfRange, StorageError, UnknownTopicOrPartition
from bus.log.cold_read import ColdRead
from bus.model.batch import Buffer
from bus.model.cluster import BrokerLife
from bus.model.ids import PartitionId
from bus.wire.fetch import EpochEndOffset, FetchableTopicResponse, FetchResponse, PartitionData

NOWHERE = (-1, -1)  # no epoch at or below the one that was asked for
log = logging.getLogger("busd")


@dataclass(slots=True)
class Fed:
    """A partition of a follower's session: where it stands, and what it was told."""

    pid: PartitionId
    partition: Partition | None  # None: it is not hosted here
    standing: Standing
    bytes_max: int
    high_watermark: int = -1
    start_offset: int = -1


@dataclass(slots=True)
class Piece:
    """What it gives to an answer."""

    fed: Fed
    error: int = NONE
    high_watermark: int = -1
    start_offset: int = -1
    diverging: tuple[int, int] | None = None  # (epoch, end offset)
    records: Buffer = b""
    cold: ColdRead | None = None

    @property
    def is_sound(self) -> bool:
        """Does the follower's log begin the leader's, so that it may be heard?"""
        return self.error == NONE and self.diverging is None

    @property
    def wakes(self) -> bool:
        """Is it worth an answer by itself?"""
        return not self.is_sound or len(self.records) > 0 or self.cold is not None

    @property
    def is_news(self) -> bool:
        """Does it say anything that the follower was not told?"""
        fed = self.fed
        told = fed.high_watermark, fed.start_offset
        return self.wakes or told != (self.high_watermark, self.start_offset)

    @property
    def size(self) -> int:
        """Bytes that it may come to."""
        return len(self.records) if self.cold is None else self.fed.bytes_max


def look(fed: Fed, broker: int, lives: Mapping[int, BrokerLife], left: int = 0) -> Piece:
    """What there is for this follower; records only if there are bytes `left` for them."""
    partition, standing = fed.partition, fed.standing
    if partition is None:
        return Piece(fed, UnknownTopicOrPartition.code)
    leader, kept = partition.leader, partition.log
    piece = Piece(fed, leader.fetch_error(broker, standing, lives.get(broker)))
    if piece.error != NONE:
        return piece
    piece.high_watermark, piece.start_offset = leader.high_watermark, kept.start_offset
    if standing.last_epoch >= 0:
        found = kept.epochs.end_offset_for(standing.last_epoch, kept.end_offset)
        if found == NOWHERE:
            piece.error = OffsetOutOfRange.code  # all that it has is older than all that we know
        elif found[0] < standing.last_epoch or found[1] < standing.end_offset:
            piece.diverging = found
    if piece.is_sound and not kept.start_offset <= standing.end_offset <= kept.end_offset:
        piece.error = OffsetOutOfRange.code
    if piece.is_sound and left > 0 and standing.end_offset < kept.end_offset:
        _read(piece, partition, min(left, fed.bytes_max))
    return piece


def _read(piece: Piece, partition: Partition, size_max: int) -> None:
    """What is above the high watermark comes as a copy, as it may be cut later (S12)."""
    kept, offset = partition.log, piece.fed.standing.end_offset
    below = piece.high_watermark if offset < piece.high_watermark else kept.end_offset
    try:
        found = kept.read(offset, size_max, below)
    except BusError as error:
        piece.error = error.code
    except OSError as error:
        note_read_error(piece, error)
    else:
        if isinstance(found, ColdRead):
            piece.cold = found
        else:
            piece.records = found


def response_of(session_id: int, pieces: Sequence[Piece]) -> FetchResponse:
    """In the shape of its answer."""
    topics = [
        FetchableTopicResponse("", topic_id, [_partition_data(piece) for piece in group])
        for topic_id, group in groupby(pieces, key=lambda piece: piece.fed.pid.topic_id)
    ]
    return FetchResponse(session_id=session_id, responses=topics)


def _partition_data(piece: Piece) -> PartitionData:
    return PartitionData(
        partition_index=piece.fed.pid.partition,
        error_code=piece.error,
        high_watermark=piece.high_watermark,
        log_start_offset=piece.start_offset,
        diverging_epoch=EpochEndOffset(*piece.diverging) if piece.diverging is not None else None,
        records=piece.records
        or None,  # none at all: an empty frame would cost as much as a full one
    )


def note_read_error(piece: Piece, error: OSError) -> None:
    """The disk gives the bytes no more; what else is on it may be good."""
    piece.error = StorageError.code
    log.error("%s cannot be read for a replica: %s", piece.fed.pid, error)

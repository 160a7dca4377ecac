"""A fetch, and what each of its partitions gives to it."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from bus.broker.context import Reply
from bus.broker.partition import Partition
from bus.errors import NONE, BusError, NotLeader, OffsetOutOfRange, StorageError
from bus.log.cold_read import ColdRead
from bus.log.file_range import FileRange, file_range
from bus.log.partition_log import PartitionLog
from bus.model.batch import OFFSET_END, Buffer
from bus.model.ids import NO_TOPIC_ID
from bus.native.segment import slice_end
from bus.wire.hints import LeaderIdAndEpoch, NodeEndpoint

NO_CREDIT = -1  # the reader wants one answer

log = logging.getLogger("busd")


class Hints(Protocol):
    """Who leads what this broker does not."""

    def hint(self, topic: str, index: int) -> LeaderIdAndEpoch | None:
        """The leader of a partition, if it is known."""

    def endpoints(self, hints: Iterable[LeaderIdAndEpoch | None]) -> list[NodeEndpoint]:
        """Where those who were named are reached."""


@dataclass(slots=True)
class Wanted:
    """One partition of a fetch; `partition` is None, and `error` set, if it is not hosted."""

    partition: Partition | None
    index: int
    offset: int
    bytes_max: int
    leader_epoch: int = -1
    last_epoch: int = -1  # of the last batch that the reader holds
    error: int = NONE
    topic: str = ""  # as it was named, by name or id
    topic_id: UUID = NO_TOPIC_ID
    name: str = ""  # the topic's


@dataclass(slots=True)
class Piece:
    """What one partition gives to an answer."""

    wanted: Wanted
    error: int = NONE
    high_watermark: int = -1
    start_offset: int = -1
    diverging: tuple[int, int] | None = None  # (epoch, end offset): the reader holds other records
    records: Buffer = b""
    cold: ColdRead | None = None
    file_range: FileRange | None = None  # instead of records
    preferred: int = -1  # the broker to read from instead

    @property
    def size(self) -> int:
        """Bytes that the reader gets by it."""
        return len(self.records) if self.file_range is None else self.file_range.size

    @property
    def end_offset(self) -> int:
        """Where the reader goes on after it, unless it `stops`."""
        if self.file_range is not None:
            return self.file_range.end_offset
        if not self.records:
            return self.wanted.offset
        return int(slice_end(self.records, 0, len(self.records), OFFSET_END)[1])

    @property
    def stops(self) -> bool:
        """Whether the reader has to know at once, records or not."""
        return (
            self.error != NONE
            or self.cold is not None
            or self.diverging is not None
            or self.preferred >= 0
            or (self.file_range is not None and self.file_range.end_offset < 0)
        )


@dataclass(slots=True, eq=False)
class Fetch:
    """A question for the records of some partitions, from its arrival to its last answer."""

    wanted: Sequence[Wanted]
    bytes_min: int
    bytes_max: int
    version: int  # of the request
    reply: Reply
    peer: str = ""  # who asks
    is_gone: Callable[[], bool] = lambda: False
    credit: int = NO_CREDIT  # bytes that further answers may have (bus/broker/streams.py)
    read_committed: bool = False  # it wants to be told of aborted transactions
    reads_files: bool = False  # it is on this machine, and reads what it is told a place of
    session_id: int = 0  # that its answer names (bus/broker/sessions.py)
    changed: Callable[[Sequence["Piece"]], list["Piece"]] | None = None  # what it is to be told
    leaders: Hints | None = None  # whom it is told of where it asks in vain
    prefer: Callable[[Wanted], int] | None = None  # the replica where a reader of its rack reads
    may_follow: bool = False  # it may read from followers (KIP-392)


def collect(fetch: Fetch, wanted: Sequence[Wanted]) -> list[Piece]:
    """Look at these partitions of it in the order asked for; the first batch is always whole."""
    left = fetch.bytes_max
    pieces: list[Piece] = []
    for one in wanted:
        piece = _look(fetch, one, left)
        cold = piece.cold is not None  # its size is known only when it is read
        left -= one.bytes_max if cold else piece.size
        pieces.append(piece)
    return pieces


def size_of(pieces: Sequence[Piece]) -> int:
    """Bytes that the reader gets by them."""
    return sum(piece.size for piece in pieces)


def _look(fetch: Fetch, wanted: Wanted, left: int) -> Piece:
    partition = wanted.partition
    if partition is None:
        return Piece(wanted, wanted.error)
    leader, kept = partition.leader, partition.log
    piece = Piece(wanted, leader.epoch_error(wanted.leader_epoch) or leader.offset_error())
    if piece.error != NONE:
        follows = piece.error == NotLeader.code and partition.follower is not None
        return _look_at_copy(fetch, piece, left) if follows and fetch.may_follow else piece
    if fetch.prefer is not None:
        piece.preferred = fetch.prefer(wanted)
        if piece.preferred >= 0:
            return piece
    piece.high_watermark, piece.start_offset = leader.high_watermark, kept.start_offset
    piece.diverging = _divergence(kept, wanted)
    if piece.diverging is not None:
        return piece
    if not kept.start_offset <= wanted.offset <= leader.end_offset:
        piece.error = OffsetOutOfRange.code
        return piece
    return _fill(fetch, piece, kept, left)


def _look_at_copy(fetch: Fetch, piece: Piece, left: int) -> Piece:
    """What a follower has: it shows what it knows to be committed, and that never diverges."""
    wanted, partition = piece.wanted, piece.wanted.partition
    assert partition is not None, "it is hosted here"
    follower, kept = partition.follower, partition.log
    assert follower is not None, "it follows"
    piece.error = follower.epoch_error(wanted.leader_epoch)
    if piece.error != NONE:
        return piece
    piece.high_watermark, piece.start_offset = follower.high_watermark, kept.start_offset
    if not kept.start_offset <= wanted.offset <= kept.end_offset:
        piece.error = OffsetOutOfRange.code
    elif wanted.offset <= piece.high_watermark:
        piece.diverging = _divergence(kept, wanted)
    return piece if piece.stops else _fill(fetch, piece, kept, left)


def _fill(fetch: Fetch, piece: Piece, kept: PartitionLog, left: int) -> Piece:
    """The records below the high watermark, if there are any where the reader is."""
    wanted = piece.wanted
    if wanted.offset >= piece.high_watermark or left <= 0:
        return piece
    try:
        _read(piece, kept, min(wanted.bytes_max, left), fetch.reads_files)
    except BusError as error:
        piece.error = error.code
    except OSError as error:
        note_read_error(piece, error)
    return piece


def _read(piece: Piece, kept: PartitionLog, size_max: int, reads_files: bool) -> None:
    """Give the records, a place where they are, or a plan to read them."""
    offset, below = piece.wanted.offset, piece.high_watermark
    if reads_files:
        piece.file_range = file_range(kept, offset, size_max, below)
        if piece.file_range is not None:
            return
    found = kept.read(offset, size_max, below)
    if isinstance(found, ColdRead):
        piece.cold = found
    else:
        piece.records = found


def note_read_error(piece: Piece, error: OSError) -> None:
    """The disk gives the bytes no more; what else is on it may be good."""
    piece.error = StorageError.code
    partition = piece.wanted.partition
    assert partition is not None, "only what is hosted is read"
    log.error("%s cannot be read at offset %d: %s", partition.name, piece.wanted.offset, error)


def _divergence(kept: PartitionLog, wanted: Wanted) -> tuple[int, int] | None:
    """Where the reader's log leaves ours, if it does (R12, R19; KIP-320)."""
    if wanted.last_epoch < 0:
        return None
    epoch, end = kept.epochs.end_offset_for(wanted.last_epoch, kept.end_offset)
    if epoch < 0:  # older than all that is kept: as if it ended where that begins
        epoch, end = wanted.last_epoch, kept.start_offset
    if epoch < wanted.last_epoch or end < wanted.offset:
        return epoch, end
    return None

"""A segment's bytes: append into a mapped buffer, and scan what a crash left."""

from typing_extensions import Buffer

from bus.native.batch import Header
from bus.native.index import OffsetIndex, TimeIndex

def append(
    region: Buffer, position: int, batch: Buffer, base_offset: int, leader_epoch: int
) -> int:
    """Copy one validated batch to `position` of `region` and stamp it there; the new end.

    One writer a segment. Releases the GIL above 32 KiB. Raises BufferError if it does not fit,
    with nothing written; CorruptBatch if `batch` is not exactly one batch by its header.
    """

class Scan:
    """Where a scan stopped, and what it passed."""

    position: int  # end of the last good batch
    count: int  # batches passed
    end_offset: int  # after its last record
    leader_epoch: int  # of the last good batch, or as given
    max_timestamp: int  # of all passed, or -1
    max_timestamp_offset: int  # last offset of the batch that holds it, or -1
    reason: str | None  # why the batch at `position` is no good; None at the end of the data
    headers: list[Header]  # of all passed, if asked for

def scan(
    data: Buffer,
    position: int,
    end_offset: int,
    leader_epoch: int,
    *,
    contiguous: bool = True,
    collect: bool = False,
    batches_max: int = -1,
    origin: int = 0,
    offset_index: OffsetIndex | None = None,
    time_index: TimeIndex | None = None,
) -> Scan:
    """Walk batches from `position` while they are whole, valid, in order and of rising epoch.

    Valid is header, codec and CRC; records are not opened. In order: each base offset is the
    running end offset, or (`contiguous` False, for compacted logs) at or above it. Feeds the
    indexes it is given; `origin` is where `data` begins in the file, for their positions. A
    header of zeroes is the end of the log and not damage (`reason` None); `first_nonzero` tells
    whether anything lies behind it. Releases the GIL.
    """

def find(data: Buffer, position: int, offset: int) -> int:
    """Position of the batch that holds `offset`, or of the next; len(data) if there is none.

    Walks headers from `position`, a batch boundary. No checksum. Zeroes end the log; any other
    bytes that are no batch raise CorruptBatch.
    """

def slice_end(data: Buffer, position: int, size_max: int, below: int) -> tuple[int, int]:
    """(end position, end offset) of the whole batches from `position` that fit `size_max` bytes.

    Only batches that end at or below the offset `below`; the first is taken even if it is larger
    than `size_max` (KIP-74). (position, -1) if there is none. Walks headers only; raises
    CorruptBatch if the first is no batch, and stops before a later one.
    """

def first_nonzero(data: Buffer, position: int) -> int:
    """Position of the first byte from `position` on that is not zero; len(data) if none."""

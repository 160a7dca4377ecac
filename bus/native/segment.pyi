"""A segment's bytes: append into a mapped buffer, and scan what a crash left."""

from typing_extensions import Buffer

from bus.native.batch import Header
from bus.native.index import OffsetIndex, TimeIndex

def append(
    region: Buffer, position: int, batch: Buffer, base_offset: int, leader_epoch: int
) -> int:
    """Copy one validated batch to `position` of `region` and stamp it there; the new end.

    One writer a segment. Releases the GIL above 32 KiB. Raises BufferError if it does not fit,
    with nothing written.
    """

class Scan:
    """Where a scan stopped, and what it passed."""

    position: int  # end of the last good batch
    end_offset: int  # after its last record
    leader_epoch: int  # of the last good batch, or as given
    max_timestamp: int  # of all passed, or -1
    max_timestamp_offset: int  # last offset of the batch that holds it
    reason: str | None  # why the batch at `position` is no good; None at the end of the data
    headers: list[Header]  # of all passed, if asked for

def scan(
    data: Buffer,
    position: int,
    end_offset: int,
    leader_epoch: int,
    *,
    collect: bool = False,
    batches_max: int = -1,
    offset_index: OffsetIndex | None = None,
    time_index: TimeIndex | None = None,
) -> Scan:
    """Walk batches from `position` while they are whole, valid, contiguous and of rising epoch.

    The first must have base offset >= `end_offset` when `end_offset` is the base of the segment
    (compaction may leave holes: offsets must ascend; `contiguous` is the caller's to ask by
    comparing); otherwise base == running end offset. Feeds the indexes it is given. Zeroes after
    the last batch are the end of the data, not damage (`reason` None). Releases the GIL.
    """

def find(data: Buffer, position: int, offset: int) -> int:
    """Position of the batch that holds `offset`, or of the next; len(data) if there is none.

    Walks headers from `position`, a batch boundary. No checksum.
    """

def slice_end(data: Buffer, position: int, size_max: int, below: int) -> tuple[int, int]:
    """(end position, end offset) of the whole batches from `position` that fit `size_max` bytes.

    Only batches that end at or below the offset `below`; the first is taken even if it is larger
    than `size_max` (KIP-74). (position, -1) if there is none. Walks headers only.
    """

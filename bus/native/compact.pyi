"""Key compaction of batches: each without the records that newer ones replace."""

from collections.abc import Callable

from typing_extensions import Buffer

from bus.native.offset_map import OffsetMap

class Compactor:
    """Rewrites a log from a place on: every offset stays covered, what nobody needs goes.

    A batch from which nothing goes is copied as it is. One from which records go keeps its
    offsets, producer, epoch and sequence, and is compressed as before. One from which all go is
    left out: the batch before reaches over its offsets, or a batch without records does, so that
    a hole in a log is always damage. What producers are remembered by stays, without records.
    Control and transactional batches stay as they are.
    """

    bytes_in: int
    bytes_out: int
    records_in: int
    records_out: int
    changes: int  # batches from which something went, or which got a horizon

    def __init__(
        self,
        newest: OffsetMap,
        remembered: Buffer,
        now_ms: int,
        horizon_ms: int,
        unpack: Callable[[int, memoryview], bytes],
        pack: Callable[[int, memoryview], bytes],
    ) -> None:
        """`remembered`: int64[n], ascending base offsets of batches that producers need.

        Tombstones of a horizon at or before `now_ms` go; others get the horizon `horizon_ms`.
        """

    def feed(self, batches: Buffer) -> None:
        """Take back-to-back batches. Raises CorruptBatch, and what `unpack` and `pack` raise.

        Releases the GIL but to unpack and pack. After an error it is of no use.
        """

    def close(self) -> None:
        """No batch written so far reaches beyond what was fed: a file that was may end here."""

    def take(self) -> bytes:
        """What was written since the last call: whole batches, back to back."""

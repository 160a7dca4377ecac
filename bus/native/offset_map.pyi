"""Where each key was last written, in the part of a log that a compaction has looked at."""

from collections.abc import Callable

from typing_extensions import Buffer

class OffsetMap:
    """Key -> the offset of its newest record, within a bound of memory."""

    end_offset: int  # everything below was looked at
    is_full: bool  # the batch at `end_offset` did not fit any more
    records: int  # looked at

    def __init__(
        self, start_offset: int, keys_max: int, unpack: Callable[[int, memoryview], bytes]
    ) -> None:
        """`unpack(codec, packed)` opens a compressed batch's records, within bounds of its own."""

    def feed(self, batches: Buffer, below: int) -> None:
        """Look at the batches that begin below an offset; those already passed are left out.

        Control and transactional batches, and records without a key, are passed over. Releases
        the GIL but to unpack. Raises CorruptBatch, and what `unpack` raises.
        """

    def __len__(self) -> int:
        """Keys held."""

"""The newest record of each key: what is left of a compacted log, found while it is read."""

from collections.abc import Callable

from typing_extensions import Buffer

class NewestPerKey:
    """Fed with a log from its beginning, it holds what each key was last said to be.

    Keys and values are copied, so what was fed may be let go of; a value takes the place of the one
    before it. Records without a key and control batches are passed over.
    """

    keys_max: int
    bytes_max: int  # of the survivors' keys and values
    records: int  # fed so far, those without a key included
    end_offset: int  # after the last batch fed; -1 before

    def __init__(
        self, keys_max: int, bytes_max: int, unpack: Callable[[int, memoryview], bytes]
    ) -> None:
        """`unpack(codec, packed)` opens a compressed batch's records, within bounds of its own."""

    def feed(self, batches: Buffer) -> None:
        """Take the records of back-to-back batches, which ascend in offset, also over calls.

        Releases the GIL but to unpack. Raises CorruptBatch, and what `unpack` raises; OverflowError
        if there are more keys or bytes than allowed. After an error it refuses all further calls.
        """

    def __len__(self) -> int:
        """Keys seen, those with a tombstone included."""

    def rows(self) -> list[tuple[int, bytes, bytes | None]]:
        """(offset, key, value) of each key's newest record, by offset; None is a tombstone."""

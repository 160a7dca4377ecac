"""Sparse indexes of a segment: offset to position, and timestamp to offset (Kafka's formats)."""

from typing_extensions import Buffer

class OffsetIndex:
    """Entries (relative offset int32, position int32), big endian, both strictly ascending."""

    base_offset: int
    interval: int  # bytes of log between entries
    count: int

    def __init__(self, base_offset: int, interval: int = 4096, data: Buffer = b"") -> None:
        """From a file's bytes; raises CorruptBatch if they do not ascend or end mid-entry."""

    def on_append(self, offset: int, position: int, size: int) -> None:
        """A batch of `size` bytes with first offset `offset` stands at `position`."""

    def floor(self, offset: int) -> int:
        """Position of the last entry at or below `offset`; 0 if there is none."""

    def last(self) -> tuple[int, int] | None:
        """(offset, position) of the last entry."""

    def truncate(self, offset: int) -> None:
        """Drop entries at or above `offset`."""

    def to_bytes(self) -> bytes:
        """The file's content."""

class TimeIndex:
    """Entries (timestamp int64, relative offset int32), big endian, timestamps ascending.

    An entry (t, o) says: no record up to offset o is later than t. Kafka's meaning.
    """

    base_offset: int
    interval: int
    count: int

    def __init__(self, base_offset: int, interval: int = 4096, data: Buffer = b"") -> None: ...
    def on_append(self, max_timestamp: int, last_offset: int, size: int) -> None:
        """A batch of `size` bytes was appended; an entry is added when a new maximum is due."""

    def close(self) -> None:
        """Add the running maximum as the final entry."""

    def floor(self, timestamp: int) -> int:
        """Offset of the last entry with an earlier timestamp; base_offset if there is none."""

    def last(self) -> tuple[int, int] | None:
        """(timestamp, offset) of the last entry."""

    def truncate(self, offset: int) -> None:
        """Drop entries whose offset is at or above `offset`."""

    def to_bytes(self) -> bytes: ...

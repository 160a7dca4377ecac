"""Sparse indexes of a segment: offset to position, and timestamp to offset (Kafka's formats)."""

from typing_extensions import Buffer

class OffsetIndex:
    """Entries (relative offset int32, position int32), big endian, both strictly ascending.

    An entry (o, p) says: the batch at p ends with offset o.
    """

    base_offset: int
    interval: int  # bytes of log between entries
    count: int

    def __init__(self, base_offset: int, interval: int = 4096, data: Buffer = b"") -> None:
        """From a file's bytes; raises CorruptBatch if they do not ascend or end mid-entry."""

    def on_append(self, last_offset: int, position: int, size: int) -> None:
        """A batch of `size` bytes whose last offset is `last_offset` stands at `position`.

        As in Kafka the entry carries the batch's last offset; its dump tool checks that. Raises
        OverflowError for what 32 bits do not hold: the segment should have been rolled.
        """

    def floor(self, offset: int) -> int:
        """Position of the last entry at or below `offset`; 0 if there is none."""

    def last(self) -> tuple[int, int] | None:
        """(offset, position) of the last entry."""

    def truncate(self, offset: int) -> None:
        """Drop entries at or above `offset`, a batch boundary."""

    def to_bytes(self) -> bytes:
        """The file's content."""

class TimeIndex:
    """Entries (timestamp int64, relative offset int32), big endian, timestamps ascending.

    An entry (t, o) says: no record up to offset o is later than t. Kafka's meaning.
    """

    base_offset: int
    interval: int
    count: int
    max_timestamp: int  # the running maximum, or -1
    max_timestamp_offset: int  # last offset of the batch that holds it, or -1

    def __init__(self, base_offset: int, interval: int = 4096, data: Buffer = b"") -> None:
        """The running maximum starts at the last entry; for later batches call `on_append`."""

    def on_append(self, max_timestamp: int, last_offset: int, size: int) -> None:
        """A batch of `size` bytes was appended; an entry is added when a new maximum is due.

        With size 0 only the running maximum moves: for a log whose index is loaded already.
        """

    def close(self) -> None:
        """Add the running maximum as the final entry."""

    def floor(self, timestamp: int) -> int:
        """Offset of the last entry with an earlier timestamp; base_offset if there is none."""

    def last(self) -> tuple[int, int] | None:
        """(timestamp, offset) of the last entry."""

    def truncate(self, offset: int) -> None:
        """Drop entries whose offset is at or above `offset`; the maximum is the last one's then.

        Whoever keeps batches behind that entry tells their timestamps again, with size 0.
        """

    def to_bytes(self) -> bytes: ...

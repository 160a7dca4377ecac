"""Build RecordBatch v2 from single records and from arrays, without a Python loop."""

from collections.abc import Sequence

from typing_extensions import Buffer

Headers = Sequence[tuple[str, bytes | None]]

class Delivery:
    """One record's place in a batch on its way; its questions go to the batch's own object."""

    owner: object  # what `BatchBuilder(owner=...)` was given
    index: int  # the record's place in the batch

class BatchBuilder:
    """One batch that grows record by record. Not locked: the GIL makes `append` whole."""

    count: int
    size: int  # bytes so far, header included
    base_timestamp: int
    max_timestamp: int

    def __init__(self, capacity: int, owner: object = None) -> None:
        """At most `capacity` bytes, except that the first record always fits."""

    def append(
        self,
        value: Buffer | None,
        key: Buffer | None,
        timestamp: int,
        headers: Headers | None,
    ) -> Delivery | None:
        """Add a record; None if it does not fit. TypeError names what is not bytes-like."""

    def finish(self) -> memoryview:
        """The batch, header filled but for producer and CRC (`batch.seal`); appends then fail."""

# Each encodes rows from `start` into one batch of at most `size_max` bytes (the first row always
# fits) and returns (batch, next start). Timestamps: one for all, or int64[n] in ms. Unsealed.

def encode_list(
    values: list[bytes | None],
    keys: list[bytes | None] | None,
    timestamps: int | Buffer,
    start: int,
    size_max: int,
) -> tuple[memoryview, int]: ...
def encode_fixed(
    values: Buffer,
    width: int,
    keys: list[bytes | None] | None,
    timestamps: int | Buffer,
    start: int,
    size_max: int,
) -> tuple[memoryview, int]:
    """NumPy V or S: rows of `width` bytes in one contiguous buffer."""

def encode_offsets(
    offsets: Buffer,
    large: bool,
    data: Buffer,
    validity: Buffer | None,
    bit_offset: int,
    keys: list[bytes | None] | None,
    timestamps: int | Buffer,
    start: int,
    size_max: int,
) -> tuple[memoryview, int]:
    """Arrow binary or string (`large`: int64 offsets), with its validity bitmap."""

def encode_views(
    views: Buffer,
    buffers: Sequence[Buffer],
    validity: Buffer | None,
    bit_offset: int,
    keys: list[bytes | None] | None,
    timestamps: int | Buffer,
    start: int,
    size_max: int,
) -> tuple[memoryview, int]:
    """Arrow binary_view or string_view: 16-byte views and their buffers."""

def with_records(batch: Buffer, codec: int, records: Buffer) -> memoryview:
    """A copy of a finished batch whose records are replaced by their compressed form."""

def partition_list(keys: Sequence[bytes | None], partitions: int) -> memoryview:
    """int32[n]: murmur2 partition of each key as Kafka's default partitioner; -1 for null."""

def murmur2(data: Buffer) -> int:
    """Kafka's murmur2 as a signed 32-bit integer."""

"""Open batches into columns, lists and single records."""

from collections.abc import Iterator, Sequence

from typing_extensions import Buffer

class Record:
    """One record as a consumer sees it; immutable."""

    topic: str
    partition: int
    offset: int
    timestamp: int  # ms since the epoch
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]

def walk(
    records: Buffer,
    count: int,
    base_offset: int,
    base_timestamp: int,
    append_timestamp: int,
    buffer_index: int,
    buffer_offset: int,
    row: int,
    offsets: Buffer | None,
    timestamps: Buffer | None,
    key_spans: Buffer | None,
    value_spans: Buffer | None,
    header_spans: Buffer | None,
) -> None:
    """Write the rows of one batch's (uncompressed) records from `row` on.

    offsets, timestamps: writable int64[n]; *_spans: writable int64[n, 3] = (buffer index, start,
    end), null is (-1, -1, -1); starts count from `buffer_offset`, where `records` lies in its
    buffer. A header span covers the raw header list, count included. A column that is None is
    not written. `append_timestamp` >= 0 replaces each timestamp (LogAppendTime). Raises
    CorruptBatch; ValueError if a column is too short. Releases the GIL above 32 KiB.

    `count` is a peer's claim: before columns are made for it, check that count *
    `batch.RECORD_SIZE_MIN` <= len(records).
    """

def plain_rows(data: Buffer, attributes_mask: int, check_crcs: bool) -> int:
    """Records of the back-to-back batches that fill `data`; -1 if one has to be looked at.

    That is: it has one of these attributes (compression, control), is not whole, claims more
    records than it has room for, or (if asked for) its CRC does not agree. Many small batches cost
    one call. Releases the GIL above 32 KiB.
    """

def walk_plain(
    data: Buffer,
    rows: int,
    offsets: Buffer,
    timestamps: Buffer,
    key_spans: Buffer,
    value_spans: Buffer,
    header_spans: Buffer,
) -> None:
    """Write all rows of such batches, as `walk` does of one; `rows` is what `plain_rows` found.

    Raises CorruptBatch; ValueError if the rows are of another number, or a column is too short.
    """

def first_at(
    records: Buffer,
    count: int,
    base_offset: int,
    base_timestamp: int,
    timestamp: int,
    start_offset: int,
) -> tuple[int, int] | None:
    """(timestamp, offset) of the first record at or after both, of one batch's records.

    `count` is a peer's claim, to be checked as for `walk`. Raises CorruptBatch.
    """

def to_list(spans: Buffer, buffers: Sequence[Buffer], start: int, stop: int) -> list[bytes | None]:
    """Rows [start, stop) of an int64[n, 3] span column as bytes objects."""

def headers_at(
    span: tuple[int, int, int], buffers: Sequence[Buffer]
) -> list[tuple[str, bytes | None]]:
    """Decode the header list of one row."""

def iterate(
    topic: str,
    partition: int,
    offsets: Buffer,
    timestamps: Buffer,
    key_spans: Buffer,
    value_spans: Buffer,
    header_spans: Buffer,
    buffers: Sequence[Buffer],
    start: int,
    stop: int,
) -> Iterator[Record]:
    """Rows [start, stop) one by one; headers are decoded when they are asked for."""

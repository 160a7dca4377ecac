"""Open what was fetched: whole batches of one partition into columns.

Checked on the way: the CRC of each batch (an option), that its count fits its size before anything
is allocated, and that a compressed one does not unpack beyond its bounds. Control batches and
records below the position are left out.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from bus.client.inbox import Chunk
from bus.errors import CorruptBatch
from bus.model.batch import (
    COMPRESSION_MASK,
    CONTROL_FLAG,
    TIMESTAMP_TYPE_FLAG,
    BatchInfo,
    Buffer,
)
from bus.model.ids import TopicPartition
from bus.model.limits import BATCH_OVERHEAD, DECOMPRESSED_BYTES_MAX, DECOMPRESSED_RATIO_MAX
from bus.native import batch as native
from bus.native.blocks import take
from bus.native.columns import plain_rows, walk, walk_plain
from bus.native.compression import decompress

CRC_AT, CRC_FROM = 17, 21  # bytes of a batch: where its checksum stands, and what it covers

WIDTHS = (0, 1, 2, 5, 8, 11)  # where each column begins, in numbers a row

Runs = tuple[memoryview, memoryview, memoryview, memoryview, memoryview]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows of one partition in offset order, each column one run of int64.

    offsets, timestamps   n numbers
    key_spans, ...        3 n numbers: buffer, start, end in `buffers`; null is -1, -1, -1
    """

    partition: TopicPartition
    offsets: memoryview
    timestamps: memoryview
    key_spans: memoryview
    value_spans: memoryview
    header_spans: memoryview
    buffers: tuple[Buffer, ...]
    first: int  # the first row that was asked for
    end_offset: int  # where the next fetch begins, once all rows are taken
    high_watermark: int

    def __len__(self) -> int:
        """Rows, those before `first` included."""
        return len(self.offsets)

    def array(self, name: str, start: int, stop: int) -> Longs:
        """Rows of a column as NumPy sees them: int64[n], or int64[n, 3]."""
        column = np.frombuffer(getattr(self, name), np.int64)
        if name.endswith("spans"):
            column = column.reshape(-1, 3)
        return column[start:stop]


@dataclass(frozen=True, slots=True)
class _Piece:
    """The records of one batch, unpacked."""

    info: BatchInfo
    records: Buffer
    buffer_index: int
    buffer_offset: int


def open_chunk(chunk: Chunk, check_crcs: bool) -> Columns:
    """Columns of all its records. Raises CorruptBatch, naming the place."""
    plain = _open_plain(chunk, check_crcs)
    if plain is not None:
        return plain
    pieces, buffers = _pieces(chunk, check_crcs)
    count = sum(piece.info.record_count for piece in pieces)
    columns = _empty_columns(count)
    row = 0
    for piece in pieces:
        info = piece.info
        by_broker = info.attributes & TIMESTAMP_TYPE_FLAG
        walk(
            piece.records,
            info.record_count,
            info.base_offset,
            info.base_timestamp,
            info.max_timestamp if by_broker else -1,
            piece.buffer_index,
            piece.buffer_offset,
            row,
            *columns,
        )
        row += info.record_count
    return _columns(chunk, columns, buffers)


def _open_plain(chunk: Chunk, check_crcs: bool) -> Columns | None:
    """The same for uncompressed batches of records, in two native calls however many they are.

    None if one of them is anything else, or damaged.
    """
    count = plain_rows(chunk.data, COMPRESSION_MASK | CONTROL_FLAG, check_crcs)
    if count < 0:
        return None
    columns = _empty_columns(count)
    walk_plain(chunk.data, count, *columns)
    return _columns(chunk, columns, [chunk.data])


def _columns(chunk: Chunk, columns: Runs, buffers: list[Buffer]) -> Columns:
    """With the first row found that was asked for."""
    offsets, first = columns[0], 0
    if offsets and offsets[0] < chunk.offset:
        first = int(np.searchsorted(np.frombuffer(offsets, np.int64), chunk.offset))
    return Columns(
        chunk.partition, *columns, tuple(buffers), first, chunk.end_offset, chunk.high_watermark
    )


def _empty_columns(count: int) -> Runs:
    """Room for `count` rows, in memory that is used again."""
    longs = take(max(8 * WIDTHS[-1] * count, 8)).cast("q")
    cuts = [longs[start * count : end * count] for start, end in pairwise(WIDTHS)]
    return cuts[0], cuts[1], cuts[2], cuts[3], cuts[4]


def _pieces(chunk: Chunk, check_crcs: bool) -> tuple[list[_Piece], list[Buffer]]:
    data = chunk.data
    buffers: list[Buffer] = [data]
    pieces: list[_Piece] = []
    position = 0
    while position < len(data):
        info = BatchInfo(*native.header(data, position))
        end = position + info.size
        if check_crcs:
            _check_crc(chunk, data[position:end], info)
        start = position + BATCH_OVERHEAD
        position = end
        if info.is_control or info.end_offset <= chunk.offset:
            continue
        if info.compression:
            records = _unpack(chunk, data[start:end], info)
            pieces.append(_Piece(info, records, len(buffers), 0))
            buffers.append(records)
        else:
            records = data[start:end]
            pieces.append(_Piece(info, records, 0, start))
        if info.record_count * native.RECORD_SIZE_MIN > len(records):
            raise _damaged(chunk, info, f"it claims {info.record_count} records")
    return pieces, buffers


def _check_crc(chunk: Chunk, batch: memoryview, info: BatchInfo) -> None:
    if native.crc32c(batch[CRC_FROM:]) != int.from_bytes(batch[CRC_AT:CRC_FROM], "big"):
        raise _damaged(chunk, info, "its checksum does not agree")


def _unpack(chunk: Chunk, packed: memoryview, info: BatchInfo) -> Buffer:
    limit = min(max(len(packed), 1) * DECOMPRESSED_RATIO_MAX, DECOMPRESSED_BYTES_MAX)
    try:
        return decompress(info.compression, packed, limit)
    except CorruptBatch as error:
        raise _damaged(chunk, info, str(error)) from None


def _damaged(chunk: Chunk, info: BatchInfo, reason: str) -> CorruptBatch:
    topic, partition = chunk.partition
    return CorruptBatch(
        f"{topic}/{partition}: the batch at offset {info.base_offset} is damaged: {reason}. "
        f"Seek to {info.end_offset} to leave it out."
    )

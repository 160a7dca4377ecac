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
from bus.model.batch import TIMESTAMP_TYPE_FLAG, BatchInfo, Buffer
from bus.model.ids import TopicPartition
from bus.model.limits import BATCH_OVERHEAD, DECOMPRESSED_BYTES_MAX, DECOMPRESSED_RATIO_MAX
from bus.native import batch as native
from bus.native.blocks import take
from bus.native.columns import walk
from bus.native.compression import decompress

CRC_AT, CRC_FROM = 17, 21  # bytes of a batch: where its checksum stands, and what it covers

WIDTHS = (0, 1, 2, 5, 8, 11)  # where each column begins, in numbers a row

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows of one partition, n = len(offsets), in offset order.

    offsets, timestamps   int64[n]
    key_spans, ...        int64[n, 3]  buffer, start, end in `buffers`; null is (-1, -1, -1)
    """

    partition: TopicPartition
    offsets: Longs
    timestamps: Longs
    key_spans: Longs
    value_spans: Longs
    header_spans: Longs
    buffers: tuple[Buffer, ...]
    end_offset: int  # where the next fetch begins, once all rows are taken
    high_watermark: int

    def __len__(self) -> int:
        """Rows."""
        return len(self.offsets)


@dataclass(frozen=True, slots=True)
class _Piece:
    """The records of one batch, unpacked."""

    info: BatchInfo
    records: Buffer
    buffer_index: int
    buffer_offset: int


def open_chunk(chunk: Chunk, check_crcs: bool) -> Columns:
    """Columns of all its records from its offset on. Raises CorruptBatch, naming the place."""
    pieces, buffers = _pieces(chunk, check_crcs)
    count = sum(piece.info.record_count for piece in pieces)
    offsets, timestamps, keys, values, headers = _empty_columns(count)
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
            offsets.data,
            timestamps.data,
            keys.data,
            values.data,
            headers.data,
        )
        row += info.record_count
    first = int(np.searchsorted(offsets, chunk.offset)) if count and pieces else 0
    return Columns(
        chunk.partition,
        offsets[first:],
        timestamps[first:],
        keys[first:],
        values[first:],
        headers[first:],
        tuple(buffers),
        chunk.end_offset,
        chunk.high_watermark,
    )


def _empty_columns(count: int) -> tuple[Longs, Longs, Longs, Longs, Longs]:
    """Two columns of int64[count] and three of int64[count, 3], in memory that is used again."""
    longs = np.frombuffer(take(max(8 * WIDTHS[-1] * count, 8)), np.int64)
    cuts = [longs[start * count : end * count] for start, end in pairwise(WIDTHS)]
    keys, values, headers = (cut.reshape(count, 3) for cut in cuts[2:])
    return cuts[0], cuts[1], keys, values, headers


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

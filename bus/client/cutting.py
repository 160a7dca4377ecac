"""A batch that is too large for its topic, as several that hold the same records in the same order.

A part has at most half of the bytes, unpacked, but for a record that is larger by itself; where it
is known what the topic takes, it has no more than should make that. One that is still too large is
cut again.
"""

from bus.client.batch import Batch
from bus.client.decode import open_chunk
from bus.client.delivery import BatchDelivery
from bus.client.inbox import Chunk
from bus.client.outbox import ClosedBatch
from bus.model.batch import BatchInfo
from bus.native.batch import header
from bus.native.builder import BatchBuilder


def cut(batch: ClosedBatch, bytes_max: int) -> list[ClosedBatch]:
    """The parts of a batch of several records, not compressed; at least two.

    Of `bytes_max`, should that be less than the batch has, if they compress as well as the batch.
    """
    rows, unpacked_bytes = _rows(batch)
    capacity = unpacked_bytes * min(bytes_max, batch.size // 2) // batch.size
    parts: list[ClosedBatch] = []
    builder = BatchBuilder(capacity)
    for record in rows:
        row = record.value, record.key, record.timestamp, record.headers
        if builder.append(*row) is None:
            parts.append(_closed(batch, builder))
            builder = BatchBuilder(capacity)
            builder.append(*row)
    parts.append(_closed(batch, builder))
    return parts


def _rows(batch: ClosedBatch) -> tuple[Batch, int]:
    """The records, and the bytes they have uncompressed."""
    info = BatchInfo(*header(batch.records))
    chunk = Chunk(batch.partition, 0, batch.records, info.base_offset, info.end_offset, -1)
    columns = open_chunk(chunk, check_crcs=False)
    unpacked = columns.buffers[-1]
    return Batch(columns, 0, len(columns)), len(memoryview(unpacked))


def _closed(batch: ClosedBatch, builder: BatchBuilder) -> ClosedBatch:
    delivery = BatchDelivery(batch.delivery.topic, batch.delivery.partition)
    delivery.count = builder.count
    return ClosedBatch(batch.partition, builder.finish(), builder.count, batch.opened_ms, delivery)

"""The parts of a batch hold its records, in their order, and nothing else."""

import pytest

from bus.client.batch import Batch
from bus.client.cutting import cut
from bus.client.decode import open_chunk
from bus.client.delivery import BatchDelivery
from bus.client.inbox import Chunk
from bus.client.options import CODECS
from bus.client.outbox import ClosedBatch
from bus.client.packing import packed
from bus.model.ids import TopicPartition
from bus.native.builder import BatchBuilder

PARTITION = TopicPartition("t", 0)
HEADERS = [("h", b"1"), ("none", None)]
ROWS = [(b"%d" % n * (n % 50), None if n % 3 else b"key", 1000 - n, HEADERS) for n in range(500)]


def closed(rows, codec=0):
    builder = BatchBuilder(1 << 20)
    for row in rows:
        builder.append(*row)
    delivery = BatchDelivery(*PARTITION)
    delivery.count = len(rows)
    return ClosedBatch(PARTITION, packed(builder.finish(), codec), len(rows), 7, delivery)


def rows_of(batch):
    columns = open_chunk(Chunk(PARTITION, 0, batch.records, 0, batch.count, -1), False)
    found = Batch(columns, 0, len(columns))
    return [(r.value, r.key, r.timestamp, r.headers) for r in found]


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS.keys())
def test_parts_together_are_the_batch(codec):
    parts = cut(closed(ROWS, codec), 1 << 20)
    assert [row for part in parts for row in rows_of(part)] == ROWS
    assert [part.count for part in parts] == [part.delivery.count for part in parts]
    assert len(parts) in (2, 3)
    assert not any(part.packed for part in parts)


def test_two_records_are_parted():
    rows = [(b"", None, 1, None), (None, b"k", 2, None)]
    assert [part.count for part in cut(closed(rows), 1)] == [1, 1]


def test_a_record_larger_than_half_goes_alone():
    rows = [(b"x", None, 1, None), (b"y" * 5000, None, 2, None), (b"z", None, 3, None)]
    assert [part.count for part in cut(closed(rows), 1 << 20)] == [1, 1, 1]


def test_parts_are_as_large_as_the_topic_takes_them():
    sizes = [part.size for part in cut(closed(ROWS), 1000)]
    assert max(sizes) <= 1000
    assert min(sizes[:-1]) > 800


def test_cutting_ends_with_records_alone():
    parts = [closed(ROWS)]
    for _ in range(30):
        further = [cut(part, 1 << 20) if part.count > 1 else [part] for part in parts]
        parts = [part for several in further for part in several]
    assert [part.count for part in parts] == [1] * len(ROWS)

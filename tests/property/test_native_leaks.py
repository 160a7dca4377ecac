"""Does native code give back what it takes: references, objects, buffers, memory?"""

import gc
import os
import resource
import sys
import tempfile
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pytest

from bus.adapters.disk.region import MappedRegion
from bus.errors import CorruptBatch
from bus.native import batch, blocks, columns, rows, segment
from bus.native.arrow_in import binary_columns
from bus.native.builder import BatchBuilder, Delivery, with_records
from bus.native.index import OffsetIndex, TimeIndex
from bus.native.newest import NewestPerKey
from tests.fixtures import batches

VALUES = [b"v" * 100 + bytes([i]) for i in range(200)]
KEYS = [None, *(b"k" * 20 + bytes([i]) for i in range(199))]
BATCH = batches.batch(VALUES)
KEYED = batches.assemble(
    b"".join(
        batches.record(i, value, key)
        for i, (value, key) in enumerate(zip(VALUES, KEYS, strict=True))
    ),
    len(VALUES),
)
OURS = [*VALUES, *KEYS[1:], BATCH]  # the first key is None, which other threads refer to as well
RECORDS = memoryview(BATCH)[batch.HEADER_SIZE :]


def build_single() -> None:
    owner = object()
    builder = BatchBuilder(100_000, owner)
    kept = [
        builder.append(value, key, 0, [("h", value)])
        for value, key in zip(VALUES, KEYS, strict=True)
    ]
    assert sys.getrefcount(owner) == len(kept) + 3
    builder.finish()
    del kept
    builder = BatchBuilder(100_000, owner)
    assert sys.getrefcount(owner) == 3


def build_rows() -> None:
    rows.encode_list(VALUES, KEYS, 0, 0, 1 << 20)
    rows.encode_list([bytearray(b"x"), *VALUES], None, 0, 1, 5000)
    rows.encode_fixed(b"".join(VALUES), 101, None, 0, 0, 1 << 20)
    rows.partition_list(KEYS, 7)
    with_records(BATCH, 1, b"x" * 100_000)


def fail_to_build() -> None:
    for values in ([*VALUES, "text"], [object()]):
        with suppress(TypeError):
            rows.encode_list(values, None, 0, 0, 1 << 20)
    builder = BatchBuilder(0)
    for arguments in ((memoryview(b"v"), "key", 0, None), (b"", b"", 0, [("h", "x")])):
        with suppress(TypeError):
            builder.append(*arguments)


def open_columns() -> None:
    longs = [np.empty(200, np.int64) for _ in range(2)]
    spans = [np.empty((200, 3), np.int64) for _ in range(3)]
    columns.walk(RECORDS, 200, 0, 0, -1, 0, 0, 0, *longs, *spans)
    columns.to_list(spans[1], [RECORDS], 0, 200)
    found = list(columns.iterate("topic", 1, *longs, *spans, [RECORDS], 0, 200))
    assert [record.value for record in found] == VALUES
    with suppress(ValueError):
        columns.walk(RECORDS, 200, 0, 0, -1, 0, 0, 5, *longs, *spans)
    with suppress(ValueError):
        columns.walk_plain(BATCH, columns.plain_rows(BATCH, 0x27, True) + 1, *longs, *spans)


def check_and_scan() -> None:
    batch.check_all(BATCH)
    segment.append(bytearray(len(BATCH)), 0, BATCH, 5, 0)
    segment.scan(BATCH, 0, 0, -1, collect=True)
    segment.scan(BATCH, 0, 0, -1, offset_index=OffsetIndex(0, 0), time_index=TimeIndex(0, 0))
    with suppress(CorruptBatch):
        batch.check(BATCH[:-1])


def keep_newest() -> None:
    newest = NewestPerKey(1000, 1 << 20, lambda codec, packed: b"")
    newest.feed(KEYED)
    newest.rows()
    with suppress(CorruptBatch):
        newest.feed(KEYED)
    with suppress(OverflowError):
        NewestPerKey(5, 1 << 20, lambda codec, packed: b"").feed(KEYED)


def view_memory() -> None:
    """A buffer's owner begins as None, whose references count before Python 3.12."""
    with tempfile.TemporaryFile() as file:
        region = MappedRegion(os.dup(file.fileno()), "a.log", 4096, 4096, False)
        region.buffer[:5] = b"hello"
        region.view(0, 100)
        region.close()
    for kind in (pa.binary(), pa.large_binary(), pa.binary(101)):
        binary_columns(pa.array(VALUES, kind))
    blocks.take(100_000)


WORK = [
    build_single,
    build_rows,
    fail_to_build,
    open_columns,
    check_and_scan,
    keep_newest,
    view_memory,
]


def growth(work) -> int:
    """Memory blocks that 100 rounds leave behind."""
    before = sys.getallocatedblocks()
    for _ in range(100):
        work()
    return sys.getallocatedblocks() - before


@pytest.mark.parametrize("work", WORK)
def test_a_loop_leaves_nothing_behind(work):
    for _ in range(20):
        work()
    gc.collect()
    references, of_none = list(map(sys.getrefcount, OURS)), sys.getrefcount(None)
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    growths = [growth(work) for _ in range(3)]  # of which others in this process may spoil one
    assert list(map(sys.getrefcount, OURS)) == references
    assert abs(sys.getrefcount(None) - of_none) < 150, "everybody's: half of the rounds"
    assert min(growths) < 100, growths
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - size
    assert grown < 8 << (20 if sys.platform == "darwin" else 10)


def test_a_delivery_lets_its_owner_go():
    owner = object()
    before = sys.getrefcount(owner)
    deliveries = [Delivery(owner, i) for i in range(5000)]
    assert sys.getrefcount(owner) == before + 5000
    del deliveries
    assert sys.getrefcount(owner) == before

"""Do kafka-python and we agree on the record batch, in both directions and for each codec?"""

import warnings
from importlib import import_module
from types import SimpleNamespace

import cramjam
import numpy as np
import pytest

from bus.native import batch, columns
from bus.native.builder import BatchBuilder, with_records
from bus.native.compression import compress, decompress

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of how it reads its own files
    kafka_codec = import_module("kafka.codec")
    kafka_records = import_module("kafka.record.default_records")

RECORDS = [
    (b"value", b"key", 1_700_000_000_000, [("h", b"x"), ("null", None)]),
    (None, None, 1_699_999_999_000, []),
    (b"", b"", 1_700_000_000_500, [("", b"")]),
    *[(b"many alike " * 20, b"k%d" % i, 1_700_000_001_000 + i, []) for i in range(400)],
]


@pytest.fixture(autouse=True)
def snappy(monkeypatch):
    """kafka-python wants the library python-snappy; the framing round it is its own."""
    raw = cramjam.snappy
    stand_in = SimpleNamespace(
        compress=lambda data: bytes(raw.compress_raw(data)),
        decompress=lambda data: bytes(raw.decompress_raw(data)),
    )
    monkeypatch.setattr(kafka_codec, "snappy", stand_in)


def ours(codec: int) -> bytes:
    builder = BatchBuilder(1 << 20)
    for value, key, timestamp, headers in RECORDS:
        builder.append(value, key, timestamp, headers)
    view = builder.finish()
    if codec:
        view = with_records(view, codec, compress(codec, view[batch.HEADER_SIZE :]))
    batch.seal(view, 7, 3, 11)
    return bytes(view)


def theirs(codec: int) -> bytes:
    builder = kafka_records.DefaultRecordBatchBuilder(2, codec, 0, 7, 3, 11, 1 << 20)
    for offset, (value, key, timestamp, headers) in enumerate(RECORDS):
        builder.append(offset, timestamp, key, value, headers)
    return bytes(builder.build())


def test_an_uncompressed_batch_is_byte_equal():
    expected = bytearray(theirs(0))
    batch.stamp(expected, 0, 0, -1)  # kafka-python writes a leader epoch of its own choice
    assert ours(0) == expected


@pytest.mark.parametrize("codec", range(5))
def test_kafka_python_reads_what_we_write(codec):
    read = kafka_records.DefaultRecordBatch(ours(codec))
    assert read.validate_crc()
    assert (read.producer_id, read.producer_epoch, read.base_sequence) == (7, 3, 11)
    got = [(r.value, r.key, r.timestamp, r.headers) for r in read]
    assert got == RECORDS


@pytest.mark.parametrize("codec", range(5))
def test_we_read_what_kafka_python_writes(codec):
    data = theirs(codec)
    info = batch.check(data)
    records = memoryview(data)[batch.HEADER_SIZE :]
    if codec:
        records = decompress(codec, records, 1 << 20)
    count = info[10]
    longs = [np.empty(count, np.int64) for _ in range(2)]
    spans = [np.empty((count, 3), np.int64) for _ in range(3)]
    columns.walk(records, count, 0, info[5], -1, 0, 0, 0, *longs, *spans)
    rows = columns.iterate("t", 0, *longs, *spans, [records], 0, count)
    assert [(r.value, r.key, r.timestamp, r.headers) for r in rows] == RECORDS
    assert longs[0].tolist() == list(range(count))

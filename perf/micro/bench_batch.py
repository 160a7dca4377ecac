"""Checksum, validation, append, scan: what a broker does to a batch."""

import pytest

from bus.native import batch, segment
from bus.native.builder import encode_list
from perf.micro.conftest import COUNT

MIB = 1 << 20


@pytest.mark.parametrize("variant", batch.crc32c_variants())
def bench_crc32c_bytes(rate, variant):
    rate(MIB, batch.crc32c_by, variant, bytes(range(256)) * 4096)


@pytest.mark.parametrize("size", [100, 1000, 10_000])
def bench_crc32c_of_a_small_batch_bytes(rate, size):
    rate(size, batch.crc32c, bytes(size))


def bench_check_records(rate, opened):
    rate(COUNT, batch.check, opened.data)


def bench_seal_records(rate, opened):
    rate(COUNT, batch.seal, opened.data, -1, -1, -1)


def bench_header_calls(rate, opened):
    rate(1, batch.header, opened.data)


def bench_append_bytes(rate, opened):
    region = bytearray(2 * MIB)
    rate(len(opened.data), segment.append, region, 0, opened.data, 7, 1)


def bench_append_of_one_record_calls(rate):
    one, _ = encode_list([b"v" * 100], None, 0, 0, MIB)
    rate(1, segment.append, bytearray(4096), 0, one, 7, 1)


@pytest.mark.parametrize("records", [1, 100, COUNT])
def bench_scan_bytes(rate, values, records):
    log = bytearray(64 * MIB)
    position = offset = 0
    view, stop = encode_list(values[:records], None, 0, 0, 2 * MIB)
    batch.seal(view, -1, -1, -1)
    while position + len(view) <= len(log):
        position = segment.append(log, position, view, offset, 0)
        offset += stop
    rate(position, segment.scan, log, 0, 0, 0)

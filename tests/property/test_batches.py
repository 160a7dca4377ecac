"""Is the batch core right for all inputs? It is held to the slow reference, hostile bytes included.

Hostile data end where readable memory ends (`guarded`): a read too far kills the process.
"""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bus.errors import CorruptBatch
from bus.native import batch, columns, segment
from bus.native.builder import BatchBuilder, encode_list, encode_offsets
from tests.fixtures import batches
from tests.fixtures.guarded import guarded

MANY = settings(max_examples=100, deadline=None)
TIMES = st.integers(0, 1 << 60)
BYTES = st.none() | st.binary(max_size=200)
HEADERS = st.lists(st.tuples(st.text(max_size=8), BYTES), max_size=3)
RECORDS = st.lists(st.tuples(BYTES, BYTES, TIMES, HEADERS), min_size=1, max_size=20)
VARIANTS = batch.crc32c_variants()


def built(records) -> bytes:
    builder = BatchBuilder(1 << 20)
    for value, key, timestamp, headers in records:
        assert builder.append(value, key, timestamp, headers) is not None
    view = builder.finish()
    batch.seal(view, -1, -1, -1)
    return bytes(view)


def opened(data, base_offset=0):
    """All records of a batch, by walk and iterate."""
    info = batch.header(data)
    count, base_timestamp = info[10], info[5]
    longs = [np.empty(count, np.int64) for _ in range(2)]
    spans = [np.empty((count, 3), np.int64) for _ in range(3)]
    records = memoryview(data)[batch.HEADER_SIZE :]
    columns.walk(records, count, base_offset, base_timestamp, -1, 0, 61, 0, *longs, *spans)
    return list(columns.iterate("t", 0, *longs, *spans, [data], 0, count))


@MANY
@given(RECORDS)
def test_what_is_built_passes_the_check_and_comes_out_as_it_went_in(records):
    data = built(records)
    assert batch.check(data)[10] == len(records)
    got = [(r.value, r.key, r.timestamp, r.headers) for r in opened(data)]
    assert got == records


@MANY
@given(RECORDS)
def test_what_is_built_equals_the_reference_byte_by_byte(records):
    base = records[0][2]
    expected = batches.assemble(
        b"".join(
            batches.record(i, value, key, timestamp - base, headers)
            for i, (value, key, timestamp, headers) in enumerate(records)
        ),
        len(records),
        base_timestamp=base,
        max_timestamp=max(timestamp for _, _, timestamp, _ in records),
    )
    assert built(records) == expected


@MANY
@given(st.lists(st.tuples(BYTES, BYTES, TIMES), min_size=1, max_size=30), st.integers(0, 700))
def test_a_list_in_batches_equals_a_builder_that_starts_anew_when_it_is_full(rows, size_max):
    values, keys, times = (list(column) for column in zip(*rows, strict=True))
    start = 0
    while start < len(rows):
        view, stop = encode_list(values, keys, np.array(times, np.int64), start, size_max)
        builder = BatchBuilder(size_max)
        fit = 0
        for value, key, timestamp in rows[start:]:
            if builder.append(value, key, timestamp, None) is None:
                break
            fit += 1
        assert stop == start + fit
        assert bytes(view) == bytes(builder.finish())
        start = stop


@MANY
@given(st.lists(BYTES, min_size=1, max_size=20), st.booleans(), st.integers(0, 9))
def test_an_arrow_array_equals_the_list_of_its_values(values, large, bit_offset):
    data = b"".join(value or b"" for value in values)
    ends = np.cumsum([0, *(len(value or b"") for value in values)])
    bits = [True] * bit_offset + [value is not None for value in values]
    validity = np.packbits(bits, bitorder="little")
    offsets = ends.astype(np.int64 if large else np.int32)
    view, stop = encode_offsets(offsets, large, data, validity, bit_offset, None, 5, 0, 1 << 20)
    assert stop == len(values)
    assert bytes(view) == bytes(encode_list(values, None, 5, 0, 1 << 20)[0])


@MANY
@given(st.binary(max_size=3000), st.integers(0, 2**32 - 1), st.integers(0, 8), st.data())
def test_all_crc_variants_equal_the_reference_however_the_data_are_cut(data, crc, skip, draw):
    view = memoryview(data)[skip:]
    expected = batches.crc32c(bytes(view), crc)
    cut = draw.draw(st.integers(0, len(view)))
    for variant in VARIANTS:
        assert batch.crc32c_by(variant, view, crc) == expected
        first = batch.crc32c_by(variant, view[:cut], crc)
        assert batch.crc32c_by(variant, view[cut:], first) == expected


def reference_accepts(records: bytes, count: int) -> bool:
    try:
        batches.parse(records, count)
    except batches.Damaged:
        return False
    return count > 0


def native_accepts(data) -> bool:
    try:
        batch.check(data)
    except CorruptBatch:
        return False
    return True


@st.composite
def damaged_records(draw):
    """Records of which a few bytes are overwritten, put in or left out."""
    kinds = draw(RECORDS)
    raw = bytearray(
        b"".join(batches.record(i, v, k, t, h) for i, (v, k, t, h) in enumerate(kinds[:5]))
    )
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(raw)))
        drop = draw(st.integers(0, 2))
        raw[at : at + drop] = draw(st.binary(max_size=3))
    assume(len(raw) < 4000)
    return bytes(raw), draw(st.sampled_from([len(kinds[:5]), 0, 1, 2**31 - 1]))


@settings(max_examples=400, deadline=None)
@given(damaged_records())
def test_the_check_takes_exactly_the_records_that_the_reference_takes(damaged):
    records, count = damaged
    data = guarded(batches.assemble(records, count))
    assert native_accepts(data) == reference_accepts(records, count)


@settings(max_examples=400, deadline=None)
@given(damaged_records())
def test_a_walk_takes_what_the_check_takes_and_survives_the_rest(damaged):
    records, count = damaged
    rows = min(count, 100)
    spans = np.empty((rows, 3), np.int64)
    target = None if count > rows else spans
    try:
        columns.walk(guarded(records), count, 0, 0, -1, 0, 0, 0, None, None, None, target, None)
    except CorruptBatch:
        assert not reference_accepts(records, count)
    else:
        columns.to_list(spans, [records], 0, count)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=150), st.booleans())
def test_garbage_is_never_a_header_that_leads_out_of_it(data, plausible):
    if plausible and len(data) > 16:
        data = data[:8] + b"\0\0\0" + data[11:16] + b"\2" + data[17:]
    view = guarded(data)
    try:
        info = batch.header(view)
    except CorruptBatch:
        assert not native_accepts(view)
    else:
        assert 61 <= info[1] <= len(data)


@st.composite
def damaged_logs(draw):
    """A segment's bytes with batches in order, and then perhaps a few bytes overwritten."""
    offset, epoch, log = draw(st.integers(0, 1000)), 0, bytearray()
    base = offset
    for values in draw(st.lists(st.lists(BYTES, min_size=1, max_size=3), max_size=5)):
        epoch += draw(st.integers(0, 1))
        log += batches.batch(values, base_offset=offset, leader_epoch=epoch)
        offset += len(values)
    for _ in range(draw(st.integers(0, 2)) if log else 0):
        at = draw(st.integers(0, len(log) - 1))
        log[at] = draw(st.integers(0, 255))
    del log[draw(st.integers(0, len(log))) if draw(st.booleans()) else len(log) :]
    log += bytes(draw(st.sampled_from([0, 1, 100])))
    assume(len(log) < 4000)
    return bytes(log), base


@settings(max_examples=300, deadline=None)
@given(damaged_logs())
def test_a_scan_stops_where_the_reference_stops(log):
    data, base = log
    scan = segment.scan(guarded(data), 0, base, -1)
    assert (scan.position, scan.end_offset, scan.count) == batches.scan(data, 0, base, -1)
    tail = data[scan.position : scan.position + 61]
    assert (scan.reason is None) == (not any(tail))


@MANY
@given(st.lists(st.integers(1, 3), min_size=1, max_size=8), st.data())
def test_find_and_slice_equal_a_walk_over_the_list_of_batches(counts, draw):
    log, places, offset = bytearray(), [], 10
    for count in counts:
        one = batches.batch([b"v" * 20] * count, base_offset=offset)
        places.append((len(log), len(log) + len(one), offset, offset + count))
        log += one
        offset += count
    wanted = draw.draw(st.integers(0, offset + 2))
    found = segment.find(log, 0, wanted)
    assert found == next((start for start, _, _, end in places if end > wanted), len(log))
    size_max, below = draw.draw(st.integers(0, len(log))), draw.draw(st.integers(0, offset))
    fit = [p for p in places if p[1] <= size_max] or places[:1]
    visible = [p for p in fit if p[3] <= below]
    expected = (visible[-1][1], visible[-1][3]) if visible else (0, -1)
    assert segment.slice_end(log, 0, size_max, below) == expected


@pytest.mark.parametrize("at", range(61))
def test_every_value_of_every_header_byte_is_judged_as_by_the_reference(at):
    good = batches.batch([b"one", b"two"], base_offset=5)
    for value in range(256):
        bad = bytearray(good)
        bad[at] = value
        data = guarded(bytes(bad))
        untouched = bytes(bad) == good or at < 8 or 12 <= at < 16
        assert native_accepts(data) == untouched


@pytest.mark.parametrize("key", [None, b"a key", b"k" * 70])
def test_every_value_of_every_byte_of_a_record_is_judged_as_by_the_reference(key):
    value = b"\0\1\2\0" * 18
    first, second = (batches.record(i, value, key, 1 << 20) for i in range(2))
    for at in range(len(first)):
        for byte in range(256):
            records = first[:at] + bytes([byte]) + first[at + 1 :] + second
            data = bytearray(batches.assemble(b"", 2)) + records
            data[8:12] = (len(data) - 12).to_bytes(4, "big")
            batch.seal(data, -1, -1, -1)
            assert native_accepts(guarded(bytes(data))) == reference_accepts(records, 2)


@pytest.mark.parametrize("index", [63, 64, 8191, 8192, 1048575, 1048576])
def test_a_record_of_a_long_batch_has_its_own_delta_and_no_other(index):
    count = index + 3  # there is something behind it
    data = bytearray(encode_list([b""] * count, None, 0, 0, 1 << 26)[0])
    delta = batches.varint(index)
    record = b"\0\0" + delta + b"\1\0\0"
    start = data.index(record, batch.HEADER_SIZE) + 2
    for at in range(start, start + len(delta)):
        good = data[at]
        for value in {good, good ^ 1, good ^ 0x40, good ^ 0x80, 0, 0x7F, 0x80, 0xFF}:
            data[at] = value
            batch.seal(data, -1, -1, -1)
            assert native_accepts(data) == (value == good)
        data[at] = good

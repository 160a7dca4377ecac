"""Encoding of lists and arrays against the slow reference."""

import numpy as np
import pyarrow as pa
import pytest

from bus.native import batch
from bus.native.builder import (
    encode_fixed,
    encode_list,
    encode_offsets,
    encode_views,
    murmur2,
    partition_list,
)
from tests.fixtures import batches

BIG = 1 << 20
VALUES = [b"one", None, b"", b"three-and-twelve-more", bytes(range(256))]


def sealed(view: memoryview) -> bytes:
    batch.seal(view, -1, -1, -1)
    batch.check(view)
    return bytes(view)


def expected(values, keys=None, timestamps=None) -> bytes:
    stamps = timestamps or [1000] * len(values)
    records = b"".join(
        batches.record(i, value, keys[i] if keys else None, stamps[i] - stamps[0])
        for i, value in enumerate(values)
    )
    return batches.assemble(
        records, len(values), base_timestamp=stamps[0], max_timestamp=max(stamps)
    )


def arrow_parts(values, kind):
    array = pa.array(values, kind)
    validity, *rest = array.buffers()
    return array, validity, rest


def test_a_list_equals_the_reference():
    view, stop = encode_list(VALUES, None, 1000, 0, BIG)
    assert (sealed(view), stop) == (expected(VALUES), 5)


def test_keys_and_timestamps_go_with_their_rows():
    keys = [b"a", None, b"", bytearray(b"d"), memoryview(b"e")]
    stamps = [5, 3, 9, 9, 1 << 50]
    view, stop = encode_list(VALUES, keys, np.array(stamps, np.int64), 1, BIG)
    plain = [None if key is None else bytes(key) for key in keys]
    assert (sealed(view), stop) == (expected(VALUES[1:], plain[1:], stamps[1:]), 5)


def test_bytes_like_values_and_other_sequences_are_taken():
    mixed = (bytearray(b"one"), None, memoryview(b""), np.frombuffer(VALUES[3], "u1"), VALUES[4])
    assert sealed(encode_list(mixed, None, 1000, 0, BIG)[0]) == expected(VALUES)


def test_rows_go_into_as_many_batches_as_they_need():
    values = [b"x" * (i % 50) for i in range(1000)]
    start, got = 0, []
    while start < len(values):
        view, stop = encode_list(values, None, 1000, start, 500)
        assert len(view) <= 500
        assert stop == len(values) or len(view) > 500 - 60
        assert sealed(view) == expected(values[start:stop])
        got += values[start:stop]
        start = stop
    assert got == values


def test_a_first_row_that_is_too_large_goes_alone():
    view, stop = encode_list([b"x" * 1000, b"y"], None, 1000, 0, 100)
    assert (sealed(view), stop) == (expected([b"x" * 1000]), 1)


@pytest.mark.parametrize("row", [0, 3])
def test_a_value_that_is_not_bytes_like_is_named(row):
    values = [b"x"] * 5
    values[row] = "text"
    with pytest.raises(TypeError, match=rf"values\[{row}\] must be .* not str; encode it first"):
        encode_list(values, None, 0, 0, BIG)


@pytest.mark.parametrize(
    ("keys", "timestamps", "start"),
    [
        ([b"k"] * 4, 0, 0),
        (None, np.zeros(4, np.int64), 0),
        (None, np.zeros(6, np.int64), 0),
        (None, 0, 5),
        (None, 0, -1),
    ],
)
def test_arrays_of_other_lengths_are_refused(keys, timestamps, start):
    with pytest.raises(ValueError, match="row"):
        encode_list(VALUES, keys, timestamps, start, BIG)


def test_fixed_rows_are_taken_whole_or_as_numpy_reads_them():
    data = np.array([b"abc", b"", b"a\0b"], "S5")
    whole = [b"abc\0\0", b"\0" * 5, b"a\0b\0\0"]
    assert sealed(encode_fixed(data, 5, None, 1000, 0, BIG)[0]) == expected(whole)
    stripped = sealed(encode_fixed(data, 5, None, 1000, 0, BIG, True)[0])
    assert stripped == expected(data.tolist())


def test_fixed_rows_from_a_start_take_their_own_keys():
    data = np.array([b"ab", b"cd", b"ef"], "V2")
    view, stop = encode_fixed(data, 2, [b"1", b"2", b"3"], 1000, 1, BIG)
    assert (sealed(view), stop) == (expected([b"cd", b"ef"], [b"2", b"3"]), 3)


def test_bytes_that_are_no_rows_are_refused():
    with pytest.raises(ValueError, match="rows of 3 bytes"):
        encode_fixed(b"1234", 3, None, 0, 0, BIG)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("skip", [0, 1, 3])
def test_arrow_binary_equals_the_reference(large, skip):
    kind = pa.large_binary() if large else pa.binary()
    array, validity, (offsets, data) = arrow_parts([b"left out", *VALUES], kind)
    array = array[1:]
    width = 8 if large else 4
    view, stop = encode_offsets(
        memoryview(offsets)[width : width * (len(array) + 2)],
        large, data, validity, 1, None, 1000, skip, BIG,
    )  # fmt: skip
    assert (sealed(view), stop) == (expected(VALUES[skip:]), 5)


@pytest.mark.parametrize("skip", [0, 2])
def test_arrow_views_equal_the_reference(skip):
    array, validity, (views, *buffers) = arrow_parts(VALUES, pa.binary_view())
    view, stop = encode_views(views, buffers, validity, 0, None, 1000, skip, BIG)
    assert len(array) == 5
    assert (sealed(view), stop) == (expected(VALUES[skip:]), 5)


@pytest.mark.parametrize("offsets", [[0, 9], [-1, 2], [2, 1], [9, 9], [-(2**31), 2**31 - 1]])
def test_offsets_that_lead_out_of_the_data_are_refused(offsets):
    for large, kind in ((False, "i4"), (True, "i8")):
        array = np.array(offsets, kind)
        with pytest.raises(ValueError, match="lead out"):
            encode_offsets(array, large, b"12345678", None, 0, None, 0, 0, BIG)


@pytest.mark.parametrize(
    ("size", "buffer", "offset"), [(13, 1, 0), (13, 0, 4), (13, -1, 0), (13, 0, -1), (-1, 0, 0)]
)
def test_views_that_lead_out_of_their_buffers_are_refused(size, buffer, offset):
    views = np.array([size, 0, buffer, offset], "i4")
    with pytest.raises(ValueError, match="lead out"):
        encode_views(views, [b"x" * 16], None, 0, None, 0, 0, BIG)


def test_a_validity_bitmap_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="validity"):
        encode_offsets(np.zeros(10, "i4"), False, b"", b"\xff", 0, None, 0, 0, BIG)


def test_keys_are_spread_as_kafka_does_and_null_is_left_to_the_caller():
    keys = [b"21", None, b"", b"foobar", bytearray(b"abc")]
    got = partition_list(keys, 7).tolist()
    assert got[1] == -1
    for key, partition in zip(keys, got, strict=True):
        if key is not None:
            assert partition == (murmur2(key) & 0x7FFFFFFF) % 7
    assert partition_list([], 3).tolist() == []

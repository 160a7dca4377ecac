"""Columns taken from Arrow are views of its memory, held until the last of them goes."""

import gc

import pyarrow as pa
import pytest

from bus.native.arrow_in import binary_columns


def test_a_column_with_offsets_shows_the_arrays_own_buffers():
    array = pa.array([b"ab", b"cde"])
    (column,) = binary_columns(array)
    assert (column.kind, column.length, column.large, column.validity) == (
        "offsets",
        2,
        False,
        None,
    )
    assert bytes(column.data) == b"abcde"
    assert memoryview(column.offsets).nbytes == 12


def test_a_slice_begins_at_its_own_offset_and_bit():
    (column,) = binary_columns(pa.array([b"ab", None, b"cde"])[1:])
    assert (column.length, column.bit_offset, column.null_count) == (2, 1, 1)
    assert memoryview(column.offsets).nbytes == 12


def test_views_come_with_their_buffers():
    (column,) = binary_columns(pa.array([b"x" * 30, b"y"], pa.binary_view()))
    assert column.kind == "views"
    assert memoryview(column.views).nbytes == 32
    assert sum(map(len, column.data_buffers)) == 30


def test_the_memory_is_held_by_a_view_alone():
    data = binary_columns(pa.array([b"z" * 1000]))[0].data
    gc.collect()
    assert bytes(data) == b"z" * 1000


def test_each_chunk_of_a_stream_is_a_column():
    chunked = pa.chunked_array([[b"a"], [], [b"b", b"c"]], pa.binary())
    assert [column.length for column in binary_columns(chunked)] == [1, 0, 2]


def test_empty_arrays_have_empty_views():
    for kind in (pa.binary(), pa.large_string(), pa.binary_view(), pa.binary(4)):
        (column,) = binary_columns(pa.array([], kind))
        assert column.length == 0


def test_what_is_no_arrow_array_is_a_type_error():
    with pytest.raises(TypeError, match="list is no Arrow array"):
        binary_columns([b"a"])

"""Everything that send_batch takes becomes the same records."""

import numpy as np
import pyarrow as pa
import pytest

from bus.client.rows import keys_of, rows_of, stamps_of
from bus.errors import BadSetting
from bus.model.limits import BATCH_OVERHEAD, MIB
from bus.native.batch import check, seal
from bus.native.columns import to_list, walk

VALUES = [b"a", b"", b"\xff" * 13, b"abcdefghijkl", b"end"]
NULLED = [b"a", None, b"x" * 40]


def read_back(chunks):
    values = []
    for rows in chunks:
        start = 0
        while start < len(rows):
            batch, stop = rows.encode(None, 0, start, MIB)
            seal(batch, -1, -1, -1)
            check(batch)
            spans = np.empty((stop - start, 3), np.int64)
            records = batch[BATCH_OVERHEAD:]
            walk(records, stop - start, 0, 0, -1, 0, 0, 0, None, None, None, spans.data, None)
            values += to_list(spans.data, [records], 0, stop - start)
            start = stop
    return values


@pytest.mark.parametrize(
    "kind", [pa.binary(), pa.large_binary(), pa.binary_view(), pa.string(), pa.string_view()]
)
def test_arrow_arrays_are_read_with_nulls_and_from_the_middle(kind):
    values = [None if v is None else v.replace(b"\xff", b"z") for v in VALUES + NULLED]
    array = pa.array(values).cast(pa.string() if kind != pa.binary() else kind).cast(kind)
    assert read_back(rows_of(array)) == values
    assert read_back(rows_of(array[3:7])) == values[3:7]
    assert read_back(rows_of(pa.chunked_array([array[:2], array[2:]]))) == values


def test_fixed_size_binary_is_read():
    array = pa.array([b"abc", b"def"], pa.binary(3))
    assert read_back(rows_of(array)) == [b"abc", b"def"]


def test_an_arrow_array_outlives_its_maker():
    chunks = rows_of(pa.array([b"x" * 100] * 1000))
    assert read_back(chunks) == [b"x" * 100] * 1000


@pytest.mark.parametrize("array", [pa.array([1, 2]), pa.array(["a"]).dictionary_encode()])
def test_another_arrow_type_is_named(array):
    with pytest.raises(TypeError, match="binary or string"):
        rows_of(array)


def test_numpy_rows_of_one_width_are_read():
    assert read_back(rows_of(np.array([b"abc", b"de"], "S3"))) == [b"abc", b"de"]
    assert read_back(rows_of(np.array([b"abc", b"de"], "V3"))) == [b"abc", b"de\0"]
    assert read_back(rows_of(np.array([b"a", None], object))) == [b"a", None]
    assert read_back(rows_of(np.array([b"a", b"b", b"c"], "S1")[::2])) == [b"a", b"c"]


def test_lists_and_other_iterables_are_read():
    assert read_back(rows_of(NULLED)) == NULLED
    assert read_back(rows_of(tuple(VALUES))) == VALUES
    assert read_back(rows_of(v for v in VALUES)) == VALUES


@pytest.mark.parametrize("values", [b"one", "one", 5, np.array([1.0]), np.array([[b"a"]])])
def test_what_is_no_column_is_refused(values):
    with pytest.raises(TypeError):
        rows_of(values)


def test_keys_may_be_arrow_numpy_or_a_list():
    assert keys_of(pa.array(NULLED), 3) == NULLED
    assert keys_of(np.array([b"a", b"b"], "S1"), 2) == [b"a", b"b"]
    assert keys_of(None, 5) is None
    with pytest.raises(BadSetting, match="3 keys for 4 values"):
        keys_of(NULLED, 4)


def test_timestamps_may_be_one_many_or_datetimes():
    assert stamps_of(None, 2, 7) == 7
    assert stamps_of(5, 2, 7) == 5
    days = np.array(["1970-01-02", "1970-01-03"], "datetime64[D]")
    for stamps in ([86_400_000, 172_800_000], days, days.astype("datetime64[ns]")):
        assert stamps_of(stamps, 2, 7).tolist() == [86_400_000, 172_800_000]
    with pytest.raises(BadSetting, match="1 timestamps for 2"):
        stamps_of([1], 2, 7)
    with pytest.raises(TypeError, match="float64"):
        stamps_of(np.array([1.0]), 1, 7)

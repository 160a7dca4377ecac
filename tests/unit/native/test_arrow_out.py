"""Rows handed to Arrow are what they were, and live as long as Arrow needs them."""

import gc

import numpy as np
import pyarrow as pa
import pytest

from bus.native.arrow_out import ArrayOut, struct_array, struct_schema, struct_stream

DATA = b"short" + b"a value longer than a view" + b"\0" * 12


class Exported:
    """What a batch looks like to Arrow."""

    def __init__(self, rows):
        self.rows = rows

    def __arrow_c_array__(self, requested_schema=None):
        return struct_schema(), struct_array(self.rows)

    def __arrow_c_stream__(self, requested_schema=None):
        return struct_stream(self.rows)


def rows(spans, topic="t", buffers=(DATA,)):
    n = len(spans)
    spans = np.array(spans, np.int64).reshape(n, 3)
    nulls = np.full((n, 3), -1, np.int64)
    numbers = np.arange(n, dtype=np.int64)
    return ArrayOut(topic, 3, numbers.data, numbers.data, nulls.data, spans.data, buffers)


SPANS = [[0, 0, 5], [-1, -1, -1], [0, 5, 31], [0, 31, 43], [0, 5, 5]]
VALUES = [b"short", None, b"a value longer than a view", b"\0" * 12, b""]


def test_values_come_out_as_binary_views():
    array = pa.array(Exported(rows(SPANS)))
    array.validate(full=True)
    assert array.field("value").to_pylist() == VALUES
    assert array.field("key").to_pylist() == [None] * 5
    assert array.field("value").type == pa.binary_view()


def test_the_other_columns_have_their_types():
    table = pa.table(Exported(rows(SPANS, topic="a topic of a longer name")))
    assert table.schema.names == ["topic", "partition", "offset", "timestamp", "key", "value"]
    assert table["topic"].to_pylist() == ["a topic of a longer name"] * 5
    assert table["partition"].to_pylist() == [3] * 5
    assert table["offset"].to_pylist() == [0, 1, 2, 3, 4]
    assert table.schema.field("timestamp").type == pa.timestamp("ms", tz="UTC")


def test_a_child_outlives_its_struct_and_the_batch():
    buffer = bytearray(DATA)
    array = pa.array(Exported(rows(SPANS, buffers=(memoryview(buffer),))))
    child = array.field("value")
    del array
    gc.collect()
    assert child.to_pylist() == VALUES
    with pytest.raises(BufferError):
        buffer.append(0)  # still lent to Arrow
    del child
    gc.collect()
    buffer.append(0)


def test_capsules_that_nobody_opens_are_released():
    buffer = bytearray(DATA)
    out = rows(SPANS, buffers=(memoryview(buffer),))
    capsules = [struct_schema(), struct_array(out), struct_stream(out)]
    del out, capsules
    gc.collect()
    buffer.append(0)


def test_no_rows_are_an_empty_array():
    table = pa.table(Exported(rows([])))
    assert table.num_rows == 0


@pytest.mark.parametrize("span", [[1, 0, 1], [0, 0, 99], [0, -5, 1], [0, 3, 2]])
def test_a_span_that_leads_out_of_its_buffer_is_refused(span):
    with pytest.raises(ValueError, match="leads out"):
        rows([span])

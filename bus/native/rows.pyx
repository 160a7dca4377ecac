"""Encode rows of lists and arrays into batches; `bus.native.builder` offers these names.

Lists are first gathered into an array of pointers and sizes, with the GIL held, until they must
fill the batch; arrays of NumPy and Arrow are read where they lie. One C function does the rest,
without the GIL if no Python object can go away meanwhile.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM
from cpython.object cimport PyObject
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t
from libc.string cimport memset

from bus.native.batch cimport too_large
from bus.native.blocks cimport Block, take_block
from bus.native.buffers cimport Buffers, holder
from bus.native.cbus cimport (
    BUS_ERR_ARGUMENT,
    BUS_ERR_FULL,
    BUS_HEADER_SIZE,
    BUS_RECORD_SIZE_MIN,
    BUS_ROWS_FIXED,
    BUS_ROWS_OFFSETS32,
    BUS_ROWS_OFFSETS64,
    BUS_ROWS_SPANS,
    BUS_ROWS_STRIPPED,
    BUS_ROWS_VIEWS,
    BUS_SIZE_MAX,
    GIL_BYTES,
    bus_builder,
    bus_builder_begin,
    bus_builder_fill,
    bus_builder_finish,
    bus_bytes,
    bus_murmur2,
    bus_rows,
    bus_rows_kind,
)

cdef enum:
    RECORD_OVERHEAD_MAX = 32  # bytes of a record beside key and value, without headers
    VIEW_SIZE = 16


@cython.final
cdef class Spans:
    """Where the bytes of a list's items lie, while the list stays as it is."""

    cdef Block block
    cdef list rows
    cdef bus_bytes *items
    cdef int64_t count
    cdef int64_t bytes_total
    cdef list copies  # of items that are bytes-like but not bytes

    cdef int copy_item(self, object item, bus_bytes *out, str name, int64_t row) except -1:
        try:
            copied = bytes(memoryview(item))  # this may run Python, which may change the list
        except TypeError:
            hint = "; encode it first" if isinstance(item, str) else ""
            raise TypeError(
                f"{name}[{row}] must be bytes-like or None, not {type(item).__name__}{hint}"
            ) from None
        self.copies.append(copied)
        out.data = <const uint8_t *>PyBytes_AS_STRING(copied)
        out.size = PyBytes_GET_SIZE(copied)
        return 0

    cdef int gather(
        self, list rows, int64_t start, int64_t stop, int64_t size_max, str name
    ) except -1:
        """Rows [start, stop), or fewer: those that no batch of `size_max` bytes can exceed."""
        cdef bus_bytes *out
        cdef PyObject *item
        cdef int64_t row, room = min(stop - start, size_max // BUS_RECORD_SIZE_MIN + 1)
        self.rows = rows
        self.block = take_block(room * sizeof(bus_bytes))
        self.items = <bus_bytes *>self.block.data
        out = self.items
        for row in range(start, start + room):
            item = PyList_GET_ITEM(self.rows, row)
            if PyBytes_CheckExact(<object>item):
                out.data = <const uint8_t *>PyBytes_AS_STRING(<object>item)
                out.size = PyBytes_GET_SIZE(<object>item)
                self.bytes_total += out.size
            elif item == <PyObject *>None:
                out.data = NULL
                out.size = -1
            else:
                if self.copies is None:
                    self.copies = []
                    self.rows = list(rows)
                self.copy_item(<object>item, out, name, row)
                self.bytes_total += out.size
            out += 1
            self.count += 1
            if self.bytes_total + self.count * BUS_RECORD_SIZE_MIN > size_max:
                break
        return 0


cdef Spans spans_of(list rows, int64_t start, int64_t stop, int64_t size_max, str name):
    cdef Spans spans = Spans.__new__(Spans)
    spans.gather(rows, start, stop, size_max, name)
    return spans


cdef bus_rows rows_of(bus_rows_kind kind) noexcept:
    cdef bus_rows rows
    memset(&rows, 0, sizeof(rows))
    rows.kind = kind
    return rows


cdef int check_range(int64_t start, int64_t count) except -1:
    if start < 0 or start >= count:
        raise ValueError(f"there is no row {start} to start from: the rows are {count}")
    return 0


cdef int set_timestamps(
    bus_rows *rows, Buffers held, object timestamps, int64_t start, int64_t count
) except -1:
    cdef int64_t *column
    if isinstance(timestamps, int):
        rows.timestamp = timestamps
        return 0
    column = held.longs(timestamps, count, 1, "timestamps")
    if held.spans[held.count - 1].size != 8 * count:
        raise ValueError(f"there must be one timestamp for each of the {count} rows")
    rows.timestamps = column + start
    return 0


cdef Spans keys_of(bus_rows *rows, object keys, int64_t start, int64_t count, int64_t size_max):
    """Gather the keys, if there are any, and tell `rows`; the spans must outlive it."""
    cdef Spans spans
    if keys is None:
        return None
    listed = keys if type(keys) is list else list(keys)
    if len(listed) != count:
        raise ValueError(f"there must be one key for each of the {count} rows, not {len(listed)}")
    spans = spans_of(listed, start, count, size_max, "keys")
    rows.keys = spans.items
    return spans


cdef int64_t bound(int64_t bytes_total, int64_t count) noexcept:
    """A size that no batch of so many records exceeds."""
    return BUS_HEADER_SIZE + bytes_total + count * RECORD_OVERHEAD_MAX


cdef tuple build(
    const bus_rows *rows, int64_t start, int64_t count, int64_t size_max, int64_t size_bound,
    bint free_gil,
):
    """Encode `count` rows, which begin at the caller's row `start`: (batch, next row)."""
    cdef int64_t capacity = max(BUS_HEADER_SIZE, min(min(size_max, size_bound), BUS_SIZE_MAX))
    cdef Block block = take_block(capacity)
    cdef bus_builder builder = bus_builder_begin(block.data, capacity)
    cdef int64_t passed
    if free_gil and capacity > GIL_BYTES:
        with nogil:
            passed = bus_builder_fill(&builder, rows, 0, count)
    else:
        passed = bus_builder_fill(&builder, rows, 0, count)
    if passed == BUS_ERR_FULL:
        block.grow(builder.needed, 0)
        builder = bus_builder_begin(block.data, builder.needed)
        passed = bus_builder_fill(&builder, rows, 0, 1)
    if passed == BUS_ERR_ARGUMENT:
        raise ValueError("the offsets or views of the array lead out of its buffers")
    if passed < 0:
        too_large()
    bus_builder_finish(&builder)
    block.size = builder.size
    return block.view(), start + passed


def encode_list(
    object values not None, object keys, object timestamps, int64_t start, int64_t size_max
):
    cdef bus_rows rows = rows_of(BUS_ROWS_SPANS)
    cdef Buffers held = holder(1)
    cdef Spans spans, key_spans
    cdef list listed = values if type(values) is list else list(values)
    cdef int64_t count = len(listed), bytes_total
    check_range(start, count)
    set_timestamps(&rows, held, timestamps, start, count)
    spans = spans_of(listed, start, count, size_max, "values")
    key_spans = keys_of(&rows, keys, start, count, size_max)
    rows.rows = <const uint8_t *>spans.items
    bytes_total = spans.bytes_total
    count = spans.count
    if key_spans is not None:
        bytes_total += key_spans.bytes_total
        count = min(count, key_spans.count)
    return build(&rows, start, count, size_max, bound(bytes_total, count), False)


cdef tuple build_array(
    bus_rows *rows, Buffers held, object keys, object timestamps, int64_t start, int64_t count,
    int64_t size_max, int64_t bytes_total,
):
    """Encode an array of `count` rows of which `rows` points at row `start` already."""
    cdef Spans key_spans
    cdef int64_t left = count - start
    set_timestamps(rows, held, timestamps, start, count)
    key_spans = keys_of(rows, keys, start, count, size_max)
    if key_spans is not None:
        bytes_total += key_spans.bytes_total
        left = min(left, key_spans.count)
    return build(rows, start, left, size_max, bound(bytes_total, left), key_spans is None)


def encode_fixed(
    object values not None, int64_t width, object keys, object timestamps, int64_t start,
    int64_t size_max, bint strip=False,
):
    cdef bus_rows rows = rows_of(BUS_ROWS_STRIPPED if strip else BUS_ROWS_FIXED)
    cdef Buffers held = holder(2)
    cdef int64_t count
    held.add(values, PyBUF_SIMPLE)
    if width < 1 or held.spans[0].size % width:
        raise ValueError(f"{held.spans[0].size} bytes are not rows of {width} bytes")
    count = held.spans[0].size // width
    check_range(start, count)
    rows.width = width
    rows.rows = held.spans[0].data + start * width
    return build_array(
        &rows, held, keys, timestamps, start, count, size_max, (count - start) * width
    )


cdef int set_validity(
    bus_rows *rows, Buffers held, object validity, int64_t bit_offset, int64_t start, int64_t count
) except -1:
    if validity is None:
        return 0
    held.add(validity, PyBUF_SIMPLE)
    if bit_offset < 0 or held.spans[held.count - 1].size * 8 < bit_offset + count:
        raise ValueError(f"the validity bitmap is shorter than its {count} rows")
    rows.validity = held.spans[held.count - 1].data
    rows.bit_offset = bit_offset + start
    return 0


def encode_offsets(
    object offsets not None, bint large, object data not None, object validity, int64_t bit_offset,
    object keys, object timestamps, int64_t start, int64_t size_max,
):
    cdef bus_rows rows = rows_of(BUS_ROWS_OFFSETS64 if large else BUS_ROWS_OFFSETS32)
    cdef Buffers held = holder(4)
    cdef int64_t width = 8 if large else 4, count
    held.add(data, PyBUF_SIMPLE)
    held.add(offsets, PyBUF_SIMPLE)
    count = held.spans[1].size // width - 1
    check_range(start, count)
    set_validity(&rows, held, validity, bit_offset, start, count)
    rows.buffers = held.spans
    rows.buffers_count = 1
    rows.rows = held.spans[1].data + start * width
    return build_array(
        &rows, held, keys, timestamps, start, count, size_max, held.spans[0].size
    )


def encode_views(
    object views not None, object buffers not None, object validity, int64_t bit_offset,
    object keys, object timestamps, int64_t start, int64_t size_max,
):
    cdef bus_rows rows = rows_of(BUS_ROWS_VIEWS)
    cdef list listed = list(buffers)
    cdef Buffers held = holder(len(listed) + 3)
    cdef int64_t count
    for data in listed:
        held.add(data, PyBUF_SIMPLE)
    rows.buffers = held.spans
    rows.buffers_count = held.count
    held.add(views, PyBUF_SIMPLE)
    count = held.spans[held.count - 1].size // VIEW_SIZE
    check_range(start, count)
    rows.rows = held.spans[held.count - 1].data + start * VIEW_SIZE
    set_validity(&rows, held, validity, bit_offset, start, count)
    return build_array(&rows, held, keys, timestamps, start, count, size_max, size_max)


def partition_list(object keys not None, int32_t partitions):
    cdef list listed = keys if type(keys) is list else list(keys)
    cdef int64_t row, count = len(listed)
    cdef Spans spans = spans_of(listed, 0, count, INT64_MAX, "keys")
    cdef Block block = take_block(4 * count)
    cdef int32_t *out = <int32_t *>block.data
    if partitions < 1:
        raise ValueError("there must be at least one partition")
    for row in range(count):
        if spans.items[row].size < 0:
            out[row] = -1
        else:
            out[row] = (
                bus_murmur2(spans.items[row].data, spans.items[row].size) & 0x7fffffff
            ) % partitions
    block.size = 4 * count
    return block.view().cast("i")

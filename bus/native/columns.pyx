"""Open batches into columns, lists and single records."""

from bus.errors import CorruptBatch

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t

from bus.native.batch cimport fail
from bus.native.buffers cimport Buffers, hold, holder
from bus.native.cbus cimport (
    BUS_APPEND_TIME_FLAG,
    BUS_HEADER_SIZE,
    BUS_OK,
    BUS_RECORD_SIZE_MIN,
    GIL_BYTES,
    bus_bytes,
    bus_columns,
    bus_crc32c,
    bus_cursor,
    bus_cursor_of,
    bus_header,
    bus_header_read,
    bus_origin,
    bus_read_bytes,
    bus_read_varint,
    bus_records_walk,
    bus_span,
)


cdef enum:
    CRC_FROM = 21  # bytes of a batch: what its checksum covers


def walk(
    object records not None,
    int32_t count,
    int64_t base_offset,
    int64_t base_timestamp,
    int64_t append_timestamp,
    int64_t buffer_index,
    int64_t buffer_offset,
    int64_t row,
    object offsets,
    object timestamps,
    object key_spans,
    object value_spans,
    object header_spans,
):
    cdef Buffers held = holder(6)
    cdef bus_columns columns
    cdef bus_span span
    cdef bus_origin origin = bus_origin(
        base_offset, base_timestamp, append_timestamp, buffer_index, buffer_offset
    )
    cdef int result
    cdef int64_t end = row + count
    if count < 0 or row < 0:
        raise ValueError("count and row must not be negative")
    held.add(records, PyBUF_SIMPLE)
    span = bus_span(<uint8_t *>held.spans[0].data, held.spans[0].size)
    columns.offsets = from_row(held.longs_out(offsets, end, 1, "offsets"), row, 1)
    columns.timestamps = from_row(held.longs_out(timestamps, end, 1, "timestamps"), row, 1)
    columns.key_spans = from_row(held.longs_out(key_spans, end, 3, "key_spans"), row, 3)
    columns.value_spans = from_row(held.longs_out(value_spans, end, 3, "value_spans"), row, 3)
    columns.header_spans = from_row(held.longs_out(header_spans, end, 3, "header_spans"), row, 3)
    if span.size > GIL_BYTES:
        with nogil:
            result = bus_records_walk(span, count, &origin, &columns)
    else:
        result = bus_records_walk(span, count, &origin, &columns)
    if result != BUS_OK:
        fail(result, buffer_offset)


def plain_rows(object data not None, int attributes_mask, bint check_crcs):
    cdef Buffers held = holder(1)
    cdef bus_span span
    cdef int64_t rows
    held.add(data, PyBUF_SIMPLE)
    span = bus_span(<uint8_t *>held.spans[0].data, held.spans[0].size)
    if span.size > GIL_BYTES:
        with nogil:
            rows = plain_rows_of(span, attributes_mask, check_crcs)
    else:
        rows = plain_rows_of(span, attributes_mask, check_crcs)
    return rows


cdef int64_t plain_rows_of(bus_span data, int attributes_mask, bint check_crcs) noexcept nogil:
    cdef bus_header header
    cdef int64_t position = 0, rows = 0
    while position < data.size:
        if bus_header_read(data, position, &header) < 0 or header.attributes & attributes_mask:
            return -1
        if <int64_t>header.count * BUS_RECORD_SIZE_MIN > header.size - BUS_HEADER_SIZE:
            return -1
        if check_crcs and header.crc != bus_crc32c(
            0, data.data + position + CRC_FROM, header.size - CRC_FROM
        ):
            return -1
        rows += header.count
        position += header.size
    return rows


def walk_plain(
    object data not None,
    int64_t rows,
    object offsets not None,
    object timestamps not None,
    object key_spans not None,
    object value_spans not None,
    object header_spans not None,
):
    cdef Buffers held = holder(6)
    cdef bus_columns columns
    cdef bus_span span
    cdef int64_t done = 0, position = 0
    cdef int result
    if rows < 0:
        raise ValueError("rows must not be negative")
    held.add(data, PyBUF_SIMPLE)
    span = bus_span(<uint8_t *>held.spans[0].data, held.spans[0].size)
    columns.offsets = held.longs_out(offsets, rows, 1, "offsets")
    columns.timestamps = held.longs_out(timestamps, rows, 1, "timestamps")
    columns.key_spans = held.longs_out(key_spans, rows, 3, "key_spans")
    columns.value_spans = held.longs_out(value_spans, rows, 3, "value_spans")
    columns.header_spans = held.longs_out(header_spans, rows, 3, "header_spans")
    if span.size > GIL_BYTES:
        with nogil:
            result = walk_batches(span, rows, columns, &done, &position)
    else:
        result = walk_batches(span, rows, columns, &done, &position)
    if result != BUS_OK:
        fail(result, position)
    if done != rows or position != span.size:
        raise ValueError(f"the batches do not hold {rows} rows")


cdef int walk_batches(
    bus_span data, int64_t rows, bus_columns columns, int64_t *done, int64_t *position
) noexcept nogil:
    """Batch by batch, as long as the next one fits into what is left of the rows."""
    cdef bus_header header
    cdef bus_origin origin
    cdef bus_columns rest
    cdef int64_t size, stamp, start
    cdef int result
    while position[0] < data.size:
        size = bus_header_read(data, position[0], &header)
        if size < 0:
            return <int>size
        if header.count > rows - done[0]:
            return BUS_OK
        stamp = header.max_timestamp if header.attributes & BUS_APPEND_TIME_FLAG else -1
        start = position[0] + BUS_HEADER_SIZE
        origin = bus_origin(header.base_offset, header.base_timestamp, stamp, 0, start)
        rest.offsets = from_row(columns.offsets, done[0], 1)
        rest.timestamps = from_row(columns.timestamps, done[0], 1)
        rest.key_spans = from_row(columns.key_spans, done[0], 3)
        rest.value_spans = from_row(columns.value_spans, done[0], 3)
        rest.header_spans = from_row(columns.header_spans, done[0], 3)
        result = bus_records_walk(
            bus_span(data.data + start, size - BUS_HEADER_SIZE), header.count, &origin, &rest
        )
        if result != BUS_OK:
            return result
        done[0] += header.count
        position[0] += size
    return BUS_OK


def first_at(
    object records not None,
    int32_t count,
    int64_t base_offset,
    int64_t base_timestamp,
    int64_t timestamp,
    int64_t start_offset,
):
    cdef bytearray offsets = bytearray(8 * count)
    cdef bytearray timestamps = bytearray(8 * count)
    cdef const int64_t *offset
    cdef const int64_t *stamp
    cdef int32_t row
    walk(
        records, count, base_offset, base_timestamp, -1, 0, 0, 0,
        memoryview(offsets).cast("q"), memoryview(timestamps).cast("q"), None, None, None,
    )
    offset, stamp = <const int64_t *><char *>offsets, <const int64_t *><char *>timestamps
    for row in range(count):
        if stamp[row] >= timestamp and offset[row] >= start_offset:
            return stamp[row], offset[row]
    return None


cdef inline int64_t *from_row(int64_t *column, int64_t row, int64_t width) noexcept nogil:
    return NULL if column == NULL else column + row * width


cdef inline bytes bytes_at(Buffers held, const int64_t *span):
    """What a span (buffer, start, end) covers; None for null."""
    cdef bus_bytes buffer
    if span[0] < 0:
        return None
    if span[0] >= held.count:
        raise IndexError(f"a span leads into buffer {span[0]} of {held.count}")
    buffer = held.spans[span[0]]
    if span[1] < 0 or span[2] < span[1] or span[2] > buffer.size:
        raise IndexError(f"a span [{span[1]}, {span[2]}) leads out of its {buffer.size} bytes")
    return PyBytes_FromStringAndSize(<const char *>buffer.data + span[1], span[2] - span[1])


cdef int check_rows(int64_t start, int64_t stop) except -1:
    if start < 0 or stop < start:
        raise ValueError(f"[{start}, {stop}) is no range of rows")
    return 0


def to_list(object spans not None, object buffers not None, int64_t start, int64_t stop):
    cdef Buffers held = hold(buffers)
    cdef Buffers column = holder(1)
    cdef const int64_t *span
    cdef int64_t row
    cdef list out
    check_rows(start, stop)
    span = column.longs(spans, stop, 3, "spans")
    out = PyList_New(stop - start)
    for row in range(start, stop):
        item = bytes_at(held, span + 3 * row)
        Py_INCREF(item)
        PyList_SET_ITEM(out, row - start, item)
    return out


cdef list decode_headers(bytes raw):
    """A header list as it stands in a record, count included."""
    cdef bus_cursor cursor = bus_cursor_of(<const uint8_t *>raw, len(raw))
    cdef int32_t count, name_size, size, _i
    cdef const uint8_t *name
    cdef const uint8_t *content
    cdef list out = []
    if not bus_read_varint(&cursor, &count) or count < 0:
        raise CorruptBatch("The headers of a record are damaged.")
    for _i in range(count):
        if not bus_read_bytes(&cursor, False, &name, &name_size) or not bus_read_bytes(
            &cursor, True, &content, &size
        ):
            raise CorruptBatch("The headers of a record are damaged.")
        out.append((
            PyUnicode_DecodeUTF8(<char *>name, name_size, "replace"),
            None if size < 0 else PyBytes_FromStringAndSize(<const char *>content, size),
        ))
    return out


def headers_at(tuple span not None, object buffers not None):
    cdef int64_t[3] place
    place[0], place[1], place[2] = span
    raw = bytes_at(hold(buffers), place)
    return [] if raw is None else decode_headers(raw)


@cython.final
@cython.freelist(256)
@cython.no_gc  # it refers to strings and bytes alone
cdef class Record:
    """One record as a consumer sees it; immutable."""

    cdef readonly str topic
    cdef readonly bytes key
    cdef readonly bytes value
    cdef readonly int64_t offset
    cdef readonly int64_t timestamp
    cdef readonly int32_t partition
    cdef bytes raw_headers  # None: there are none

    @property
    def headers(self):
        """Name and value of each, in order; decoded anew each time they are asked for."""
        return [] if self.raw_headers is None else decode_headers(self.raw_headers)

    def __repr__(self):
        return (
            f"Record(topic={self.topic!r}, partition={self.partition}, offset={self.offset},"
            f" timestamp={self.timestamp}, key={self.key!r}, value={self.value!r},"
            f" headers={self.headers!r})"
        )


@cython.final
cdef class Rows:
    """The iterator of `iterate`; it holds its buffers until it goes."""

    cdef str topic
    cdef int32_t partition
    cdef Buffers held
    cdef Buffers columns
    cdef const int64_t *offsets
    cdef const int64_t *timestamps
    cdef const int64_t *keys
    cdef const int64_t *values
    cdef const int64_t *headers
    cdef int64_t row
    cdef int64_t stop

    def __iter__(self):
        return self

    def __length_hint__(self):
        return self.stop - self.row

    def __next__(self):
        cdef int64_t row = self.row
        cdef Record record
        if row >= self.stop:
            raise StopIteration
        record = Record.__new__(Record)
        record.topic = self.topic
        record.partition = self.partition
        record.offset = self.offsets[row]
        record.timestamp = self.timestamps[row]
        record.key = bytes_at(self.held, self.keys + 3 * row)
        record.value = bytes_at(self.held, self.values + 3 * row)
        if self.headers[3 * row + 2] - self.headers[3 * row + 1] > 1:  # one byte: a count of 0
            record.raw_headers = bytes_at(self.held, self.headers + 3 * row)
        self.row = row + 1
        return record


def iterate(
    str topic not None,
    int32_t partition,
    object offsets not None,
    object timestamps not None,
    object key_spans not None,
    object value_spans not None,
    object header_spans not None,
    object buffers not None,
    int64_t start,
    int64_t stop,
):
    cdef Rows rows = Rows.__new__(Rows)
    check_rows(start, stop)
    rows.topic = topic
    rows.partition = partition
    rows.held = hold(buffers)
    rows.columns = holder(5)
    rows.offsets = rows.columns.longs(offsets, stop, 1, "offsets")
    rows.timestamps = rows.columns.longs(timestamps, stop, 1, "timestamps")
    rows.keys = rows.columns.longs(key_spans, stop, 3, "key_spans")
    rows.values = rows.columns.longs(value_spans, stop, 3, "value_spans")
    rows.headers = rows.columns.longs(header_spans, stop, 3, "header_spans")
    rows.row = start
    rows.stop = stop
    return rows

"""Hand rows to Arrow: the C data interface over span columns, without copying record bytes.

Each struct that Arrow gets holds a reference to one `ArrayOut` (or to nothing, for schemas, whose
strings are constants), and gives it back in `release`, which may run on any thread.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from bus.native.arrow_abi cimport ArrowArray, ArrowArrayStream, ArrowSchema
from bus.native.buffers cimport Buffers, hold, holder

cdef enum:
    COLUMNS = 6
    INLINE_MAX = 12  # bytes of a value that stand in its view
    VIEW_SIZE = 16
    NULLABLE = 2  # ARROW_FLAG_NULLABLE
    FIXED_BUFFERS = 2  # of a view array: validity, views
    EINVAL = 22

cdef const char *NAMES[COLUMNS]
NAMES[:] = [b"topic", b"partition", b"offset", b"timestamp", b"key", b"value"]
cdef const char *FORMATS[COLUMNS]
FORMATS[:] = [b"vu", b"i", b"l", b"tsm:UTC", b"vz", b"vz"]


cdef class ArrayOut:
    """Rows of one partition that are to be seen as an Arrow struct array."""

    cdef Buffers held  # the record bytes
    cdef Buffers columns
    cdef int64_t length
    cdef bytes topic
    cdef bytearray topics, partitions, keys, values, key_validity, value_validity
    cdef int64_t key_nulls, value_nulls
    cdef const int64_t *offsets
    cdef const int64_t *timestamps
    cdef int64_t topic_size
    cdef const int64_t *sizes  # of the record buffers
    cdef bytearray size_list

    def __init__(
        self,
        str topic not None,
        int32_t partition,
        object offsets not None,
        object timestamps not None,
        object key_spans not None,
        object value_spans not None,
        object buffers not None,
    ):
        cdef int64_t n = len(offsets)
        cdef const int64_t *keys
        cdef const int64_t *values
        self.length = n
        self.held = hold(buffers)
        self.columns = holder(4)
        self.offsets = self.columns.longs(offsets, n, 1, "offsets")
        self.timestamps = self.columns.longs(timestamps, n, 1, "timestamps")
        keys = self.columns.longs(key_spans, n, 3, "key_spans")
        values = self.columns.longs(value_spans, n, 3, "value_spans")
        self.partitions = bytearray(n * 4)
        fill_ints(<int32_t *>to_pointer(self.partitions), n, partition)
        self.topic = topic.encode()
        self.topic_size = PyBytes_GET_SIZE(self.topic)
        self.topics = bytearray(n * VIEW_SIZE)
        fill_topics(to_pointer(self.topics), n, self.topic)
        self.key_validity, self.value_validity = bytearray((n + 7) // 8), bytearray((n + 7) // 8)
        self.keys, self.values = bytearray(n * VIEW_SIZE), bytearray(n * VIEW_SIZE)
        self.key_nulls = fill_views(
            to_pointer(self.keys), to_pointer(self.key_validity), keys, n, self.held
        )
        self.value_nulls = fill_views(
            to_pointer(self.values), to_pointer(self.value_validity), values, n, self.held
        )
        self.size_list = bytearray(8 * max(self.held.count, 1))
        fill_sizes(<int64_t *>to_pointer(self.size_list), self.held)
        self.sizes = <const int64_t *>to_pointer(self.size_list)


cdef inline uint8_t *to_pointer(bytearray data) noexcept:
    return <uint8_t *><char *>data


cdef void fill_ints(int32_t *out, int64_t n, int32_t item) noexcept:
    cdef int64_t row
    for row in range(n):
        out[row] = item


cdef void fill_sizes(int64_t *out, Buffers held) noexcept:
    cdef int64_t i
    for i in range(held.count):
        out[i] = held.spans[i].size


cdef void write_view(
    uint8_t *out, const uint8_t *data, int32_t size, int32_t buffer, int32_t start
) noexcept nogil:
    """One view: the size, then all of a short value, or its first four bytes and its place."""
    memset(out, 0, VIEW_SIZE)
    memcpy(out, &size, 4)
    if size <= INLINE_MAX:
        memcpy(out + 4, data, size)
    else:
        memcpy(out + 4, data, 4)
        memcpy(out + 8, &buffer, 4)
        memcpy(out + 12, &start, 4)


cdef void fill_topics(uint8_t *out, int64_t n, bytes topic) noexcept:
    cdef int64_t row
    cdef uint8_t view[VIEW_SIZE]
    write_view(
        view, <const uint8_t *>PyBytes_AS_STRING(topic), <int32_t>PyBytes_GET_SIZE(topic), 0, 0
    )
    for row in range(n):
        memcpy(out + VIEW_SIZE * row, view, VIEW_SIZE)


cdef int64_t fill_views(
    uint8_t *out, uint8_t *validity, const int64_t *spans, int64_t n, Buffers held
) except -1:
    """Views of all rows, and their validity; how many are null."""
    cdef int64_t row, buffer, start, end, nulls = 0
    for row in range(n):
        buffer, start, end = spans[3 * row], spans[3 * row + 1], spans[3 * row + 2]
        if buffer < 0:
            nulls += 1
            continue
        if buffer >= held.count or start < 0 or end < start or end > held.spans[buffer].size:
            raise ValueError(f"the span of row {row} leads out of its buffer")
        if end > INT32_MAX:
            raise ValueError("a buffer of 2 GiB or more cannot be seen as binary views")
        validity[row >> 3] |= <uint8_t>(1 << (row & 7))
        write_view(
            out + VIEW_SIZE * row,
            <const uint8_t *>held.spans[buffer].data + start,
            <int32_t>(end - start),
            <int32_t>buffer,
            <int32_t>start,
        )
    return nulls


# --- Schemas -------------------------------------------------------------------------------------


cdef void release_schema(ArrowSchema *schema) noexcept with gil:
    cdef int64_t i
    for i in range(schema.n_children):
        if schema.children[i].release != NULL:
            schema.children[i].release(schema.children[i])
        free(schema.children[i])
    free(schema.children)
    schema.children = NULL
    schema.release = NULL


cdef int fill_schema(ArrowSchema *schema) except -1:
    """The struct's schema; its strings are constants of this module."""
    cdef int64_t i
    memset(schema, 0, sizeof(ArrowSchema))
    schema.format, schema.name = b"+s", b""
    schema.children = <ArrowSchema **>calloc(COLUMNS, sizeof(void *))
    if schema.children == NULL:
        raise MemoryError
    schema.release = release_schema
    for i in range(COLUMNS):
        child = <ArrowSchema *>calloc(1, sizeof(ArrowSchema))
        if child == NULL:
            release_schema(schema)
            raise MemoryError
        child.format, child.name = FORMATS[i], NAMES[i]
        child.flags = NULLABLE if i >= 4 else 0
        child.release = release_schema
        schema.children[i] = child
        schema.n_children = i + 1
    return 0


cdef void drop_schema(object capsule) noexcept:
    cdef ArrowSchema *schema = <ArrowSchema *>PyCapsule_GetPointer(capsule, b"arrow_schema")
    if schema.release != NULL:
        schema.release(schema)
    free(schema)


def struct_schema():
    cdef ArrowSchema *schema = <ArrowSchema *>calloc(1, sizeof(ArrowSchema))
    if schema == NULL:
        raise MemoryError
    capsule = PyCapsule_New(schema, b"arrow_schema", drop_schema)
    fill_schema(schema)
    return capsule


# --- Arrays --------------------------------------------------------------------------------------


cdef void release_array(ArrowArray *array) noexcept with gil:
    cdef int64_t i
    for i in range(array.n_children):
        if array.children[i].release != NULL:
            array.children[i].release(array.children[i])
        free(array.children[i])
    free(array.children)
    free(<void *>array.buffers)
    array.children, array.buffers = NULL, NULL
    array.release = NULL
    Py_DECREF(<object><PyObject *>array.private_data)
    array.private_data = NULL


cdef int begin_array(ArrowArray *array, ArrayOut rows, int64_t buffers) except -1:
    memset(array, 0, sizeof(ArrowArray))
    array.length = rows.length
    array.n_buffers = buffers
    array.buffers = <const void **>calloc(buffers, sizeof(void *))
    if array.buffers == NULL:
        raise MemoryError
    Py_INCREF(rows)
    array.private_data = <void *>rows
    array.release = release_array
    return 0


cdef int fill_flat(ArrowArray *array, ArrayOut rows, const void *data) except -1:
    begin_array(array, rows, 2)
    array.buffers[1] = data
    return 0


cdef int fill_binary(
    ArrowArray *array, ArrayOut rows, bytearray views, bytearray validity, int64_t nulls
) except -1:
    cdef int64_t i
    begin_array(array, rows, FIXED_BUFFERS + rows.held.count + 1)
    array.null_count = nulls
    array.buffers[0] = to_pointer(validity) if nulls else NULL
    array.buffers[1] = to_pointer(views)
    for i in range(rows.held.count):
        array.buffers[FIXED_BUFFERS + i] = rows.held.spans[i].data
    array.buffers[FIXED_BUFFERS + rows.held.count] = rows.sizes
    return 0


cdef int fill_topic(ArrowArray *array, ArrayOut rows) except -1:
    begin_array(array, rows, FIXED_BUFFERS + 2)
    array.buffers[1] = to_pointer(rows.topics)
    array.buffers[2] = PyBytes_AS_STRING(rows.topic)
    array.buffers[3] = &rows.topic_size
    return 0


cdef int fill_column(ArrowArray *array, ArrayOut rows, int64_t column) except -1:
    if column == 0:
        fill_topic(array, rows)
    elif column == 1:
        fill_flat(array, rows, to_pointer(rows.partitions))
    elif column == 2:
        fill_flat(array, rows, rows.offsets)
    elif column == 3:
        fill_flat(array, rows, rows.timestamps)
    elif column == 4:
        fill_binary(array, rows, rows.keys, rows.key_validity, rows.key_nulls)
    else:
        fill_binary(array, rows, rows.values, rows.value_validity, rows.value_nulls)
    return 0


cdef int fill_array(ArrowArray *array, ArrayOut rows) except -1:
    cdef int64_t i
    begin_array(array, rows, 1)
    array.children = <ArrowArray **>calloc(COLUMNS, sizeof(void *))
    if array.children == NULL:
        raise MemoryError
    for i in range(COLUMNS):
        array.children[i] = <ArrowArray *>calloc(1, sizeof(ArrowArray))
        if array.children[i] == NULL:
            raise MemoryError
        array.n_children = i + 1
        fill_column(array.children[i], rows, i)
    return 0


cdef void drop_array(object capsule) noexcept:
    cdef ArrowArray *array = <ArrowArray *>PyCapsule_GetPointer(capsule, b"arrow_array")
    if array.release != NULL:
        array.release(array)
    free(array)


def struct_array(ArrayOut rows not None):
    cdef ArrowArray *array = <ArrowArray *>calloc(1, sizeof(ArrowArray))
    if array == NULL:
        raise MemoryError
    capsule = PyCapsule_New(array, b"arrow_array", drop_array)
    fill_array(array, rows)
    return capsule


# --- Streams -------------------------------------------------------------------------------------


cdef class Remaining:
    """What a stream has yet to give: one array, or nothing."""

    cdef ArrayOut rows


cdef int stream_schema(ArrowArrayStream *_stream, ArrowSchema *out) noexcept with gil:
    try:
        fill_schema(out)
    except MemoryError:
        return EINVAL
    return 0


cdef int stream_next(ArrowArrayStream *stream, ArrowArray *out) noexcept with gil:
    cdef Remaining remaining = <Remaining><PyObject *>stream.private_data
    rows, remaining.rows = remaining.rows, None
    memset(out, 0, sizeof(ArrowArray))
    if rows is None:
        return 0
    try:
        fill_array(out, rows)
    except MemoryError:
        return EINVAL
    return 0


cdef const char *stream_error(ArrowArrayStream *_stream) noexcept:
    return NULL


cdef void release_stream(ArrowArrayStream *stream) noexcept with gil:
    stream.release = NULL
    Py_DECREF(<object><PyObject *>stream.private_data)
    stream.private_data = NULL


cdef void drop_stream(object capsule) noexcept:
    cdef ArrowArrayStream *stream
    stream = <ArrowArrayStream *>PyCapsule_GetPointer(capsule, b"arrow_array_stream")
    if stream.release != NULL:
        stream.release(stream)
    free(stream)


def struct_stream(ArrayOut rows not None):
    cdef ArrowArrayStream *stream = <ArrowArrayStream *>calloc(1, sizeof(ArrowArrayStream))
    cdef Remaining remaining = Remaining()
    if stream == NULL:
        raise MemoryError
    capsule = PyCapsule_New(stream, b"arrow_array_stream", drop_stream)
    remaining.rows = rows
    Py_INCREF(remaining)
    stream.private_data = <void *>remaining
    stream.get_schema = stream_schema
    stream.get_next = stream_next
    stream.get_last_error = stream_error
    stream.release = release_stream
    return capsule

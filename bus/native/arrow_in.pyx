"""Take binary columns from Arrow: the C data interface, without importing any Arrow library.

An array is moved out of its capsule into a `Holder`, which releases it when the last view of its
buffers is gone. What it says about sizes is believed: its producer lives in this process.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport atoi
from libc.string cimport memset

from bus.native.arrow_abi cimport ArrowArray, ArrowArrayStream, ArrowSchema
from bus.native.exported cimport export_bytes

cdef enum:
    VIEW_SIZE = 16
    VARIADIC_FROM = 2  # buffers of a view array before its data: validity, views


cdef class Holder:
    """An array that was moved here."""

    cdef ArrowArray array

    def __cinit__(self):
        memset(&self.array, 0, sizeof(ArrowArray))

    def __dealloc__(self):
        if self.array.release != NULL:
            self.array.release(&self.array)


cdef class Slice:
    """Bytes inside a held array, by the buffer protocol, read-only."""

    cdef Holder holder
    cdef const void *data
    cdef int64_t size

    def __getbuffer__(self, Py_buffer *view, int flags):
        export_bytes(view, self, self.data, self.size, True, flags)

    def __releasebuffer__(self, Py_buffer *view):
        pass


cdef object slice_of(Holder holder, const void *data, int64_t size):
    cdef Slice piece
    if data == NULL or size == 0:
        return memoryview(b"")
    piece = Slice.__new__(Slice)
    piece.holder, piece.data, piece.size = holder, data, size
    return memoryview(piece)


cdef class BinaryColumn:
    """One array of byte strings, kept alive as long as this or a view of it is."""

    cdef readonly str kind
    cdef readonly int64_t length, null_count, width, bit_offset
    cdef readonly bint large
    cdef readonly object offsets, views, data, validity
    cdef readonly tuple data_buffers


cdef BinaryColumn column_of(bytes format_, Holder holder):
    cdef ArrowArray *array = &holder.array
    cdef BinaryColumn column = BinaryColumn.__new__(BinaryColumn)
    cdef int64_t n = array.length, first = array.offset
    column.length, column.null_count, column.bit_offset = n, array.null_count, first
    column.offsets = column.views = column.data = memoryview(b"")
    column.data_buffers = ()
    if array.null_count != 0 and array.buffers[0] != NULL:
        column.validity = slice_of(holder, array.buffers[0], (first + n + 7) // 8)
    if format_ in (b"z", b"u"):
        fill_offsets(column, holder, False)
    elif format_ in (b"Z", b"U"):
        fill_offsets(column, holder, True)
    elif format_ in (b"vz", b"vu"):
        fill_views(column, holder)
    else:
        column.kind, column.width = "fixed", atoi(format_[2:])
        column.data = slice_of(
            holder, <const char *>array.buffers[1] + first * column.width, n * column.width
        )
    return column


cdef int fill_offsets(BinaryColumn column, Holder holder, bint large) except -1:
    cdef ArrowArray *array = &holder.array
    cdef int64_t width = 8 if large else 4, first = array.offset, n = array.length
    cdef const char *offsets = <const char *>array.buffers[1]
    cdef int64_t end = 0
    column.kind, column.large = "offsets", large
    if offsets == NULL or n == 0:
        column.offsets = memoryview(bytes(width))
        return 0
    offsets += first * width
    end = (<const int64_t *>offsets)[n] if large else (<const int32_t *>offsets)[n]
    column.offsets = slice_of(holder, offsets, (n + 1) * width)
    column.data = slice_of(holder, array.buffers[2], end)
    return 0


cdef int fill_views(BinaryColumn column, Holder holder) except -1:
    cdef ArrowArray *array = &holder.array
    cdef int64_t count = array.n_buffers - VARIADIC_FROM - 1, i
    cdef const int64_t *sizes
    column.kind = "views"
    if array.length == 0:
        return 0
    column.views = slice_of(
        holder,
        <const char *>array.buffers[1] + array.offset * VIEW_SIZE,
        array.length * VIEW_SIZE,
    )
    sizes = <const int64_t *>array.buffers[array.n_buffers - 1]
    column.data_buffers = tuple(
        [slice_of(holder, array.buffers[VARIADIC_FROM + i], sizes[i]) for i in range(count)]
    )
    return 0


cdef bytes check_format(ArrowSchema *schema):
    cdef bytes format_ = schema.format
    known = format_ in (b"z", b"u", b"Z", b"U", b"vz", b"vu") or format_.startswith(b"w:")
    if not known or schema.dictionary != NULL:
        shown = "a dictionary" if schema.dictionary != NULL else f"{format_.decode()!r}"
        raise TypeError(
            f"an Arrow array of binary or string is needed, not one of format {shown}; cast it"
        )
    return format_


cdef Holder moved(ArrowArray *array):
    cdef Holder holder = Holder.__new__(Holder)
    holder.array = array[0]
    array.release = NULL
    return holder


cdef list from_array(object source):
    cdef ArrowSchema *schema
    cdef ArrowArray *array
    schema_capsule, array_capsule = source.__arrow_c_array__()
    schema = <ArrowSchema *>PyCapsule_GetPointer(schema_capsule, b"arrow_schema")
    array = <ArrowArray *>PyCapsule_GetPointer(array_capsule, b"arrow_array")
    return [column_of(check_format(schema), moved(array))]


cdef int failed(ArrowArrayStream *stream) except -1:
    cdef const char *message = stream.get_last_error(stream)
    reason = (<bytes>message).decode(errors="replace") if message != NULL else "no reason given"
    raise ValueError(f"the Arrow stream failed: {reason}")


cdef list from_stream(object source):
    cdef ArrowArrayStream *stream
    cdef ArrowSchema schema
    cdef ArrowArray array
    cdef list columns = []
    capsule = source.__arrow_c_stream__()
    stream = <ArrowArrayStream *>PyCapsule_GetPointer(capsule, b"arrow_array_stream")
    if stream.get_schema(stream, &schema) != 0:
        failed(stream)
    try:
        format_ = check_format(&schema)
    finally:
        schema.release(&schema)
    while True:
        memset(&array, 0, sizeof(ArrowArray))
        if stream.get_next(stream, &array) != 0:
            failed(stream)
        if array.release == NULL:
            return columns
        columns.append(column_of(format_, moved(&array)))


def binary_columns(object source not None):
    if hasattr(source, "__arrow_c_array__"):
        return from_array(source)
    if hasattr(source, "__arrow_c_stream__"):
        return from_stream(source)
    raise TypeError(f"{type(source).__name__} is no Arrow array")

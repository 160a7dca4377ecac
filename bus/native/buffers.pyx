"""Several borrowed buffers, held together for native code."""

cimport cython
from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free

from bus.native.cbus cimport bus_bytes


@cython.final
cdef class Buffers:
    """Holds what it was given until it goes; the pointers are good as long."""

    def __dealloc__(self):
        cdef int64_t i
        for i in range(self.count):
            PyBuffer_Release(&self.views[i])
        free(self.views)
        free(self.spans)

    cdef int add(self, object data, int flags) except -1:
        cdef Py_buffer *view = &self.views[self.count]
        assert self.count < self.capacity, "a holder is made large enough"
        PyObject_GetBuffer(data, view, flags)
        self.spans[self.count] = bus_bytes(<const uint8_t *>view.buf, view.len)
        self.count += 1
        return 0

    cdef int64_t *longs(self, object data, int64_t rows, int64_t width, str name) except? NULL:
        """An int64[rows, width] array, or NULL for None. ValueError if it has another size."""
        return column(self, data, rows, width, name, PyBUF_SIMPLE)

    cdef int64_t *longs_out(self, object data, int64_t rows, int64_t width, str name) except? NULL:
        """As `longs`, for writing."""
        return column(self, data, rows, width, name, PyBUF_WRITABLE)


cdef int64_t *column(
    Buffers held, object data, int64_t rows, int64_t width, str name, int flags
) except? NULL:
    cdef bus_bytes span
    if data is None:
        return NULL
    held.add(data, flags)
    span = held.spans[held.count - 1]
    if rows < 0 or width < 1 or span.size // (8 * width) < rows or span.size % (8 * width):
        raise ValueError(
            f"{name} has {span.size} bytes; int64[{rows}, {width}] or more rows is needed"
        )
    return <int64_t *>span.data


cdef Buffers holder(int64_t capacity):
    """Room for so many buffers."""
    cdef Buffers held = Buffers.__new__(Buffers)
    held.views = <Py_buffer *>calloc(max(capacity, 1), sizeof(Py_buffer))
    held.spans = <bus_bytes *>calloc(max(capacity, 1), sizeof(bus_bytes))
    if held.views == NULL or held.spans == NULL:
        raise MemoryError
    held.capacity = capacity
    return held


cdef Buffers hold(object buffers):
    """All of a sequence of buffers, for reading."""
    cdef Buffers held = holder(len(buffers))
    for data in buffers:
        held.add(data, PyBUF_SIMPLE)
    return held

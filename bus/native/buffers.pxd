# Several borrowed buffers, held together until the holder goes.
from libc.stdint cimport int64_t

from bus.native.cbus cimport bus_bytes


cdef class Buffers:
    cdef Py_buffer *views
    cdef bus_bytes *spans  # where each lies, in order
    cdef int64_t count
    cdef int64_t capacity
    cdef int add(self, object data, int flags) except -1
    cdef int64_t *longs(self, object data, int64_t rows, int64_t width, str name) except? NULL
    cdef int64_t *longs_out(self, object data, int64_t rows, int64_t width, str name) except? NULL

cdef Buffers hold(object buffers)
cdef Buffers holder(int64_t capacity)

# A block of memory that is given back when its last view is released.
from libc.stdint cimport int64_t, uint8_t


cdef class Block:
    cdef uint8_t *data
    cdef Py_ssize_t size  # bytes that a view shows; fixed before the first view is taken
    cdef int64_t capacity
    cdef int grow(self, int64_t capacity, int64_t used) except -1
    cdef object view(self)

cdef Block take_block(int64_t capacity)

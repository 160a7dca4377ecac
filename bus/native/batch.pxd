# Headers as tuples and failures as exceptions, for the other native modules.
from libc.stdint cimport int64_t

from bus.native.cbus cimport bus_header

cdef tuple header_tuple(const bus_header *header)
cdef int fail(int64_t result, int64_t position) except -1
cdef int too_large() except -1

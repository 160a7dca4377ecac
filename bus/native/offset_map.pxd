# The map of keys to offsets, and what is common to the passes of a compaction.
from libc.stdint cimport int64_t

from bus.native.cbus cimport (
    BUS_CONTROL_FLAG,
    BUS_HEADER_SIZE,
    BUS_TRANSACTIONAL_FLAG,
    bus_header,
    bus_record,
    bus_span,
)
from bus.native.keymap cimport KeyMap

cdef enum:
    NO_MEMORY = 1  # results beside those of the C core, which are negative
    PACKED = 2  # the batch has to be opened first
    LEFT_ALONE = BUS_CONTROL_FLAG | BUS_TRANSACTIONAL_FLAG


cdef inline bus_span records_of(bus_span data, int64_t position, int64_t size) noexcept nogil:
    return bus_span(data.data + position + BUS_HEADER_SIZE, size - BUS_HEADER_SIZE)


cdef int check(int result, int64_t position) except -1
cdef object opened(object unpack, object batches, int64_t position, const bus_header *header)


cdef class OffsetMap:
    cdef KeyMap keys
    cdef object unpack
    cdef readonly int64_t end_offset
    cdef readonly int64_t records
    cdef readonly bint is_full
    cdef int take_plain(
        self, bus_span data, int64_t *position, bus_header *header, int64_t below
    ) noexcept nogil
    cdef int take_batch(self, bus_span records, const bus_header *header) noexcept nogil
    cdef int put(self, const bus_record *record, int64_t offset) noexcept nogil

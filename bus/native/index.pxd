# The indexes as seen by a scan, which feeds them without the GIL.
from libc.stdint cimport int64_t, uint8_t


cdef class Entries:
    cdef uint8_t *data  # entries back to back, as in the file
    cdef int64_t entry_size
    cdef int64_t capacity  # entries that there is room for
    cdef int64_t since  # bytes of log since the last entry
    cdef readonly int64_t count
    cdef readonly int64_t interval  # bytes of log between entries
    cdef readonly int64_t base_offset
    cdef int load(self, object data) except -1
    cdef uint8_t *push(self) noexcept nogil


cdef class OffsetIndex(Entries):
    cdef int feed(self, int64_t last_offset, int64_t position, int64_t size) noexcept nogil


cdef class TimeIndex(Entries):
    cdef readonly int64_t max_timestamp  # of all batches so far, or -1
    cdef readonly int64_t max_timestamp_offset  # last offset of the batch that holds it, or -1
    cdef int feed(self, int64_t max_timestamp, int64_t last_offset, int64_t size) noexcept nogil
    cdef int add_running(self) noexcept nogil
    cdef restart(self)


cdef int check_fed(int fed, int64_t offset, int64_t base_offset) except -1

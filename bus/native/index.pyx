"""Sparse indexes of a segment: offset to position, and timestamp to offset (Kafka's formats)."""

from bus.errors import CorruptBatch

from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from bus.native.cbus cimport (
    borrow,
    bus_load32,
    bus_load64,
    bus_offset_index_check,
    bus_offset_index_floor,
    bus_reason,
    bus_span,
    bus_store32,
    bus_store64,
    bus_time_index_check,
    bus_time_index_floor,
)

cdef enum:
    OFFSET_ENTRY = 8
    TIME_ENTRY = 12

cdef enum Fed:
    FED = 0
    FED_TOO_FAR = 1  # offset or position is more than an entry can hold
    FED_NO_MEMORY = 2


cdef int check_fed(int fed, int64_t offset, int64_t base_offset) except -1:
    if fed == FED_NO_MEMORY:
        raise MemoryError
    if fed == FED_TOO_FAR:
        raise OverflowError(
            f"offset {offset} is too far from the segment's base {base_offset} for an index:"
            " the segment should have been rolled"
        )
    return 0


cdef class Entries:
    """A growing array of index entries in the file's own format."""

    def __dealloc__(self):
        free(self.data)

    cdef int load(self, object data) except -1:
        cdef Py_buffer view
        cdef int64_t count
        cdef bus_span span = borrow(data, &view)
        try:
            if self.entry_size == OFFSET_ENTRY:
                count = bus_offset_index_check(span)
            else:
                count = bus_time_index_check(span)
            if count < 0:
                reason = (<bytes>bus_reason(count)).decode()
                raise CorruptBatch(f"The index is no good: {reason}.")
            if count > 0:
                self.data = <uint8_t *>realloc(NULL, span.size)
                if self.data == NULL:
                    raise MemoryError
                memcpy(self.data, span.data, span.size)
            self.count = count
            self.capacity = count
        finally:
            PyBuffer_Release(&view)
        return 0

    cdef uint8_t *push(self) noexcept nogil:
        """Room for one more entry, counted; NULL without memory."""
        cdef int64_t capacity
        cdef uint8_t *data
        if self.count == self.capacity:
            capacity = max(16, 2 * self.capacity)
            data = <uint8_t *>realloc(self.data, capacity * self.entry_size)
            if data == NULL:
                return NULL
            self.data = data
            self.capacity = capacity
        self.count += 1
        return self.data + (self.count - 1) * self.entry_size

    def to_bytes(self):
        if self.count == 0:
            return b""
        return PyBytes_FromStringAndSize(<char *>self.data, self.count * self.entry_size)


cdef class OffsetIndex(Entries):
    """Entries (relative offset int32, position int32), big endian, both strictly ascending."""

    def __init__(self, int64_t base_offset, int64_t interval=4096, object data not None=b""):
        if self.entry_size:
            raise RuntimeError("an index is initialised once")
        self.entry_size = OFFSET_ENTRY
        self.base_offset = base_offset
        self.interval = interval
        self.load(data)

    cdef int feed(self, int64_t last_offset, int64_t position, int64_t size) noexcept nogil:
        cdef uint8_t *entry
        cdef int64_t relative = last_offset - self.base_offset
        if self.since > self.interval:
            if relative < 0 or relative > INT32_MAX or position < 0 or position > INT32_MAX:
                return FED_TOO_FAR
            entry = self.push()
            if entry == NULL:
                return FED_NO_MEMORY
            bus_store32(entry, <int32_t>relative)
            bus_store32(entry + 4, <int32_t>position)
            self.since = 0
        self.since += size
        return FED

    def on_append(self, int64_t last_offset, int64_t position, int64_t size):
        check_fed(self.feed(last_offset, position, size), last_offset, self.base_offset)

    def floor(self, int64_t offset):
        cdef int64_t below = bus_offset_index_floor(
            self.data, self.count, offset - self.base_offset
        )
        if below == 0:
            return 0
        return bus_load32(self.data + (below - 1) * OFFSET_ENTRY + 4)

    def last(self):
        if self.count == 0:
            return None
        cdef const uint8_t *entry = self.data + (self.count - 1) * OFFSET_ENTRY
        return self.base_offset + bus_load32(entry), bus_load32(entry + 4)

    def truncate(self, int64_t offset):
        self.count = bus_offset_index_floor(self.data, self.count, offset - 1 - self.base_offset)


cdef class TimeIndex(Entries):
    """Entries (timestamp int64, relative offset int32), big endian, timestamps ascending."""

    def __cinit__(self):
        self.max_timestamp = -1
        self.max_timestamp_offset = -1

    def __init__(self, int64_t base_offset, int64_t interval=4096, object data not None=b""):
        if self.entry_size:
            raise RuntimeError("an index is initialised once")
        self.entry_size = TIME_ENTRY
        self.base_offset = base_offset
        self.interval = interval
        self.load(data)
        self.restart()

    cdef restart(self):
        """The running maximum is what the last entry says."""
        last = self.last()
        self.max_timestamp, self.max_timestamp_offset = last if last is not None else (-1, -1)

    cdef int add_running(self) noexcept nogil:
        cdef uint8_t *entry
        cdef int64_t relative = self.max_timestamp_offset - self.base_offset
        if self.max_timestamp < 0:
            return FED
        if self.count > 0:
            entry = self.data + (self.count - 1) * TIME_ENTRY
            if bus_load64(entry) >= self.max_timestamp:
                return FED
        if relative < 0 or relative > INT32_MAX:
            return FED_TOO_FAR
        entry = self.push()
        if entry == NULL:
            return FED_NO_MEMORY
        bus_store64(entry, self.max_timestamp)
        bus_store32(entry + 8, <int32_t>relative)
        return FED

    cdef int feed(self, int64_t max_timestamp, int64_t last_offset, int64_t size) noexcept nogil:
        cdef int fed
        if max_timestamp > self.max_timestamp:
            self.max_timestamp = max_timestamp
            self.max_timestamp_offset = last_offset
        if self.since > self.interval:
            fed = self.add_running()
            if fed != FED:
                return fed
            self.since = 0
        self.since += size
        return FED

    def on_append(self, int64_t max_timestamp, int64_t last_offset, int64_t size):
        check_fed(self.feed(max_timestamp, last_offset, size), last_offset, self.base_offset)

    def close(self):
        check_fed(self.add_running(), self.max_timestamp_offset, self.base_offset)

    def floor(self, int64_t timestamp):
        cdef int64_t below = bus_time_index_floor(self.data, self.count, timestamp)
        if below == 0:
            return self.base_offset
        return self.base_offset + bus_load32(self.data + (below - 1) * TIME_ENTRY + 8)

    def last(self):
        if self.count == 0:
            return None
        cdef const uint8_t *entry = self.data + (self.count - 1) * TIME_ENTRY
        return bus_load64(entry), self.base_offset + bus_load32(entry + 8)

    def truncate(self, int64_t offset):
        while self.count > 0 and self.last()[1] >= offset:
            self.count -= 1
        self.restart()

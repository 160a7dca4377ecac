"""Batches that a leader sent: checked in one pass, told of without a loop in Python."""

from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc

from bus.native.batch cimport header_tuple
from bus.native.cbus cimport (
    BUS_ERR_END,
    BUS_ERR_EPOCH,
    BUS_ERR_SHORT,
    BUS_HEADER_SIZE,
    BUS_OK,
    GIL_BYTES,
    borrow,
    bus_header,
    bus_keep_empty,
    bus_reason,
    bus_scan_next,
    bus_scan_state,
    bus_span,
    check_position,
)
from bus.native.index cimport OffsetIndex, TimeIndex, check_fed


cdef class Run:
    """Batches, back to back, that may follow a log; their headers are kept."""

    cdef bus_header *headers
    cdef int64_t start  # position of the first in the data
    cdef readonly int64_t count
    cdef readonly int64_t records
    cdef readonly int64_t position
    cdef readonly int64_t end_offset
    cdef readonly str reason
    cdef readonly bint is_cut

    def __dealloc__(self):
        free(self.headers)

    cdef int64_t place(self, int64_t number) noexcept nogil:
        """Bytes before this batch of the run."""
        cdef int64_t i, size = 0
        for i in range(number):
            size += self.headers[i].size
        return size

    cdef int check_range(self, int64_t first, int64_t stop) except -1:
        if not 0 <= first <= stop <= self.count:
            raise ValueError(f"there are {self.count} batches, not {first} to {stop}")
        return 0

    def span(self, int64_t first, int64_t stop):
        self.check_range(first, stop)
        if first == stop:
            raise ValueError("no batch has no end")
        cdef bus_header *last = &self.headers[stop - 1]
        start = self.start + self.place(first)
        end = self.start + self.place(stop)
        return start, end, last.base_offset + last.last_offset_delta + 1

    def fitting(self, int64_t first, int64_t size_max, int64_t below):
        cdef int64_t i, size = 0
        self.check_range(first, self.count)
        for i in range(first, self.count):
            size += self.headers[i].size
            if size > size_max:
                return i
            if self.headers[i].base_offset + self.headers[i].last_offset_delta >= below:
                return i
        return self.count

    def feed(
        self, int64_t first, int64_t stop, int64_t position,
        OffsetIndex offsets not None, TimeIndex times not None,
    ):
        cdef int64_t i, last_offset = -1
        cdef int fed = 0
        cdef bus_header *header
        self.check_range(first, stop)
        for i in range(first, stop):
            header = &self.headers[i]
            last_offset = header.base_offset + header.last_offset_delta
            fed = offsets.feed(last_offset, position, header.size)
            if fed == 0:
                fed = times.feed(header.max_timestamp, last_offset, header.size)
            if fed != 0:
                break
            position += header.size
        check_fed(fed, last_offset, offsets.base_offset)

    def epochs(self, int64_t first, int64_t stop):
        cdef int64_t i
        self.check_range(first, stop)
        found = []
        for i in range(first, stop):
            if i == first or self.headers[i].leader_epoch != self.headers[i - 1].leader_epoch:
                found.append((self.headers[i].leader_epoch, self.headers[i].base_offset))
        return found

    def telling(self, int64_t first, int64_t stop, int64_t retained):
        cdef int64_t i
        cdef dict left = {}
        cdef list found = []
        self.check_range(first, stop)
        for i in range(stop - 1, first - 1, -1):
            if self.headers[i].producer_id < 0:
                continue
            if self.headers[i].base_sequence >= 0:
                seen = left.get(self.headers[i].producer_id, 0)
                if seen >= retained:
                    continue
                left[self.headers[i].producer_id] = seen + 1
            found.append(header_tuple(&self.headers[i]))
        found.reverse()
        return found


cdef int check(
    bus_span data, Run run, bus_scan_state *state, int64_t batches_max, int32_t epoch_max
) noexcept nogil:
    """Pass batches into the run; why it went no further."""
    cdef int stop = BUS_OK
    cdef int64_t i, passed = bus_scan_next(data, state, run.headers, batches_max, &stop)
    for i in range(passed):
        if run.headers[i].leader_epoch > epoch_max:
            passed = i
            stop = BUS_ERR_EPOCH
            break
        run.records += run.headers[i].count
        run.position += run.headers[i].size
        run.end_offset = run.headers[i].base_offset + run.headers[i].last_offset_delta + 1
    run.count = passed
    return stop


def check_run(
    object data not None,
    int64_t position,
    int64_t end_offset,
    int32_t leader_epoch,
    int32_t epoch_max,
    int64_t batches_max,
):
    cdef Py_buffer view
    cdef Run run = Run.__new__(Run)
    cdef bus_scan_state state = bus_scan_state(position, end_offset, -1, -1, leader_epoch, True)
    cdef bus_span span = borrow(data, &view)
    cdef int stop
    try:
        check_position(span, position)
        batches_max = min(max(1, batches_max), (span.size - position) // BUS_HEADER_SIZE + 1)
        run.headers = <bus_header *>malloc(batches_max * sizeof(bus_header))
        if run.headers == NULL:
            raise MemoryError
        run.start = run.position = position
        run.end_offset = end_offset
        if span.size - position > GIL_BYTES:
            with nogil:
                stop = check(span, run, &state, batches_max, epoch_max)
        else:
            stop = check(span, run, &state, batches_max, epoch_max)
        tell(run, stop, span.size - run.position)
        return run
    finally:
        PyBuffer_Release(&view)


cdef tell(Run run, int stop, int64_t left):
    """Say why the run ends where it does."""
    if stop == BUS_ERR_SHORT or (stop == BUS_ERR_END and left < BUS_HEADER_SIZE):
        run.is_cut = True
    elif stop == BUS_ERR_END:
        run.reason = "it is all zeroes"
    elif stop == BUS_ERR_EPOCH and run.headers[run.count].leader_epoch >= 0:
        run.reason = f"its leader epoch {run.headers[run.count].leader_epoch} cannot stand here"
    elif stop != BUS_OK:
        run.reason = (<bytes>bus_reason(stop)).decode()


def filling(int64_t base_offset, int64_t end_offset, int32_t leader_epoch, int64_t batches_max):
    cdef int64_t i, start, count
    cdef bytes made
    if not 0 <= base_offset < end_offset:
        raise ValueError(f"there are no offsets from {base_offset} to {end_offset}")
    count = (end_offset - base_offset - 1) // INT32_MAX + 1
    if count > batches_max:
        raise ValueError(f"{end_offset - base_offset} offsets take more than {batches_max} batches")
    made = PyBytes_FromStringAndSize(NULL, count * BUS_HEADER_SIZE)
    for i in range(count):
        start = base_offset + i * INT32_MAX
        bus_keep_empty(
            <uint8_t *>PyBytes_AS_STRING(made) + i * BUS_HEADER_SIZE,
            start, min(end_offset, start + INT32_MAX), leader_epoch, NULL,
        )
    return made

"""A segment's bytes: append into a mapped buffer, and scan what a crash left."""

from cpython.buffer cimport PyBuffer_Release
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from bus.native.batch cimport fail, header_tuple
from bus.native.cbus cimport (
    BUS_ERR_END,
    BUS_OK,
    GIL_BYTES,
    borrow,
    borrow_writable,
    bus_batch_stamp,
    bus_find,
    bus_first_nonzero,
    bus_header,
    bus_header_read,
    bus_reason,
    bus_scan_next,
    bus_scan_state,
    bus_slice_end,
    bus_span,
    check_position,
)
from bus.native.index cimport OffsetIndex, TimeIndex, check_fed

cdef enum:
    CHUNK = 1024  # headers that a scan gathers before it feeds the indexes


cdef void copy_and_stamp(
    uint8_t *to, bus_span batch, int64_t base_offset, int32_t leader_epoch
) noexcept nogil:
    memcpy(to, batch.data, batch.size)
    bus_batch_stamp(to, base_offset, leader_epoch)


def append(
    object region not None,
    int64_t position,
    object batch not None,
    int64_t base_offset,
    int32_t leader_epoch,
):
    cdef Py_buffer region_view, batch_view
    cdef bus_header header
    cdef bus_span to, source
    cdef int64_t size
    to = borrow_writable(region, &region_view)
    try:
        source = borrow(batch, &batch_view)
        try:
            check_position(to, position)
            size = bus_header_read(source, 0, &header)
            if size != source.size:
                fail(size, 0)
            if size > to.size - position:
                raise BufferError(
                    f"a batch of {size} bytes does not fit into"
                    f" the {to.size - position} left of the segment's buffer"
                )
            if size > GIL_BYTES:
                with nogil:
                    copy_and_stamp(to.data + position, source, base_offset, leader_epoch)
            else:
                copy_and_stamp(to.data + position, source, base_offset, leader_epoch)
            return position + size
        finally:
            PyBuffer_Release(&batch_view)
    finally:
        PyBuffer_Release(&region_view)


cdef class Scan:
    """Where a scan stopped, and what it passed."""

    cdef bus_scan_state state
    cdef readonly int64_t count
    cdef readonly str reason
    cdef readonly list headers

    @property
    def position(self):
        return self.state.position

    @property
    def end_offset(self):
        return self.state.end_offset

    @property
    def leader_epoch(self):
        return self.state.leader_epoch

    @property
    def max_timestamp(self):
        return self.state.max_timestamp

    @property
    def max_timestamp_offset(self):
        return self.state.max_timestamp_offset

    def __repr__(self):
        return (
            f"Scan(position={self.position}, end_offset={self.end_offset}, count={self.count},"
            f" reason={self.reason!r})"
        )


cdef int feed(
    OffsetIndex offsets, TimeIndex times, const bus_header *headers, int64_t count, int64_t position
) noexcept nogil:
    """Tell the indexes of `count` batches that stand back to back from `position`."""
    cdef int64_t i, last_offset
    cdef int fed = 0
    for i in range(count):
        last_offset = headers[i].base_offset + headers[i].last_offset_delta
        if offsets is not None:
            fed = offsets.feed(last_offset, position, headers[i].size)
        if fed == 0 and times is not None:
            fed = times.feed(headers[i].max_timestamp, last_offset, headers[i].size)
        if fed != 0:
            return fed
        position += headers[i].size
    return 0


cdef int scan_chunks(
    bus_span data, Scan scan, bus_header *headers, int64_t left,
    int64_t origin, OffsetIndex offsets, TimeIndex times, bint once, int *fed,
) noexcept nogil:
    """Pass up to `left` batches, or one chunk if `once`; the result that stopped it."""
    cdef int64_t passed, start, chunk = CHUNK
    cdef int stop = BUS_OK
    while left > 0 and fed[0] == 0:
        start = scan.state.position
        chunk = min(left, CHUNK)
        passed = bus_scan_next(data, &scan.state, headers, chunk, &stop)
        fed[0] = feed(offsets, times, headers, passed, origin + start)
        scan.count += passed
        left -= passed
        if passed < chunk or once:
            break
    return stop


cdef int run(
    bus_span data, Scan scan, int64_t batches_max, int64_t origin,
    OffsetIndex offsets, TimeIndex times,
) except -1:
    cdef bus_header *headers = <bus_header *>malloc(CHUNK * sizeof(bus_header))
    cdef int64_t before, i
    cdef int stop = BUS_OK, fed = 0
    cdef bint collect = scan.headers is not None
    if headers == NULL:
        raise MemoryError
    try:
        while stop == BUS_OK and scan.count < batches_max:
            before = scan.count
            with nogil:
                stop = scan_chunks(
                    data, scan, headers, batches_max - before, origin, offsets, times, collect,
                    &fed,
                )
            check_fed(fed, scan.state.end_offset, offsets.base_offset if offsets else 0)
            if collect:
                for i in range(scan.count - before):
                    scan.headers.append(header_tuple(&headers[i]))
            if not collect or scan.count == before:
                break
    finally:
        free(headers)
    if stop != BUS_OK and stop != BUS_ERR_END:
        scan.reason = (<bytes>bus_reason(stop)).decode()
    return 0


def scan(
    object data not None,
    int64_t position,
    int64_t end_offset,
    int32_t leader_epoch,
    *,
    bint contiguous=True,
    bint collect=False,
    int64_t batches_max=-1,
    int64_t origin=0,
    OffsetIndex offset_index=None,
    TimeIndex time_index=None,
):
    cdef Py_buffer view
    cdef Scan result = Scan.__new__(Scan)
    cdef bus_span span = borrow(data, &view)
    try:
        check_position(span, position)
        result.state = bus_scan_state(
            position, end_offset, -1, -1, leader_epoch, contiguous
        )
        result.headers = [] if collect else None
        if batches_max < 0:
            batches_max = span.size
        run(span, result, batches_max, origin, offset_index, time_index)
        if result.headers is None:
            result.headers = []
        return result
    finally:
        PyBuffer_Release(&view)


def find(object data not None, int64_t position, int64_t offset):
    cdef Py_buffer view
    cdef bus_span span = borrow(data, &view)
    try:
        check_position(span, position)
        result = bus_find(span, &position, offset)
        if result != BUS_OK:
            fail(result, position)
        return position
    finally:
        PyBuffer_Release(&view)


def slice_end(object data not None, int64_t position, int64_t size_max, int64_t below):
    cdef Py_buffer view
    cdef int64_t end, end_offset
    cdef bus_span span = borrow(data, &view)
    try:
        check_position(span, position)
        end = bus_slice_end(span, position, size_max, below, &end_offset)
        if end < 0:
            fail(end, position)
        return end, end_offset
    finally:
        PyBuffer_Release(&view)


def first_nonzero(object data not None, int64_t position):
    cdef Py_buffer view
    cdef int64_t found
    cdef bus_span span = borrow(data, &view)
    try:
        check_position(span, position)
        with nogil:
            found = bus_first_nonzero(span, position)
        return found
    finally:
        PyBuffer_Release(&view)

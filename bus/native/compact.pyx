"""Key compaction of batches: each without the records that newer ones replace."""

cimport cython
from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from bus.native.buffers cimport Buffers, hold
from bus.native.cbus cimport (
    BUS_CODEC_MASK,
    BUS_ERR_CRC,
    BUS_ERR_GAP,
    BUS_ERR_TOO_LARGE,
    BUS_HEADER_SIZE,
    BUS_HORIZON_FLAG,
    BUS_NO_HORIZON,
    BUS_OK,
    BUS_RECORD_GROWTH_MAX,
    BUS_SIZE_MAX,
    borrow,
    bus_batch_seal,
    bus_crc_matches,
    bus_header,
    bus_header_read,
    bus_keep,
    bus_keep_empty,
    bus_keep_extend,
    bus_keep_header,
    bus_keep_measure,
    bus_keep_write,
    bus_kept,
    bus_span,
)
from bus.native.offset_map cimport (
    LEFT_ALONE,
    NO_MEMORY,
    PACKED,
    OffsetMap,
    check,
    opened,
    records_of,
)


cdef enum:
    BATCH_MAX = 99 * 1024 * 1024  # a larger one could not be read (model/limits: a frame)


cdef struct Output:
    uint8_t *data
    int64_t size
    int64_t capacity


cdef int make_room(Output *output, int64_t size) noexcept nogil:
    cdef int64_t capacity = output.size + size
    cdef uint8_t *data
    if capacity > BUS_SIZE_MAX:
        return BUS_ERR_TOO_LARGE
    if capacity <= output.capacity:
        return BUS_OK
    capacity = max(capacity, 2 * output.capacity)
    data = <uint8_t *>realloc(output.data, capacity)
    if data == NULL:
        return NO_MEMORY
    output.data, output.capacity = data, capacity
    return BUS_OK


@cython.final
cdef class Compactor:
    """Rewrites a log from a place on: every offset stays covered, what nobody needs goes."""

    cdef OffsetMap newest
    cdef Buffers remembered
    cdef const int64_t *kept_bases
    cdef int64_t kept_count
    cdef bus_keep rule
    cdef int64_t horizon
    cdef object unpack, pack
    cdef Output out
    cdef Output scratch  # records that are to be compressed
    cdef int64_t last  # where the batch written last begins in `out`; -1: it may not be changed
    cdef int64_t gap_start, gap_end  # offsets that no batch written so far covers
    cdef int32_t gap_epoch
    cdef readonly int64_t bytes_in, bytes_out, records_in, records_out
    cdef readonly int64_t changes

    def __init__(
        self,
        OffsetMap newest not None,
        object remembered not None,
        int64_t now_ms,
        int64_t horizon_ms,
        object unpack not None,
        object pack not None,
    ):
        self.newest = newest
        self.remembered = hold([remembered])
        self.kept_bases = <const int64_t *>self.remembered.spans[0].data
        self.kept_count = self.remembered.spans[0].size // sizeof(int64_t)
        self.rule = bus_keep(&newest.keys.map, newest.end_offset, now_ms)
        self.horizon = horizon_ms
        self.unpack, self.pack = unpack, pack
        self.last = -1

    def __dealloc__(self):
        free(self.out.data)
        free(self.scratch.data)

    def feed(self, object batches not None):
        cdef Py_buffer view, records_view
        cdef bus_header header
        cdef int64_t position = 0
        cdef int result
        cdef bus_span span = borrow(batches, &view)
        try:
            while position < span.size:
                with nogil:
                    result = self.take_plain(span, &position, &header)
                if result == PACKED:
                    records = opened(self.unpack, batches, position, &header)
                    records_span = borrow(records, &records_view)
                    try:
                        self.take_packed(span, position, &header, records_span)
                    finally:
                        PyBuffer_Release(&records_view)
                    position += header.size
                else:
                    check(result, position)
        finally:
            PyBuffer_Release(&view)

    def close(self):
        check(self.fill_gap(), 0)
        self.last = -1

    def take(self):
        written = PyBytes_FromStringAndSize(<const char *>self.out.data, self.out.size)
        self.out.size = 0
        self.last = -1
        return written

    cdef int take_plain(
        self, bus_span data, int64_t *position, bus_header *header
    ) noexcept nogil:
        cdef int64_t size
        cdef int result
        while position[0] < data.size:
            size = bus_header_read(data, position[0], header)
            if size < 0:
                return <int>size
            if not bus_crc_matches(data.data + position[0], header):
                return BUS_ERR_CRC
            self.bytes_in += size
            self.records_in += header.count
            if self.is_left_alone(header):
                result = self.copy(data.data + position[0], header)
            elif header.attributes & BUS_CODEC_MASK and header.count > 0:
                return PACKED
            else:
                result = self.take_batch(
                    data.data + position[0], header, records_of(data, position[0], size)
                )
            if result != BUS_OK:
                return result
            position[0] += size
        return BUS_OK

    cdef bint is_left_alone(self, const bus_header *header) noexcept nogil:
        return header.attributes & LEFT_ALONE or header.base_offset >= self.rule.below

    cdef int take_batch(
        self, const uint8_t *batch, const bus_header *header, bus_span records
    ) noexcept nogil:
        """One that is not compressed."""
        cdef bus_kept kept
        cdef int64_t horizon, room
        cdef uint8_t *to
        cdef int result = bus_keep_measure(records, header, &self.rule, &kept)
        if result != BUS_OK:
            return result
        if kept.count == 0:
            return self.drop(header)
        horizon = self.horizon_for(header, &kept)
        if kept.count == header.count and horizon == BUS_NO_HORIZON:
            return self.copy(batch, header)
        room = BUS_HEADER_SIZE + kept.size + <int64_t>kept.count * BUS_RECORD_GROWTH_MAX
        result = self.begin(header, room)
        if result != BUS_OK:
            return result
        to = self.out.data + self.out.size
        room = bus_keep_write(records, header, &self.rule, horizon, to + BUS_HEADER_SIZE)
        bus_keep_header(to, BUS_HEADER_SIZE + room, header, 0, horizon, &kept)
        self.finish(header, BUS_HEADER_SIZE + room, kept.count)
        return BUS_OK

    cdef int take_packed(
        self, bus_span data, int64_t position, const bus_header *header, bus_span records
    ) except -1:
        """One that was opened: it is compressed anew if anything changes."""
        cdef Py_buffer view
        cdef bus_kept kept
        cdef bus_span packed
        cdef int64_t horizon, size
        cdef uint8_t *to
        cdef int codec = header.attributes & BUS_CODEC_MASK
        with nogil:
            result = bus_keep_measure(records, header, &self.rule, &kept)
        check(result, position)
        if kept.count == 0:
            return check(self.drop(header), position)
        horizon = self.horizon_for(header, &kept)
        if kept.count == header.count and horizon == BUS_NO_HORIZON:
            return check(self.copy(data.data + position, header), position)
        self.scratch.size = 0
        size = kept.size + <int64_t>kept.count * BUS_RECORD_GROWTH_MAX
        check(make_room(&self.scratch, size), position)
        with nogil:
            size = bus_keep_write(records, header, &self.rule, horizon, self.scratch.data)
        plain = PyMemoryView_FromMemory(<char *>self.scratch.data, size, 0x100)
        packed_bytes = self.pack(codec, plain)
        plain.release()
        packed = borrow(packed_bytes, &view)
        try:
            if BUS_HEADER_SIZE + packed.size > max(header.size, <int64_t>BATCH_MAX):
                return check(self.copy(data.data + position, header), position)
            check(self.begin(header, BUS_HEADER_SIZE + packed.size), position)
            to = self.out.data + self.out.size
            memcpy(to + BUS_HEADER_SIZE, packed.data, packed.size)
            bus_keep_header(to, BUS_HEADER_SIZE + packed.size, header, codec, horizon, &kept)
            self.finish(header, BUS_HEADER_SIZE + packed.size, kept.count)
        finally:
            PyBuffer_Release(&view)
        return 0

    cdef int64_t horizon_for(self, const bus_header *header, const bus_kept *kept) noexcept nogil:
        cdef int64_t size = kept.size + <int64_t>kept.count * BUS_RECORD_GROWTH_MAX
        if kept.tombstones == 0 or header.attributes & BUS_HORIZON_FLAG:
            return BUS_NO_HORIZON
        if BUS_HEADER_SIZE + size > BATCH_MAX:
            return BUS_NO_HORIZON  # its tombstones stay
        return self.horizon

    # --- what is written -------------------------------------------------------------------

    cdef int begin(self, const bus_header *header, int64_t room) noexcept nogil:
        """Close the gap before a batch, and make room for it."""
        cdef int result = self.fill_gap()
        return result if result != BUS_OK else make_room(&self.out, room)

    cdef void finish(self, const bus_header *header, int64_t size, int32_t count) noexcept nogil:
        """A batch of a new form stands behind the output's end."""
        self.changes += 1
        bus_batch_seal(self.out.data + self.out.size, size)
        self.advance(header, size, count)

    cdef void advance(self, const bus_header *header, int64_t size, int32_t count) noexcept nogil:
        cdef bint is_plain = header.producer_id < 0 and not header.attributes & LEFT_ALONE
        self.last = self.out.size if is_plain else -1
        self.out.size += size
        self.bytes_out += size
        self.records_out += count

    cdef int copy(self, const uint8_t *batch, const bus_header *header) noexcept nogil:
        cdef int result = self.begin(header, header.size)
        if result == BUS_OK:
            memcpy(self.out.data + self.out.size, batch, header.size)
            self.advance(header, header.size, header.count)
        return result

    cdef int drop(self, const bus_header *header) noexcept nogil:
        """None of its records stay."""
        cdef int64_t end = header.base_offset + header.last_offset_delta + 1
        cdef int result
        if header.count > 0:
            self.changes += 1
        if header.producer_id >= 0 and self.is_remembered(header.base_offset):
            result = self.begin(header, BUS_HEADER_SIZE)
            if result == BUS_OK:
                bus_keep_empty(
                    self.out.data + self.out.size, header.base_offset, end, header.leader_epoch,
                    header,
                )
                self.advance(header, BUS_HEADER_SIZE, 0)
            return result
        if self.gap_end > self.gap_start:
            if header.leader_epoch != self.gap_epoch or end - self.gap_start > INT32_MAX:
                result = self.fill_gap()
                if result != BUS_OK:
                    return result
            elif header.base_offset != self.gap_end:
                return BUS_ERR_GAP
        if self.gap_end <= self.gap_start:
            self.gap_start, self.gap_epoch = header.base_offset, header.leader_epoch
        self.gap_end = end
        return BUS_OK

    cdef int fill_gap(self) noexcept nogil:
        cdef bus_header before
        cdef bus_span written
        cdef int result
        if self.gap_end <= self.gap_start:
            return BUS_OK
        if self.last >= 0:
            written = bus_span(self.out.data, self.out.size)
            bus_header_read(written, self.last, &before)
            if (
                before.leader_epoch == self.gap_epoch
                and before.base_offset + before.last_offset_delta + 1 == self.gap_start
                and self.gap_end - before.base_offset <= INT32_MAX
            ):
                bus_keep_extend(self.out.data + self.last, before.size, self.gap_end)
                self.gap_start = self.gap_end = 0
                return BUS_OK
        result = make_room(&self.out, BUS_HEADER_SIZE)
        if result == BUS_OK:
            bus_keep_empty(
                self.out.data + self.out.size, self.gap_start, self.gap_end, self.gap_epoch, NULL
            )
            self.last = -1
            self.out.size += BUS_HEADER_SIZE
            self.bytes_out += BUS_HEADER_SIZE
            self.gap_start = self.gap_end = 0
        return result

    cdef bint is_remembered(self, int64_t base_offset) noexcept nogil:
        cdef int64_t low = 0, high = self.kept_count, middle
        while low < high:
            middle = (low + high) // 2
            if self.kept_bases[middle] < base_offset:
                low = middle + 1
            else:
                high = middle
        return low < self.kept_count and self.kept_bases[low] == base_offset

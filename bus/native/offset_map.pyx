"""Where each key was last written, in the part of a log that a compaction has looked at."""

cimport cython
from cpython.buffer cimport PyBuffer_Release
from cpython.memoryview cimport PyMemoryView_FromObject
from libc.stdint cimport int32_t, int64_t

from bus.native.batch cimport fail
from bus.native.cbus cimport (
    BUS_CODEC_MASK,
    BUS_ERR_CRC,
    BUS_ERR_LEFTOVER,
    BUS_HEADER_SIZE,
    BUS_OK,
    borrow,
    bus_crc_matches,
    bus_cursor,
    bus_cursor_of,
    bus_fingerprint,
    bus_fingerprint_t,
    bus_header,
    bus_header_read,
    bus_key_slot,
    bus_keymap_find,
    bus_keymap_number,
    bus_keymap_set,
    bus_next_record,
    bus_record,
    bus_span,
)
from bus.native.keymap cimport KeyMap

cdef enum:
    FULL = PACKED + 1


cdef int check(int result, int64_t position) except -1:
    """Raise what a result says of the batch at `position`."""
    if result == NO_MEMORY:
        raise MemoryError
    return 0 if result == BUS_OK else fail(result, position)


cdef object opened(object unpack, object batches, int64_t position, const bus_header *header):
    """The records of the compressed batch there, by `unpack(codec, data)`."""
    data = PyMemoryView_FromObject(batches)
    if data.format != "B" or data.ndim != 1:
        data = data.cast("B")
    packed = data[position + BUS_HEADER_SIZE:position + header.size]
    return unpack(header.attributes & BUS_CODEC_MASK, packed)


@cython.final
cdef class OffsetMap:
    """Key -> the offset of its newest record, within a bound of memory."""

    def __init__(self, int64_t start_offset, int64_t keys_max, object unpack not None):
        self.keys = KeyMap(keys_max)
        self.end_offset = start_offset
        self.unpack = unpack

    def __len__(self):
        return len(self.keys)

    def feed(self, object batches not None, int64_t below):
        cdef Py_buffer view, records_view
        cdef bus_header header
        cdef int64_t position = 0
        cdef int result
        cdef bus_span span = borrow(batches, &view)
        try:
            while position < span.size and not self.is_full and self.end_offset < below:
                with nogil:
                    result = self.take_plain(span, &position, &header, below)
                if result == PACKED:
                    records = opened(self.unpack, batches, position, &header)
                    records_span = borrow(records, &records_view)
                    try:
                        with nogil:
                            result = self.take_batch(records_span, &header)
                    finally:
                        PyBuffer_Release(&records_view)
                    position += header.size
                if result == FULL:
                    self.is_full = True
                else:
                    check(result, position)
        finally:
            PyBuffer_Release(&view)

    cdef int take_plain(
        self, bus_span data, int64_t *position, bus_header *header, int64_t below
    ) noexcept nogil:
        cdef int64_t size, end
        cdef int result
        while position[0] < data.size and self.end_offset < below:
            size = bus_header_read(data, position[0], header)
            if size < 0:
                return <int>size
            end = header.base_offset + header.last_offset_delta + 1
            if end > self.end_offset:
                if not bus_crc_matches(data.data + position[0], header):
                    return BUS_ERR_CRC
                if header.attributes & LEFT_ALONE or header.count == 0:
                    self.end_offset = end
                elif header.attributes & BUS_CODEC_MASK:
                    return PACKED
                else:
                    result = self.take_batch(records_of(data, position[0], size), header)
                    if result != BUS_OK:
                        return result
            position[0] += size
        return BUS_OK

    cdef int take_batch(self, bus_span records, const bus_header *header) noexcept nogil:
        """All of it, or as much as there is room for: then what is newer than its end is known."""
        cdef bus_cursor cursor = bus_cursor_of(records.data, records.size)
        cdef bus_record record
        cdef int32_t _index
        cdef int32_t delta = -1
        cdef int result
        for _index in range(header.count):
            result = bus_next_record(&cursor, header, &delta, &record)
            if result != BUS_OK:
                return result
            if record.key_size >= 0:
                result = self.put(&record, header.base_offset + delta)
                if result != BUS_OK:
                    return result
        if cursor.at != cursor.end:
            return BUS_ERR_LEFTOVER
        self.records += header.count
        self.end_offset = header.base_offset + header.last_offset_delta + 1
        return BUS_OK

    cdef int put(self, const bus_record *record, int64_t offset) noexcept nogil:
        cdef bus_fingerprint_t key
        cdef bus_key_slot *slot
        cdef int reserved
        key = bus_fingerprint(self.keys.map.secret, record.key, record.key_size)
        if self.keys.map.capacity > 0:
            slot = bus_keymap_find(&self.keys.map, key)
            if bus_keymap_number(slot) >= 0:
                bus_keymap_set(&self.keys.map, slot, key, offset)
                return BUS_OK
        reserved = self.keys.reserve()
        if reserved != 0:
            return FULL if reserved == 1 else NO_MEMORY
        bus_keymap_set(&self.keys.map, bus_keymap_find(&self.keys.map, key), key, offset)
        return BUS_OK

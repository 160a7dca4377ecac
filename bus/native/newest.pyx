"""The newest record of each key: what is left of a compacted log, found while it is read."""

from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from bus.native.batch cimport fail
from bus.native.cbus cimport (
    BUS_CODEC_MASK,
    BUS_CONTROL_FLAG,
    BUS_ERR_CRC,
    BUS_ERR_GAP,
    BUS_ERR_LEFTOVER,
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
from bus.native.offset_map cimport NO_MEMORY, PACKED, opened, records_of

cdef enum:
    ROWS_FIRST = 1024
    HEAP_FIRST = 65536
    TOO_MANY = PACKED + 1

cdef struct Row:
    int64_t offset
    int64_t place  # in the heap: the key, and behind it room for the value
    int32_t key_size
    int32_t value_size  # -1: a tombstone
    int32_t room


cdef class NewestPerKey:
    """Fed with a log from its beginning, it holds what each key was last said to be."""

    cdef KeyMap keys
    cdef object unpack
    cdef Row *table
    cdef int64_t table_capacity
    cdef uint8_t *heap
    cdef int64_t heap_capacity, heap_size
    cdef int64_t live  # bytes of the heap that a row refers to
    cdef readonly int64_t bytes_max
    cdef readonly int64_t records
    cdef readonly int64_t end_offset
    cdef bint is_busy  # fed without the GIL, or what was fed could not be taken whole

    def __init__(self, int64_t keys_max, int64_t bytes_max, object unpack not None):
        self.keys = KeyMap(keys_max)
        self.bytes_max = bytes_max
        self.unpack = unpack
        self.end_offset = -1

    def __dealloc__(self):
        free(self.table)
        free(self.heap)

    def __len__(self):
        return len(self.keys)

    @property
    def keys_max(self):
        return self.keys.keys_max

    def feed(self, object batches not None):
        cdef Py_buffer view
        cdef bus_header header
        cdef int64_t position = 0
        cdef int result
        cdef bus_span span
        self.enter()
        span = borrow(batches, &view)
        self.is_busy = True
        try:
            while position < span.size:
                with nogil:
                    result = self.take_plain(span, &position, &header)
                if result == PACKED:
                    self.take_packed(batches, position, &header)
                    position += header.size
                elif result != BUS_OK:
                    self.stop(result, position)
            self.is_busy = False
        finally:
            PyBuffer_Release(&view)

    cdef int enter(self) except -1:
        if self.is_busy:
            raise ValueError("it is being fed elsewhere, or its last feeding failed")
        return 0

    cdef int stop(self, int result, int64_t position) except -1:
        if result == TOO_MANY:
            raise OverflowError(
                f"the log has more than {self.keys.keys_max} keys, or more than {self.bytes_max}"
                f" bytes of keys and values"
            )
        if result == NO_MEMORY:
            raise MemoryError
        return fail(result, position)

    cdef int take_packed(self, object batches, int64_t position, bus_header *header) except -1:
        cdef Py_buffer view
        cdef bus_span span
        cdef int result
        records = opened(self.unpack, batches, position, header)
        span = borrow(records, &view)
        try:
            with nogil:
                result = self.take_records(span, header)
        finally:
            PyBuffer_Release(&view)
        if result != BUS_OK:
            self.stop(result, position)
        return 0

    cdef int take_plain(
        self, bus_span data, int64_t *position, bus_header *header
    ) noexcept nogil:
        """Batch by batch; what stopped it. PACKED: the header is that of the batch there."""
        cdef int64_t size
        cdef int result
        while position[0] < data.size:
            size = bus_header_read(data, position[0], header)
            if size < 0:
                return <int>size
            if header.base_offset < self.end_offset:
                return BUS_ERR_GAP
            if not bus_crc_matches(data.data + position[0], header):
                return BUS_ERR_CRC
            self.end_offset = header.base_offset + header.last_offset_delta + 1
            if not header.attributes & BUS_CONTROL_FLAG:
                if header.attributes & BUS_CODEC_MASK and header.count > 0:
                    return PACKED
                result = self.take_records(records_of(data, position[0], size), header)
                if result != BUS_OK:
                    return result
            position[0] += size
        return BUS_OK

    cdef int take_records(self, bus_span records, const bus_header *header) noexcept nogil:
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
                result = self.take(&record, header.base_offset + delta)
                if result != BUS_OK:
                    return result
        self.records += header.count
        return BUS_OK if cursor.at == cursor.end else BUS_ERR_LEFTOVER

    cdef int take(self, const bus_record *record, int64_t offset) noexcept nogil:
        cdef bus_fingerprint_t key
        cdef bus_key_slot *slot
        cdef int64_t index
        cdef int result
        key = bus_fingerprint(self.keys.map.secret, record.key, record.key_size)
        if self.keys.map.capacity > 0:
            slot = bus_keymap_find(&self.keys.map, key)
            index = bus_keymap_number(slot)
            if index >= 0:
                return self.put(&self.table[index], record, offset)
        result = self.keys.reserve()
        if result != 0:
            return TOO_MANY if result == 1 else NO_MEMORY
        index = self.keys.map.count
        if index == self.table_capacity and self.grow_table() != BUS_OK:
            return NO_MEMORY
        self.table[index].place, self.table[index].room = -1, -1
        self.table[index].key_size = record.key_size
        result = self.put(&self.table[index], record, offset)
        if result == BUS_OK:
            slot = bus_keymap_find(&self.keys.map, key)
            bus_keymap_set(&self.keys.map, slot, key, index)
        return result

    cdef int grow_table(self) noexcept nogil:
        cdef int64_t capacity = max(<int64_t>ROWS_FIRST, 2 * self.table_capacity)
        cdef Row *table = <Row *>realloc(self.table, capacity * sizeof(Row))
        if table == NULL:
            return NO_MEMORY
        self.table, self.table_capacity = table, capacity
        return BUS_OK

    cdef int put(self, Row *row, const bus_record *record, int64_t offset) noexcept nogil:
        """Give a row its value: in the old one's place if it fits there."""
        cdef int64_t size
        cdef int result
        if row.room < 0 or record.value_size > row.room:
            size = <int64_t>record.key_size + max(record.value_size, 0)
            if row.room >= 0:
                self.live -= <int64_t>row.key_size + row.room
                row.room = -1
            result = self.make_room(size)
            if result != BUS_OK:
                return result
            row.place = self.heap_size
            row.room = max(record.value_size, 0)
            memcpy(self.heap + row.place, record.key, record.key_size)
            self.heap_size += size
            self.live += size
        if record.value_size > 0:
            memcpy(self.heap + row.place + row.key_size, record.value, record.value_size)
        row.value_size = record.value_size
        row.offset = offset
        return BUS_OK

    cdef int make_room(self, int64_t size) noexcept nogil:
        """For so many bytes behind the heap's end: by leaving out what is dead, or by growing."""
        cdef int64_t capacity
        cdef uint8_t *heap
        if size > self.bytes_max - self.live:
            return TOO_MANY
        if self.heap != NULL and size <= self.heap_capacity - self.heap_size:
            return BUS_OK
        capacity = max(<int64_t>HEAP_FIRST, 2 * (self.live + size))
        heap = <uint8_t *>malloc(capacity)
        if heap == NULL:
            return NO_MEMORY
        self.move(heap)
        self.heap_capacity = capacity
        return BUS_OK

    cdef void move(self, uint8_t *heap) noexcept nogil:
        cdef int64_t i, size, place = 0
        cdef Row *row
        for i in range(self.keys.map.count):
            row = &self.table[i]
            if row.room < 0:  # it is about to get its place
                continue
            size = <int64_t>row.key_size + row.room
            memcpy(heap + place, self.heap + row.place, size)
            row.place = place
            place += size
        free(self.heap)
        self.heap, self.heap_size = heap, place

    def rows(self):
        cdef int64_t i
        cdef const Row *row
        cdef const char *at
        cdef list found = []
        self.enter()
        for i in range(self.keys.map.count):
            row = &self.table[i]
            at = <const char *>self.heap + row.place
            found.append((
                row.offset,
                PyBytes_FromStringAndSize(at, row.key_size),
                None if row.value_size < 0
                else PyBytes_FromStringAndSize(at + row.key_size, row.value_size),
            ))
        found.sort()
        return found

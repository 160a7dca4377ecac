"""RecordBatch v2: checksum, header, validation and stamping in place."""

from bus.errors import CorruptBatch, MessageTooLarge

from cpython.buffer cimport PyBuffer_Release
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t

from bus.native.cbus cimport (
    BUS_APPEND_TIME_FLAG,
    BUS_AT_ATTRIBUTES,
    BUS_AT_BASE_SEQUENCE,
    BUS_AT_MAX_TIMESTAMP,
    BUS_AT_PRODUCER_EPOCH,
    BUS_AT_PRODUCER_ID,
    BUS_CRC_ARM,
    BUS_CRC_SSE42,
    BUS_CRC_TABLE,
    BUS_ERR_DELTA,
    BUS_ERR_LEFTOVER,
    BUS_ERR_RECORD,
    BUS_HEADER_SIZE,
    BUS_OK,
    BUS_RECORD_SIZE_MIN,
    GIL_BYTES,
    borrow,
    borrow_writable,
    bus_batch_check,
    bus_batch_seal,
    bus_batch_stamp,
    bus_crc32c,
    bus_crc32c_by,
    bus_crc32c_runs,
    bus_crc_variant,
    bus_cursor,
    bus_cursor_of,
    bus_header,
    bus_header_read,
    bus_read_record,
    bus_reason,
    bus_record,
    bus_span,
    bus_store16,
    bus_store32,
    bus_store64,
    check_position,
)

HEADER_SIZE = BUS_HEADER_SIZE
RECORD_SIZE_MIN = BUS_RECORD_SIZE_MIN


cdef tuple header_tuple(const bus_header *header):
    return (
        header.base_offset,
        header.size,
        header.leader_epoch,
        header.attributes,
        header.last_offset_delta,
        header.base_timestamp,
        header.max_timestamp,
        header.producer_id,
        header.producer_epoch,
        header.base_sequence,
        header.count,
    )


cdef int fail(int64_t result, int64_t position) except -1:
    """Raise the exception of a negative result about the batch at `position`."""
    reason = (<bytes>bus_reason(result)).decode()
    raise CorruptBatch(f"The record batch at byte {position} is no good: {reason}.")


cdef int too_large() except -1:
    raise MessageTooLarge("A record or batch of 2 GiB or more cannot be sent.")


cdef int64_t read_header(bus_span data, int64_t position, bus_header *header) except -1:
    check_position(data, position)
    cdef int64_t size = bus_header_read(data, position, header)
    if size < 0:
        fail(size, position)
    return size


cdef int64_t check_one(
    bus_span data, int64_t position, bint dense, bus_header *header
) except -1:
    cdef int64_t size
    check_position(data, position)
    if data.size - position > GIL_BYTES:
        with nogil:
            size = bus_batch_check(data, position, dense, header)
    else:
        size = bus_batch_check(data, position, dense, header)
    if size < 0:
        fail(size, position)
    return size


cdef bus_crc_variant variant_named(str name) except *:
    cdef bus_crc_variant variant
    if name == "table":
        variant = BUS_CRC_TABLE
    elif name == "sse4.2":
        variant = BUS_CRC_SSE42
    elif name == "arm":
        variant = BUS_CRC_ARM
    else:
        raise ValueError(f"there is no CRC variant {name!r}")
    if not bus_crc32c_runs(variant):
        raise ValueError(f"this CPU cannot run the CRC variant {name!r}")
    return variant


def crc32c(object data not None, uint32_t crc=0):
    cdef Py_buffer view
    cdef bus_span span = borrow(data, &view)
    try:
        if span.size > GIL_BYTES:
            with nogil:
                crc = bus_crc32c(crc, span.data, span.size)
        else:
            crc = bus_crc32c(crc, span.data, span.size)
        return crc
    finally:
        PyBuffer_Release(&view)


def crc32c_by(str variant not None, object data not None, uint32_t crc=0):
    cdef Py_buffer view
    cdef bus_crc_variant chosen = variant_named(variant)
    cdef bus_span span = borrow(data, &view)
    try:
        return bus_crc32c_by(chosen, crc, span.data, span.size)
    finally:
        PyBuffer_Release(&view)


def crc32c_variants():
    names = [("sse4.2", BUS_CRC_SSE42), ("arm", BUS_CRC_ARM), ("table", BUS_CRC_TABLE)]
    return [name for name, variant in names if bus_crc32c_runs(variant)]


def header(object data not None, int64_t position=0):
    cdef Py_buffer view
    cdef bus_header found
    cdef bus_span span = borrow(data, &view)
    try:
        read_header(span, position, &found)
        return header_tuple(&found)
    finally:
        PyBuffer_Release(&view)


cdef tuple checked(object data, int64_t position, bint dense):
    cdef Py_buffer view
    cdef bus_header found
    cdef bus_span span = borrow(data, &view)
    try:
        check_one(span, position, dense, &found)
        return header_tuple(&found)
    finally:
        PyBuffer_Release(&view)


def check(object data not None, int64_t position=0):
    return checked(data, position, True)


def check_stored(object data not None, int64_t position=0):
    return checked(data, position, False)


def check_all(object data not None):
    cdef Py_buffer view
    cdef bus_header found
    cdef int64_t position = 0
    cdef bus_span span = borrow(data, &view)
    cdef list headers = []
    try:
        while position < span.size:
            position += check_one(span, position, True, &found)
            headers.append(header_tuple(&found))
        return headers
    finally:
        PyBuffer_Release(&view)


def stamp(object data not None, int64_t position, int64_t base_offset, int32_t leader_epoch):
    cdef Py_buffer view
    cdef bus_header found
    cdef bus_span span = borrow_writable(data, &view)
    try:
        read_header(span, position, &found)
        bus_batch_stamp(span.data + position, base_offset, leader_epoch)
    finally:
        PyBuffer_Release(&view)


cdef int seal_span(uint8_t *batch, int64_t size) except -1:
    if size > GIL_BYTES:
        with nogil:
            bus_batch_seal(batch, size)
    else:
        bus_batch_seal(batch, size)
    return 0


def stamp_append_time(object data not None, int64_t position, int64_t timestamp):
    cdef Py_buffer view
    cdef bus_header found
    cdef uint8_t *batch
    cdef bus_span span = borrow_writable(data, &view)
    try:
        read_header(span, position, &found)
        batch = span.data + position
        bus_store16(batch + BUS_AT_ATTRIBUTES, found.attributes | BUS_APPEND_TIME_FLAG)
        bus_store64(batch + BUS_AT_MAX_TIMESTAMP, timestamp)
        seal_span(batch, found.size)
    finally:
        PyBuffer_Release(&view)


def seal(object data not None, int64_t producer_id, int16_t producer_epoch, int32_t base_sequence):
    cdef Py_buffer view
    cdef bus_header found
    cdef bus_span span = borrow_writable(data, &view)
    try:
        read_header(span, 0, &found)
        bus_store64(span.data + BUS_AT_PRODUCER_ID, producer_id)
        bus_store16(span.data + BUS_AT_PRODUCER_EPOCH, producer_epoch)
        bus_store32(span.data + BUS_AT_BASE_SEQUENCE, base_sequence)
        seal_span(span.data, found.size)
    finally:
        PyBuffer_Release(&view)


cdef int find_keyless(bus_span records, int32_t count, bint *found) noexcept nogil:
    cdef bus_cursor cursor = bus_cursor_of(records.data, records.size)
    cdef bus_record record
    cdef int32_t index
    found[0] = False
    for index in range(count):
        if not bus_read_record(&cursor, &record):
            return BUS_ERR_RECORD
        if record.offset_delta != index:
            return BUS_ERR_DELTA
        found[0] = found[0] or record.key_size < 0
    return BUS_OK if cursor.at == cursor.end else BUS_ERR_LEFTOVER


def lacks_key(object records not None, int32_t count):
    cdef Py_buffer view
    cdef bint found
    cdef int result
    cdef bus_span span = borrow(records, &view)
    try:
        if span.size > GIL_BYTES:
            with nogil:
                result = find_keyless(span, count, &found)
        else:
            result = find_keyless(span, count, &found)
    finally:
        PyBuffer_Release(&view)
    if result != BUS_OK:
        fail(result, 0)
    return found

# What bus/native sees of csrc: declarations, and nothing of its own but borrowing a buffer.
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "layout.h" nogil:
    enum:
        BUS_AT_LENGTH
        BUS_AT_LEADER_EPOCH
        BUS_AT_MAGIC
        BUS_AT_CRC
        BUS_AT_ATTRIBUTES
        BUS_AT_LAST_OFFSET_DELTA
        BUS_AT_BASE_TIMESTAMP
        BUS_AT_MAX_TIMESTAMP
        BUS_AT_PRODUCER_ID
        BUS_AT_PRODUCER_EPOCH
        BUS_AT_BASE_SEQUENCE
        BUS_AT_COUNT
        BUS_HEADER_SIZE
        BUS_LENGTH_ORIGIN
        BUS_CODEC_MASK
        BUS_CODEC_MAX
        BUS_APPEND_TIME_FLAG
        BUS_TRANSACTIONAL_FLAG
        BUS_CONTROL_FLAG
        BUS_HORIZON_FLAG
        BUS_RECORD_SIZE_MIN
        BUS_SIZE_MAX
        BUS_OK
        BUS_ERR_CODEC
        BUS_ERR_FULL
        BUS_ERR_ARGUMENT
        BUS_ERR_TOO_LARGE
        BUS_ERR_END
        BUS_ERR_CRC
        BUS_ERR_DELTA
        BUS_ERR_EPOCH
        BUS_ERR_GAP
        BUS_ERR_LEFTOVER
        BUS_ERR_RECORD
        BUS_ERR_SHORT

cdef extern from "bytes.h" nogil:
    struct bus_span:
        uint8_t *data
        int64_t size
    struct bus_cursor:
        const uint8_t *at
        const uint8_t *end
    bus_cursor bus_cursor_of(const uint8_t *data, int64_t size)
    int64_t bus_left(const bus_cursor *cursor)
    bint bus_take(bus_cursor *cursor, int64_t size, const uint8_t **start)
    int16_t bus_load16(const uint8_t *at)
    int32_t bus_load32(const uint8_t *at)
    int64_t bus_load64(const uint8_t *at)
    void bus_store16(uint8_t *at, int16_t value)
    void bus_store32(uint8_t *at, int32_t value)
    void bus_store64(uint8_t *at, int64_t value)

cdef extern from "varint.h" nogil:
    uint32_t bus_zigzag32(int32_t value)
    int bus_varint_size(uint64_t zigzag)
    uint8_t *bus_write_raw(uint8_t *at, uint64_t zigzag)
    bint bus_read_varint(bus_cursor *cursor, int32_t *value)

cdef extern from "record.h" nogil:
    struct bus_record:
        const uint8_t *key
        const uint8_t *value
        const uint8_t *rest
        const uint8_t *headers
        const uint8_t *end
        int64_t timestamp_delta
        int32_t offset_delta
        int32_t key_size
        int32_t value_size
    bint bus_read_bytes(bus_cursor *cursor, bint nullable, const uint8_t **start, int32_t *size)
    bint bus_read_record(bus_cursor *cursor, bus_record *record)
    int bus_next_record(
        bus_cursor *cursor, const bus_header *header, int32_t *delta, bus_record *record
    )

cdef extern from "keymap.h" nogil:
    struct bus_fingerprint_t "bus_fingerprint":
        uint64_t low
        uint64_t high
    struct bus_key_slot:
        bus_fingerprint_t key
        int64_t number_plus_one
    struct bus_keymap:
        bus_key_slot *slots
        int64_t capacity
        int64_t count
        bus_fingerprint_t secret
    bus_fingerprint_t bus_fingerprint(
        bus_fingerprint_t secret, const uint8_t *data, int64_t size
    )
    bus_key_slot *bus_keymap_find(const bus_keymap *map, bus_fingerprint_t key)
    int64_t bus_keymap_number(const bus_key_slot *slot)
    void bus_keymap_set(
        bus_keymap *map, bus_key_slot *slot, bus_fingerprint_t key, int64_t number
    )
    void bus_keymap_move(bus_keymap *to, const bus_keymap *source)

cdef extern from "core.h" nogil:
    enum bus_crc_variant:
        BUS_CRC_TABLE
        BUS_CRC_SSE42
        BUS_CRC_ARM
    struct bus_header:
        int64_t base_offset
        int64_t size
        int64_t base_timestamp
        int64_t max_timestamp
        int64_t producer_id
        int32_t leader_epoch
        int32_t last_offset_delta
        int32_t base_sequence
        int32_t count
        uint32_t crc
        int16_t attributes
        int16_t producer_epoch
    struct bus_scan_state "bus_scan":
        int64_t position
        int64_t end_offset
        int64_t max_timestamp
        int64_t max_timestamp_offset
        int32_t leader_epoch
        bint contiguous
    struct bus_columns:
        int64_t *offsets
        int64_t *timestamps
        int64_t *key_spans
        int64_t *value_spans
        int64_t *header_spans
    struct bus_origin:
        int64_t base_offset
        int64_t base_timestamp
        int64_t append_timestamp
        int64_t buffer_index
        int64_t buffer_offset

    uint32_t bus_crc32c(uint32_t crc, const uint8_t *data, int64_t size)
    uint32_t bus_crc32c_by(bus_crc_variant variant, uint32_t crc, const uint8_t *data, int64_t size)
    bint bus_crc32c_runs(bus_crc_variant variant)
    bint bus_crc_matches(const uint8_t *batch, const bus_header *header)
    int64_t bus_header_read(bus_span data, int64_t position, bus_header *header)
    int64_t bus_batch_check(
        bus_span data, int64_t position, bint dense, bus_header *header
    )
    void bus_batch_stamp(uint8_t *batch, int64_t base_offset, int32_t leader_epoch)
    void bus_batch_seal(uint8_t *batch, int64_t size)
    int64_t bus_scan_next(
        bus_span data, bus_scan_state *scan, bus_header *headers, int64_t headers_max, int *stop
    )
    int bus_find(bus_span data, int64_t *position, int64_t offset)
    int64_t bus_slice_end(
        bus_span data, int64_t position, int64_t size_max, int64_t below, int64_t *end_offset
    )
    int64_t bus_first_nonzero(bus_span data, int64_t position)
    int bus_records_walk(
        bus_span records, int32_t count, const bus_origin *origin, const bus_columns *columns
    )
    int32_t bus_murmur2(const uint8_t *data, int64_t size)
    int64_t bus_offset_index_check(bus_span file)
    int64_t bus_offset_index_floor(const uint8_t *entries, int64_t count, int64_t relative_offset)
    int64_t bus_time_index_check(bus_span file)
    int64_t bus_time_index_floor(const uint8_t *entries, int64_t count, int64_t timestamp)
    const char *bus_reason(int64_t result)

cdef extern from "keep.h" nogil:
    struct bus_keep:
        const bus_keymap *newest
        int64_t below
        int64_t now
    struct bus_kept:
        int64_t size
        int64_t max_timestamp
        int32_t count
        int32_t tombstones
    enum:
        BUS_RECORD_GROWTH_MAX
        BUS_NO_HORIZON
    int bus_keep_measure(
        bus_span records, const bus_header *header, const bus_keep *keep, bus_kept *kept
    )
    int64_t bus_keep_write(
        bus_span records, const bus_header *header, const bus_keep *keep, int64_t horizon,
        uint8_t *to,
    )
    void bus_keep_header(
        uint8_t *batch, int64_t size, const bus_header *header, int codec, int64_t horizon,
        const bus_kept *kept,
    )
    void bus_keep_empty(
        uint8_t *batch, int64_t base_offset, int64_t end_offset, int32_t leader_epoch,
        const bus_header *like,
    )
    void bus_keep_extend(uint8_t *batch, int64_t size, int64_t end_offset)

cdef extern from "builder.h" nogil:
    struct bus_bytes:
        const uint8_t *data
        int64_t size
    struct bus_builder:
        uint8_t *data
        int64_t capacity
        int64_t size
        int64_t needed
        int64_t base_timestamp
        int64_t max_timestamp
        int32_t count
    enum bus_rows_kind:
        BUS_ROWS_SPANS
        BUS_ROWS_FIXED
        BUS_ROWS_STRIPPED
        BUS_ROWS_OFFSETS32
        BUS_ROWS_OFFSETS64
        BUS_ROWS_VIEWS
    struct bus_rows:
        bus_rows_kind kind
        const uint8_t *rows
        int64_t width
        const bus_bytes *buffers
        int64_t buffers_count
        const uint8_t *validity
        int64_t bit_offset
        const bus_bytes *keys
        const int64_t *timestamps
        int64_t timestamp
    bus_builder bus_builder_begin(uint8_t *data, int64_t capacity)
    int bus_builder_append(
        bus_builder *builder, int64_t timestamp, bus_bytes key, bus_bytes value, bus_bytes headers
    )
    int64_t bus_builder_fill(
        bus_builder *builder, const bus_rows *rows, int64_t start, int64_t stop
    )
    void bus_builder_finish(bus_builder *builder)
    void bus_batch_replace(uint8_t *to, const uint8_t *batch, int codec, bus_bytes records)

cdef enum:
    GIL_BYTES = 32768  # work on more than this releases the GIL; less is not worth the hand-over

# Raw Py_buffers and not typed memoryviews: a view costs ten times as much to take, and these calls
# are made once a batch. Whoever borrows releases: `try: ... finally: PyBuffer_Release(&view)`.


cdef inline bus_span borrow(object data, Py_buffer *view) except *:
    PyObject_GetBuffer(data, view, PyBUF_SIMPLE)
    return bus_span(<uint8_t *>view.buf, view.len)


cdef inline bus_span borrow_writable(object data, Py_buffer *view) except *:
    PyObject_GetBuffer(data, view, PyBUF_WRITABLE)
    return bus_span(<uint8_t *>view.buf, view.len)


cdef inline int check_position(bus_span data, int64_t position) except -1:
    if position < 0 or position > data.size:
        raise ValueError(f"position {position} is not within the {data.size} bytes given")
    return 0


cdef inline int borrow_other(object data, str name, Py_buffer *view, bus_bytes *out) except -1:
    cdef bus_span span
    try:
        span = borrow(data, view)
    except TypeError:
        hint = "; encode it first" if isinstance(data, str) else ""
        raise TypeError(
            f"{name} must be bytes-like or None, not {type(data).__name__}{hint}"
        ) from None
    out.data = span.data
    out.size = span.size
    return 0


cdef inline int borrow_bytes(object data, str name, Py_buffer *view, bus_bytes *out) except -1:
    """What to write for None or bytes-like `data`; release `view` unless its `len` is -1."""
    view.len = -1
    if PyBytes_CheckExact(data):
        out.data = <const uint8_t *>PyBytes_AS_STRING(data)
        out.size = PyBytes_GET_SIZE(data)
    elif data is None:
        out.data = NULL
        out.size = -1
    else:
        borrow_other(data, name, view, out)
    return 0

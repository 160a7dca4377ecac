/* record.c: go through the records of a batch: to check them, or to open them into columns. */
#include "record.h"
#include "core.h"

/* The bytes of a record that `skip_plain` may read, whatever they are, before it knows its size. */
enum { PLAIN_HEAD = 24 };

static inline uint32_t two_bytes(const uint8_t *at) { return at[0] | (uint32_t)at[1] << 8; }

/* A length of one or two bytes; false for others, and for negative ones. */
static inline bool read_short(const uint8_t **at, uint32_t *size) {
    uint32_t bytes = two_bytes(*at);
    if (bytes & 1)
        return false;
    if (!(bytes & 0x80)) {
        *size = (bytes & 0x7f) >> 1;
        *at += 1;
        return true;
    }
    *size = (bytes & 0x7f) >> 1 | bytes >> 8 << 6;
    *at += 2;
    return bytes < 0x8000;
}

/* Step over this number in its shortest form, of at most three bytes; false for any other bytes. */
static inline bool step_over(const uint8_t **at, uint32_t raw) {
    const uint8_t *from = *at;
    if (raw < 0x80) {
        *at += 1;
        return from[0] == raw;
    }
    uint32_t low = (raw & 0x7f) | 0x80, middle = raw >> 7;
    if (raw < 0x4000) {
        *at += 2;
        return two_bytes(from) == (low | middle << 8);
    }
    *at += 3;
    return raw < 0x200000 && two_bytes(from) == (low | (middle << 8 & 0xff00) | 0x8000) &&
           from[2] == raw >> 14;
}

/* Step over a record as most are: short lengths, an offset delta of the least bytes, no headers.
 * False, and no step, for any other: that one may be good or bad.
 *
 * Nothing is read beyond the data: PLAIN_HEAD bytes are there, and what follows the key and the
 * value is read only where the record's end is known to be. */
static inline bool skip_plain(struct bus_cursor *cursor, int32_t delta) {
    const uint8_t *at = cursor->at;
    uint32_t size, value_size;
    if (bus_left(cursor) < PLAIN_HEAD || !read_short(&at, &size) || size > cursor->end - at)
        return false;
    const uint8_t *end = at + size;
    at++; /* attributes */
    for (int i = 0; i < 4 && *at >= 0x80; i++)
        at++;
    if (*at++ >= 0x80) /* the timestamp delta has more than 5 bytes */
        return false;
    if (!step_over(&at, bus_zigzag32(delta)))
        return false;
    if (*at == 1) /* a null key */
        at++;
    else {
        uint32_t key_size;
        if (!read_short(&at, &key_size) || key_size > end - at)
            return false;
        at += key_size;
        if (cursor->end - at < 2)
            return false;
    }
    if (!read_short(&at, &value_size) || end - at != (int64_t)value_size + 1 || end[-1] != 0)
        return false;
    cursor->at = end;
    return true;
}

int bus_records_check(struct bus_span records, int32_t count) {
    struct bus_cursor cursor = bus_cursor_of(records.data, records.size);
    for (int32_t i = 0; i < count; i++) {
        struct bus_record record;
        if (BUS_LIKELY(skip_plain(&cursor, i)))
            continue;
        if (!bus_read_record(&cursor, &record))
            return BUS_ERR_RECORD;
        if (record.offset_delta != i)
            return BUS_ERR_DELTA;
    }
    return cursor.at == cursor.end ? BUS_OK : BUS_ERR_LEFTOVER;
}

static inline void write_span(int64_t *to, int64_t buffer, int64_t start, int64_t size) {
    bool null = size < 0;
    to[0] = null ? -1 : buffer;
    to[1] = null ? -1 : start;
    to[2] = null ? -1 : start + size;
}

static inline void write_row(int64_t row, const struct bus_record *record, const uint8_t *records,
                             const struct bus_origin *origin, const struct bus_columns *columns) {
    int64_t zero = origin->buffer_offset;
    if (columns->offsets)
        columns->offsets[row] = bus_add64(origin->base_offset, record->offset_delta);
    if (columns->timestamps)
        columns->timestamps[row] = origin->append_timestamp >= 0
                                       ? origin->append_timestamp
                                       : bus_add64(origin->base_timestamp, record->timestamp_delta);
    if (columns->key_spans)
        write_span(columns->key_spans + 3 * row, origin->buffer_index,
                   zero + (record->key - records), record->key_size);
    if (columns->value_spans)
        write_span(columns->value_spans + 3 * row, origin->buffer_index,
                   zero + (record->value - records), record->value_size);
    if (columns->header_spans)
        write_span(columns->header_spans + 3 * row, origin->buffer_index,
                   zero + (record->headers - records), record->end - record->headers);
}

int bus_records_walk(struct bus_span records, int32_t count, const struct bus_origin *origin,
                     const struct bus_columns *columns) {
    struct bus_cursor cursor = bus_cursor_of(records.data, records.size);
    struct bus_columns to = *columns; /* a copy: the compiler sees that no row changes it */
    struct bus_origin from = *origin;
    int32_t delta = -1;
    for (int32_t row = 0; row < count; row++) {
        struct bus_record record;
        if (!bus_read_record(&cursor, &record))
            return BUS_ERR_RECORD;
        if (record.offset_delta <= delta)
            return BUS_ERR_DELTA;
        delta = record.offset_delta;
        write_row(row, &record, records.data, &from, &to);
    }
    return cursor.at == cursor.end ? BUS_OK : BUS_ERR_LEFTOVER;
}

/* record.c: go through the records of a batch: to check them, or to open them into columns. */
#include "record.h"
#include "core.h"

int bus_records_check(struct bus_span records, int32_t count) {
    struct bus_cursor cursor = bus_cursor_of(records.data, records.size);
    for (int32_t i = 0; i < count; i++) {
        struct bus_record record;
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

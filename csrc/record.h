/* record.h: read one record of a RecordBatch v2 through the bounded cursor.
 *
 *   field            coding
 *   length           varint    bytes that follow
 *   attributes       int8      unused
 *   timestamp delta  varlong   ms since the batch's base timestamp
 *   offset delta     varint
 *   key length       varint    -1 is null
 *   key
 *   value length     varint    -1 is null
 *   value
 *   header count     varint
 *   headers          each: key length varint, key (UTF-8), value length varint or -1, value
 *
 * A record is valid when its fields end exactly where its length says. protocol: Record. */
#ifndef BUS_RECORD_H
#define BUS_RECORD_H

#include "core.h"
#include "layout.h"
#include "varint.h"

/* One record; the pointers lead into the batch. A null key or value has size -1. */
struct bus_record {
    const uint8_t *key;
    const uint8_t *value;
    const uint8_t *rest;    /* from the key's length on */
    const uint8_t *headers; /* the header list, count included; it ends with the record */
    const uint8_t *end;
    int64_t timestamp_delta;
    int32_t offset_delta;
    int32_t key_size;
    int32_t value_size;
};

/* Read a length and the bytes after it; -1 is null if `nullable`. */
static inline bool bus_read_bytes(struct bus_cursor *cursor, bool nullable, const uint8_t **start,
                                  int32_t *size) {
    if (!bus_read_varint(cursor, size))
        return false;
    if (*size < 0) {
        *start = cursor->at;
        return nullable && *size == -1;
    }
    return bus_take(cursor, *size, start);
}

/* Step over a header list. False unless it is whole and well formed. */
static inline bool bus_skip_headers(struct bus_cursor *cursor) {
    int32_t count, size;
    const uint8_t *start;
    if (!bus_read_varint(cursor, &count) || count < 0)
        return false;
    for (int32_t i = 0; i < count; i++) /* each takes two bytes or more, so the data bound it */
        if (!bus_read_bytes(cursor, false, &start, &size) ||
            !bus_read_bytes(cursor, true, &start, &size))
            return false;
    return true;
}

/* Read the next record and step over it. False unless it is whole and its fields end at its end. */
static inline bool bus_read_record(struct bus_cursor *cursor, struct bus_record *record) {
    int32_t size;
    const uint8_t *start;
    if (!bus_read_varint(cursor, &size) || !bus_take(cursor, size, &start))
        return false;
    struct bus_cursor body = {start, start + size};
    const uint8_t *attributes;
    if (!bus_take(&body, 1, &attributes) || !bus_read_varlong(&body, &record->timestamp_delta) ||
        !bus_read_varint(&body, &record->offset_delta))
        return false;
    record->rest = body.at;
    if (!bus_read_bytes(&body, true, &record->key, &record->key_size) ||
        !bus_read_bytes(&body, true, &record->value, &record->value_size))
        return false;
    record->headers = body.at;
    record->end = body.end;
    return bus_skip_headers(&body) && body.at == body.end;
}

/* As `bus_read_record`, of a batch that may lack offsets: deltas rise, up to the header's last.
 * `delta` is that of the record before, -1 at first. BUS_OK or a negative error. */
static inline int bus_next_record(struct bus_cursor *cursor, const struct bus_header *header,
                                  int32_t *delta, struct bus_record *record) {
    if (!bus_read_record(cursor, record))
        return BUS_ERR_RECORD;
    if (record->offset_delta <= *delta || record->offset_delta > header->last_offset_delta)
        return BUS_ERR_DELTA;
    *delta = record->offset_delta;
    return BUS_OK;
}

#endif

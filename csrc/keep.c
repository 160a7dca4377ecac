/* keep.c: see keep.h. */
#include "keep.h"
#include "record.h"

static inline bool stays(const struct bus_record *record, const struct bus_header *header,
                         const struct bus_keep *keep) {
    int64_t offset = bus_add64(header->base_offset, record->offset_delta);
    if (offset >= keep->below)
        return true;
    if (record->key_size < 0)
        return false;
    if (keep->newest->count > 0) {
        struct bus_fingerprint key =
            bus_fingerprint(keep->newest->secret, record->key, record->key_size);
        if (offset < bus_keymap_number(bus_keymap_find(keep->newest, key)))
            return false;
    }
    bool is_due = (header->attributes & BUS_HORIZON_FLAG) && header->base_timestamp <= keep->now;
    return record->value_size >= 0 || !is_due;
}

int bus_keep_measure(struct bus_span records, const struct bus_header *header,
                     const struct bus_keep *keep, struct bus_kept *kept) {
    struct bus_cursor cursor = bus_cursor_of(records.data, records.size);
    struct bus_kept found = {0, -1, 0, 0};
    int32_t delta = -1;
    for (int32_t i = 0; i < header->count; i++) {
        const uint8_t *start = cursor.at;
        struct bus_record record;
        int result = bus_next_record(&cursor, header, &delta, &record);
        if (result != BUS_OK)
            return result;
        if (!stays(&record, header, keep))
            continue;
        int64_t timestamp = bus_add64(header->base_timestamp, record.timestamp_delta);
        found.max_timestamp = timestamp > found.max_timestamp ? timestamp : found.max_timestamp;
        found.size += record.end - start;
        found.count++;
        found.tombstones += record.value_size < 0;
    }
    if (header->attributes & BUS_APPEND_TIME_FLAG)
        found.max_timestamp = header->max_timestamp;
    *kept = found;
    return cursor.at == cursor.end ? BUS_OK : BUS_ERR_LEFTOVER;
}

/* A record whose timestamp counts from `horizon`. */
static uint8_t *write_from(uint8_t *to, const struct bus_record *record, int64_t base_timestamp,
                           int64_t horizon) {
    uint64_t distance = (uint64_t)base_timestamp - (uint64_t)horizon;
    uint64_t delta = bus_zigzag64((int64_t)((uint64_t)record->timestamp_delta + distance));
    int64_t rest = record->end - record->rest;
    int64_t body =
        1 + bus_varint_size(delta) + bus_varint_size(bus_zigzag32(record->offset_delta)) + rest;
    to = bus_write_raw(to, (uint64_t)body << 1);
    *to++ = 0; /* attributes: unused */
    to = bus_write_raw(to, delta);
    to = bus_write_raw(to, bus_zigzag32(record->offset_delta));
    memcpy(to, record->rest, (size_t)rest);
    return to + rest;
}

int64_t bus_keep_write(struct bus_span records, const struct bus_header *header,
                       const struct bus_keep *keep, int64_t horizon, uint8_t *to) {
    struct bus_cursor cursor = bus_cursor_of(records.data, records.size);
    uint8_t *at = to;
    for (int32_t i = 0; i < header->count; i++) {
        const uint8_t *start = cursor.at;
        struct bus_record record;
        bool is_whole = bus_read_record(&cursor, &record);
        BUS_ASSERT(is_whole);
        if (!stays(&record, header, keep))
            continue;
        if (horizon != BUS_NO_HORIZON) {
            at = write_from(at, &record, header->base_timestamp, horizon);
        } else {
            memcpy(at, start, (size_t)(record.end - start));
            at += record.end - start;
        }
    }
    return at - to;
}

/* All fields but the CRC. */
static void write_header(uint8_t *to, const struct bus_header *header) {
    bus_store64(to + BUS_AT_BASE_OFFSET, header->base_offset);
    bus_store32(to + BUS_AT_LENGTH, (int32_t)(header->size - BUS_LENGTH_ORIGIN));
    bus_store32(to + BUS_AT_LEADER_EPOCH, header->leader_epoch);
    to[BUS_AT_MAGIC] = BUS_MAGIC;
    bus_store32(to + BUS_AT_CRC, 0);
    bus_store16(to + BUS_AT_ATTRIBUTES, header->attributes);
    bus_store32(to + BUS_AT_LAST_OFFSET_DELTA, header->last_offset_delta);
    bus_store64(to + BUS_AT_BASE_TIMESTAMP, header->base_timestamp);
    bus_store64(to + BUS_AT_MAX_TIMESTAMP, header->max_timestamp);
    bus_store64(to + BUS_AT_PRODUCER_ID, header->producer_id);
    bus_store16(to + BUS_AT_PRODUCER_EPOCH, header->producer_epoch);
    bus_store32(to + BUS_AT_BASE_SEQUENCE, header->base_sequence);
    bus_store32(to + BUS_AT_COUNT, header->count);
}

void bus_keep_header(uint8_t *batch, int64_t size, const struct bus_header *header, int codec,
                     int64_t horizon, const struct bus_kept *kept) {
    struct bus_header changed = *header;
    changed.size = size;
    changed.attributes = (int16_t)((header->attributes & ~BUS_CODEC_MASK) | codec);
    changed.max_timestamp = kept->max_timestamp;
    changed.count = kept->count;
    if (horizon != BUS_NO_HORIZON) {
        changed.attributes = (int16_t)(changed.attributes | BUS_HORIZON_FLAG);
        changed.base_timestamp = horizon;
    }
    write_header(batch, &changed);
}

void bus_keep_empty(uint8_t *batch, int64_t base_offset, int64_t end_offset, int32_t leader_epoch,
                    const struct bus_header *like) {
    BUS_ASSERT(end_offset > base_offset && end_offset - base_offset <= INT32_MAX);
    struct bus_header header = {.producer_id = -1, .producer_epoch = -1, .base_sequence = -1};
    if (like)
        header = *like;
    header.base_offset = base_offset;
    header.size = BUS_HEADER_SIZE;
    header.leader_epoch = leader_epoch;
    header.last_offset_delta = (int32_t)(end_offset - base_offset - 1);
    header.attributes = (int16_t)(header.attributes & BUS_APPEND_TIME_FLAG);
    header.base_timestamp = header.max_timestamp = -1;
    header.count = 0;
    write_header(batch, &header);
    bus_batch_seal(batch, BUS_HEADER_SIZE);
}

void bus_keep_extend(uint8_t *batch, int64_t size, int64_t end_offset) {
    int64_t delta = end_offset - bus_load64(batch + BUS_AT_BASE_OFFSET) - 1;
    BUS_ASSERT(delta >= bus_load32(batch + BUS_AT_LAST_OFFSET_DELTA) && delta < INT32_MAX);
    bus_store32(batch + BUS_AT_LAST_OFFSET_DELTA, (int32_t)delta);
    bus_batch_seal(batch, size);
}

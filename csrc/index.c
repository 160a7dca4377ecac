/* index.c: the two sparse indexes of a segment, in Kafka's file formats.
 *
 * Offset index, entries of 8 bytes:
 *   byte  size  field
 *      0     4  relative offset   last offset of a batch - base offset of the segment
 *      4     4  position          of that batch, bytes from the start of the data file
 *
 * Time index, entries of 12 bytes:
 *   byte  size  field
 *      0     8  timestamp         no record up to the offset below is later
 *      8     4  relative offset   last offset of the batch that holds this maximum
 *
 * Big endian. Entries ascend strictly in offset and position, and in timestamp (its offsets ascend
 * too). Entries are sparse: a lookup gives a place to walk from. Nothing here is checksummed,
 * because nothing here is unique: a bad index is rebuilt from the data. */
#include "core.h"

enum { OFFSET_ENTRY = 8, TIME_ENTRY = 12 };

int64_t bus_offset_index_check(struct bus_span file) {
    if (file.size % OFFSET_ENTRY)
        return BUS_ERR_ORDER;
    int64_t offset = -1, position = -1;
    for (int64_t at = 0; at < file.size; at += OFFSET_ENTRY) {
        int32_t next_offset = bus_load32(file.data + at);
        int32_t next_position = bus_load32(file.data + at + 4);
        if (next_offset <= offset || next_position <= position)
            return BUS_ERR_ORDER;
        offset = next_offset;
        position = next_position;
    }
    return file.size / OFFSET_ENTRY;
}

int64_t bus_offset_index_floor(const uint8_t *entries, int64_t count, int64_t relative_offset) {
    int64_t low = 0, high = count; /* entries below `low` are at or below it, from `high` above */
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (bus_load32(entries + middle * OFFSET_ENTRY) <= relative_offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t bus_time_index_check(struct bus_span file) {
    if (file.size % TIME_ENTRY)
        return BUS_ERR_ORDER;
    int64_t timestamp = INT64_MIN, offset = -1;
    for (int64_t at = 0; at < file.size; at += TIME_ENTRY) {
        int64_t next_timestamp = bus_load64(file.data + at);
        int32_t next_offset = bus_load32(file.data + at + 8);
        if (next_timestamp < 0 || next_timestamp <= timestamp || next_offset <= offset)
            return BUS_ERR_ORDER;
        timestamp = next_timestamp;
        offset = next_offset;
    }
    return file.size / TIME_ENTRY;
}

int64_t bus_time_index_floor(const uint8_t *entries, int64_t count, int64_t timestamp) {
    int64_t low = 0, high = count; /* entries below `low` are earlier, from `high` on not */
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (bus_load64(entries + middle * TIME_ENTRY) < timestamp)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

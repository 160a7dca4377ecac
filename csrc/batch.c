/* batch.c: headers and checksums of batches, one by one and back to back (layout.h has the bytes).
 *
 * Invariant: no byte outside the given span is read, whatever a header claims. */
#include "core.h"

int64_t bus_header_read(struct bus_span data, int64_t position, struct bus_header *header) {
    BUS_ASSERT(position >= 0 && position <= data.size);
    struct bus_cursor cursor = bus_cursor_of(data.data + position, data.size - position);
    const uint8_t *at, *records;
    if (!bus_take(&cursor, BUS_HEADER_SIZE, &at))
        return BUS_ERR_SHORT;
    if (at[BUS_AT_MAGIC] != BUS_MAGIC)
        return BUS_ERR_MAGIC;
    *header = (struct bus_header){
        .base_offset = bus_load64(at + BUS_AT_BASE_OFFSET),
        .size = (int64_t)bus_load32(at + BUS_AT_LENGTH) + BUS_LENGTH_ORIGIN,
        .base_timestamp = bus_load64(at + BUS_AT_BASE_TIMESTAMP),
        .max_timestamp = bus_load64(at + BUS_AT_MAX_TIMESTAMP),
        .producer_id = bus_load64(at + BUS_AT_PRODUCER_ID),
        .leader_epoch = bus_load32(at + BUS_AT_LEADER_EPOCH),
        .last_offset_delta = bus_load32(at + BUS_AT_LAST_OFFSET_DELTA),
        .base_sequence = bus_load32(at + BUS_AT_BASE_SEQUENCE),
        .count = bus_load32(at + BUS_AT_COUNT),
        .crc = (uint32_t)bus_load32(at + BUS_AT_CRC),
        .attributes = bus_load16(at + BUS_AT_ATTRIBUTES),
        .producer_epoch = bus_load16(at + BUS_AT_PRODUCER_EPOCH),
    };
    if (header->size < BUS_HEADER_SIZE)
        return BUS_ERR_SIZE;
    if (header->count < 0 || header->last_offset_delta < 0)
        return BUS_ERR_COUNT;
    if (!bus_take(&cursor, header->size - BUS_HEADER_SIZE, &records))
        return BUS_ERR_SHORT;
    return header->size;
}

bool bus_crc_matches(const uint8_t *batch, const struct bus_header *header) {
    return header->crc ==
           bus_crc32c(0, batch + BUS_AT_ATTRIBUTES, header->size - BUS_AT_ATTRIBUTES);
}

/* What is wrong with uncompressed records of which some may be missing; OK if nothing is. */
static int check_sparse(struct bus_span records, const struct bus_header *header) {
    struct bus_columns none = {NULL, NULL, NULL, NULL, NULL};
    struct bus_origin origin = {0, 0, -1, 0, 0};
    return bus_records_walk(records, header->count, &origin, &none);
}

int64_t bus_batch_check(struct bus_span data, int64_t position, bool dense,
                        struct bus_header *header) {
    int64_t size = bus_header_read(data, position, header);
    if (size < 0)
        return size;
    uint8_t *batch = data.data + position;
    int codec = header->attributes & BUS_CODEC_MASK;
    if (codec > BUS_CODEC_MAX)
        return BUS_ERR_CODEC;
    if (header->count - 1 > header->last_offset_delta ||
        (dense && header->count - 1 != header->last_offset_delta))
        return BUS_ERR_COUNT;
    if (!bus_crc_matches(batch, header))
        return BUS_ERR_CRC;
    if (codec == 0) {
        struct bus_span records = {batch + BUS_HEADER_SIZE, size - BUS_HEADER_SIZE};
        int result =
            dense ? bus_records_check(records, header->count) : check_sparse(records, header);
        if (result != BUS_OK)
            return result;
    }
    return size;
}

void bus_batch_stamp(uint8_t *batch, int64_t base_offset, int32_t leader_epoch) {
    bus_store64(batch + BUS_AT_BASE_OFFSET, base_offset);
    bus_store32(batch + BUS_AT_LEADER_EPOCH, leader_epoch);
}

void bus_batch_seal(uint8_t *batch, int64_t size) {
    BUS_ASSERT(size >= BUS_HEADER_SIZE);
    uint32_t crc = bus_crc32c(0, batch + BUS_AT_ATTRIBUTES, size - BUS_AT_ATTRIBUTES);
    bus_store32(batch + BUS_AT_CRC, (int32_t)crc);
}

int64_t bus_first_nonzero(struct bus_span data, int64_t position) {
    BUS_ASSERT(position >= 0 && position <= data.size);
    enum { STEP = 64 };
    for (; data.size - position >= STEP; position += STEP) {
        uint64_t words[STEP / 8], any = 0;
        memcpy(words, data.data + position, STEP);
        for (int i = 0; i < STEP / 8; i++)
            any |= words[i];
        if (any)
            break;
    }
    while (position < data.size && data.data[position] == 0)
        position++;
    return position;
}

/* Whether no batch begins at `position`: the header there is all zeroes, or nothing is left. */
static bool is_blank(struct bus_span data, int64_t position) {
    struct bus_span rest = data;
    if (data.size - position > BUS_HEADER_SIZE)
        rest.size = position + BUS_HEADER_SIZE;
    return bus_first_nonzero(rest, position) == rest.size;
}

/* What is wrong with a batch that should follow `scan`; OK if nothing is. */
static int check_next(struct bus_span data, const struct bus_scan *scan,
                      struct bus_header *header) {
    int64_t size = bus_header_read(data, scan->position, header);
    if (size < 0)
        return is_blank(data, scan->position) ? BUS_ERR_END : (int)size;
    if ((header->attributes & BUS_CODEC_MASK) > BUS_CODEC_MAX)
        return BUS_ERR_CODEC;
    if (header->count - 1 > header->last_offset_delta) /* compaction leaves fewer, never more */
        return BUS_ERR_COUNT;
    if (scan->contiguous ? header->base_offset != scan->end_offset
                         : header->base_offset < scan->end_offset)
        return BUS_ERR_GAP;
    if (header->base_offset > INT64_MAX - header->last_offset_delta - 1)
        return BUS_ERR_GAP;
    if (header->leader_epoch < scan->leader_epoch)
        return BUS_ERR_EPOCH;
    return bus_crc_matches(data.data + scan->position, header) ? BUS_OK : BUS_ERR_CRC;
}

int64_t bus_scan_next(struct bus_span data, struct bus_scan *scan, struct bus_header *headers,
                      int64_t headers_max, int *stop) {
    BUS_ASSERT(scan->position >= 0 && scan->position <= data.size);
    int64_t passed = 0;
    *stop = BUS_OK;
    while (passed < headers_max && scan->position < data.size) {
        struct bus_header *header = &headers[passed];
        *stop = check_next(data, scan, header);
        if (*stop != BUS_OK)
            break;
        scan->position += header->size;
        scan->end_offset = header->base_offset + header->last_offset_delta + 1;
        scan->leader_epoch = header->leader_epoch;
        if (header->max_timestamp > scan->max_timestamp) {
            scan->max_timestamp = header->max_timestamp;
            scan->max_timestamp_offset = scan->end_offset - 1;
        }
        passed++;
    }
    return passed;
}

/* Size of the batch at `position` and the offset where it ends; 0 at the blank end. */
static int64_t step(struct bus_span data, int64_t position, int64_t *end_offset) {
    struct bus_header header;
    int64_t size = bus_header_read(data, position, &header);
    if (size < 0)
        return is_blank(data, position) ? 0 : size;
    *end_offset = bus_add64(header.base_offset, (int64_t)header.last_offset_delta + 1);
    return size;
}

int bus_find(struct bus_span data, int64_t *position, int64_t offset) {
    while (*position < data.size) {
        int64_t end_offset;
        int64_t size = step(data, *position, &end_offset);
        if (size < 0)
            return (int)size;
        if (size == 0)
            break;
        if (end_offset > offset)
            return BUS_OK;
        *position += size;
    }
    *position = data.size;
    return BUS_OK;
}

int64_t bus_slice_end(struct bus_span data, int64_t position, int64_t size_max, int64_t below,
                      int64_t *end_offset) {
    int64_t start = position, batch_end;
    *end_offset = -1;
    while (position < data.size) {
        int64_t size = step(data, position, &batch_end);
        if (size < 0 && position == start)
            return size;
        if (size <= 0 || batch_end > below)
            break;
        if (position > start && size > size_max - (position - start))
            break;
        position += size;
        *end_offset = batch_end;
    }
    return position;
}

const char *bus_reason(int64_t result) {
    switch (result) {
    case BUS_ERR_SHORT:
        return "the data end before the batch does";
    case BUS_ERR_MAGIC:
        return "its format is not RecordBatch v2";
    case BUS_ERR_SIZE:
        return "its length is less than a header's";
    case BUS_ERR_CRC:
        return "its checksum does not match";
    case BUS_ERR_CODEC:
        return "its compression is unknown";
    case BUS_ERR_COUNT:
        return "its count and last offset delta contradict each other";
    case BUS_ERR_RECORD:
        return "a record in it does not end where its length says";
    case BUS_ERR_DELTA:
        return "its offset deltas do not ascend one by one";
    case BUS_ERR_LEFTOVER:
        return "bytes remain behind its last record";
    case BUS_ERR_GAP:
        return "its base offset is not the one that must follow";
    case BUS_ERR_EPOCH:
        return "its leader epoch is older than the one before";
    case BUS_ERR_FULL:
        return "there is no room for it";
    case BUS_ERR_ORDER:
        return "its entries do not ascend, or end midway";
    case BUS_ERR_ARGUMENT:
        return "an array contradicts itself";
    case BUS_ERR_TOO_LARGE:
        return "it would take 2 GiB or more";
    default:
        return "it is damaged";
    }
}

/* builder.c: fill a batch from arrays, finish its header, and hash keys to partitions. */
#include "builder.h"
#include "core.h"

/* Arrow's view of one value. Invariant: up to 12 bytes stand in the view itself. */
enum { VIEW_SIZE = 16, VIEW_INLINE = 12, VIEW_DATA = 4, VIEW_BUFFER = 8, VIEW_OFFSET = 12 };

static const struct bus_bytes NULL_BYTES = {NULL, -1};

static inline bool is_null(const struct bus_rows *rows, int64_t row) {
    int64_t bit = rows->bit_offset + row;
    return rows->validity && !(rows->validity[bit >> 3] >> (bit & 7) & 1);
}

/* `size` bytes at `start` of a buffer; false unless they lie in it. */
static inline bool slice(struct bus_bytes buffer, int64_t start, int64_t size,
                         struct bus_bytes *value) {
    if (start < 0 || size < 0 || size > buffer.size || start > buffer.size - size)
        return false;
    *value = (struct bus_bytes){buffer.data + start, size};
    return true;
}

static inline bool view_value(const struct bus_rows *rows, int64_t row, struct bus_bytes *value) {
    const uint8_t *view = rows->rows + row * VIEW_SIZE;
    int32_t size, buffer, offset;
    memcpy(&size, view, sizeof size);
    if (size <= VIEW_INLINE) {
        *value = (struct bus_bytes){view + VIEW_DATA, size};
        return size >= 0;
    }
    memcpy(&buffer, view + VIEW_BUFFER, sizeof buffer);
    memcpy(&offset, view + VIEW_OFFSET, sizeof offset);
    return buffer >= 0 && buffer < rows->buffers_count &&
           slice(rows->buffers[buffer], offset, size, value);
}

/* The value of one row; false if the arrays contradict themselves. */
static inline bool row_value(const struct bus_rows *rows, enum bus_rows_kind kind, int64_t row,
                             struct bus_bytes *value) {
    int32_t narrow[2];
    int64_t wide[2], width = rows->width;
    const uint8_t *fixed = rows->rows + row * width;
    switch (kind) {
    case BUS_ROWS_SPANS:
        *value = ((const struct bus_bytes *)(const void *)rows->rows)[row];
        return true;
    case BUS_ROWS_STRIPPED:
        while (width > 0 && fixed[width - 1] == 0)
            width--;
        *value = (struct bus_bytes){fixed, width};
        return true;
    case BUS_ROWS_FIXED:
        *value = (struct bus_bytes){fixed, width};
        return true;
    case BUS_ROWS_OFFSETS32:
        memcpy(narrow, rows->rows + row * (int64_t)sizeof narrow[0], sizeof narrow);
        return slice(rows->buffers[0], narrow[0], (int64_t)narrow[1] - narrow[0], value);
    case BUS_ROWS_OFFSETS64:
        memcpy(wide, rows->rows + row * (int64_t)sizeof wide[0], sizeof wide);
        return wide[0] >= 0 && wide[1] >= wide[0] &&
               slice(rows->buffers[0], wide[0], wide[1] - wide[0], value);
    case BUS_ROWS_VIEWS:
        return view_value(rows, row, value);
    }
    return false;
}

/* Inlined once for each kind, so that no row asks what kind it is. */
__attribute__((always_inline)) static inline int64_t fill(struct bus_builder *builder,
                                                          const struct bus_rows *rows,
                                                          enum bus_rows_kind kind, int64_t start,
                                                          int64_t stop) {
    struct bus_builder local = *builder; /* kept in registers */
    int64_t row = start;
    int result = BUS_OK;
    for (; row < stop; row++) {
        struct bus_bytes value = NULL_BYTES;
        if (!is_null(rows, row) && !row_value(rows, kind, row, &value)) {
            result = BUS_ERR_ARGUMENT;
            break;
        }
        result =
            bus_builder_append(&local, rows->timestamps ? rows->timestamps[row] : rows->timestamp,
                               rows->keys ? rows->keys[row] : NULL_BYTES, value, NULL_BYTES);
        if (BUS_UNLIKELY(result != BUS_OK))
            break;
    }
    *builder = local;
    bool ends_batch = result == BUS_ERR_FULL || result == BUS_ERR_TOO_LARGE;
    return result == BUS_OK || (ends_batch && local.count > 0) ? row : result;
}

int64_t bus_builder_fill(struct bus_builder *builder, const struct bus_rows *rows, int64_t start,
                         int64_t stop) {
    switch (rows->kind) {
    case BUS_ROWS_SPANS:
        return fill(builder, rows, BUS_ROWS_SPANS, start, stop);
    case BUS_ROWS_FIXED:
        return fill(builder, rows, BUS_ROWS_FIXED, start, stop);
    case BUS_ROWS_STRIPPED:
        return fill(builder, rows, BUS_ROWS_STRIPPED, start, stop);
    case BUS_ROWS_OFFSETS32:
        return fill(builder, rows, BUS_ROWS_OFFSETS32, start, stop);
    case BUS_ROWS_OFFSETS64:
        return fill(builder, rows, BUS_ROWS_OFFSETS64, start, stop);
    case BUS_ROWS_VIEWS:
        return fill(builder, rows, BUS_ROWS_VIEWS, start, stop);
    }
    return BUS_ERR_ARGUMENT;
}

void bus_builder_finish(struct bus_builder *builder) {
    uint8_t *at = builder->data;
    BUS_ASSERT(builder->count > 0);
    bus_store64(at + BUS_AT_BASE_OFFSET, 0);
    bus_store32(at + BUS_AT_LENGTH, (int32_t)(builder->size - BUS_LENGTH_ORIGIN));
    bus_store32(at + BUS_AT_LEADER_EPOCH, -1);
    at[BUS_AT_MAGIC] = BUS_MAGIC;
    bus_store32(at + BUS_AT_CRC, 0);
    bus_store16(at + BUS_AT_ATTRIBUTES, 0);
    bus_store32(at + BUS_AT_LAST_OFFSET_DELTA, builder->count - 1);
    bus_store64(at + BUS_AT_BASE_TIMESTAMP, builder->base_timestamp);
    bus_store64(at + BUS_AT_MAX_TIMESTAMP, builder->max_timestamp);
    bus_store64(at + BUS_AT_PRODUCER_ID, -1);
    bus_store16(at + BUS_AT_PRODUCER_EPOCH, -1);
    bus_store32(at + BUS_AT_BASE_SEQUENCE, -1);
    bus_store32(at + BUS_AT_COUNT, builder->count);
}

void bus_batch_replace(uint8_t *to, const uint8_t *batch, int codec, struct bus_bytes records) {
    BUS_ASSERT(records.size >= 0 && records.size <= BUS_SIZE_MAX - BUS_HEADER_SIZE);
    int attributes = bus_load16(batch + BUS_AT_ATTRIBUTES) & ~BUS_CODEC_MASK;
    memcpy(to, batch, BUS_HEADER_SIZE);
    bus_store16(to + BUS_AT_ATTRIBUTES, (int16_t)(attributes | codec));
    bus_store32(to + BUS_AT_LENGTH, (int32_t)(BUS_HEADER_SIZE - BUS_LENGTH_ORIGIN + records.size));
    bus_store32(to + BUS_AT_CRC, 0);
    memcpy(to + BUS_HEADER_SIZE, records.data, (size_t)records.size);
}

int32_t bus_murmur2(const uint8_t *data, int64_t size) {
    const uint32_t factor = 0x5bd1e995;
    uint32_t hash = 0x9747b28c ^ (uint32_t)size;
    for (; size >= 4; data += 4, size -= 4) {
        uint32_t word =
            data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
        word *= factor;
        word ^= word >> 24;
        hash = hash * factor ^ word * factor;
    }
    if (size > 0) {
        for (int64_t i = 0; i < size; i++)
            hash ^= (uint32_t)data[i] << (8 * i);
        hash *= factor;
    }
    hash ^= hash >> 13;
    hash *= factor;
    return (int32_t)(hash ^ hash >> 15);
}

/* builder.h: write records into a RecordBatch v2 (layout.h, record.h have the bytes).
 *
 * A builder writes into memory that its caller owns and may move between calls. The header's
 * 61 bytes are left free and filled by bus_builder_finish.
 *
 * Invariant: BUS_HEADER_SIZE <= size <= capacity. */
#ifndef BUS_BUILDER_H
#define BUS_BUILDER_H

#include "layout.h"
#include "varint.h"

/* Borrowed bytes to be written; size -1 is null. */
struct bus_bytes {
    const uint8_t *data;
    int64_t size;
};

struct bus_builder {
    uint8_t *data;
    int64_t capacity;       /* bytes that may be used */
    int64_t size;           /* bytes used, header included */
    int64_t needed;         /* after FULL: the capacity that would have done */
    int64_t base_timestamp; /* of the first record */
    int64_t max_timestamp;
    int32_t count;
};

/* How the values of many rows lie in memory. */
enum bus_rows_kind {
    BUS_ROWS_SPANS,     /* struct bus_bytes[n] */
    BUS_ROWS_FIXED,     /* n rows of `width` bytes (NumPy V) */
    BUS_ROWS_STRIPPED,  /* the same without the zeroes that end a row (NumPy S) */
    BUS_ROWS_OFFSETS32, /* Arrow binary: int32[n + 1] into one buffer */
    BUS_ROWS_OFFSETS64, /* Arrow large binary: int64[n + 1] */
    BUS_ROWS_VIEWS,     /* Arrow binary view: 16 bytes a row, into several buffers */
};

struct bus_rows {
    enum bus_rows_kind kind;
    const uint8_t *rows;             /* the array that `kind` tells of */
    int64_t width;                   /* of a fixed row */
    const struct bus_bytes *buffers; /* what offsets and views lead into */
    int64_t buffers_count;
    const uint8_t *validity; /* bitmap, low bit first; NULL: no nulls */
    int64_t bit_offset;      /* of row 0 in it */
    const struct bus_bytes *keys;
    const int64_t *timestamps; /* NULL: `timestamp` for all */
    int64_t timestamp;
};

static inline int64_t bus_bytes_size(struct bus_bytes bytes) {
    return bytes.size < 0 ? 1 : bus_varint_size(bus_zigzag32((int32_t)bytes.size)) + bytes.size;
}

static inline uint8_t *bus_write_bytes(uint8_t *at, struct bus_bytes bytes) {
    at = bus_write_raw(at, bus_zigzag32((int32_t)bytes.size));
    if (bytes.size <= 0)
        return at;
    memcpy(at, bytes.data, (size_t)bytes.size);
    return at + bytes.size;
}

/* Begin a batch in `capacity` bytes at `data`. */
static inline struct bus_builder bus_builder_begin(uint8_t *data, int64_t capacity) {
    return (struct bus_builder){.data = data, .capacity = capacity, .size = BUS_HEADER_SIZE};
}

/* Add a record; `headers` is the coded header list, count included, or null for none. OK, or with
 * nothing written FULL (`needed` is set) or TOO_LARGE. */
__attribute__((always_inline)) static inline int
bus_builder_append(struct bus_builder *builder, int64_t timestamp, struct bus_bytes key,
                   struct bus_bytes value, struct bus_bytes headers) {
    if (BUS_UNLIKELY(key.size > BUS_SIZE_MAX || value.size > BUS_SIZE_MAX ||
                     headers.size > BUS_SIZE_MAX))
        return BUS_ERR_TOO_LARGE;
    if (builder->count == 0)
        builder->base_timestamp = builder->max_timestamp = timestamp;
    uint64_t delta =
        bus_zigzag64((int64_t)((uint64_t)timestamp - (uint64_t)builder->base_timestamp));
    int64_t body = 1 + bus_varint_size(delta) + bus_varint_size(bus_zigzag32(builder->count)) +
                   bus_bytes_size(key) + bus_bytes_size(value) +
                   (headers.size < 0 ? 1 : headers.size);
    int64_t end = builder->size + bus_varint_size((uint64_t)body << 1) + body;
    if (BUS_UNLIKELY(end > builder->capacity)) {
        builder->needed = end;
        return end > BUS_SIZE_MAX ? BUS_ERR_TOO_LARGE : BUS_ERR_FULL;
    }
    uint8_t *at = bus_write_raw(builder->data + builder->size, (uint64_t)body << 1);
    *at++ = 0; /* attributes: unused */
    at = bus_write_raw(at, delta);
    at = bus_write_raw(at, bus_zigzag32(builder->count));
    at = bus_write_bytes(at, key);
    at = bus_write_bytes(at, value);
    if (headers.size < 0) {
        *at++ = 0;
    } else {
        memcpy(at, headers.data, (size_t)headers.size);
        at += headers.size;
    }
    BUS_ASSERT(at == builder->data + end);
    builder->size = end;
    builder->count++;
    if (timestamp > builder->max_timestamp)
        builder->max_timestamp = timestamp;
    return BUS_OK;
}

/* Add rows [start, stop) while they fit. Returns the first row not written; FULL or TOO_LARGE if
 * that is a batch's first; ARGUMENT if the arrays contradict themselves. */
int64_t bus_builder_fill(struct bus_builder *builder, const struct bus_rows *rows, int64_t start,
                         int64_t stop);

/* Write the header: offset 0, no producer, no CRC. */
void bus_builder_finish(struct bus_builder *builder);

/* The same batch with its records replaced: `to` has BUS_HEADER_SIZE + records.size bytes. */
void bus_batch_replace(uint8_t *to, const uint8_t *batch, int codec, struct bus_bytes records);

#endif

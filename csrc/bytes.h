/* bytes.h: spans, the bounded cursor, big-endian loads and stores, and BUS_ASSERT.
 *
 * Peers' bytes are hostile: they are read through a cursor, which cannot pass its end. Loads and
 * stores below it take a pointer whose bounds the caller has just established. */
#ifndef BUS_BYTES_H
#define BUS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* For our own bugs only. Never compiled away: setuptools defines NDEBUG, which kills assert(). */
#define BUS_ASSERT(condition)                                                                      \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            __builtin_trap();                                                                      \
    } while (0)

#define BUS_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define BUS_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* Borrowed bytes; the owner keeps them alive until the call returns. */
struct bus_span {
    uint8_t *data;
    int64_t size;
};

/* What is left to read of borrowed bytes. Invariant: at <= end. */
struct bus_cursor {
    const uint8_t *at;
    const uint8_t *end;
};

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BUS_BE16(x) __builtin_bswap16(x)
#define BUS_BE32(x) __builtin_bswap32(x)
#define BUS_BE64(x) __builtin_bswap64(x)
#define BUS_LE64(x) (x)
#else
#define BUS_BE16(x) (x)
#define BUS_BE32(x) (x)
#define BUS_BE64(x) (x)
#define BUS_LE64(x) __builtin_bswap64(x)
#endif

static inline int16_t bus_load16(const uint8_t *at) {
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return (int16_t)BUS_BE16(value);
}

static inline int32_t bus_load32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return (int32_t)BUS_BE32(value);
}

static inline int64_t bus_load64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return (int64_t)BUS_BE64(value);
}

static inline void bus_store16(uint8_t *at, int16_t value) {
    uint16_t swapped = BUS_BE16((uint16_t)value);
    memcpy(at, &swapped, sizeof swapped);
}

static inline void bus_store32(uint8_t *at, int32_t value) {
    uint32_t swapped = BUS_BE32((uint32_t)value);
    memcpy(at, &swapped, sizeof swapped);
}

static inline void bus_store64(uint8_t *at, int64_t value) {
    uint64_t swapped = BUS_BE64((uint64_t)value);
    memcpy(at, &swapped, sizeof swapped);
}

/* Wrapping sum: hostile deltas must not be undefined behaviour. */
static inline int64_t bus_add64(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static inline struct bus_cursor bus_cursor_of(const uint8_t *data, int64_t size) {
    BUS_ASSERT(size >= 0);
    return (struct bus_cursor){data, data + size};
}

static inline int64_t bus_left(const struct bus_cursor *cursor) { return cursor->end - cursor->at; }

/* Step over `size` bytes; `*start` is where they begin. False, and no step, if they are not there
 * or `size` is negative. */
static inline bool bus_take(struct bus_cursor *cursor, int64_t size, const uint8_t **start) {
    if (BUS_UNLIKELY((uint64_t)size > (uint64_t)bus_left(cursor)))
        return false;
    *start = cursor->at;
    cursor->at += size;
    return true;
}

#endif

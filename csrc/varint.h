/* varint.h: the zigzag varints of Kafka records: 7 bits a byte, low bits first.
 *
 * An int32 has at most 5 bytes, an int64 at most 10; longer ones are refused, as are bits beyond
 * the type. Overlong forms of small numbers are read, as Kafka reads them, and never written. */
#ifndef BUS_VARINT_H
#define BUS_VARINT_H

#include "bytes.h"

static inline uint32_t bus_zigzag32(int32_t value) {
    return ((uint32_t)value << 1) ^ (value < 0 ? UINT32_MAX : 0);
}

static inline uint64_t bus_zigzag64(int64_t value) {
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

/* The general case of both readers: up to `bits` bits. False at the end of the data or beyond. */
static inline bool bus_read_raw(struct bus_cursor *cursor, unsigned bits, uint64_t *raw) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        if (cursor->at == cursor->end)
            return false;
        uint64_t byte = *cursor->at++;
        if (bits - shift < 7 && (byte & 0x7f) >> (bits - shift))
            return false;
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            *raw = value;
            return true;
        }
    }
    return false;
}

/* Read one signed 32-bit varint. False if it is cut short or too long. */
static inline bool bus_read_varint(struct bus_cursor *cursor, int32_t *value) {
    const uint8_t *at = cursor->at;
    uint32_t raw;
    if (BUS_LIKELY(cursor->end - at >= 2 && at[0] < 0x80)) {
        raw = at[0];
        cursor->at = at + 1;
    } else if (BUS_LIKELY(cursor->end - at >= 2 && at[1] < 0x80)) {
        raw = (at[0] & 0x7fu) | (uint32_t)at[1] << 7;
        cursor->at = at + 2;
    } else {
        uint64_t wide;
        if (!bus_read_raw(cursor, 32, &wide))
            return false;
        raw = (uint32_t)wide;
    }
    *value = (int32_t)((raw >> 1) ^ (0u - (raw & 1)));
    return true;
}

/* Read one signed 64-bit varint. False if it is cut short or too long. */
static inline bool bus_read_varlong(struct bus_cursor *cursor, int64_t *value) {
    uint64_t raw;
    if (BUS_LIKELY(cursor->at < cursor->end && *cursor->at < 0x80))
        raw = *cursor->at++;
    else if (!bus_read_raw(cursor, 64, &raw))
        return false;
    *value = (int64_t)((raw >> 1) ^ (0u - (raw & 1)));
    return true;
}

/* Bytes that a zigzagged number takes. Most take one or two: to foresee that is cheaper than to
 * count bits. */
static inline int bus_varint_size(uint64_t zigzag) {
    if (BUS_LIKELY(zigzag < 0x4000))
        return zigzag < 0x80 ? 1 : 2;
    return (70 - __builtin_clzll(zigzag)) / 7;
}

/* Write a zigzagged number; the caller has made room. Returns the end. */
static inline uint8_t *bus_write_raw(uint8_t *at, uint64_t zigzag) {
    if (BUS_LIKELY(zigzag < 0x80)) {
        at[0] = (uint8_t)zigzag;
        return at + 1;
    }
    if (BUS_LIKELY(zigzag < 0x4000)) {
        at[0] = (uint8_t)(zigzag | 0x80);
        at[1] = (uint8_t)(zigzag >> 7);
        return at + 2;
    }
    for (; zigzag >= 0x80; zigzag >>= 7)
        *at++ = (uint8_t)(zigzag | 0x80);
    *at++ = (uint8_t)zigzag;
    return at;
}

#endif

/* keymap.h: a table from keys to numbers, in memory of the caller's.
 *
 *   byte  size  field of a slot
 *      0    16  fingerprint  SipHash-2-4 of the key under the table's secret, 128 bits
 *     16     8  number + 1   0: the slot is free
 *
 * A key is known by its fingerprint alone: two keys share one with a chance of 2^-128, and nobody
 * who does not know the secret can make two that do. Slots are searched from where the
 * fingerprint points to, one after the other, round the end. Thread: one at a time. */
#ifndef BUS_KEYMAP_H
#define BUS_KEYMAP_H

#include "bytes.h"

struct bus_fingerprint {
    uint64_t low, high;
};

struct bus_key_slot {
    struct bus_fingerprint key;
    int64_t number_plus_one;
};

/* `slots` is zeroed when the table begins; `count` of `capacity` are taken. */
struct bus_keymap {
    struct bus_key_slot *slots;
    int64_t capacity;
    int64_t count;
    struct bus_fingerprint secret;
};

/* The fingerprint of `size` bytes. */
struct bus_fingerprint bus_fingerprint(struct bus_fingerprint secret, const uint8_t *data,
                                       int64_t size);

/* The slot of a key, or the free one where it belongs. One slot at least must be free. The pointer
 * is good until the table moves. */
static inline struct bus_key_slot *bus_keymap_find(const struct bus_keymap *map,
                                                   struct bus_fingerprint key) {
    BUS_ASSERT(map->count < map->capacity);
    uint64_t start = (uint64_t)(((unsigned __int128)key.low * (uint64_t)map->capacity) >> 64);
    struct bus_key_slot *slot = map->slots + start, *end = map->slots + map->capacity;
    while (slot->number_plus_one && (slot->key.low != key.low || slot->key.high != key.high))
        if (++slot == end)
            slot = map->slots;
    return slot;
}

/* The number of a slot; -1 if it is free. */
static inline int64_t bus_keymap_number(const struct bus_key_slot *slot) {
    return slot->number_plus_one - 1;
}

/* Take a slot that `bus_keymap_find` gave for `key`, or change its number, which is >= 0. */
static inline void bus_keymap_set(struct bus_keymap *map, struct bus_key_slot *slot,
                                  struct bus_fingerprint key, int64_t number) {
    BUS_ASSERT(number >= 0 && number < INT64_MAX);
    map->count += slot->number_plus_one == 0;
    slot->key = key;
    slot->number_plus_one = number + 1;
}

/* Move all of `from` to `to`, which has the same secret, is empty and has more room. */
void bus_keymap_move(struct bus_keymap *to, const struct bus_keymap *from);

#endif

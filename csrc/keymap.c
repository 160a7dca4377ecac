/* keymap.c: SipHash-2-4 with 128 bits of output, and moving to a larger table.
 *
 * The hash is that of Aumasson and Bernstein ("SipHash: a fast short-input PRF", 2012): four words
 * of state, two rounds a word of input, four rounds before each word of output. */
#include "keymap.h"

struct sip {
    uint64_t a, b, c, d;
};

static inline uint64_t rotate(uint64_t word, int bits) {
    return word << bits | word >> (64 - bits);
}

static inline void mix(struct sip *s, int rounds) {
    for (int i = 0; i < rounds; i++) {
        s->a += s->b;
        s->c += s->d;
        s->b = rotate(s->b, 13) ^ s->a;
        s->d = rotate(s->d, 16) ^ s->c;
        s->a = rotate(s->a, 32);
        s->c += s->b;
        s->a += s->d;
        s->b = rotate(s->b, 17) ^ s->c;
        s->d = rotate(s->d, 21) ^ s->a;
        s->c = rotate(s->c, 32);
    }
}

static inline void absorb(struct sip *s, uint64_t word) {
    s->d ^= word;
    mix(s, 2);
    s->a ^= word;
}

struct bus_fingerprint bus_fingerprint(struct bus_fingerprint secret, const uint8_t *data,
                                       int64_t size) {
    BUS_ASSERT(size >= 0);
    struct sip s = {secret.low ^ 0x736f6d6570736575u, secret.high ^ 0x646f72616e646f6du ^ 0xee,
                    secret.low ^ 0x6c7967656e657261u, secret.high ^ 0x7465646279746573u};
    uint64_t word, last = (uint64_t)size << 56;
    int64_t rest = size & 7;
    const uint8_t *end = data + (size - rest);
    for (; data != end; data += 8) {
        memcpy(&word, data, 8);
        absorb(&s, BUS_LE64(word));
    }
    for (int64_t i = 0; i < rest; i++)
        last |= (uint64_t)end[i] << (8 * i);
    absorb(&s, last);
    s.c ^= 0xee;
    mix(&s, 4);
    struct bus_fingerprint found = {s.a ^ s.b ^ s.c ^ s.d, 0};
    s.b ^= 0xdd;
    mix(&s, 4);
    found.high = s.a ^ s.b ^ s.c ^ s.d;
    return found;
}

void bus_keymap_move(struct bus_keymap *to, const struct bus_keymap *from) {
    BUS_ASSERT(to->count == 0 && to->capacity > from->count);
    for (int64_t i = 0; i < from->capacity; i++) {
        const struct bus_key_slot *slot = from->slots + i;
        if (slot->number_plus_one)
            bus_keymap_set(to, bus_keymap_find(to, slot->key), slot->key, bus_keymap_number(slot));
    }
}

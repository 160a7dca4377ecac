/* crc32c.c: CRC-32C (Castagnoli, reflected polynomial 0x82f63b78) in three variants.
 *
 * table    16 tables of 16 entries, one for each nibble of an 8-byte word; runs anywhere
 * sse4.2   the crc32 instruction of x86-64, three streams at a time
 * arm      crc32cx of ARMv8, likewise
 *
 * The instruction has a latency of three cycles and a throughput of one, so three neighbouring
 * blocks are summed side by side and then joined. Joining rests on the CRC being linear: the state
 * after a block equals (state before it, moved over as many zero bytes) xor (block from state 0),
 * and moving over a fixed number of zeroes is a linear map: 8 tables, one a nibble.
 *
 * All tables are linear in their index, so only the images of single bits stand here.
 * The variant is chosen at each call: no function pointer, no state, one binary for any CPU. */
#include "core.h"

#if defined(__x86_64__) || defined(__aarch64__)
#define BUS_HARDWARE 1
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#define BUS_LINEAR(a, b, c, d)                                                                     \
    {0,                                                                                            \
     a,                                                                                            \
     b,                                                                                            \
     (a) ^ (b),                                                                                    \
     c,                                                                                            \
     (a) ^ (c),                                                                                    \
     (b) ^ (c),                                                                                    \
     (a) ^ (b) ^ (c),                                                                              \
     d,                                                                                            \
     (a) ^ (d),                                                                                    \
     (b) ^ (d),                                                                                    \
     (a) ^ (b) ^ (d),                                                                              \
     (c) ^ (d),                                                                                    \
     (a) ^ (c) ^ (d),                                                                              \
     (b) ^ (c) ^ (d),                                                                              \
     (a) ^ (b) ^ (c) ^ (d)}

/* The state after an 8-byte word of which only this nibble is set. */
static const uint32_t WORD[16][16] = {
    BUS_LINEAR(0x493c7d27u, 0x9278fa4eu, 0x211d826du, 0x423b04dau),
    BUS_LINEAR(0x847609b4u, 0x0d006599u, 0x1a00cb32u, 0x34019664u),
    BUS_LINEAR(0x68032cc8u, 0xd0065990u, 0xa5e0c5d1u, 0x4e2dfd53u),
    BUS_LINEAR(0x9c5bfaa6u, 0x3d5b83bdu, 0x7ab7077au, 0xf56e0ef4u),
    BUS_LINEAR(0xef306b19u, 0xdb8ca0c3u, 0xb2f53777u, 0x6006181fu),
    BUS_LINEAR(0xc00c303eu, 0x85f4168du, 0x0e045bebu, 0x1c08b7d6u),
    BUS_LINEAR(0x38116facu, 0x7022df58u, 0xe045beb0u, 0xc5670b91u),
    BUS_LINEAR(0x8f2261d3u, 0x1ba8b557u, 0x37516aaeu, 0x6ea2d55cu),
    BUS_LINEAR(0xdd45aab8u, 0xbf672381u, 0x7b2231f3u, 0xf64463e6u),
    BUS_LINEAR(0xe964b13du, 0xd725148bu, 0xaba65fe7u, 0x52a0c93fu),
    BUS_LINEAR(0xa541927eu, 0x4f6f520du, 0x9edea41au, 0x38513ec5u),
    BUS_LINEAR(0x70a27d8au, 0xe144fb14u, 0xc76580d9u, 0x8b277743u),
    BUS_LINEAR(0x13a29877u, 0x274530eeu, 0x4e8a61dcu, 0x9d14c3b8u),
    BUS_LINEAR(0x3fc5f181u, 0x7f8be302u, 0xff17c604u, 0xfbc3faf9u),
    BUS_LINEAR(0xf26b8303u, 0xe13b70f7u, 0xc79a971fu, 0x8ad958cfu),
    BUS_LINEAR(0x105ec76fu, 0x20bd8edeu, 0x417b1dbcu, 0x82f63b78u),
};

/* The state after 8 bytes; the state before is part of the word. */
static inline uint32_t table_word(uint64_t word) {
    uint32_t state = 0;
    for (int nibble = 0; nibble < 16; nibble++)
        state ^= WORD[nibble][word >> (4 * nibble) & 15];
    return state;
}

static uint32_t update_table(uint32_t state, const uint8_t *data, size_t size) {
    for (; size >= 8; data += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, data, sizeof word);
        state = table_word(BUS_LE64(word) ^ state);
    }
    for (; size; data++, size--) {
        uint32_t byte = (state ^ *data) & 0xff;
        state = state >> 8 ^ WORD[14][byte & 15] ^ WORD[15][byte >> 4];
    }
    return state;
}

#ifdef BUS_HARDWARE
enum { SHORT_BLOCK = 256, LONG_BLOCK = 4096 }; /* bytes of one of three streams */

/* The state moved over SHORT_BLOCK zero bytes, by nibble. */
static const uint32_t SHORT_SHIFT[8][16] = {
    BUS_LINEAR(0xdcb17aa4u, 0xbc8e83b9u, 0x7cf17183u, 0xf9e2e306u),
    BUS_LINEAR(0xf629b0fdu, 0xe9bf170bu, 0xd69258e7u, 0xa8c8c73fu),
    BUS_LINEAR(0x547df88fu, 0xa8fbf11eu, 0x541b94cdu, 0xa837299au),
    BUS_LINEAR(0x558225c5u, 0xab044b8au, 0x53e4e1e5u, 0xa7c9c3cau),
    BUS_LINEAR(0x4a7ff165u, 0x94ffe2cau, 0x2c13b365u, 0x582766cau),
    BUS_LINEAR(0xb04ecd94u, 0x6571edd9u, 0xcae3dbb2u, 0x902bc195u),
    BUS_LINEAR(0x25bbf5dbu, 0x4b77ebb6u, 0x96efd76cu, 0x2833d829u),
    BUS_LINEAR(0x5067b052u, 0xa0cf60a4u, 0x4472b7b9u, 0x88e56f72u),
};

/* The state moved over LONG_BLOCK zero bytes, by nibble. */
static const uint32_t LONG_SHIFT[8][16] = {
    BUS_LINEAR(0xc2a5b65eu, 0x80a71a4du, 0x04a2426bu, 0x094484d6u),
    BUS_LINEAR(0x128909acu, 0x25121358u, 0x4a2426b0u, 0x94484d60u),
    BUS_LINEAR(0x2d7cec31u, 0x5af9d862u, 0xb5f3b0c4u, 0x6e0b1779u),
    BUS_LINEAR(0xdc162ef2u, 0xbdc02b15u, 0x7e6c20dbu, 0xfcd841b6u),
    BUS_LINEAR(0xfc5cf59du, 0xfd559dcbu, 0xff474d67u, 0xfb62ec3fu),
    BUS_LINEAR(0xf329ae8fu, 0xe3bf2befu, 0xc292212fu, 0x80c834afu),
    BUS_LINEAR(0x047c1fafu, 0x08f83f5eu, 0x11f07ebcu, 0x23e0fd78u),
    BUS_LINEAR(0x47c1faf0u, 0x8f83f5e0u, 0x1aeb9d31u, 0x35d73a62u),
};

static inline uint32_t shift(const uint32_t table[8][16], uint32_t state) {
    uint32_t shifted = 0;
    for (int nibble = 0; nibble < 8; nibble++)
        shifted ^= table[nibble][state >> (4 * nibble) & 15];
    return shifted;
}

/* In assembly, for compilers differ in what they ask of a function that uses the intrinsics. */
static inline uint64_t step8(uint64_t state, const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if defined(__x86_64__)
    __asm__("crc32q %1, %0" : "+r"(state) : "rm"(word));
#else
    __asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(state) : "r"(word));
#endif
    return state;
}

static inline uint64_t step1(uint64_t state, uint8_t byte) {
#if defined(__x86_64__)
    __asm__("crc32b %1, %0" : "+r"(state) : "rm"(byte));
#else
    __asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(state) : "r"(byte));
#endif
    return state;
}

/* Three neighbouring blocks of `block` bytes, side by side. */
static inline uint32_t three_blocks(uint32_t state, const uint8_t *data, size_t block,
                                    const uint32_t table[8][16]) {
    uint64_t a = state, b = 0, c = 0;
    for (const uint8_t *at = data, *end = data + block; at < end; at += 8) {
        a = step8(a, at);
        b = step8(b, at + block);
        c = step8(c, at + 2 * block);
    }
    return shift(table, shift(table, (uint32_t)a) ^ (uint32_t)b) ^ (uint32_t)c;
}

static uint32_t update_hardware(uint32_t state, const uint8_t *data, size_t size) {
    for (; size >= 3 * LONG_BLOCK; data += 3 * LONG_BLOCK, size -= 3 * LONG_BLOCK)
        state = three_blocks(state, data, LONG_BLOCK, LONG_SHIFT);
    for (; size >= 3 * SHORT_BLOCK; data += 3 * SHORT_BLOCK, size -= 3 * SHORT_BLOCK)
        state = three_blocks(state, data, SHORT_BLOCK, SHORT_SHIFT);
    uint64_t wide = state;
    for (; size >= 8; data += 8, size -= 8)
        wide = step8(wide, data);
    for (; size; data++, size--)
        wide = step1(wide, *data);
    return (uint32_t)wide;
}
#endif

bool bus_crc32c_runs(enum bus_crc_variant variant) {
    switch (variant) {
    case BUS_CRC_TABLE:
        return true;
    case BUS_CRC_SSE42:
#if defined(__x86_64__)
        return __builtin_cpu_supports("sse4.2") != 0;
#else
        return false;
#endif
    case BUS_CRC_ARM:
#if defined(__aarch64__) && (defined(__APPLE__) || defined(__ARM_FEATURE_CRC32))
        return true;
#elif defined(__aarch64__) && defined(__linux__)
        return (getauxval(AT_HWCAP) & (1 << 7)) != 0; /* HWCAP_CRC32 */
#else
        return false;
#endif
    }
    return false;
}

uint32_t bus_crc32c_by(enum bus_crc_variant variant, uint32_t crc, const uint8_t *data,
                       int64_t size) {
    BUS_ASSERT(size >= 0);
#ifdef BUS_HARDWARE
    if (variant != BUS_CRC_TABLE)
        return ~update_hardware(~crc, data, (size_t)size);
#endif
    BUS_ASSERT(variant == BUS_CRC_TABLE);
    return ~update_table(~crc, data, (size_t)size);
}

uint32_t bus_crc32c(uint32_t crc, const uint8_t *data, int64_t size) {
    enum bus_crc_variant variant = BUS_CRC_TABLE;
    if (bus_crc32c_runs(BUS_CRC_SSE42))
        variant = BUS_CRC_SSE42;
    else if (bus_crc32c_runs(BUS_CRC_ARM))
        variant = BUS_CRC_ARM;
    return bus_crc32c_by(variant, crc, data, size);
}

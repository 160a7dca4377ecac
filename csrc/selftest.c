/* selftest.c: the core under hostile bytes, without Python; for sanitizers and fuzzers.
 *
 * Nothing is compiled without one of
 *   BUS_SELFTEST   a main that feeds damaged batches from a seeded generator: selftest [ROUNDS]
 *   BUS_FUZZER     the entry point of libFuzzer
 * Each input lies in an allocation of exactly its size, so that a sanitizer sees a read too far. */
#if defined(BUS_SELFTEST) || defined(BUS_FUZZER)

#include "builder.h"
#include "core.h"
#include <stdio.h>
#include <stdlib.h>

enum { ROWS_MAX = 64, INPUT_MAX = 4096 };

/* Open what claims to be a batch, and go through every function that reads foreign bytes. */
static void try_batch(struct bus_span data) {
    struct bus_header header;
    int64_t size = bus_batch_check(data, 0, true, &header);
    struct bus_header sparse;
    BUS_ASSERT(bus_batch_check(data, 0, false, &sparse) == size || size < 0);
    BUS_ASSERT(size < 0 || (size >= BUS_HEADER_SIZE && size <= data.size));
    int64_t offsets[ROWS_MAX], timestamps[ROWS_MAX], spans[3][3 * ROWS_MAX];
    struct bus_columns columns = {offsets, timestamps, spans[0], spans[1], spans[2]};
    struct bus_origin origin = {0, 0, -1, 0, 0};
    if (data.size > BUS_HEADER_SIZE) {
        struct bus_span records = {data.data + BUS_HEADER_SIZE, data.size - BUS_HEADER_SIZE};
        int32_t count = size > 0 && header.count <= ROWS_MAX ? header.count : ROWS_MAX;
        int result = bus_records_walk(records, count, &origin, &columns);
        BUS_ASSERT(size < 0 || size < data.size || header.count > ROWS_MAX ||
                   (header.attributes & BUS_CODEC_MASK) || result == BUS_OK);
        for (int32_t i = 0; i < count && size == data.size; i++) /* the check has a short way */
            BUS_ASSERT((header.attributes & BUS_CODEC_MASK) || header.count > ROWS_MAX ||
                       offsets[i] == i);
    }
}

static void try_log(struct bus_span data) {
    struct bus_header headers[4];
    struct bus_scan scan = {0, 0, -1, -1, -1, false};
    int stop;
    int64_t passed, position = 0, end_offset;
    do {
        passed = bus_scan_next(data, &scan, headers, 4, &stop);
        BUS_ASSERT(scan.position <= data.size);
    } while (stop == BUS_OK && passed == 4);
    (void)bus_find(data, &position, 3);
    BUS_ASSERT(position >= 0 && position <= data.size);
    position = bus_slice_end(data, 0, 100, INT64_MAX, &end_offset);
    BUS_ASSERT(position <= data.size);
    (void)bus_first_nonzero(data, 0);
}

static void try_index(struct bus_span data) {
    int64_t count = bus_offset_index_check(data);
    if (count >= 0)
        BUS_ASSERT(bus_offset_index_floor(data.data, count, 7) <= count);
    count = bus_time_index_check(data);
    if (count >= 0)
        BUS_ASSERT(bus_time_index_floor(data.data, count, 7) <= count);
}

/* Take the bytes as Arrow views into themselves. */
static void try_rows(struct bus_span data) {
    uint8_t room[512];
    struct bus_bytes buffer = {data.data, data.size};
    for (int kind = BUS_ROWS_OFFSETS32; kind <= BUS_ROWS_VIEWS; kind++) {
        struct bus_rows rows = {.kind = (enum bus_rows_kind)kind, .rows = data.data};
        rows.buffers = &buffer;
        rows.buffers_count = 1;
        struct bus_builder builder = bus_builder_begin(room, sizeof room);
        (void)bus_builder_fill(&builder, &rows, 0, data.size / 16 - 1);
        BUS_ASSERT(builder.size <= builder.capacity);
    }
}

static void try_all(const uint8_t *input, size_t size) {
    uint8_t *exact = malloc(size ? size : 1);
    BUS_ASSERT(exact);
    memcpy(exact, input, size);
    struct bus_span data = {exact, (int64_t)size};
    try_batch(data);
    try_log(data);
    try_index(data);
    try_rows(data);
    if (size >= BUS_HEADER_SIZE) { /* once more, so that the checksum does not keep us out */
        bus_store32(exact + BUS_AT_LENGTH, (int32_t)(size - BUS_LENGTH_ORIGIN));
        exact[BUS_AT_MAGIC] = BUS_MAGIC;
        bus_batch_seal(exact, data.size);
        try_batch(data);
        try_log(data);
    }
    free(exact);
}

#ifdef BUS_FUZZER
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    try_all(data, size);
    return 0;
}
#else
/* splitmix64 */
static uint64_t draw(uint64_t *state) {
    uint64_t value = *state += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

/* A good batch of a few records. Returns its size. */
static int64_t make_batch(uint8_t *room, int64_t capacity, uint64_t *random) {
    static const uint8_t text[] = "the quick brown fox jumps over the lazy dog";
    static const uint8_t headers[] = {2, 2, 'h', 2, 'x'};
    struct bus_builder builder = bus_builder_begin(room, capacity);
    int64_t records = 1 + (int64_t)(draw(random) % 20);
    for (int64_t i = 0; i < records; i++) {
        struct bus_bytes key = {text, (int64_t)(draw(random) % 12) - 1};
        struct bus_bytes value = {text, (int64_t)(draw(random) % 44) - 1};
        struct bus_bytes list = {headers, draw(random) % 4 ? -1 : (int64_t)sizeof headers};
        if (bus_builder_append(&builder, (int64_t)(draw(random) >> 20), key, value, list) != BUS_OK)
            break;
    }
    bus_builder_finish(&builder);
    bus_batch_seal(room, builder.size);
    return builder.size;
}

static void check_crc(const uint8_t *data, int64_t size, uint64_t *random) {
    uint32_t expected = bus_crc32c_by(BUS_CRC_TABLE, 0, data, size);
    int64_t cut = (int64_t)(draw(random) % (uint64_t)(size + 1));
    BUS_ASSERT(bus_crc32c(bus_crc32c(0, data, cut), data + cut, size - cut) == expected);
    BUS_ASSERT(bus_crc32c(0, data, size) == expected);
}

int main(int argc, char **argv) {
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 20000;
    uint64_t random = 1;
    uint8_t room[INPUT_MAX];
    for (long i = 0; i < rounds; i++) {
        int64_t size = make_batch(room, INPUT_MAX, &random);
        struct bus_header header;
        BUS_ASSERT(bus_batch_check((struct bus_span){room, size}, 0, true, &header) == size);
        check_crc(room, size, &random);
        for (uint64_t damage = draw(&random) % 4; damage > 0; damage--)
            room[draw(&random) % (uint64_t)size] = (uint8_t)draw(&random);
        if (draw(&random) % 4 == 0)
            size = (int64_t)(draw(&random) % (uint64_t)(size + 1));
        try_all(room, (size_t)size);
    }
    BUS_ASSERT(bus_crc32c(0, (const uint8_t *)"123456789", 9) == 0xe3069283);
    printf("selftest: %ld rounds\n", rounds);
    return 0;
}
#endif

#else
typedef int bus_selftest_is_empty; /* a C file must declare something */
#endif

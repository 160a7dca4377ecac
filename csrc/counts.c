/* counts.c: each hot function on fixed input, for callgrind to count its instructions.
 *
 * Compiled only with BUS_COUNTS. `counts NAME` sets the stage and then calls counted_NAME once:
 * the count of that function with all that it calls is the figure (perf/counts). Nothing here is
 * timed, and nothing depends on the machine but the compiler and the CRC variant of its CPU. */
#ifdef BUS_COUNTS

#include "builder.h"
#include "core.h"
#include <stdio.h>

enum { RECORDS = 10000, VALUE_SIZE = 100, KEY_SIZE = 8, ROOM = 2 << 20, BATCHES = 100 };

#define COUNTED __attribute__((noinline))

static uint8_t values[RECORDS * VALUE_SIZE], keys[RECORDS * KEY_SIZE], batch[ROOM], log_[ROOM];
static struct bus_bytes spans[RECORDS], key_spans[RECORDS];
static int64_t offsets[RECORDS], timestamps[RECORDS], columns[3][3 * RECORDS];
static struct bus_span filled, full_log;

/* A generator of our own, so that the input is the same everywhere. */
static uint8_t next_byte(void) {
    static uint64_t state = 20240229;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint8_t)(state >> 56);
}

COUNTED static struct bus_span counted_build(void) {
    struct bus_rows rows = {.kind = BUS_ROWS_SPANS, .rows = (const uint8_t *)spans, .timestamp = 1};
    struct bus_builder builder = bus_builder_begin(batch, ROOM);
    BUS_ASSERT(bus_builder_fill(&builder, &rows, 0, RECORDS) == RECORDS);
    bus_builder_finish(&builder);
    return (struct bus_span){batch, builder.size};
}

COUNTED static struct bus_span counted_build_keyed(void) {
    struct bus_rows rows = {
        .kind = BUS_ROWS_SPANS, .rows = (const uint8_t *)spans, .keys = key_spans, .timestamp = 1};
    struct bus_builder builder = bus_builder_begin(batch, ROOM);
    BUS_ASSERT(bus_builder_fill(&builder, &rows, 0, RECORDS) == RECORDS);
    bus_builder_finish(&builder);
    return (struct bus_span){batch, builder.size};
}

COUNTED static void counted_append(void) {
    struct bus_builder builder = bus_builder_begin(batch, ROOM);
    for (int i = 0; i < RECORDS; i++)
        BUS_ASSERT(bus_builder_append(&builder, 1, (struct bus_bytes){NULL, -1}, spans[i],
                                      (struct bus_bytes){NULL, -1}) == BUS_OK);
}

COUNTED static void counted_seal(void) { bus_batch_seal(filled.data, filled.size); }

COUNTED static void counted_check(void) {
    struct bus_header header;
    BUS_ASSERT(bus_batch_check(filled, 0, true, &header) == filled.size);
}

COUNTED static void counted_walk(void) {
    struct bus_span records = {filled.data + BUS_HEADER_SIZE, filled.size - BUS_HEADER_SIZE};
    struct bus_columns to = {offsets, timestamps, columns[0], columns[1], columns[2]};
    struct bus_origin from = {0, 0, -1, 0, 0};
    BUS_ASSERT(bus_records_walk(records, RECORDS, &from, &to) == BUS_OK);
}

COUNTED static void counted_scan(void) {
    struct bus_scan scan = {0, 0, -1, -1, -1, true};
    struct bus_header headers[BATCHES];
    int stop;
    BUS_ASSERT(bus_scan_next(full_log, &scan, headers, BATCHES, &stop) == BATCHES);
}

COUNTED static void counted_find(void) {
    int64_t position = 0;
    BUS_ASSERT(bus_find(full_log, &position, BATCHES - 1) == BUS_OK);
}

COUNTED static void counted_slice(void) {
    int64_t end;
    BUS_ASSERT(bus_slice_end(full_log, 0, full_log.size, BATCHES, &end) == full_log.size);
}

COUNTED static void counted_crc_table(void) {
    BUS_ASSERT(bus_crc32c_by(BUS_CRC_TABLE, 0, values, sizeof values) != 0);
}

COUNTED static void counted_murmur(void) {
    int32_t sum = 0;
    for (int i = 0; i < RECORDS; i++)
        sum ^= bus_murmur2(key_spans[i].data, KEY_SIZE);
    BUS_ASSERT(sum != 0);
}

static void set_stage(void) {
    for (int64_t i = 0; i < (int64_t)sizeof values; i++)
        values[i] = next_byte();
    for (int64_t i = 0; i < (int64_t)sizeof keys; i++)
        keys[i] = next_byte();
    for (int i = 0; i < RECORDS; i++) {
        spans[i] = (struct bus_bytes){values + i * VALUE_SIZE, VALUE_SIZE};
        key_spans[i] = (struct bus_bytes){keys + i * KEY_SIZE, KEY_SIZE};
    }
    full_log.data = log_;
    for (int i = 0; i < BATCHES; i++) { /* one record each */
        uint8_t *at = log_ + full_log.size;
        struct bus_builder builder = bus_builder_begin(at, ROOM - full_log.size);
        BUS_ASSERT(bus_builder_append(&builder, i, key_spans[i], spans[i],
                                      (struct bus_bytes){NULL, -1}) == BUS_OK);
        bus_builder_finish(&builder);
        bus_batch_stamp(at, i, 0);
        bus_batch_seal(at, builder.size);
        full_log.size += builder.size;
    }
}

static void fill_batch(void) {
    filled = counted_build();
    counted_seal();
}

int main(int argc, char **argv) {
    const char *name = argc == 2 ? argv[1] : "";
    set_stage();
#define RUN(function, stage)                                                                       \
    if (!strcmp(name, #function)) {                                                                \
        stage;                                                                                     \
        counted_##function();                                                                      \
        return 0;                                                                                  \
    }
    RUN(build, )
    RUN(build_keyed, )
    RUN(append, )
    RUN(seal, filled = counted_build())
    RUN(check, fill_batch())
    RUN(walk, fill_batch())
    RUN(scan, )
    RUN(find, )
    RUN(slice, )
    RUN(crc_table, )
    RUN(murmur, )
    fprintf(stderr, "usage: counts NAME\n");
    return 2;
}

#endif

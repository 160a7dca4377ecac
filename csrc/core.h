/* core.h: what the C core offers to bus/native.
 *
 * Nothing here allocates, logs, keeps state, blocks or knows Python; all of it may run without the
 * GIL and on several threads at once. Buffers are borrowed until the call returns. Results below
 * zero are `enum bus_result`. */
#ifndef BUS_CORE_H
#define BUS_CORE_H

#include "bytes.h"
#include "layout.h"

enum bus_crc_variant { BUS_CRC_TABLE, BUS_CRC_SSE42, BUS_CRC_ARM };

/* One batch's header as numbers. */
struct bus_header {
    int64_t base_offset;
    int64_t size; /* bytes of the whole batch, header included */
    int64_t base_timestamp;
    int64_t max_timestamp;
    int64_t producer_id;
    int32_t leader_epoch;
    int32_t last_offset_delta;
    int32_t base_sequence;
    int32_t count;
    uint32_t crc;
    int16_t attributes;
    int16_t producer_epoch;
};

/* Where a scan stands; see bus_scan_next. */
struct bus_scan {
    int64_t position;             /* end of the last good batch */
    int64_t end_offset;           /* after its last record */
    int64_t max_timestamp;        /* of all passed, or -1 */
    int64_t max_timestamp_offset; /* last offset of the batch that holds it, or -1 */
    int32_t leader_epoch;         /* of the last good batch */
    bool contiguous;              /* offsets may not leave holes */
};

/* Where the columns of a batch go, from their first row; any pointer but `records` may be NULL. */
struct bus_columns {
    int64_t *offsets;      /* [n] absolute */
    int64_t *timestamps;   /* [n] ms since the epoch */
    int64_t *key_spans;    /* [n, 3] buffer, start, end; null is -1, -1, -1 */
    int64_t *value_spans;  /* [n, 3] */
    int64_t *header_spans; /* [n, 3] the raw header list, count included */
};

/* How the rows of a batch are numbered and dated. */
struct bus_origin {
    int64_t base_offset;
    int64_t base_timestamp;
    int64_t append_timestamp; /* if >= 0, in place of each record's own */
    int64_t buffer_index;
    int64_t buffer_offset; /* where the records begin in that buffer */
};

/* Continue `crc` (0 at first) over `data`, by the fastest variant of this CPU. */
uint32_t bus_crc32c(uint32_t crc, const uint8_t *data, int64_t size);

/* As above by one variant, which must run on this CPU. */
uint32_t bus_crc32c_by(enum bus_crc_variant variant, uint32_t crc, const uint8_t *data,
                       int64_t size);

/* Whether this CPU, and this build, can run a variant. */
bool bus_crc32c_runs(enum bus_crc_variant variant);

/* Read the header at `position`. Returns the batch's size, or why there is no whole batch:
 * SHORT, MAGIC, SIZE or COUNT (a negative count or delta). No checksum. */
int64_t bus_header_read(struct bus_span data, int64_t position, struct bus_header *header);

/* Whether the batch's bytes give the CRC that its header claims. */
bool bus_crc_matches(const uint8_t *batch, const struct bus_header *header);

/* Validate the batch at `position`: header, codec, CRC, count, and if it is not compressed every
 * record. `dense`: no record may be missing, as compaction leaves it. Returns its size; `*header`
 * is filled. */
int64_t bus_batch_check(struct bus_span data, int64_t position, bool dense,
                        struct bus_header *header);

/* Write base offset and leader epoch into a batch's header; both lie outside the CRC. */
void bus_batch_stamp(uint8_t *batch, int64_t base_offset, int32_t leader_epoch);

/* Compute and write the CRC of a batch of `size` bytes. */
void bus_batch_seal(uint8_t *batch, int64_t size);

/* Pass good batches from `scan->position`, at most `headers_max`, writing a header for each.
 * Returns how many; `*stop` tells why it went no further: OK when `headers_max` were passed or the
 * data ended on a boundary, END at zeroes, else what is wrong with the next batch. */
int64_t bus_scan_next(struct bus_span data, struct bus_scan *scan, struct bus_header *headers,
                      int64_t headers_max, int *stop);

/* Move `*position`, a boundary, to the batch that holds `offset` or to the next; data.size if there
 * is none. OK, or what is wrong with the header at `*position`. Headers only. */
int bus_find(struct bus_span data, int64_t *position, int64_t offset);

/* End of the whole batches from `position` that fit `size_max` bytes and end at or below the
 * offset `below`; the first may be larger. `*end_offset` is the last one's end, or -1 if there is
 * none and the result is `position`. Headers only. */
int64_t bus_slice_end(struct bus_span data, int64_t position, int64_t size_max, int64_t below,
                      int64_t *end_offset);

/* Position of the first byte from `position` on that is not zero; data.size if there is none. */
int64_t bus_first_nonzero(struct bus_span data, int64_t position);

/* Check `count` records that fill `records` exactly, offset deltas 0, 1, 2, ... OK or why not. */
int bus_records_check(struct bus_span records, int32_t count);

/* Write one row for each of `count` records that fill `records` exactly. OK or why not; rows
 * before the bad record are written then. */
int bus_records_walk(struct bus_span records, int32_t count, const struct bus_origin *origin,
                     const struct bus_columns *columns);

/* Kafka's murmur2 of a key. */
int32_t bus_murmur2(const uint8_t *data, int64_t size);

/* Index files, big endian; see index.c. `check`: the number of entries, or ORDER. `floor`: how
 * many entries lie at or below (offset) or strictly before (timestamp) the one asked for. */
int64_t bus_offset_index_check(struct bus_span file);
int64_t bus_offset_index_floor(const uint8_t *entries, int64_t count, int64_t relative_offset);
int64_t bus_time_index_check(struct bus_span file);
int64_t bus_time_index_floor(const uint8_t *entries, int64_t count, int64_t timestamp);

/* The sentence of a failure, without a full stop; a string constant. */
const char *bus_reason(int64_t result);

#endif

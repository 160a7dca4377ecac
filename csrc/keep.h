/* keep.c: which records of a batch stay when a log is compacted, and the batch without the others.
 *
 * A record stays if
 *   - its offset is `below` or more: what newer records say of its key was not looked at;
 *   - or it has a key, no newer record of that key is in the map, and it is not a tombstone whose
 *     time is up.
 * The time of a tombstone begins when it is first compacted: then its batch gets a delete horizon,
 * which takes the base timestamp's place and is marked by attribute bit 6 (protocol: Record Batch;
 * KIP-534). Each record's timestamp delta counts from there, so that readers notice nothing. */
#ifndef BUS_KEEP_H
#define BUS_KEEP_H

#include "core.h"
#include "keymap.h"

/* What decides; the map leads from keys to the offset of their newest record. */
struct bus_keep {
    const struct bus_keymap *newest;
    int64_t below;
    int64_t now; /* ms since the epoch: horizons at or before it have passed */
};

/* What stays of a batch. */
struct bus_kept {
    int64_t size; /* bytes of records */
    int64_t max_timestamp;
    int32_t count;
    int32_t tombstones;
};

enum { BUS_RECORD_GROWTH_MAX = 16 }; /* bytes that a record may grow by with a new base timestamp */

/* Bytes of a delete horizon that has not been set. */
enum { BUS_NO_HORIZON = -1 };

/* Look at the records of a batch, uncompressed: `*kept` is filled. OK or what is wrong. */
int bus_keep_measure(struct bus_span records, const struct bus_header *header,
                     const struct bus_keep *keep, struct bus_kept *kept);

/* Write those that stay, which `bus_keep_measure` has found good, to `to`; with a `horizon`, their
 * timestamps count from it. `to` has room for `kept.size`, with a horizon for
 * BUS_RECORD_GROWTH_MAX more for each. Returns the bytes written. */
int64_t bus_keep_write(struct bus_span records, const struct bus_header *header,
                       const struct bus_keep *keep, int64_t horizon, uint8_t *to);

/* Write the header of a batch of `size` bytes that had `header` before it was compacted. No CRC. */
void bus_keep_header(uint8_t *batch, int64_t size, const struct bus_header *header, int codec,
                     int64_t horizon, const struct bus_kept *kept);

/* Write a batch without records: BUS_HEADER_SIZE bytes, CRC included. `like` gives it the rest of
 * its fields, and if it is null it stands for offsets that are nobody's. */
void bus_keep_empty(uint8_t *batch, int64_t base_offset, int64_t end_offset, int32_t leader_epoch,
                    const struct bus_header *like);

/* Let the batch of `size` bytes at `batch` reach to `end_offset`. */
void bus_keep_extend(uint8_t *batch, int64_t size, int64_t end_offset);

#endif

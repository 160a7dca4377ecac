/* layout.h: where the fields of a RecordBatch v2 lie, and the result codes of this library.
 *
 *   byte  size  field
 *      0     8  base offset         of the first record; outside the CRC
 *      8     4  length              of all that follows this field: batch size - 12
 *     12     4  leader epoch        outside the CRC
 *     16     1  magic               2
 *     17     4  CRC-32C             of byte 21 to the end of the batch
 *     21     2  attributes          bits 0-2 codec, 3 append time, 4 transactional, 5 control,
 *                               6 the base timestamp is a delete horizon (keep.h)
 *     23     4  last offset delta   offset of the last record - base offset
 *     27     8  base timestamp      ms since the epoch; record deltas count from it
 *     35     8  max timestamp       ms since the epoch
 *     43     8  producer id         -1 without one
 *     51     2  producer epoch      -1 without one
 *     53     4  base sequence       -1 without one
 *     57     4  count               of records
 *     61        records             varint-coded, see record.h; packed by the codec if there is one
 *
 * All integers are big endian. protocol: Record Batch. */
#ifndef BUS_LAYOUT_H
#define BUS_LAYOUT_H

enum bus_layout {
    BUS_AT_BASE_OFFSET = 0,
    BUS_AT_LENGTH = 8,
    BUS_AT_LEADER_EPOCH = 12,
    BUS_AT_MAGIC = 16,
    BUS_AT_CRC = 17,
    BUS_AT_ATTRIBUTES = 21,
    BUS_AT_LAST_OFFSET_DELTA = 23,
    BUS_AT_BASE_TIMESTAMP = 27,
    BUS_AT_MAX_TIMESTAMP = 35,
    BUS_AT_PRODUCER_ID = 43,
    BUS_AT_PRODUCER_EPOCH = 51,
    BUS_AT_BASE_SEQUENCE = 53,
    BUS_AT_COUNT = 57,
    BUS_HEADER_SIZE = 61,

    BUS_LENGTH_ORIGIN = 12, /* the length field counts from here */
    BUS_MAGIC = 2,
    BUS_CODEC_MASK = 0x07,
    BUS_CODEC_MAX = 4,
    BUS_APPEND_TIME_FLAG = 0x08,
    BUS_TRANSACTIONAL_FLAG = 0x10,
    BUS_CONTROL_FLAG = 0x20,
    BUS_HORIZON_FLAG = 0x40,
    BUS_RECORD_SIZE_MIN = 7, /* seven one-byte fields: no record is shorter */
    BUS_SIZE_MAX = 0x7fffffff - 64,
};

/* Results: a count or a position is >= 0; these are the failures. */
enum bus_result {
    BUS_OK = 0,
    BUS_ERR_SHORT = -1,      /* the data end before the batch does */
    BUS_ERR_MAGIC = -2,      /* not format 2 */
    BUS_ERR_SIZE = -3,       /* the length is less than a header's */
    BUS_ERR_CRC = -4,        /* the checksum does not match */
    BUS_ERR_CODEC = -5,      /* no such compression */
    BUS_ERR_COUNT = -6,      /* count and last offset delta contradict each other */
    BUS_ERR_RECORD = -7,     /* a record crosses its end, or does not reach it */
    BUS_ERR_DELTA = -8,      /* offset deltas do not ascend as they must */
    BUS_ERR_LEFTOVER = -9,   /* bytes remain behind the last record */
    BUS_ERR_GAP = -10,       /* the base offset is not the one that must follow */
    BUS_ERR_EPOCH = -11,     /* the leader epoch falls */
    BUS_ERR_FULL = -12,      /* no room; nothing was written */
    BUS_ERR_ORDER = -13,     /* index entries do not ascend, or end midway */
    BUS_ERR_ARGUMENT = -14,  /* an array contradicts itself */
    BUS_ERR_TOO_LARGE = -15, /* a record or batch of 2 GiB or more */
    BUS_ERR_END = -16,       /* zeroes: the log ends here, and nothing is wrong */
};

_Static_assert(BUS_AT_COUNT + 4 == BUS_HEADER_SIZE, "the records follow the count");
_Static_assert(BUS_AT_LENGTH + 4 == BUS_LENGTH_ORIGIN, "the length counts from its own end");
_Static_assert(BUS_AT_CRC + 4 == BUS_AT_ATTRIBUTES, "the CRC covers what follows it");

#endif

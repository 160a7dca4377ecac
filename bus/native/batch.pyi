"""RecordBatch v2: checksum, header, validation and stamping in place."""

from typing_extensions import Buffer

HEADER_SIZE: int  # 61 bytes
RECORD_SIZE_MIN: int  # 7 bytes: a batch of `count` records unpacks to at least count times this

Header = tuple[int, int, int, int, int, int, int, int, int, int, int]
# In the order of `bus.model.batch.BatchInfo`: base_offset, size, leader_epoch, attributes,
# last_offset_delta, base_timestamp, max_timestamp, producer_id, producer_epoch, base_sequence,
# count.

def crc32c(data: Buffer, crc: int = 0) -> int:
    """CRC-32C (Castagnoli) of `data`, continuing from `crc`; releases the GIL above 32 KiB."""

def crc32c_by(variant: str, data: Buffer, crc: int = 0) -> int:
    """As `crc32c`, by a named variant of `crc32c_variants()`; ValueError if not on this CPU."""

def crc32c_variants() -> list[str]:
    """What this CPU can run of "table", "sse4.2" and "arm", the one in use first."""

def header(data: Buffer, position: int = 0) -> Header:
    """Read one header; no checksum. Raises CorruptBatch unless the whole batch lies in `data`.

    Count and last offset delta are >= 0 then; that they agree is for `check` to say.
    """

def check(data: Buffer, position: int = 0) -> Header:
    """Validate one batch: magic, size, CRC, count, and every record of an uncompressed one.

    count == last_offset_delta + 1, offset deltas ascend 0, 1, 2, ...; lengths end exactly at the
    batch's end. Compressed records are covered by the CRC alone. Raises CorruptBatch.
    """

def check_stored(data: Buffer, position: int = 0) -> Header:
    """As `check`, of a batch that compaction may have been at: records may be missing, or all.

    count <= last_offset_delta + 1, and offset deltas ascend.
    """

def check_all(data: Buffer) -> list[Header]:
    """Validate back-to-back batches that fill `data` exactly; none is fine. Raises CorruptBatch."""

def stamp(data: Buffer, position: int, base_offset: int, leader_epoch: int) -> None:
    """Write base offset and partition leader epoch in place; both lie outside the CRC."""

def stamp_append_time(data: Buffer, position: int, timestamp: int) -> None:
    """Mark a batch LogAppendTime: flag, max timestamp, CRC computed anew.

    Readers then take the max timestamp for each record, as Kafka's do.
    """

def seal(data: Buffer, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
    """Write the producer's fields into a built batch and compute its CRC; may be done again."""

def lacks_key(records: Buffer, count: int) -> bool:
    """Is one of a batch's records, uncompressed, without a key?

    All of them are looked at: what a compressed batch holds was not, when it was checked. Raises
    CorruptBatch. Releases the GIL above 32 KiB.
    """

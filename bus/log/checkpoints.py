"""The checkpoint and the clean-shutdown file: what a start needs to know of each partition (S5).

Both are one sealed block, little endian, replaced as a whole:

    byte  size  field
       0     8  magic           b"BUSCHK01" or b"BUSCLN01"
       8     4  crc             CRC-32C of all that follows
      12    36  boot id         of the kernel that ran, padded with zeroes
      48     8  generation      of the journals that began with this checkpoint
      56     4  count           partitions
      60     .  partitions      topic id 16 bytes, partition u32, start offset i64, high watermark
                                i64, flushed offset i64, end offset i64, creation of the active
                                segment (wall clock, ms) i64, count of epochs u32, then of each
                                epoch i32, start offset i64

The flushed offset is the durable end as far as the checkpoint knows; the flush journal may know
better. The end offset counts only in the clean-shutdown file, where it equals the flushed one.
"""

import struct
from dataclasses import dataclass, field

from bus.errors import CorruptLog
from bus.log.epochs import EpochStart
from bus.model.batch import Buffer
from bus.model.ids import PartitionId, topic_id_of
from bus.native.batch import crc32c

CHECKPOINT_MAGIC = b"BUSCHK01"
CLEAN_MAGIC = b"BUSCLN01"

_HEAD = struct.Struct("<8sI36sQI")
_PARTITION = struct.Struct("<16sIqqqqqI")
_EPOCH = struct.Struct("<iq")
_CRC_FROM = 12
_GENERATION_AT = 48


@dataclass(slots=True)
class PartitionRecord:
    """One partition as a checkpoint knows it."""

    partition: PartitionId
    start_offset: int
    high_watermark: int
    flushed_offset: int
    end_offset: int
    segment_created_ms: int
    epochs: list[EpochStart] = field(default_factory=list)


@dataclass(slots=True)
class Checkpoint:
    """All partitions of a disk at one moment."""

    boot_id: str
    generation: int  # the journals' blocks from this one on are newer
    partitions: dict[PartitionId, PartitionRecord]


def encode(magic: bytes, checkpoint: Checkpoint) -> bytes:
    """The file's content."""
    boot_id = checkpoint.boot_id.encode()[:36]
    data = bytearray(
        _HEAD.pack(magic, 0, boot_id, checkpoint.generation, len(checkpoint.partitions))
    )
    for record in checkpoint.partitions.values():
        data += _PARTITION.pack(
            record.partition.topic_id.bytes,
            record.partition.partition,
            record.start_offset,
            record.high_watermark,
            record.flushed_offset,
            record.end_offset,
            record.segment_created_ms,
            len(record.epochs),
        )
        data += b"".join(_EPOCH.pack(*entry) for entry in record.epochs)
    struct.pack_into("<I", data, 8, crc32c(memoryview(data)[_CRC_FROM:]))
    return bytes(data)


def with_generation(data: bytes, generation: int) -> bytes:
    """The same content, of another generation."""
    changed = bytearray(data)
    struct.pack_into("<Q", changed, _GENERATION_AT, generation)
    struct.pack_into("<I", changed, 8, crc32c(memoryview(changed)[_CRC_FROM:]))
    return bytes(changed)


def decode(magic: bytes, data: Buffer) -> Checkpoint:
    """The content of a file. Raises CorruptLog unless it is whole."""
    if len(data) < _HEAD.size:
        raise CorruptLog("it is too short")
    found, crc, boot_id, generation, count = _HEAD.unpack_from(data, 0)
    if found != magic:
        raise CorruptLog("it does not begin as it should")
    if crc != crc32c(memoryview(data)[_CRC_FROM:]):
        raise CorruptLog("its checksum is wrong")
    position = _HEAD.size
    partitions = {}
    try:
        for _ in range(count):
            record, position = _decode_partition(data, position)
            partitions[record.partition] = record
    except struct.error:
        raise CorruptLog("it ends before its partitions do") from None
    return Checkpoint(boot_id.rstrip(b"\0").decode("ascii", "replace"), generation, partitions)


def _decode_partition(data: Buffer, position: int) -> tuple[PartitionRecord, int]:
    topic_id, partition, *offsets, epochs = _PARTITION.unpack_from(data, position)
    position += _PARTITION.size
    record = PartitionRecord(PartitionId(topic_id_of(topic_id), partition), *offsets)
    for _ in range(epochs):
        record.epochs.append(EpochStart(*_EPOCH.unpack_from(data, position)))
        position += _EPOCH.size
    return record, position

"""The checkpoint and the clean-shutdown file: what a start needs to know of each partition (S5).

Both are one sealed block, little endian, replaced as a whole:

    byte  size  field
       0     8  magic           b"BUSCHK02" or b"BUSCLN02"
       8     4  crc             CRC-32C of all that follows
      12    36  boot id         of the kernel, when the life began that was accepted last; padded
                                with zeroes
      48     8  generation      of the journals that began with this checkpoint
      56     8  broker epoch    i64, of the last life that was here, accepted or not; -1: of none
      64     4  count           partitions
      68     .  partitions      topic id 16 bytes, partition u32, start offset i64, high watermark
                                i64, flushed offset i64, end offset i64, creation of the active
                                segment (wall clock, ms) i64, held end i64, highest leader epoch
                                seen i32, count of epochs u32, then of each epoch i32, start
                                offset i64

The flushed offset is the durable end as far as the checkpoint knows; the flush journal may know
better. The end offset counts only in the clean-shutdown file, where it equals the flushed one.
The held end is above the flushed offset only where records were given up that were durable here.

Version 01 has no broker epoch, no held end and no epoch seen; it is read, and not written.
"""

import struct
from dataclasses import dataclass, field

from bus.errors import CorruptLog
from bus.log.epochs import EpochStart
from bus.model.batch import Buffer
from bus.model.ids import PartitionId, topic_id_of
from bus.native.batch import crc32c

CHECKPOINT_MAGIC = b"BUSCHK02"
CLEAN_MAGIC = b"BUSCLN02"
NO_BROKER_EPOCH = -1

_HEAD = struct.Struct("<8sI36sQqI")
_HEAD_1 = struct.Struct("<8sI36sQI")
_PARTITION = struct.Struct("<16sIqqqqqqiI")
_PARTITION_1 = struct.Struct("<16sIqqqqqI")
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
    max_epoch_seen: int = -1
    held_end: int = 0  # all records below it were durable here once


@dataclass(slots=True)
class Checkpoint:
    """All partitions of a disk at one moment."""

    boot_id: str
    generation: int  # the journals' blocks from this one on are newer
    partitions: dict[PartitionId, PartitionRecord]
    broker_epoch: int = NO_BROKER_EPOCH


def encode(magic: bytes, checkpoint: Checkpoint) -> bytes:
    """The file's content."""
    boot_id = checkpoint.boot_id.encode()[:36]
    data = bytearray(
        _HEAD.pack(
            magic,
            0,
            boot_id,
            checkpoint.generation,
            checkpoint.broker_epoch,
            len(checkpoint.partitions),
        )
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
            record.held_end,
            record.max_epoch_seen,
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
    if len(data) < _HEAD_1.size:
        raise CorruptLog("it is too short")
    is_old = bytes(data[:8]) == magic[:-1] + b"1"
    if bytes(data[:8]) != magic and not is_old:
        raise CorruptLog("it does not begin as it should")
    if struct.unpack_from("<I", data, 8)[0] != crc32c(memoryview(data)[_CRC_FROM:]):
        raise CorruptLog("its checksum is wrong")
    try:
        return _decode_first(data) if is_old else _decode(data)
    except struct.error:
        raise CorruptLog("it ends before its partitions do") from None


def _decode(data: Buffer) -> Checkpoint:
    _, _, boot_id, generation, broker_epoch, count = _HEAD.unpack_from(data, 0)
    found = Checkpoint(_text(boot_id), generation, {}, broker_epoch)
    position = _HEAD.size
    for _ in range(count):
        topic_id, number, *offsets, held_end, seen, epochs = _PARTITION.unpack_from(data, position)
        position += _PARTITION.size
        record = PartitionRecord(PartitionId(topic_id_of(topic_id), number), *offsets)
        record.max_epoch_seen, record.held_end = seen, held_end
        position = _decode_epochs(data, position, epochs, record)
        found.partitions[record.partition] = record
    return found


def _decode_first(data: Buffer) -> Checkpoint:
    """Version 01: an epoch was seen if there is an entry of it."""
    _, _, boot_id, generation, count = _HEAD_1.unpack_from(data, 0)
    found = Checkpoint(_text(boot_id), generation, {})
    position = _HEAD_1.size
    for _ in range(count):
        topic_id, number, *offsets, epochs = _PARTITION_1.unpack_from(data, position)
        position += _PARTITION_1.size
        record = PartitionRecord(PartitionId(topic_id_of(topic_id), number), *offsets)
        position = _decode_epochs(data, position, epochs, record)
        record.max_epoch_seen = max((entry.epoch for entry in record.epochs), default=-1)
        record.held_end = record.flushed_offset
        found.partitions[record.partition] = record
    return found


def _decode_epochs(data: Buffer, position: int, count: int, record: PartitionRecord) -> int:
    for _ in range(count):
        record.epochs.append(EpochStart(*_EPOCH.unpack_from(data, position)))
        position += _EPOCH.size
    return position


def _text(padded: bytes) -> str:
    return padded.rstrip(b"\0").decode("ascii", "replace")

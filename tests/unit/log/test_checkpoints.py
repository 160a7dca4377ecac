"""The checkpoint file: a sealed block that is whole or refused."""

import struct
from uuid import UUID

import pytest

from bus.errors import CorruptLog
from bus.log.checkpoints import CHECKPOINT_MAGIC, CLEAN_MAGIC, Checkpoint, PartitionRecord
from bus.log.checkpoints import decode as decoded
from bus.log.checkpoints import encode as encoded
from bus.log.epochs import EpochStart
from bus.model.ids import PartitionId
from tests.fixtures import batches

BOOT_ID = "0f2d6c1e-6a51-4a7f-9b57-3f4dbb1c2a10"


def checkpoint():
    epochs = [EpochStart(0, 0), EpochStart(3, 17)]
    created = 1_700_000_000_000
    first = PartitionRecord(PartitionId(UUID(int=1), 0), 5, 20, 21, 22, created, epochs, 7, 30)
    second = PartitionRecord(PartitionId(UUID(int=2), 9), 0, 0, 0, -1, 0)
    return Checkpoint(BOOT_ID, 12, {record.partition: record for record in (first, second)}, 44)


def as_first_version(magic):
    """The same content as version 01 had it."""
    data = bytearray(struct.pack("<8sI36sQI", magic, 0, BOOT_ID.encode(), 12, 2))
    for record in checkpoint().partitions.values():
        topic_id, partition = record.partition
        offsets = record.start_offset, record.high_watermark, record.flushed_offset
        more = record.end_offset, record.segment_created_ms, len(record.epochs)
        data += struct.pack("<16sIqqqqqI", topic_id.bytes, partition, *offsets, *more)
        data += b"".join(struct.pack("<iq", *entry) for entry in record.epochs)
    data[8:12] = batches.crc32c(bytes(data[12:])).to_bytes(4, "little")
    return bytes(data)


def test_what_is_encoded_is_decoded():
    assert decoded(CHECKPOINT_MAGIC, encoded(CHECKPOINT_MAGIC, checkpoint())) == checkpoint()


def test_the_bytes_are_those_of_the_table():
    data = encoded(CHECKPOINT_MAGIC, checkpoint())
    assert data[:8] == b"BUSCHK02"
    assert data[12:48] == BOOT_ID.encode()
    assert data[48:68] == struct.pack("<qqI", 12, 44, 2)
    assert data[68:84] == UUID(int=1).bytes
    assert data[128:144] == struct.pack("<qiI", 30, 7, 2)
    assert len(data) == 68 + 2 * 76 + 2 * 12


@pytest.mark.parametrize(
    ("magic", "old"), [(CHECKPOINT_MAGIC, b"BUSCHK01"), (CLEAN_MAGIC, b"BUSCLN01")]
)
def test_the_first_version_is_read_and_what_it_does_not_tell_follows_from_the_rest(magic, old):
    found = decoded(magic, as_first_version(old))
    wanted = checkpoint()
    wanted.broker_epoch = -1
    for record, seen in zip(wanted.partitions.values(), (3, -1), strict=True):
        record.max_epoch_seen, record.held_end = seen, record.flushed_offset
    assert found == wanted


def test_a_first_version_that_ends_early_is_refused_wherever_it_ends():
    data = as_first_version(b"BUSCHK01")
    for size in range(len(data)):
        with pytest.raises(CorruptLog):
            decoded(CHECKPOINT_MAGIC, data[:size])


def test_a_checkpoint_is_not_taken_for_a_clean_stop():
    with pytest.raises(CorruptLog, match="begin"):
        decoded(CLEAN_MAGIC, encoded(CHECKPOINT_MAGIC, checkpoint()))


def test_any_flipped_bit_is_seen():
    data = encoded(CHECKPOINT_MAGIC, checkpoint())
    for position in range(len(data)):
        bad = bytearray(data)
        bad[position] ^= 1
        with pytest.raises(CorruptLog):
            decoded(CHECKPOINT_MAGIC, bad)


def test_a_file_that_ends_early_is_refused_wherever_it_ends():
    data = encoded(CHECKPOINT_MAGIC, checkpoint())
    for size in range(len(data)):
        with pytest.raises(CorruptLog):
            decoded(CHECKPOINT_MAGIC, data[:size])


def test_counts_that_lead_out_of_the_file_are_refused_under_any_checksum():
    data = bytearray(encoded(CHECKPOINT_MAGIC, checkpoint()))
    for at in (64, 68 + 72):  # of partitions, and of the epochs of the first
        bad = bytearray(data)
        bad[at : at + 4] = b"\xff\xff\0\0"
        bad[8:12] = batches.crc32c(bytes(bad[12:])).to_bytes(4, "little")
        with pytest.raises(CorruptLog, match="ends before"):
            decoded(CHECKPOINT_MAGIC, bad)

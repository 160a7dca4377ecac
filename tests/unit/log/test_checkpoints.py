"""The checkpoint file: a sealed block that is whole or refused."""

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
    first = PartitionRecord(PartitionId(UUID(int=1), 0), 5, 20, 21, 22, 1_700_000_000_000, epochs)
    second = PartitionRecord(PartitionId(UUID(int=2), 9), 0, 0, 0, -1, 0)
    return Checkpoint(BOOT_ID, 12, {record.partition: record for record in (first, second)})


def test_what_is_encoded_is_decoded():
    assert decoded(CHECKPOINT_MAGIC, encoded(CHECKPOINT_MAGIC, checkpoint())) == checkpoint()


def test_the_bytes_are_those_of_the_table():
    data = encoded(CHECKPOINT_MAGIC, checkpoint())
    assert data[:8] == b"BUSCHK01"
    assert data[12:48] == BOOT_ID.encode()
    assert data[48:60] == (12).to_bytes(8, "little") + (2).to_bytes(4, "little")
    assert data[60:76] == UUID(int=1).bytes
    assert len(data) == 60 + 2 * 64 + 2 * 12


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
    for at in (56, 60 + 60):  # of partitions, and of the epochs of the first
        bad = bytearray(data)
        bad[at : at + 4] = b"\xff\xff\0\0"
        bad[8:12] = batches.crc32c(bytes(bad[12:])).to_bytes(4, "little")
        with pytest.raises(CorruptLog, match="ends before"):
            decoded(CHECKPOINT_MAGIC, bad)

"""What a partition remembers of its producers, and the snapshot of it."""

import struct

import pytest

from bus.errors import CorruptLog
from bus.log.producers import ProducerTable
from bus.model.batch import BatchInfo
from bus.model.limits import PRODUCER_BATCHES_RETAINED, PRODUCERS_PER_PARTITION_MAX
from bus.model.producer import SEQUENCE_MAX
from tests.fixtures import batches

NOW, SILENT_MS = 1_700_000_000_000, 10_000


def info(producer_id=7, epoch=0, sequence=0, count=1, offset=0):
    return BatchInfo(offset, 100, 0, 0, count - 1, 5, 6, producer_id, epoch, sequence, count)


def filled():
    table = ProducerTable()
    for number in range(3):
        table.replay(info(7, 0, number * 10, 10, number * 10), NOW + number)
    table.replay(info(8, 2, 0, 1, 30), NOW + 5)
    return table


def test_a_batch_without_a_producer_leaves_no_trace():
    table = ProducerTable()
    table.replay(info(producer_id=-1, sequence=-1), NOW)
    assert len(table) == 0


def test_a_batch_is_remembered_with_its_sequences_and_offsets():
    table = ProducerTable()
    table.replay(info(sequence=20, count=10, offset=300), NOW)
    assert table.get(7).batches == [(20, 29, 300, 309, 6)]


def test_sequences_wrap_to_zero():
    table = ProducerTable()
    table.replay(info(sequence=SEQUENCE_MAX, count=2), NOW)
    assert table.get(7).last_sequence == 0


def test_only_the_last_batches_are_kept():
    table = ProducerTable()
    for number in range(PRODUCER_BATCHES_RETAINED + 3):
        table.replay(info(sequence=number, offset=number), NOW)
    kept = [batch.first_sequence for batch in table.get(7).batches]
    assert kept == list(range(3, PRODUCER_BATCHES_RETAINED + 3))


def test_a_new_epoch_forgets_the_batches_of_the_old_one():
    table = filled()
    table.replay(info(7, 1, 0, 1, 40), NOW)
    assert table.get(7).epoch == 1
    assert [batch.base_offset for batch in table.get(7).batches] == [40]


def test_a_silent_producer_is_forgotten_and_an_active_one_is_not():
    table = filled()
    table.expire(NOW + 2 + SILENT_MS - 1, SILENT_MS)
    assert len(table) == 2
    table.expire(NOW + 2 + SILENT_MS, SILENT_MS)
    assert table.get(7) is None
    assert table.get(8) is not None


def test_the_least_recently_active_goes_when_there_are_too_many():
    table = filled()
    table.replay(info(7, 0, 30, 1, 31), NOW + 6)
    for producer_id in range(100, 100 + PRODUCERS_PER_PARTITION_MAX - 1):
        table.replay(info(producer_id), NOW + 7)
    assert table.get(8) is None
    assert table.get(7) is not None
    assert len(table) == PRODUCERS_PER_PARTITION_MAX


def test_a_snapshot_brings_everything_back():
    table = ProducerTable()
    table.restore(filled().snapshot())
    for producer_id in (7, 8):
        assert table.get(producer_id) == filled().get(producer_id)


def test_a_restored_table_expires_in_the_same_order():
    table = ProducerTable()
    table.restore(filled().snapshot())
    table.expire(NOW + 2 + SILENT_MS, SILENT_MS)
    assert (table.get(7), len(table)) == (None, 1)


def test_a_snapshot_of_kafka_s_is_read_as_far_as_it_goes():
    body = struct.pack(">i", 1) + struct.pack(">qhiqiqiq", 7, 2, 29, 309, 9, NOW, -1, -1)
    table = ProducerTable()
    table.restore(struct.pack(">hI", 1, batches.crc32c(body)) + body)
    entry = table.get(7)
    assert (entry.epoch, entry.batches) == (2, [(20, 29, 300, 309, NOW)])


def test_any_flipped_bit_of_a_snapshot_is_seen():
    data = filled().snapshot()
    for position in range(len(data)):
        bad = bytearray(data)
        bad[position] ^= 1
        table = filled()
        with pytest.raises(CorruptLog):
            table.restore(bad)
        assert len(table) == 0


def test_a_snapshot_that_ends_early_is_refused_wherever_it_ends():
    data = filled().snapshot()
    for size in range(len(data)):
        with pytest.raises(CorruptLog):
            ProducerTable().restore(data[:size])


@pytest.mark.parametrize(
    ("batch", "reason"),
    [
        ((0, 0, 9, 5, NOW), "ends before it begins"),
        ((0, 0, 0, 1 << 40, NOW), "ends before"),
        ((0, 0, -9, -5, NOW), "begins before the log"),
    ],
)
def test_a_snapshot_that_contradicts_itself_is_refused(batch, reason):
    body = struct.pack(">i", 1) + struct.pack(">qhiqiqiq", 7, 2, 29, 309, 9, NOW, -1, -1)
    body += struct.pack(">i", 1) + struct.pack(">iiqqq", *batch)
    with pytest.raises(CorruptLog, match=reason):
        ProducerTable().restore(struct.pack(">hI", 1, batches.crc32c(body)) + body)


def test_a_snapshot_of_kafka_s_that_contradicts_itself_is_refused():
    body = struct.pack(">i", 1) + struct.pack(">qhiqiqiq", 7, 2, 29, 309, -9, NOW, -1, -1)
    with pytest.raises(CorruptLog, match="ends before it begins"):
        ProducerTable().restore(struct.pack(">hI", 1, batches.crc32c(body)) + body)


def test_a_snapshot_of_more_batches_than_are_kept_is_refused():
    body = struct.pack(">i", 1) + struct.pack(">qhiqiqiq", 7, 2, 29, 309, 9, NOW, -1, -1)
    body += struct.pack(">i", -1)
    with pytest.raises(CorruptLog, match="-1 batches"):
        ProducerTable().restore(struct.pack(">hI", 1, batches.crc32c(body)) + body)

"""Headers, checksums and validation against bytes written by the slow reference."""

import pytest

from bus.errors import CorruptBatch
from bus.model.batch import BatchInfo
from bus.native import batch
from tests.fixtures import batches

VARIANTS = batch.crc32c_variants()
LENGTHS = [0, 1, 7, 8, 9, 255, 256, 767, 768, 769, 12287, 12288, 12289, 40_000]
GOOD = batches.batch([b"one", None, b"three"], base_offset=7, producer=(5, 2, 9))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_crc_variant_gives_the_published_check_value(variant):
    assert batch.crc32c_by(variant, b"123456789") == 0xE3069283


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_crc_variant_equals_the_reference_at_the_borders_of_its_blocks(variant, length):
    data = bytes(i * 131 + (i >> 8) & 0xFF for i in range(length))
    assert batch.crc32c_by(variant, data, 77) == batches.crc32c(data, 77)


def test_a_crc_continues_from_an_earlier_one():
    assert batch.crc32c(b"6789", batch.crc32c(b"12345")) == batch.crc32c(b"123456789")


def test_a_crc_of_unaligned_bytes_is_right():
    data = memoryview(bytes(range(256)) * 60)
    for start in range(9):
        assert batch.crc32c(data[start:]) == batches.crc32c(bytes(data[start:]))


def test_the_table_runs_everywhere_and_an_unknown_variant_is_refused():
    assert VARIANTS[-1] == "table"
    with pytest.raises(ValueError, match="no CRC variant"):
        batch.crc32c_by("md5", b"")


def test_a_header_is_read_field_by_field():
    info = BatchInfo(*batch.header(b"xx" + GOOD, 2))
    assert info == BatchInfo(7, len(GOOD), -1, 0, 2, 1000, 1000, 5, 2, 9, 3)
    assert info.end_offset == 10


def test_a_good_batch_passes_and_gives_its_header():
    assert batch.check(GOOD) == batch.header(GOOD)


def test_back_to_back_batches_are_checked_to_the_end():
    assert [info[0] for info in batch.check_all(GOOD + GOOD)] == [7, 7]
    assert batch.check_all(b"") == []
    with pytest.raises(CorruptBatch):
        batch.check_all(GOOD + GOOD[:-1])


@pytest.mark.parametrize("size", range(len(GOOD)))
def test_a_batch_cut_anywhere_is_corrupt(size):
    exact = bytes(GOOD[:size])
    for ask in (batch.header, batch.check):
        with pytest.raises(CorruptBatch):
            ask(exact)


@pytest.mark.parametrize("at", range(len(GOOD)))
def test_a_flipped_bit_is_corrupt_except_in_the_fields_outside_the_crc(at):
    outside = at < 8 or 12 <= at < 16
    for bit in range(8):
        bad = bytearray(GOOD)
        bad[at] ^= 1 << bit
        if outside:
            batch.check(bad)
        else:
            with pytest.raises(CorruptBatch):
                batch.check(bad)


@pytest.mark.parametrize(
    ("records", "count", "fields"),
    [
        (b"", 0, {}),
        (b"", 0, {"last_offset_delta": 0}),
        (batches.record(0, b"a"), 1, {"last_offset_delta": 1}),
        (batches.record(0, b"a"), 2, {}),
        (batches.record(0, b"a"), 2**31 - 1, {}),
        (batches.record(0, b"a") * 2, 2, {}),
        (batches.record(1, b"a"), 1, {}),
        (batches.record(0, b"a") + b"\0", 1, {}),
        (batches.record(0, b"a")[:-1], 1, {}),
        (b"\x7f" + batches.record(0, b"a")[1:], 1, {}),
        (b"\x01" + batches.record(0, b"a")[1:], 1, {}),
        (b"\xff" * 12, 1, {}),
        (b"\x0e\0\0\0\x03\x01\0\0", 1, {}),
        (b"\x0c\0\0\0\x01\x03\0", 1, {}),
        (b"\x0c\0\0\0\x01\x01\x01", 1, {}),
        (b"\x0c\0\0\0\x01\x01\x02", 1, {}),
        (batches.record(0, b"a"), 1, {"attributes": 5}),
        (b"", -1, {"last_offset_delta": 0}),
        (batches.record(0, b"a"), 1, {"last_offset_delta": -1}),
    ],
)
def test_a_batch_that_contradicts_itself_is_corrupt_whatever_its_crc(records, count, fields):
    with pytest.raises(CorruptBatch):
        batch.check(batches.assemble(records, count, **fields))


def test_the_records_of_a_compressed_batch_are_covered_by_the_crc_alone():
    data = batches.assemble(b"not even zstd", 3, attributes=4)
    assert BatchInfo(*batch.check(data)).compression == 4


@pytest.mark.parametrize("position", [-1, len(GOOD) + 1])
def test_a_position_outside_the_data_is_the_callers_mistake(position):
    with pytest.raises(ValueError, match="position"):
        batch.check(GOOD, position)


def test_stamping_changes_offset_and_epoch_and_leaves_the_crc_right():
    data = bytearray(b"x" + GOOD)
    batch.stamp(data, 1, 1 << 40, 12)
    info = BatchInfo(*batch.check(data, 1))
    assert (info.base_offset, info.leader_epoch) == (1 << 40, 12)


def test_append_time_sets_flag_and_maximum_and_the_crc_anew():
    data = bytearray(GOOD)
    batch.stamp_append_time(data, 0, 555)
    info = BatchInfo(*batch.check(data))
    assert (info.attributes, info.base_timestamp, info.max_timestamp) == (8, 1000, 555)


def test_sealing_writes_the_producer_and_may_be_done_again():
    data = bytearray(GOOD)
    for sequence in (3, 4):
        batch.seal(data, 1 << 50, 7, sequence)
        assert batch.check(data)[7:10] == (1 << 50, 7, sequence)


def test_stamping_needs_writable_bytes():
    with pytest.raises(BufferError):
        batch.stamp(GOOD, 0, 0, 0)


def test_a_record_without_a_key_is_found_wherever_it_stands():
    def records(*keys):
        return b"".join(batches.record(delta, b"v", key) for delta, key in enumerate(keys))

    assert not batch.lacks_key(records(b"a", b"", b"c"), 3)
    assert batch.lacks_key(records(None, b"b"), 2)
    assert batch.lacks_key(records(b"a", None), 2)


@pytest.mark.parametrize(
    "records",
    [
        batches.record(0, b"v", b"k") + batches.record(0, b"v", b"k"),
        batches.record(0, b"v", b"k") + batches.record(2, b"v", b"k"),
        batches.record(0, b"v", None) + b"no record",
        batches.record(0, b"v", b"k"),
        batches.record(0, b"v", b"k") * 3,
    ],
)
def test_what_a_batch_holds_is_looked_at_to_its_end_for_its_keys(records):
    with pytest.raises(CorruptBatch):
        batch.lacks_key(records, 2)

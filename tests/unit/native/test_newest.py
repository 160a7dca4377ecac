"""The newest record of each key, against a dictionary."""

import random
import threading

import pytest

from bus.errors import CorruptBatch
from bus.native.compression import compress, decompress
from bus.native.newest import NewestPerKey
from tests.fixtures import batches

CONTROL = 0x20


def unpack(codec: int, packed: memoryview) -> bytes:
    assert codec == 0, "nothing is compressed here"
    return bytes(packed)


def table(keys_max: int = 1000, bytes_max: int = 1 << 20, opener=unpack) -> NewestPerKey:
    return NewestPerKey(keys_max, bytes_max, opener)


def keyed(pairs, base_offset: int = 0, **fields) -> bytes:
    records = b"".join(
        batches.record(delta, value, key) for delta, (key, value) in enumerate(pairs)
    )
    return batches.assemble(records, len(pairs), base_offset=base_offset, **fields)


def test_the_last_value_of_each_key_is_left_in_the_order_of_offsets():
    newest = table()
    newest.feed(keyed([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")], base_offset=10))
    assert newest.rows() == [(11, b"b", b"2"), (12, b"a", b"3")]
    assert (len(newest), newest.records, newest.end_offset) == (2, 3, 13)


def test_a_tombstone_is_told_apart_from_an_empty_value():
    newest = table()
    newest.feed(keyed([(b"a", b"1"), (b"b", b""), (b"a", None), (b"", b"x")]))
    assert newest.rows() == [(1, b"b", b""), (2, b"a", None), (3, b"", b"x")]


def test_a_key_that_comes_back_after_its_tombstone_lives():
    newest = table()
    newest.feed(keyed([(b"a", None), (b"a", b"long enough"), (b"a", None), (b"a", b"again")]))
    assert newest.rows() == [(3, b"a", b"again")]


def test_records_without_a_key_and_control_batches_are_passed_over():
    newest = table()
    newest.feed(keyed([(None, b"1"), (b"a", b"2")]) + keyed([(b"c", b"")], 2, attributes=CONTROL))
    assert newest.rows() == [(1, b"a", b"2")]
    assert newest.end_offset == 3


def test_a_batch_may_have_lost_records_or_all_of_them():
    records = batches.record(2, b"x", b"k") + batches.record(7, b"y", b"l")
    newest = table()
    newest.feed(batches.assemble(records, 2, last_offset_delta=9))
    newest.feed(batches.assemble(b"", 0, base_offset=20, last_offset_delta=3))
    assert newest.rows() == [(2, b"k", b"x"), (7, b"l", b"y")]
    assert newest.end_offset == 24


@pytest.mark.parametrize("codec", [1, 2, 3, 4])
def test_compressed_batches_are_opened_by_what_was_given_for_it(codec):
    plain = b"".join(batches.record(i, b"v%d" % i, b"k%d" % (i % 3)) for i in range(9))
    packed = compress(codec, plain)
    newest = table(opener=lambda given, data: decompress(given, data, 1000))
    newest.feed(keyed([(b"k0", b"old"), (b"other", b"1")]))
    newest.feed(batches.assemble(packed, 9, base_offset=2, attributes=codec))
    assert newest.rows() == [
        (1, b"other", b"1"),
        (8, b"k0", b"v6"),
        (9, b"k1", b"v7"),
        (10, b"k2", b"v8"),
    ]


def test_many_keys_and_values_of_changing_size_agree_with_a_dictionary():
    source, expected, offset = random.Random(5), {}, 0
    newest = table(keys_max=5000, bytes_max=1 << 22)
    for _ in range(60):
        pairs = []
        for delta in range(source.randrange(1, 300)):
            key = b"key %d" % source.randrange(3000)
            value = None if source.random() < 0.2 else source.randbytes(source.randrange(0, 200))
            pairs.append((key, value))
            expected[key] = (offset + delta, key, value)
        newest.feed(keyed(pairs, offset))
        offset += len(pairs)
    assert newest.rows() == sorted(expected.values())


def test_what_was_fed_may_be_let_go_of():
    data = bytearray(keyed([(b"a", b"1")]))
    newest = table()
    newest.feed(data)
    data[:] = bytes(len(data))
    data += b"no view is held"
    assert newest.rows() == [(0, b"a", b"1")]


def test_keys_beyond_the_bound_are_refused_and_then_everything():
    newest = table(keys_max=2)
    newest.feed(keyed([(b"a", b"1"), (b"b", b"1"), (b"a", b"2")]))
    with pytest.raises(OverflowError, match="more than 2 keys"):
        newest.feed(keyed([(b"c", b"1")], 3))
    with pytest.raises(ValueError, match="failed"):
        newest.rows()


def test_only_survivors_count_towards_the_bytes_allowed():
    newest = table(bytes_max=1000)
    for offset in range(50):
        newest.feed(keyed([(b"a", b"x" * (400 + offset))], offset))
    with pytest.raises(OverflowError, match="1000 bytes"):
        newest.feed(keyed([(b"b", b"x" * 900)], 50))


def test_every_damage_is_found():
    good = keyed([(b"a", b"1"), (b"b", b"2")])
    for position in range(16, len(good)):
        bad = bytearray(good)
        bad[position] ^= 1
        with pytest.raises(CorruptBatch):
            table().feed(bad)
    for size in range(1, len(good)):
        with pytest.raises(CorruptBatch):
            table().feed(good[:size])


@pytest.mark.parametrize(
    ("records", "count"),
    [
        (batches.record(1, b"x", b"k") + batches.record(1, b"x", b"k"), 2),
        (batches.record(5, b"x", b"k"), 1),
        (batches.record(0, b"x", b"k") + b"\0", 1),
        (batches.record(0, b"x", b"k"), 2),
    ],
)
def test_records_that_contradict_their_header_are_corrupt(records, count):
    with pytest.raises(CorruptBatch):
        table().feed(batches.assemble(records, count, last_offset_delta=3))


def test_offsets_that_fall_are_corrupt():
    newest = table()
    newest.feed(keyed([(b"a", b"1")], 5))
    with pytest.raises(CorruptBatch, match="base offset"):
        newest.feed(keyed([(b"a", b"0")], 4))


def test_it_is_refused_to_two_threads_at_once():
    entered, leave = threading.Event(), threading.Event()

    def slow(codec: int, packed: memoryview) -> bytes:
        entered.set()
        leave.wait(60)
        return bytes(packed)

    newest = table(opener=slow)
    data = keyed([(b"a", b"1")], attributes=1)
    thread = threading.Thread(target=newest.feed, args=[data])
    thread.start()
    entered.wait(60)
    with pytest.raises(ValueError, match="elsewhere"):
        newest.feed(keyed([(b"b", b"1")], 1))
    leave.set()
    thread.join()
    assert newest.rows() == [(0, b"a", b"1")]

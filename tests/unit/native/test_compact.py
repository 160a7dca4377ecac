"""Key compaction of batches, against a dictionary of what must be left."""

import random
from array import array

import pytest

from bus.errors import CorruptBatch
from bus.native import batch as native
from bus.native import segment
from bus.native.compact import Compactor
from bus.native.compression import compress, decompress
from bus.native.offset_map import OffsetMap
from tests.fixtures import batches

NOW, LATER = 5_000_000, 6_000_000
HORIZON, CONTROL, TRANSACTIONAL = 0x40, 0x20, 0x10


def unpack(codec, packed):
    return decompress(codec, packed, 1 << 20)


def keyed(pairs, base_offset=0, codec=0, attributes=0, **fields) -> bytes:
    records = b"".join(
        batches.record(delta, value, key, delta) for delta, (key, value) in enumerate(pairs)
    )
    if codec:
        records = compress(codec, records)
    fields.setdefault("max_timestamp", 1000 + len(pairs) - 1)
    return batches.assemble(
        records, len(pairs), base_offset=base_offset, attributes=codec | attributes, **fields
    )


def log_of(*batches_of_pairs, **fields) -> bytes:
    data, offset = b"", 0
    for pairs in batches_of_pairs:
        data += keyed(pairs, offset, **fields)
        offset += len(pairs)
    return data


def mapped(data, start=0, keys_max=1000, below=1 << 40) -> OffsetMap:
    newest = OffsetMap(start, keys_max, unpack)
    newest.feed(data, below)
    return newest


def compacted(data, newest=None, remembered=(), now=NOW, horizon=LATER) -> bytes:
    newest = newest or mapped(data)
    compactor = Compactor(newest, array("q", remembered), now, horizon, unpack, compress)
    compactor.feed(data)
    compactor.close()
    return compactor.take()


def headers(data) -> list:
    """Of all batches, which must be whole, in order and without a hole."""
    start = native.header(data)[0] if data else 0
    found = segment.scan(data, 0, start, -1, collect=True)
    assert (found.reason, found.position) == (None, len(data))
    return found.headers


def rows(data) -> list:
    """(offset, timestamp, key, value) of each record."""
    found, position = [], 0
    for header in headers(data):
        base, size, _, attributes, _, base_timestamp = header[:6]
        records = data[position + native.HEADER_SIZE : position + size]
        position += size
        if attributes & 7 and header[10]:
            records = unpack(attributes & 7, records)
        reader = batches._Reader(bytes(records))
        for _ in range(header[10]):
            body = batches._Reader(reader.take(reader.varint()))
            body.take(1)
            delta, offset = body.varint(64), body.varint()
            found.append((base + offset, base_timestamp + delta, body.sized(), body.sized()))
        assert reader.at == len(records)
    return found


def end_of(data) -> int:
    last = headers(data)[-1]
    return last[0] + last[4] + 1


def test_only_the_newest_record_of_a_key_is_left_at_its_offset_and_time():
    data = log_of([(b"a", b"1"), (b"b", b"2")], [(b"a", b"3"), (b"c", b"4")])
    assert rows(compacted(data)) == [
        (1, 1001, b"b", b"2"),
        (2, 1000, b"a", b"3"),
        (3, 1001, b"c", b"4"),
    ]


def test_a_batch_of_which_nothing_goes_stays_byte_for_byte():
    for codec in (0, 1, 4):
        data = log_of([(b"a", b"1"), (b"b", b"2")], [(b"c", b"3")], codec=codec)
        assert compacted(data) == data


def test_a_batch_keeps_its_offsets_and_its_producer_when_records_go():
    data = keyed([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")], 7, producer=(5, 2, 40))
    (header,) = headers(compacted(data))
    assert (header[0], header[4], header[10]) == (7, 2, 2)
    assert header[7:10] == (5, 2, 40)


@pytest.mark.parametrize("codec", [1, 2, 3, 4])
def test_a_compressed_batch_is_opened_and_compressed_as_before(codec):
    data = log_of([(b"a", b"1"), (b"b", b"2")], [(b"a", b"3")], codec=codec)
    found = compacted(data)
    assert [header[3] for header in headers(found)] == [codec, codec]
    assert [row[2:] for row in rows(found)] == [(b"b", b"2"), (b"a", b"3")]


def test_the_batch_before_reaches_over_what_is_gone():
    data = log_of([(b"x", b"")], *[[(b"a", b"%d" % n)] for n in range(50)])
    found = compacted(data)
    assert [(h[0], h[4], h[10]) for h in headers(found)] == [(0, 49, 1), (50, 0, 1)]


def test_a_producers_batch_does_not_reach_further_than_its_sequences():
    data = keyed([(b"x", b"")], producer=(5, 0, 0))
    data += keyed([(b"a", b"1")], 1) + keyed([(b"a", b"2")], 2)
    found = headers(compacted(data))
    assert [(h[0], h[4], h[7], h[10]) for h in found] == [
        (0, 0, 5, 1),
        (1, 0, -1, 0),
        (2, 0, -1, 1),
    ]


def test_a_batch_that_a_producer_is_remembered_by_stays_without_records():
    data = keyed([(b"a", b"1"), (b"a", b"2")], producer=(5, 3, 9)) + keyed([(b"a", b"3")], 2)
    first = headers(compacted(data, remembered=[0]))[0]
    assert (first[0], first[4], first[10]) == (0, 1, 0)
    assert first[7:10] == (5, 3, 9)
    assert headers(compacted(data))[0][7] == -1


def test_epochs_begin_where_they_began():
    data = b"".join(keyed([(b"a", b"%d" % n)], n, leader_epoch=n // 3) for n in range(9))
    assert [(h[0], h[4], h[2]) for h in headers(compacted(data))] == [
        (0, 2, 0),
        (3, 2, 1),
        (6, 1, 2),
        (8, 0, 2),
    ]


def test_what_lies_above_the_map_stays():
    data = log_of([(b"a", b"1")], [(b"a", b"2")], [(b"a", b"3")], [(b"a", b"4")])
    newest = mapped(data, below=2)
    assert newest.end_offset == 2
    assert [row[0] for row in rows(compacted(data, newest))] == [1, 2, 3]


def test_a_map_that_is_full_ends_before_the_batch_that_did_not_fit():
    data = log_of([(b"a", b"1")], [(b"b", b"")], [(b"a", b"2"), (b"c", b"")], [(b"a", b"3")])
    newest = mapped(data, keys_max=2)
    assert (newest.is_full, newest.end_offset, len(newest)) == (True, 2, 2)
    assert [row[0] for row in rows(compacted(data, newest))] == [1, 2, 3, 4]


def test_a_map_of_the_dirty_part_removes_records_of_the_clean_part():
    data = log_of([(b"a", b"1"), (b"b", b"1")], [(b"a", b"2")])
    newest = mapped(data, start=2)
    assert (newest.records, len(newest)) == (1, 1)
    assert [row[0] for row in rows(compacted(data, newest))] == [1, 2]


def test_records_without_a_key_go():
    data = log_of([(None, b"1"), (b"a", b"2")])
    assert [row[0] for row in rows(compacted(data))] == [1]


@pytest.mark.parametrize("flag", [CONTROL, TRANSACTIONAL])
def test_control_and_transactional_batches_stay_as_they_are(flag):
    data = keyed([(b"a", b"1")], attributes=flag) + keyed([(b"a", b"2")], 1)
    assert compacted(data) == data


@pytest.mark.parametrize("codec", [0, 1])
def test_a_tombstone_gets_a_horizon_and_keeps_its_time(codec):
    data = log_of([(b"a", b"1"), (b"a", None), (b"b", b"2")], codec=codec)
    found = compacted(data)
    (header,) = headers(found)
    assert header[3] & HORIZON
    assert header[5] == LATER
    assert rows(found) == [(1, 1001, b"a", None), (2, 1002, b"b", b"2")]
    assert compacted(found) == found
    assert compacted(found, now=LATER - 1) == found
    assert rows(compacted(found, now=LATER)) == [(2, 1002, b"b", b"2")]


def test_the_latest_time_is_that_of_what_is_left():
    data = keyed([(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]) + keyed([(b"c", b"4")], 3)
    assert headers(compacted(data))[0][6] == 1001
    by_broker = keyed([(b"a", b"1"), (b"a", b"2")], attributes=8, max_timestamp=77)
    assert headers(compacted(by_broker))[0][6] == 77


def test_nothing_but_gaps_is_one_empty_batch():
    data = log_of(*[[(None, b"x")] for _ in range(20)])
    found = compacted(data)
    assert [(h[0], h[4], h[10], h[1]) for h in headers(found)] == [(0, 19, 0, 61)]
    assert compacted(found) == found


def test_pieces_give_what_the_whole_gives_but_for_gaps():
    source = random.Random(3)
    many = [[(b"k%02d" % source.randrange(20), b"v")] for _ in range(300)]
    data = log_of(*many)
    compactor = Compactor(mapped(data), array("q"), NOW, LATER, unpack, compress)
    size, found = len(data) // 300, b""
    for start in range(0, len(data), 7 * size):
        compactor.feed(data[start : start + 7 * size])
        found += compactor.take()
    compactor.close()
    found += compactor.take()
    assert rows(found) == rows(compacted(data))
    assert end_of(found) == 300
    assert (compactor.bytes_in, compactor.bytes_out) == (len(data), len(found))
    assert (compactor.records_in, compactor.records_out) == (300, len(rows(found)))


@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_log_no_survivor_changes_and_no_other_stays(seed):
    source = random.Random(seed)
    data, offset, expected, remembered = b"", 0, {}, []
    for _ in range(120):
        pairs = []
        for delta in range(source.randrange(1, 8)):
            key = source.choice([None, *(b"key%d" % n for n in range(30))])
            value = source.choice([None, b"", source.randbytes(30)])
            pairs.append((key, value))
            expected.pop(key, None)
            if key is not None:
                expected[key] = (offset + delta, 1000 + delta, key, value)
        producer = source.choice([(-1, -1, -1), (9, 0, offset)])
        if producer[0] >= 0 and source.random() < 0.2:
            remembered.append(offset)
        codec = source.choice([0, 0, 1, 2, 3, 4])
        data += keyed(pairs, offset, codec, producer=producer)
        offset += len(pairs)
    found = compacted(data, remembered=remembered)
    assert rows(found) == sorted(expected.values())
    assert end_of(found) == offset
    assert {h[0] for h in headers(found) if h[7] >= 0} >= set(remembered)
    again = compacted(found, remembered=remembered, now=LATER)
    assert rows(again) == [row for row in sorted(expected.values()) if row[3] is not None]
    assert end_of(again) == offset


def test_every_damage_is_found():
    good = log_of([(b"a", b"1"), (b"a", b"2")])
    for position in range(16, len(good)):
        bad = bytearray(good)
        bad[position] ^= 1
        with pytest.raises(CorruptBatch):
            mapped(bad)
        with pytest.raises(CorruptBatch):
            compacted(bad, mapped(good))
    for size in range(1, len(good)):
        with pytest.raises(CorruptBatch):
            compacted(good[:size], mapped(good))


def test_a_compacted_batch_is_good_when_stored_and_not_when_produced():
    found = compacted(log_of([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]))
    assert native.check_stored(found) == native.header(found)
    with pytest.raises(CorruptBatch):
        native.check(found)

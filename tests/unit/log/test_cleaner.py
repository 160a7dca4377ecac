"""Compaction of a whole directory, step by step, on a simulated disk."""

import pytest

from bus.log.cleaner import RETRY_MS, Cleaner, CleanerLimits
from bus.log.layout import CLEANER
from bus.model.batch import BatchInfo
from bus.native import batch as native
from tests.unit.log.conftest import DIRECTORY, PARTITION
from tests.unit.log.house import POLICY, House, check_compacted, churn, join, put, settle, stored


@pytest.fixture
def house(make_life):
    return House(make_life(**POLICY))


def test_of_each_key_the_newest_record_is_left(house):
    newest = churn(house.life)
    before = house.life.log.size_bytes
    house.work()
    rows = check_compacted(house.life, newest)
    closed = [row for row in rows if row[0] < house.life.log.segments[-1].base_offset]
    assert len({key for _, key, _ in closed}) == len(closed)
    assert house.life.log.size_bytes < before / 3
    assert house.cleaner.runs == 1


def test_files_of_segments_that_became_one_are_gone(house):
    churn(house.life)
    house.work()
    logs = [name for name in house.life.names() if name.endswith((".log", ".cleaned"))]
    assert logs == [f"{segment.base_offset:020d}.log" for segment in house.life.log.segments]
    count = len(logs)
    churn(house.life, seed=2)
    house.work()
    logs = [name for name in house.life.names() if name.endswith((".log", ".cleaned"))]
    assert logs == [f"{segment.base_offset:020d}.log" for segment in house.life.log.segments]
    assert len(logs) < 2 * count - 5


def test_a_topic_that_only_deletes_is_left_alone(make_life):
    house = House(make_life(**{**POLICY, "cleanup_policy": "delete"}))
    churn(house.life)
    before = stored(house.life)
    house.work()
    assert stored(house.life) == before


def test_nothing_is_compacted_when_it_is_switched_off(house):
    house.cleaner = Cleaner(
        house.life.store, house.life.disk, house.life.clock, CleanerLimits(1 << 30, 1, 0, False)
    )
    churn(house.life)
    before = stored(house.life)
    house.work()
    assert stored(house.life) == before


def test_what_readers_do_not_see_yet_is_not_touched(house):
    churn(house.life)
    house.life.log.high_watermark = 0
    before = stored(house.life)
    house.work()
    assert stored(house.life) == before


def test_a_restart_finds_what_compaction_left(house):
    newest = churn(house.life)
    house.work()
    rows = stored(house.life)
    for clean in (True, False):
        after = house.life.next_life(clean)
        assert after.report.damaged == []
        assert stored(after) == rows == check_compacted(after, newest)
        house.life = after


def test_what_is_compacted_is_noted_and_not_done_again_after_a_restart(house):
    churn(house.life)
    house.work()
    end = house.life.log.segments[-1].base_offset
    note = house.life.disk.read(CLEANER, 0, 1000)
    assert note == f"{PARTITION.topic_id} {PARTITION.partition} {end}\n".encode()
    later = House(house.life.next_life())
    later.work()
    assert later.cleaner.runs == 0


@pytest.mark.parametrize("note", [b"", b"nonsense", b"\xff\n", b"a b c\n"])
def test_a_bad_note_makes_all_dirty_and_hurts_nothing(house, note):
    newest = churn(house.life)
    house.work()
    life = house.life.next_life()
    life.disk.write(CLEANER, note)
    later = House(life)
    later.work()
    check_compacted(life, newest)


def test_new_records_make_a_log_dirty_again(house):
    churn(house.life)
    house.work()
    newest = churn(house.life, seed=2)
    house.work()
    check_compacted(house.life, newest)
    assert house.cleaner.runs == 2


def test_tombstones_go_when_their_time_is_up(make_life):
    house = House(make_life(**POLICY, delete_retention_ms=60_000))
    churn(house.life)
    for n in range(10):
        put(house.life, [(b"key%d" % n, None)])
    churn(house.life, keys=1, seed=5)
    house.work()
    assert sum(value is None for _, _, value in stored(house.life)) == 9
    house.life.clock.advance(70_000)
    churn(house.life, keys=1, seed=6)
    house.work()
    assert {key for _, key, _ in stored(house.life)} == {b"key0"}


def test_producers_are_remembered_although_their_records_are_gone(make_life):
    house = House(make_life(**POLICY))
    for sequence in range(7):
        put(house.life, [(b"a", b"x")], producer=(77, 3, sequence))
    newest = churn(house.life)
    newest[b"a"] = (6, b"x")
    put(house.life, [(b"a", None)])
    churn(house.life, seed=3)
    before = house.life.log.producers.get(77).batches
    house.work()
    assert house.life.log.producers.get(77).batches == before
    life = house.life.next_life(clean=False)
    for name in life.names():
        if name.endswith(".snapshot"):
            life.disk.unlink(f"{DIRECTORY}/{name}")
    again = life.next_life(clean=False)
    assert [b[:4] for b in again.log.producers.get(77).batches] == [b[:4] for b in before]


def test_a_map_that_is_too_small_takes_several_turns(make_life):
    house = House(make_life(**POLICY), CleanerLimits(1 << 40, 1, 0))
    newest = churn(house.life, count=3000, keys=2500)
    house.work(steps=10)
    check_compacted(house.life, newest)
    assert house.cleaner.runs > 1


def test_no_more_is_read_than_is_allowed(make_life):
    house = House(make_life(**POLICY), CleanerLimits(500, 1 << 20, 0))
    churn(house.life)
    house.work(steps=1)
    assert house.cleaner.runs == 0
    house.work(steps=100)
    assert house.cleaner.runs == 1


def test_a_cold_read_that_was_planned_before_gets_what_is_there_now(house):
    newest = churn(house.life)
    reads = [house.life.log.read(n, 1, 1000) for n in range(0, 150, 7)]
    house.work()
    kept = {offset for offset, _ in newest.values()}
    for offset, read in zip(range(0, 150, 7), reads, strict=True):
        info = BatchInfo(*native.header(read.load()))
        assert info.base_offset <= offset < info.end_offset
        assert info.record_count == 0 or info.base_offset in kept


def test_a_log_that_is_deleted_meanwhile_is_left_off(house):
    churn(house.life)
    house.step()
    house.do_piece()
    house.life.store.delete(PARTITION)
    house.work()
    assert house.cleaner.failures == 0
    assert house.life.disk.list("topics") == []


def test_a_log_that_is_cut_meanwhile_is_compacted_another_time(house):
    churn(house.life)
    for _ in range(4):
        house.step()
        house.do_piece()
    house.life.log.truncate(30)
    house.work()
    assert house.life.log.end_offset == 30
    assert house.cleaner.failures == 0
    newest = churn(house.life, keys=3, seed=9)
    house.life.log.high_watermark = house.life.log.end_offset
    house.work()
    assert {(o, v) for o, _, v in stored(house.life)} >= {newest[b"key%d" % n] for n in range(3)}


def test_a_log_that_is_cut_right_after_can_be_written_again(house):
    churn(house.life)
    join(house.life)
    while not house.life.log.replaced:
        house.step()
        if house.pieces:
            house.do_piece()
        house.life.disk.wait(0)
    house.life.log.truncate(0)
    churn(house.life, seed=4)
    assert house.life.bases()[0] == 0


def test_damage_ends_a_compaction_and_is_not_met_at_once_again(house):
    churn(house.life)
    path = house.life.log.segments[0].path
    data = bytearray(house.life.disk.read(path, 0, 10_000))
    data[300] ^= 1
    house.life.disk.write(path, bytes(data))
    house.work(steps=5)
    assert (house.cleaner.runs, house.cleaner.failures) == (0, 1)
    house.life.clock.advance(RETRY_MS)
    house.work(steps=2)
    assert house.cleaner.failures == 2
    assert not [name for name in house.life.names() if name.endswith(".cleaned")]


def test_a_full_disk_ends_a_compaction(house):
    churn(house.life)
    before = stored(house.life)
    house.life.disk.room = 10
    house.work()
    assert house.cleaner.failures == 1
    assert stored(house.life) == before


def test_a_failed_disk_ends_all(house):
    churn(house.life)
    house.step()
    house.life.store.fail(OSError(5, "gone"))
    house.work()
    assert house.cleaner.runs == 0


def test_lookup_by_time_finds_what_is_left(house):
    for number in range(100):
        put(
            house.life,
            [(b"key%d" % (number % 7), b"v" * 50)],
            base_timestamp=1000 + number,
            max_timestamp=1000 + number,
        )
    settle(house.life)
    house.work()
    rows = stored(house.life)
    for wanted in range(100):
        expected = next(offset for offset, _, _ in rows if offset >= wanted)
        assert house.life.log.offset_for_timestamp(1000 + wanted) == (1000 + expected, expected)
    assert house.life.log.last_timestamp() == (1099, 99)


def test_old_segments_go_by_age_too_when_both_are_asked_for(make_life):
    house = House(make_life(**{**POLICY, "cleanup_policy": "compact,delete"}, retention_ms=5000))
    churn(house.life)
    house.work()
    house.life.log.apply_retention(house.life.clock.wall_ms() + 10_000_000)
    assert house.life.log.start_offset == house.life.log.segments[-1].base_offset
    only = House(make_life(**POLICY, retention_ms=5000))
    churn(only.life)
    only.life.log.apply_retention(only.life.clock.wall_ms() + 10_000_000)
    assert only.life.log.start_offset == 0


def test_a_batch_of_more_keys_than_may_be_remembered_is_told_and_not_tried_at_once(make_life):
    house = House(make_life(**{**POLICY, "segment_bytes": 40_000}), CleanerLimits(1 << 40, 1, 0))
    put(house.life, [(b"key%d" % n, b"v") for n in range(2000)])
    churn(house.life, count=500)
    before = stored(house.life)
    house.work(steps=10)
    assert (house.cleaner.runs, house.cleaner.failures) == (0, 1)
    assert stored(house.life) == before

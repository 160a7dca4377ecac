"""Is a replica all that it was? (R2, S6)"""

from random import Random
from uuid import UUID

import pytest

from bus.log.epochs import NO_START
from bus.log.standing import DiskLife, Found, judge
from tests.unit.log.conftest import DIRECTORY, PARTITION

DISK, OTHER = UUID(int=1), UUID(int=2)
LIFE = DiskLife(DISK, "/data", True, False, 5)
SAME_BOOT = DiskLife(DISK, "/data", True, True, 5)


def verdict(found, lives=(LIFE,), expected=(DISK,), flush_group=True, broker_epoch=-1):
    return judge(found, lives, expected, flush_group, broker_epoch)


def sound(life=LIFE, **fields):
    facts = {"damage": None, "end_offset": 10, "held_end": 10, "is_clean": False} | fields
    return Found(life, **facts)


def test_what_was_flushed_and_is_there_is_intact():
    assert verdict(sound()).is_intact


def test_records_that_were_never_flushed_are_lost_with_the_page_cache():
    found = verdict(sound(), flush_group=False)
    assert not found.is_intact
    assert found.reason == (
        "The machine was restarted without a clean stop, and its topic is flush=os."
    )


def test_records_that_were_never_flushed_survive_where_the_page_cache_did():
    assert verdict(sound(SAME_BOOT), flush_group=False).is_intact


def test_records_that_were_never_flushed_survive_a_clean_stop():
    assert verdict(sound(is_clean=True), flush_group=False).is_intact


@pytest.mark.parametrize("flush_group", [True, False])
def test_damage_makes_suspect(flush_group):
    found = verdict(sound(SAME_BOOT, damage="It is damaged."), flush_group=flush_group)
    assert (found.is_intact, found.reason) == (False, "It is damaged.")


@pytest.mark.parametrize("flush_group", [True, False])
def test_fewer_records_than_were_durable_make_suspect(flush_group):
    found = verdict(sound(SAME_BOOT, held_end=11, is_clean=True), flush_group=flush_group)
    assert not found.is_intact
    assert "ends at offset 10, and it had durable records up to 11." in found.reason


def test_without_a_checkpoint_nobody_knows():
    assert "Without a valid checkpoint" in verdict(sound(held_end=None)).reason


def test_a_directory_that_the_broker_did_not_have_makes_suspect():
    assert "did not have" in verdict(sound(), expected=[OTHER]).reason


def test_a_directory_of_an_earlier_life_of_the_broker_is_a_copy():
    assert "broker epoch 5, and the last was 9" in verdict(sound(), broker_epoch=9).reason
    assert "broker epoch 5, and the last was 9" in verdict(None, broker_epoch=9).reason
    assert verdict(sound(), broker_epoch=5).is_intact


def test_a_life_that_came_to_nothing_makes_no_copy():
    assert verdict(sound(), broker_epoch=4).is_intact


def test_a_partition_without_a_trace_is_intact_and_empty():
    assert verdict(None, flush_group=False).is_intact


def test_a_partition_without_a_trace_may_have_been_in_a_directory_that_is_missing():
    found = verdict(None, expected=[DISK, OTHER])
    assert not found.is_intact
    assert f"{OTHER} is missing" in found.reason


def test_a_partition_without_a_trace_may_have_been_where_the_records_are_lost():
    lost = DiskLife(DISK, "/data", False, True, -1)
    assert "records of /data are lost" in verdict(None, [lost]).reason


def test_every_verdict_is_one_sentence():
    cases = [None, sound(), sound(held_end=11), sound(held_end=None), sound(is_clean=True)]
    for found in cases:
        for expected in ([DISK], [OTHER]):
            for group in (True, False):
                reason = verdict(found, expected=expected, flush_group=group).reason
                assert reason.endswith(".")
                assert ". " not in reason


# --- what a store finds --------------------------------------------------------------------


def judged(life, flush_group=True, partition=PARTITION, **fields):
    """The verdict on what the store of this life has found."""
    found = life.store.found.get(partition)
    return judge(found, [life.store.life], [life.store.disk_uuid], flush_group, **fields)


def reboot(life, boot="another"):
    """A power failure, and the kernel's next boot."""
    disk = life.disk.crash(Random(1))
    disk.boot_id = boot
    return type(life)(disk, life.clock, **life.wanted)


def test_after_a_clean_stop_all_is_intact_even_on_another_boot(life):
    life.store.begin_life(7)
    life.fill(30)
    life.stop()
    after = reboot(life)
    assert judged(after, flush_group=False).is_intact


def test_a_killed_process_loses_nothing(life):
    life.store.begin_life(7)
    life.fill(30)
    after = life.next_life(clean=False)
    assert judged(after, flush_group=False).is_intact


def test_a_power_failure_loses_what_was_only_written(life):
    life.store.begin_life(7)
    life.fill(30)
    life.flush()
    after = reboot(life)
    assert judged(after).is_intact
    assert not judged(after, flush_group=False).is_intact


def test_what_makes_suspect_is_remembered_until_it_was_accepted(life):
    life.store.begin_life(7)
    life.fill(30)
    life.flush()
    after = reboot(life)
    after.store.checkpoint_now()
    for clean in (False, False):
        after = after.next_life(clean)
        assert not judged(after, flush_group=False).is_intact
    after.store.begin_life(8)
    assert after.store.found == {}
    assert judged(after.next_life(clean=False), flush_group=False).is_intact


def test_whichever_life_is_accepted_in_the_end_was_noted_before(life):
    life.store.begin_life(7)
    life.fill(30)
    after = reboot(life)
    after.store.note_life(8)
    again = after.next_life(clean=False)
    assert judged(again, broker_epoch=7).is_intact
    assert judged(again, broker_epoch=8).is_intact
    assert not judged(again, broker_epoch=9).is_intact
    assert not judged(again, flush_group=False, broker_epoch=8).is_intact


def test_a_clean_stop_is_remembered_until_it_was_accepted(life):
    life.store.begin_life(7)
    life.fill(30)
    life.stop()
    after = reboot(life)
    again = after.next_life(clean=False)
    assert judged(again, flush_group=False).is_intact


def test_a_clean_stop_that_does_not_fit_the_files_counts_for_nothing(life):
    life.store.begin_life(7)
    life.fill(5)
    life.stop()
    life.disk.unlink(f"{DIRECTORY}/{0:020d}.log")
    life.disk.sync_dir(DIRECTORY)
    found = judged(reboot(life), flush_group=False)
    assert not found.is_intact


def test_a_lost_directory_makes_suspect_what_was_durable_in_it(life):
    life.store.begin_life(7)
    life.fill(5)
    life.flush()
    life.store.checkpoint_now()
    life.store.close(clean=False)
    for name in life.names():
        life.disk.unlink(f"{DIRECTORY}/{name}")
    life.disk.remove_dir(DIRECTORY)
    after = life.next_life(clean=False)
    assert not judged(after).is_intact


def test_a_partition_that_never_acted_is_intact(life):
    other = PARTITION._replace(partition=9)
    life.store.begin_life(7)
    life.commit()
    after = reboot(life)
    assert judged(after, False, other).is_intact


def test_a_promise_alone_of_a_flushed_topic_is_intact_and_of_another_it_is_not(life):
    other = PARTITION._replace(partition=9)
    life.store.begin_life(7)
    life.store.persist_epochs([(other, 4, NO_START)])
    after = reboot(life)
    assert judged(after, True, other).is_intact
    assert not judged(after, False, other).is_intact


def test_the_broker_epoch_that_was_accepted_last_is_remembered(life):
    life.store.begin_life(7)
    life.commit()
    for clean in (True, False):
        life = life.next_life(clean)
        assert life.store.life.broker_epoch == 7
    assert not judged(life, broker_epoch=8).is_intact


def test_lost_records_of_the_store_make_suspect_what_is_there_and_what_is_not(life):
    life.commit()
    life.store.close(clean=False)
    life.disk.unlink("checkpoint")
    after = life.next_life(clean=False)
    assert not judged(after).is_intact
    assert not judged(after, partition=PARTITION._replace(partition=9)).is_intact


def test_a_new_directory_has_nothing_to_remember(life):
    assert life.store.found == {}
    assert judged(life).is_intact

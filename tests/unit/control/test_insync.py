"""Who must hold what is committed: row by row, and what is not known for certain."""

from dataclasses import replace

from bus.control.insync import InSync, Standing
from bus.model.cluster import BrokerLife, PartitionImage

ME, TWO, THREE = 1, 2, 3
EPOCH, LIFE, LAG = 5, 70, 1000
LIVES = {broker: BrokerLife(LIFE + broker, True) for broker in (ME, TWO, THREE)}


def record(*isr, partition_epoch=0, min_isr=1, replicas=(ME, TWO, THREE)):
    return PartitionImage(ME, EPOCH, partition_epoch, min_isr, replicas, isr)


def leading(*isr, group=False, min_isr=1):
    insync = InSync(ME, record(*isr), group, LAG)
    insync.begin(record(*isr, min_isr=min_isr), now_ms=0)
    return insync


def at(broker, end, flushed=None, life=None):
    life = LIFE + broker if life is None else life
    return Standing(EPOCH, life, EPOCH, end, end if flushed is None else flushed)


def heard(insync, broker, end, log_end=100, now_ms=0, **more):
    return insync.hear(broker, at(broker, end, **more), log_end, now_ms)


def test_what_the_slowest_of_the_set_holds_is_committed():
    insync = leading(ME, TWO, THREE)
    heard(insync, TWO, 30)
    heard(insync, THREE, 20)
    assert insync.committed(100) == 20


def test_nothing_is_committed_before_all_of_the_set_were_heard():
    insync = leading(ME, TWO, THREE)
    heard(insync, TWO, 30)
    assert insync.committed(100) < 0


def test_a_replica_outside_is_not_waited_for():
    assert leading(ME).committed(100) == 100


def test_with_flush_group_only_what_is_flushed_counts():
    insync = leading(ME, TWO, group=True)
    heard(insync, TWO, 30, flushed=10)
    assert insync.committed(100) == 10


def test_with_too_few_in_sync_nothing_is_committed():
    insync = leading(ME, TWO, min_isr=3)
    heard(insync, TWO, 30)
    assert insync.committed(100) < 0


def test_what_was_heard_in_an_earlier_epoch_counts_no_more():
    insync = leading(ME, TWO)
    heard(insync, TWO, 30)
    insync.begin(record(ME, TWO), now_ms=0)
    assert insync.committed(100) < 0


def test_what_an_earlier_life_held_counts_no_more():
    insync = leading(ME, TWO)
    heard(insync, TWO, 30)
    heard(insync, TWO, 10, life=99)
    assert insync.committed(100) == 10


def test_of_a_life_that_is_over_nothing_counts():
    insync = leading(ME, TWO)
    heard(insync, TWO, 30)
    insync.forget(TWO, LIFE + TWO + 1)
    assert insync.committed(100) < 0


def test_an_acknowledgement_is_not_taken_back_by_an_older_one():
    insync = leading(ME, TWO)
    assert heard(insync, TWO, 30)
    assert not heard(insync, TWO, 20)
    assert insync.committed(100) == 30


def test_somebody_who_is_no_replica_is_not_heard():
    insync = leading(ME)
    assert not heard(insync, 9, 30)
    assert insync.committed(100) == 100


def wish(insync, now_ms=0, high_watermark=50, start=0, lives=LIVES):
    proposal = insync.wish(high_watermark, start, lives, now_ms)
    return None if proposal is None else proposal.isr


def test_a_member_that_lags_for_too_long_is_to_leave():
    insync = leading(ME, TWO)
    assert wish(insync, LAG) is None
    assert insync.next_ms(0) == LAG + 1
    assert wish(insync, LAG + 1) == (ME,)


def test_who_joins_does_not_have_to_leave_at_once():
    insync = leading(ME, TWO)
    heard(insync, TWO, 100)
    heard(insync, THREE, 100)
    assert wish(insync, LAG + 1) == (ME, THREE)
    insync.adopt(record(ME, THREE, partition_epoch=1))
    assert wish(insync, LAG + 1) is None


def left():
    """TWO was dropped; all that it is known to hold is all that there is."""
    insync = leading(ME, TWO)
    heard(insync, TWO, 100)
    wish(insync, LAG + 1)
    insync.adopt(record(ME, partition_epoch=1))
    return insync


def test_who_has_left_does_not_come_back_by_what_it_is_known_to_hold():
    insync = left()
    for now in range(LAG + 1, 10 * LAG, LAG // 2):
        assert wish(insync, now, high_watermark=100) is None


def test_who_has_left_comes_back_once_it_is_heard_with_all_that_there_is():
    insync = left()
    heard(insync, TWO, 100, 120, now_ms=5 * LAG)
    assert wish(insync, 5 * LAG, high_watermark=100) is None
    heard(insync, TWO, 120, 120, now_ms=5 * LAG)
    assert wish(insync, 5 * LAG, high_watermark=120) == (ME, TWO)


def test_where_records_come_all_the_time_it_comes_back_with_what_there_was_when_it_was_heard():
    insync = left()
    heard(insync, TWO, 100, 120, now_ms=5 * LAG)
    heard(insync, TWO, 119, 140, now_ms=5 * LAG)
    assert wish(insync, 5 * LAG, high_watermark=110) is None
    heard(insync, TWO, 120, 141, now_ms=5 * LAG)
    assert wish(insync, 5 * LAG, high_watermark=110) == (ME, TWO)


def test_a_mark_of_the_time_before_it_left_is_none_that_it_has_to_reach():
    insync = leading(ME, TWO)
    heard(insync, TWO, 50, 100)
    wish(insync, LAG + 1)
    insync.adopt(record(ME, partition_epoch=1))
    heard(insync, TWO, 100, 200, now_ms=LAG + 2)  # it was under way when the link broke
    assert wish(insync, LAG + 2, high_watermark=100) is None


def test_who_was_removed_by_others_owes_to_be_heard_too():
    insync = leading(ME, TWO, THREE)
    heard(insync, THREE, 100, now_ms=1)
    insync.adopt(record(ME, TWO, partition_epoch=1))
    assert wish(insync, high_watermark=100) is None
    heard(insync, THREE, 100, now_ms=2)
    assert wish(insync, high_watermark=100) == (ME, TWO, THREE)


def test_a_question_from_before_it_left_pays_nothing():
    insync = left()
    heard(insync, TWO, 100, now_ms=0)  # it is still open, and is looked at again
    assert wish(insync, LAG + 1, high_watermark=100) is None


def test_who_owes_to_be_heard_is_looked_at_again():
    """Where nothing is written its next question does not name the partition."""
    assert left().next_ms(5 * LAG) == 5 * LAG + LAG // 2


def test_until_that_is_granted_it_is_waited_for():
    insync = leading(ME, TWO)
    heard(insync, TWO, 30)
    wish(insync, LAG + 1)
    assert insync.committed(100) == 30
    insync.adopt(record(ME, partition_epoch=1))
    assert insync.committed(100) == 100


def test_a_member_that_is_always_a_little_behind_stays():
    insync = leading(ME, TWO)
    for now in range(0, 10 * LAG, LAG // 2):
        heard(insync, TWO, end=now, log_end=now + LAG // 2, now_ms=now)
    assert wish(insync, 10 * LAG) is None


def test_one_that_moves_but_never_reaches_what_there_was_is_late():
    insync = leading(ME, TWO)
    for now in range(0, 4 * LAG, LAG // 2):
        heard(insync, TWO, end=now // 100, log_end=100 * now + 100, now_ms=now)
    assert wish(insync, 4 * LAG) == (ME,)


def test_with_flush_group_a_member_whose_disk_stands_still_is_late():
    insync = leading(ME, TWO, group=True)
    for now in range(0, 2 * LAG, LAG // 2):
        heard(insync, TWO, end=100, flushed=1, now_ms=now)
    assert wish(insync, 2 * LAG) == (ME,)


def test_a_replica_that_holds_what_is_committed_may_join():
    insync = leading(ME)
    heard(insync, TWO, 49)
    assert wish(insync) is None
    heard(insync, TWO, 50)
    assert wish(insync) == (ME, TWO)
    assert insync.proposal.added == {TWO: LIFE + TWO}


def test_from_then_on_it_is_waited_for():
    insync = leading(ME)
    heard(insync, TWO, 50)
    wish(insync)
    assert insync.committed(100) == 50


def test_nobody_joins_that_lacks_what_may_have_been_committed_before_this_epoch():
    insync = leading(ME)
    heard(insync, TWO, 60)
    assert wish(insync, high_watermark=50, start=61) is None


def test_a_replica_joins_a_set_that_is_too_small_to_commit_anything():
    insync = leading(ME, min_isr=2)
    heard(insync, TWO, 60)
    assert wish(insync, high_watermark=50, start=60) == (ME, TWO)


def test_nobody_joins_that_is_not_active():
    insync = leading(ME)
    heard(insync, TWO, 50)
    assert wish(insync, lives={TWO: BrokerLife(LIFE + TWO, False)}) is None


def test_nobody_joins_in_a_life_that_is_not_the_one_that_was_heard():
    insync = leading(ME)
    heard(insync, TWO, 50)
    assert wish(insync, lives={TWO: BrokerLife(LIFE + TWO + 1, True)}) is None


def test_one_proposal_is_out_at_a_time():
    insync = leading(ME)
    heard(insync, TWO, 50)
    wish(insync)
    heard(insync, THREE, 50)
    assert wish(insync) is None
    assert insync.next_ms(0) is None


def test_who_was_refused_counts_on_until_the_record_moves():
    insync = leading(ME)
    heard(insync, TWO, 50)
    insync.refused(insync.wish(50, 0, LIVES, 0))
    assert insync.committed(100) == 50
    insync.adopt(record(ME, partition_epoch=1))
    assert insync.committed(100) == 100


def test_to_be_rid_of_it_the_set_is_proposed_as_it_is():
    insync = leading(ME)
    heard(insync, TWO, 50)
    insync.refused(insync.wish(50, 0, LIVES, 0))
    gone = {TWO: BrokerLife(LIFE + TWO, False)}
    assert wish(insync, lives=gone) == (ME,)


def test_a_record_that_is_not_newer_changes_nothing():
    insync = leading(ME)
    heard(insync, TWO, 50)
    wish(insync)
    insync.adopt(record(ME, TWO, THREE))
    assert insync.maximal == {ME, TWO}


def test_a_replica_that_was_added_is_heard_and_one_that_was_removed_is_not():
    insync = leading(ME)
    insync.adopt(replace(record(ME, partition_epoch=1), replicas=(ME, 4)))
    assert heard(insync, 4, 10)
    assert not heard(insync, TWO, 10)

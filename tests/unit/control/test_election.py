"""Changes of a partition's record: each row of the table, and R6's corners."""

import pytest

from bus.control.election import (
    altered,
    completed,
    fenced,
    moved,
    reassigned,
    restarted,
    seated,
    suspected,
    with_min_isr,
)
from bus.model.cluster import NO_LEADER, PartitionImage

ALL = (1, 2, 3)


def record(leader=1, isr=ALL, elr=(), min_isr=2, replicas=ALL, last_elr=()):
    return PartitionImage(leader, 5, 10, min_isr, replicas, isr, elr, last_elr)


def shown(image):
    return image.leader, image.leader_epoch, image.partition_epoch, image.isr, image.elr


def test_when_the_leader_dies_the_next_in_sync_replica_leads_in_a_new_epoch():
    assert shown(fenced(record(), 1, ALL)) == (2, 6, 11, (2, 3), ())


def test_when_a_follower_dies_the_leader_and_its_epoch_stay():
    assert shown(fenced(record(), 3, ALL)) == (1, 5, 11, (1, 2), ())


def test_the_next_leader_is_one_that_is_active():
    assert fenced(record(), 1, active=(3,)).leader == 3


def test_below_the_minimum_who_leaves_stays_eligible():
    assert shown(fenced(record(isr=(1, 2)), 1, ALL)) == (2, 6, 11, (2,), (1,))


def test_the_last_in_sync_replica_leaves_no_leader_and_stays_eligible():
    image = fenced(record(leader=2, isr=(2,), elr=(1,)), 2, active=(3,))
    assert shown(image) == (NO_LEADER, 6, 11, (), (1, 2))


def test_a_replica_outside_of_both_sets_is_never_elected():
    image = fenced(record(isr=(1,)), 1, active=(2, 3))
    assert image.leader == NO_LEADER


def test_an_eligible_replica_leads_where_nobody_in_sync_is_left():
    image = fenced(record(leader=2, isr=(2,), elr=(1,)), 2, active=(1, 3))
    assert shown(image) == (1, 6, 11, (1,), (2,))


def test_it_is_seated_when_it_is_back():
    gone = record(leader=NO_LEADER, isr=(), elr=(1, 2))
    assert shown(seated(gone, active=(2, 3))) == (2, 6, 11, (2,), (1,))


def test_a_record_with_a_leader_that_is_active_is_left_alone():
    assert seated(record(), ALL) == record()


def test_what_is_not_in_the_record_changes_nothing():
    assert fenced(record(isr=(1, 2)), 3, ALL) == record(isr=(1, 2))


def test_who_restarts_and_holds_all_stays_in_sync_but_leads_no_more():
    assert shown(restarted(record(), 1, ALL)) == (2, 6, 11, ALL, ())


def test_who_restarts_alone_leads_again_once_it_is_active():
    alone = record(isr=(1,), min_isr=1, replicas=(1,))
    waiting = restarted(alone, 1, (1,))
    assert shown(waiting) == (NO_LEADER, 6, 11, (1,), ())
    assert shown(seated(waiting, active=(1,))) == (1, 7, 12, (1,), ())


def test_a_suspect_is_in_no_set_that_counts():
    image = suspected(record(isr=(1, 2)), 2, ALL)
    assert shown(image) == (1, 5, 11, (1,), ())
    assert image.last_elr == (2,)


def test_a_suspect_that_was_eligible_is_so_no_more():
    image = suspected(record(isr=(2,), leader=2, elr=(1,)), 1, ALL)
    assert (image.elr, image.last_elr) == ((), (1,))


def test_of_a_suspect_above_the_minimum_nothing_is_remembered():
    image = suspected(record(), 3, ALL)
    assert (image.isr, image.last_elr) == ((1, 2), ())


def test_with_enough_in_sync_nobody_else_is_eligible():
    image = altered(record(isr=(1,), elr=(2,), last_elr=(3,)), (1, 2))
    assert (image.isr, image.elr, image.last_elr) == ((1, 2), (), ())


def test_a_leader_that_shrinks_its_set_keeps_its_epoch():
    assert shown(altered(record(), (1,))) == (1, 5, 11, (1,), (2, 3))


def test_each_answer_to_a_leader_is_a_new_partition_epoch():
    assert altered(record(), ALL).partition_epoch == 11


def test_a_leader_is_in_sync_with_itself():
    with pytest.raises(AssertionError):
        altered(record(), (2, 3))


def test_a_leadership_is_moved_without_a_change_of_the_in_sync_set():
    assert shown(moved(record(), 3)) == (3, 6, 11, ALL, ())


def test_to_move_it_to_where_it_is_changes_nothing():
    assert moved(record(), 1) == record()


def test_replicas_are_added_before_others_are_removed():
    image = reassigned(record(), (1, 2, 4))
    assert (image.replicas, image.adding, image.removing) == ((1, 2, 4, 3), (4,), (3,))
    assert completed(image, ALL) == image


def test_once_those_are_in_sync_the_old_ones_go_in_a_new_epoch():
    image = completed(altered(reassigned(record(), (4, 2)), (1, 2, 3, 4)), (1, 2, 3, 4))
    assert (image.replicas, image.isr, image.leader) == ((4, 2), (2, 4), 4)
    assert (image.adding, image.removing) == ((), ())
    assert image.leader_epoch == 6


def test_a_leader_that_stays_gets_a_new_epoch_too():
    image = completed(altered(reassigned(record(), (1, 2, 4)), (1, 2, 3, 4)), (1, 2, 3, 4))
    assert (image.leader, image.leader_epoch) == (1, 6)


def test_a_removal_that_leaves_too_few_in_sync_waits():
    image = reassigned(record(isr=(1, 3)), (1, 2))
    assert completed(image, ALL) == image


def test_a_reassignment_is_taken_back_by_another_one():
    image = completed(reassigned(reassigned(record(), (1, 2, 4)), ALL), ALL)
    assert (image.replicas, image.isr, image.adding, image.removing) == (ALL, ALL, (), ())


def test_a_higher_minimum_waits_for_as_many_in_sync():
    assert with_min_isr(record(isr=(1, 2)), 3) == record(isr=(1, 2))
    assert with_min_isr(record(), 3).min_isr == 3


def test_so_does_a_lower_one():
    assert with_min_isr(record(isr=(1,), elr=(2,)), 1).min_isr == 2

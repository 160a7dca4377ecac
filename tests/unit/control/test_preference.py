"""Preferred leaders: when leadership goes back, and how much of it at a time."""

from dataclasses import replace
from uuid import UUID

from bus.control.change import Reply
from bus.control.policy import Policy
from bus.control.preference import REST_MS, RESTORE_MS, RESTORED_MAX
from bus.errors import NONE, UnknownTopicOrPartition
from bus.model.ids import PartitionId
from bus.model.replication_errors import ElectionNotNeeded, PreferredLeaderNotAvailable
from tests.fixtures.controlled import (
    ALL,
    PID,
    TOPIC,
    controlling,
    image_of,
    life_of,
    record,
    settle,
    written,
)

STRAYED = record(leader=2)


def after(controller, ms):
    controller.on_time(controller.known.now_ms + ms)
    return settle(controller)


def test_a_broker_that_has_rested_leads_again_what_names_it_first():
    controller = controlling(STRAYED)
    assert after(controller, REST_MS - 1) == []
    after(controller, RESTORE_MS)
    assert (image_of(controller).leader, image_of(controller).isr) == (1, ALL)


def test_one_that_is_not_in_sync_yet_does_not():
    controller = controlling(record(leader=2, isr=(2, 3)))
    assert after(controller, 2 * REST_MS) == []


def test_one_that_has_just_come_back_rests_first():
    controller = controlling(STRAYED)
    after(controller, 10)
    controller.on_life(1, 99)
    settle(controller)
    controller.on_broker(1, replace(controller.known.brokers[2], epoch=99))
    assert after(controller, REST_MS - 1) == []


def test_one_that_is_drained_is_given_nothing_back():
    controller = controlling(STRAYED)
    controller.on_broker(1, replace(controller.known.brokers[1], is_draining=True))
    assert after(controller, 2 * REST_MS) == []


def test_it_can_be_switched_off():
    controller = controlling(STRAYED)
    controller.policy = Policy(restores_leaders=False)
    assert after(controller, 2 * REST_MS) == []
    assert controller.next_ms() is None


def test_leaders_go_back_in_batches():
    controller = controlling(STRAYED)
    for index in range(1, RESTORED_MAX + 1):
        controller.on_partition(PartitionId(TOPIC, index), STRAYED)
    (first,) = after(controller, REST_MS)
    assert len(first.partitions) == RESTORED_MAX
    assert after(controller, RESTORE_MS - 1) == []
    (second,) = after(controller, 1)
    assert len(second.partitions) == 1


def test_nobody_has_to_look_again_when_all_are_led_by_who_is_named_first():
    controller = controlling(STRAYED)
    controller.policy = Policy(balances=False)
    assert controller.next_ms() is not None
    after(controller, 2 * REST_MS)
    after(controller, 2 * REST_MS)
    assert controller.next_ms() is None


def elected(controller, pid=PID):
    controller.on_election(7, pid)
    return controller.step()


def test_by_command_it_leads_at_once():
    controller = controlling(STRAYED)
    (change,) = elected(controller)
    assert change.partitions[PID].leader == 1
    assert written(controller, change) == [Reply(7, NONE)]


def test_a_command_that_changes_nothing_says_so():
    assert elected(controlling()) == [Reply(7, ElectionNotNeeded.code)]


def test_a_command_for_who_cannot_lead_is_refused():
    controller = controlling(record(leader=2, isr=(2, 3)))
    assert elected(controller) == [Reply(7, PreferredLeaderNotAvailable.code)]


def test_a_command_for_nothing_is_refused():
    unknown = PartitionId(UUID(int=5), 0)
    assert elected(controlling(), unknown) == [Reply(7, UnknownTopicOrPartition.code)]


def test_who_is_about_to_stop_is_given_nothing_back():
    controller = controlling(STRAYED)
    controller.on_leave(1, life_of(1), is_due=False)
    settle(controller)
    assert elected(controller) == [Reply(7, PreferredLeaderNotAvailable.code)]

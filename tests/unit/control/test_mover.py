"""Replicas that move by themselves, and what an operator says of brokers."""

from dataclasses import replace

import pytest

from bus.control.change import Reply
from bus.control.commands import Command
from bus.control.mover import GROWTH_REST_MS, LOOK_MS, REST_MS
from bus.control.policy import Policy
from bus.errors import NONE, InvalidRequest
from bus.model.ids import PartitionId
from bus.model.replication_errors import BrokerIdNotRegistered
from bus.model.stored_brokers import BrokerState
from tests.fixtures.controlled import (
    ALL,
    PID,
    TOPIC,
    controlling,
    image_of,
    record,
    settle,
    state_of,
    written,
)

FOUR = (1, 2, 3, 4)


def four_brokers(partitions=1):
    controller = controlling(None, FOUR, FOUR)
    for index in range(1, partitions):
        controller.on_partition(PartitionId(TOPIC, index), record())
    return controller


def commanded(controller, broker, **what):
    controller.on_command(7, Command(broker, what.pop("is_draining", False), **what))
    (last,) = controller.step()
    (answer,) = [last] if isinstance(last, Reply) else written(controller, last)
    return answer.error


def after(controller, ms):
    controller.on_time(controller.known.now_ms + ms)
    settle(controller)


def caught_up(controller, pid=PID):
    image = image_of(controller, pid)
    isr = image.replicas
    controller.on_partition(pid, replace(image, isr=isr, partition_epoch=image.partition_epoch + 1))
    settle(controller)


def test_a_drained_broker_gives_up_its_replicas():
    controller = four_brokers()
    assert commanded(controller, 1, is_draining=True) == NONE
    assert controller.known.brokers[1].is_draining
    after(controller, LOOK_MS)
    assert (image_of(controller).adding, image_of(controller).removing) == ((4,), (1,))
    caught_up(controller)
    assert image_of(controller).replicas == (4, 2, 3)
    assert image_of(controller).leader in (2, 3, 4)


def test_draining_begins_no_more_moves_than_may_be_under_way():
    controller = four_brokers(5)
    controller.policy = Policy(moves_max=2)
    commanded(controller, 1, is_draining=True)
    after(controller, LOOK_MS)
    assert len(controller.known.moving) == 2
    for pid in sorted(controller.known.moving):
        caught_up(controller, pid)
    after(controller, LOOK_MS)
    assert len(controller.known.moving) == 2


def test_who_is_no_longer_drained_keeps_the_rest():
    controller = four_brokers(2)
    commanded(controller, 1, is_draining=True)
    assert commanded(controller, 1) == NONE
    after(controller, LOOK_MS)
    assert controller.known.moving == set()


def test_a_broker_that_is_there_or_holds_something_is_not_removed():
    controller = four_brokers()
    assert commanded(controller, 4, is_removal=True) == InvalidRequest.code
    controller.on_silent(1)
    settle(controller)
    assert commanded(controller, 1, is_removal=True) == InvalidRequest.code


def test_one_that_is_gone_and_holds_nothing_is():
    controller = four_brokers()
    controller.on_silent(4)
    settle(controller)
    assert commanded(controller, 4, is_removal=True) == NONE
    assert state_of(controller, 4) is BrokerState.REMOVED
    assert commanded(controller, 4, is_draining=True) == BrokerIdNotRegistered.code


def test_one_that_was_removed_is_taken_in_as_a_new_one_alone():
    controller = four_brokers()
    controller.on_silent(4)
    settle(controller)
    commanded(controller, 4, is_removal=True)
    controller.on_heard(4)
    assert controller.step() == []


@pytest.mark.parametrize("command", [Command(9, True), Command(9, False, True)])
def test_nothing_is_said_of_unknown_brokers(command):
    controller = four_brokers()
    controller.on_command(7, command)
    assert controller.step() == [Reply(7, BrokerIdNotRegistered.code)]


def test_a_broker_that_has_joined_and_rested_is_given_its_share():
    controller = four_brokers(8)
    after(controller, REST_MS - 1)
    assert controller.known.moving == set()
    after(controller, LOOK_MS)
    assert len(controller.known.moving) == 6


def test_leaders_are_evened_out_by_the_order_of_replicas():
    controller = controlling()
    for index in range(1, 6):
        controller.on_partition(PartitionId(TOPIC, index), record())
    after(controller, REST_MS)
    firsts = sorted(image.replicas[0] for image in controller.known.partitions.values())
    assert firsts == [1, 1, 2, 2, 3, 3]
    assert controller.known.moving == set()


def test_an_internal_topic_follows_the_size_of_the_cluster():
    alone = record(replicas=(1,), isr=(1,), min_isr=1)
    controller = controlling(alone)
    controller.on_topic(TOPIC, is_flushed=True, is_growing=True)
    after(controller, GROWTH_REST_MS - 1)
    assert image_of(controller).adding == (), "another broker may join in the same moment"
    after(controller, LOOK_MS)
    assert image_of(controller).adding == (2, 3)
    caught_up(controller)
    after(controller, LOOK_MS)
    assert (image_of(controller).replicas, image_of(controller).min_isr) == (ALL, 2)


def test_topics_grow_one_after_the_other_where_there_is_no_room_for_all_at_once():
    alone = record(replicas=(1,), isr=(1,), min_isr=1)
    controller = controlling(alone)
    controller.policy = Policy(moves_max=2)
    controller.on_topic(TOPIC, is_flushed=True, is_growing=True)
    pids = [PID, *(PartitionId(TOPIC, index) for index in range(1, 4))]
    for pid in pids[1:]:
        controller.on_partition(pid, alone)
    after(controller, GROWTH_REST_MS)
    first = sorted(controller.known.moving)
    assert len(first) == 2
    caught_up(controller, first[0])
    after(controller, LOOK_MS)
    assert len(controller.known.moving) == 2, "it does not wait for the slowest"
    assert first[1] in controller.known.moving
    while controller.known.moving:
        caught_up(controller, min(controller.known.moving))
        after(controller, LOOK_MS)
    assert all(sorted(image_of(controller, pid).replicas) == [1, 2, 3] for pid in pids)


def test_other_topics_do_not():
    controller = controlling(record(replicas=(1,), isr=(1,), min_isr=1))
    after(controller, REST_MS)
    assert image_of(controller).adding == ()


def test_nothing_is_evened_out_while_somebody_is_missing():
    controller = four_brokers(8)
    controller.on_silent(3)
    after(controller, 2 * REST_MS)
    assert controller.known.moving == set()


def test_evening_out_can_be_switched_off():
    controller = four_brokers(8)
    controller.policy = Policy(restores_leaders=False, balances=False)
    after(controller, 2 * REST_MS)
    assert controller.known.moving == set()
    assert controller.next_ms() is None


def test_nobody_looks_again_at_what_is_even():
    controller = controlling()
    after(controller, REST_MS)
    after(controller, REST_MS)
    assert controller.next_ms() is None
    assert image_of(controller).replicas == ALL

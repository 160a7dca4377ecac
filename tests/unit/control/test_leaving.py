"""Controlled shutdown: who hands over what, who waits for whom, and when it may go."""

from dataclasses import replace

from bus.errors import NONE
from bus.model.cluster import NO_LEADER
from bus.model.replication_errors import IneligibleReplica
from bus.model.stored_brokers import BrokerState
from tests.fixtures.controlled import (
    ALL,
    PID,
    controlling,
    image_of,
    join,
    life_of,
    record,
    settle,
    state_of,
    written,
)
from tests.unit.control.test_controller import asked, wish


def leaving(controller, broker=1, is_due=False):
    controller.on_leave(broker, life_of(broker), is_due=is_due)
    return settle(controller)


def has_left(controller, broker=1):
    accepted = controller.known.brokers[broker]
    return accepted.state is BrokerState.FENCED and accepted.clean_epoch == life_of(broker)


def test_it_joins_no_set_any_more_before_anything_else():
    first, *_ = leaving(controlling())
    assert first.brokers[1].state is BrokerState.LEAVING
    assert first.partitions == {}


def test_another_one_in_sync_leads_and_it_is_waited_for_no_more():
    controller = controlling()
    _, handed_over, gone = leaving(controller)
    assert (handed_over.partitions[PID].leader, handed_over.partitions[PID].isr) == (2, (2, 3))
    assert handed_over.brokers == {}
    assert gone.brokers[1].state is BrokerState.FENCED
    assert has_left(controller)


def test_where_it_is_needed_it_stays_in_sync_until_others_are():
    controller = controlling(record(isr=(1, 2)))
    leaving(controller)
    assert (image_of(controller).leader, image_of(controller).isr) == (2, (1, 2))
    assert state_of(controller, 1) is BrokerState.LEAVING
    controller.on_partition(PID, replace(image_of(controller), isr=ALL, partition_epoch=20))
    settle(controller)
    assert image_of(controller).isr == (2, 3)
    assert has_left(controller)


def test_it_leads_on_until_another_one_is_in_sync():
    controller = controlling(record(isr=(1,), min_isr=1))
    leaving(controller)
    assert image_of(controller).leader == 1
    assert state_of(controller, 1) is BrokerState.LEAVING


def test_when_its_time_is_over_it_waits_for_nobody():
    controller = controlling(record(isr=(1,), min_isr=1))
    leaving(controller)
    leaving(controller, is_due=True)
    assert (image_of(controller).leader, image_of(controller).elr) == (NO_LEADER, (1,))
    assert has_left(controller)


def test_nobody_is_waited_for_who_is_not_there():
    controller = controlling(record(isr=(1, 2)), active=(1, 2))
    leaving(controller)
    assert (image_of(controller).leader, image_of(controller).elr) == (2, (1,))
    assert has_left(controller)


def test_a_partition_that_nobody_else_holds_holds_it_not_back():
    controller = controlling(record(replicas=(1,), isr=(1,), min_isr=1))
    leaving(controller)
    assert has_left(controller)


def test_a_life_that_has_left_is_not_taken_in_again():
    controller = controlling()
    leaving(controller)
    controller.on_heard(1)
    assert controller.step() == []


def test_its_next_life_is():
    controller = controlling()
    leaving(controller)
    join(controller, 1)
    assert controller.known.brokers[1].state is BrokerState.ACTIVE


def test_a_leader_that_is_about_to_leave_is_still_heard():
    controller = controlling(record(isr=(1,), min_isr=1))
    leaving(controller)
    (change,) = asked(controller, wish((1,)))
    assert change.partitions[PID].isr == (1,)
    assert [reply.error for reply in written(controller, change)] == [NONE]


def test_nobody_proposes_it_again():
    controller = controlling(record(leader=2, isr=(2, 3), partition_epoch=10))
    controller.on_leave(1, life_of(1), is_due=False)
    written(controller, controller.step()[0])
    the_wish = replace(wish(ALL), broker=2, broker_epoch=life_of(2))
    (refusal, _) = asked(controller, the_wish)
    assert refusal.error == IneligibleReplica.code


def test_who_dies_while_it_leaves_is_fenced_as_anybody():
    controller = controlling(record(isr=(1, 2)))
    leaving(controller)
    controller.on_silent(1)
    settle(controller)
    assert image_of(controller).isr == (2,)
    assert state_of(controller, 1) is BrokerState.FENCED


def test_two_that_leave_do_not_hand_over_to_each_other():
    controller = controlling()
    for broker in (1, 2):
        controller.on_leave(broker, life_of(broker), is_due=False)
    settle(controller)
    assert image_of(controller).leader == 3
    assert has_left(controller, 1)
    assert has_left(controller, 2)


def test_if_a_leader_dies_who_stays_is_rather_elected_than_who_leaves():
    controller = controlling(record(leader=3, isr=(1, 2, 3), min_isr=3))
    controller.on_leave(1, life_of(1), is_due=False)
    written(controller, controller.step()[0])
    controller.on_silent(3)
    settle(controller)
    assert image_of(controller).leader == 2

"""Exchanging replicas: what is refused, and when it is done (R24)."""

from dataclasses import replace
from uuid import UUID

import pytest

from bus.control.change import Reply
from bus.control.commands import Reassignment
from bus.control.policy import Policy
from bus.errors import (
    NONE,
    InvalidReplicaAssignment,
    NotEnoughReplicas,
    ThrottlingQuotaExceeded,
    UnknownTopicOrPartition,
)
from bus.model.ids import PartitionId
from bus.model.replication_errors import NoReassignmentInProgress
from bus.model.stored_brokers import BrokerState
from tests.fixtures.controlled import (
    ALL,
    PID,
    TOPIC,
    controlling,
    image_of,
    record,
    settle,
    written,
)

FOUR = (1, 2, 3, 4)


def four_brokers(image=None):
    return controlling(image, FOUR, FOUR)


def asked(controller, replicas, pid=PID):
    """All that came of it but the answer; and that."""
    controller.on_reassignment(7, Reassignment(pid, replicas))
    *rest, last = controller.step()
    answers = [*rest, *([] if isinstance(last, Reply) else written(controller, last))]
    (answer,) = [*answers, *([last] if isinstance(last, Reply) else [])]
    return answer.error


def test_new_replicas_are_added_before_old_ones_go():
    controller = four_brokers()
    assert asked(controller, (4, 2, 1)) == NONE
    image = image_of(controller)
    assert image.replicas == (4, 2, 1, 3)
    assert (image.adding, image.removing, image.isr) == ((4,), (3,), ALL)
    assert controller.step() == []


def in_sync(controller, isr):
    image = image_of(controller)
    controller.on_partition(PID, replace(image, isr=isr, partition_epoch=image.partition_epoch + 1))
    settle(controller)
    return image_of(controller)


def test_once_all_new_ones_are_in_sync_the_old_ones_go_in_an_epoch_of_its_own():
    controller = four_brokers()
    asked(controller, (4, 2, 1))
    image = in_sync(controller, FOUR)
    assert (image.replicas, image.isr) == ((4, 2, 1), (1, 2, 4))
    assert (image.adding, image.removing) == ((), ())
    assert (image.leader, image.leader_epoch) == (1, 6)


def test_a_leader_that_goes_is_replaced():
    controller = four_brokers()
    asked(controller, (2, 3, 4))
    image = in_sync(controller, FOUR)
    assert (image.leader, image.replicas) == (2, (2, 3, 4))


def test_the_order_alone_changes_at_once():
    controller = four_brokers()
    assert asked(controller, (3, 2, 1)) == NONE
    assert image_of(controller).replicas == (3, 2, 1)
    assert image_of(controller).adding == ()


def test_what_is_so_already_is_answered_at_once():
    assert asked(four_brokers(), ALL) == NONE


def test_it_never_ends_with_too_few_in_sync():
    controller = four_brokers()
    asked(controller, (4, 2, 1))
    image = in_sync(controller, (3, 4))
    assert image.removing == (3,)
    assert in_sync(controller, (2, 3, 4)).removing == ()


def test_what_has_begun_can_be_cancelled():
    controller = four_brokers()
    asked(controller, (4, 2, 1))
    assert asked(controller, None) == NONE
    image = image_of(controller)
    assert (set(image.replicas), image.adding, image.removing) == (set(ALL), (), ())


def test_nothing_is_cancelled_where_nothing_has_begun():
    assert asked(four_brokers(), None) == NoReassignmentInProgress.code


def test_it_is_not_cancelled_when_too_few_of_the_old_ones_are_in_sync():
    controller = four_brokers()
    asked(controller, (4, 2, 1))
    image = image_of(controller)
    controller.on_partition(PID, replace(image, leader=4, isr=(1, 4), partition_epoch=12))
    controller.on_partition(PID, replace(image, isr=(1,), partition_epoch=13))
    assert asked(controller, None) == NotEnoughReplicas.code


def test_another_exchange_replaces_the_first():
    controller = four_brokers(record(replicas=(1, 2), isr=(1, 2)))
    asked(controller, (1, 3))
    assert asked(controller, (1, 4)) == NONE
    image = image_of(controller)
    assert 4 in image.adding
    assert set(image.removing) >= {2}


@pytest.mark.parametrize("replicas", [(), (1, 1), (1,), (1, 9)])
def test_replicas_that_cannot_be_are_refused(replicas):
    assert asked(four_brokers(), replicas) == InvalidReplicaAssignment.code


def test_nothing_is_given_to_who_is_drained_or_removed():
    controller = four_brokers()
    known = controller.known.brokers[4]
    controller.on_broker(4, replace(known, is_draining=True))
    assert asked(controller, (1, 2, 4)) == InvalidReplicaAssignment.code
    controller.on_broker(4, replace(known, state=BrokerState.REMOVED))
    assert asked(controller, (1, 2, 4)) == InvalidReplicaAssignment.code


def test_an_unknown_partition_is_refused():
    assert asked(four_brokers(), ALL, PartitionId(UUID(int=5), 0)) == UnknownTopicOrPartition.code


def test_no_more_than_so_many_move_at_a_time():
    controller = four_brokers()
    controller.policy = Policy(moves_max=1)
    controller.on_partition(PartitionId(TOPIC, 1), record())
    assert asked(controller, (1, 2, 4)) == NONE
    assert asked(controller, (1, 2, 4), PartitionId(TOPIC, 1)) == ThrottlingQuotaExceeded.code
    assert asked(controller, (3, 2, 1), PartitionId(TOPIC, 1)) == NONE

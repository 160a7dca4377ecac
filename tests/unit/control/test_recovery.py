"""Partitions that nobody may lead for certain: who leads them all the same (R30)."""

import pytest

from bus.control.knowledge import LogEnd, Report
from bus.control.recovery import RECOVERY_WAIT_MS
from bus.model.cluster import NO_LEADER
from bus.model.recoveries import Cause, RecoveryRecord
from tests.fixtures.controlled import (
    ALL,
    DISK,
    PID,
    TOPIC,
    controlling,
    image_of,
    life_of,
    record,
    settle,
)

LOST = record(leader=NO_LEADER, isr=(), last_elr=ALL)


def reported(controller, **ends):
    """Each of these brokers has told how far its log goes."""
    for name, (last_epoch, end_offset) in ends.items():
        broker = int(name.removeprefix("broker"))
        suspects = {PID: LogEnd(last_epoch, end_offset)}
        controller.on_report(broker, Report(life_of(broker), (DISK,), "boot", suspects))
    return settle(controller)


def lost(active=ALL, is_flushed=False):
    controller = controlling(LOST, active)
    controller.on_topic(TOPIC, is_flushed=is_flushed)
    return controller


def test_once_all_are_back_the_longest_log_of_the_latest_epoch_leads():
    controller = lost()
    reported(controller, broker1=(4, 90), broker2=(5, 60))
    assert image_of(controller).leader == NO_LEADER
    (change,) = reported(controller, broker3=(5, 70))
    image = image_of(controller)
    assert (image.leader, image.leader_epoch, image.isr) == (3, 6, (3,))
    assert (image.elr, image.last_elr) == ((), ())
    assert change.recovered == {
        PID: RecoveryRecord(6, 3, Cause.BALANCED, (), (), ALL, end_offset=70, seen_offset=90)
    }


def test_who_does_not_come_back_is_waited_for_so_long():
    controller = lost(active=(1, 2))
    reported(controller, broker1=(4, 90), broker2=(5, 60))
    controller.on_time(RECOVERY_WAIT_MS - 1)
    assert settle(controller) == []
    assert controller.next_ms() == RECOVERY_WAIT_MS
    controller.on_time(RECOVERY_WAIT_MS)
    settle(controller)
    assert image_of(controller).leader == 2


def test_one_that_has_started_again_since_is_not_preferred():
    controller = lost()
    reported(controller, broker2=(5, 60), broker3=(5, 50))
    controller.on_time(RECOVERY_WAIT_MS)
    settle(controller)
    assert image_of(controller).leader == 2


def test_nobody_leads_where_nobody_is():
    controller = lost(active=())
    controller.on_time(RECOVERY_WAIT_MS)
    assert settle(controller) == []


def test_where_records_are_flushed_an_operator_has_to_know():
    controller = lost(is_flushed=True)
    reported(controller, broker1=(4, 90), broker2=(5, 60), broker3=(5, 70))
    controller.on_time(2 * RECOVERY_WAIT_MS)
    assert settle(controller) == []


@pytest.mark.parametrize("left", [{"isr": (2,)}, {"elr": (2,)}])
def test_who_may_lead_for_certain_is_waited_for(left):
    image = record(leader=NO_LEADER, **({"isr": ()} | left), last_elr=(1, 3))
    controller = controlling(image, active=(1, 3))
    controller.on_topic(TOPIC, is_flushed=False)
    reported(controller, broker1=(4, 90), broker3=(5, 60))
    controller.on_time(2 * RECOVERY_WAIT_MS)
    settle(controller)
    assert image_of(controller).leader == NO_LEADER

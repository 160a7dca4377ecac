"""A leader by an operator's command, that may lack records: when, and what it leaves behind."""

from uuid import UUID

import pytest

from bus.control.change import Reply
from bus.control.commands import UncleanElection
from bus.control.knowledge import LogEnd, Report
from bus.errors import NONE, InvalidRequest, UnknownTopicOrPartition
from bus.model.cluster import NO_LEADER
from bus.model.ids import PartitionId
from bus.model.recoveries import Cause, RecoveryRecord
from bus.model.replication_errors import ElectionNotNeeded, EligibleLeadersNotAvailable
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
    written,
)

AWAY = record(leader=NO_LEADER, isr=(1,), elr=(2,))  # they hold all that was committed


def without(*brokers, image=AWAY):
    """These are away, and their sessions are over."""
    controller = controlling(image, active=[each for each in ALL if each not in brokers])
    controller.on_topic(TOPIC, is_flushed=True)
    for broker in brokers:
        controller.on_life(broker, None)
    settle(controller)
    return controller


def asked(controller, pid=PID, **more):
    controller.on_unclean_election(7, UncleanElection(pid, "admin", **more))
    return controller.step()


def refusal(controller, **more):
    (reply,) = asked(controller, **more)
    assert (reply.ticket, reply.error) == (7, InvalidRequest.code)
    return reply.detail


def test_the_only_one_left_leads_and_it_is_written_down():
    controller = without(1, 2)
    (change,) = asked(controller, lost=(1, 2), end_offset=90, seen_offset=95)
    assert change.recovered == {
        PID: RecoveryRecord(6, 3, Cause.OPERATOR, (1,), (2,), (), 90, 95, "admin")
    }
    assert written(controller, change) == [Reply(7, NONE)]
    image = image_of(controller)
    assert (image.leader, image.leader_epoch, image.partition_epoch) == (3, 6, 11)
    assert (image.isr, image.elr, image.last_elr) == ((3,), (), ())


@pytest.mark.parametrize("lost", [(), (1,), (2, 3)])
def test_it_is_refused_while_somebody_may_come_back_with_all_of_it(lost):
    assert refusal(without(1, 2), lost=lost).startswith("Brokers 1, 2 hold all that was committed")


def test_one_that_is_starting_is_waited_for_even_if_it_is_called_lost():
    controller = without(1, 2)
    controller.on_life(2, 99)
    assert "wait for it" in refusal(controller, lost=(1, 2))


def test_one_that_is_led_needs_no_election():
    assert asked(controlling()) == [Reply(7, ElectionNotNeeded.code)]


def test_an_unknown_partition_is_told():
    unknown = PartitionId(UUID(int=5), 0)
    assert asked(without(1, 2), unknown) == [Reply(7, UnknownTopicOrPartition.code)]


def test_without_any_replica_there_is_nobody_to_elect():
    controller = without(1, 2, 3)
    assert asked(controller, lost=ALL) == [Reply(7, EligibleLeadersNotAvailable.code)]


def test_one_that_is_named_and_away_is_not_replaced_by_another():
    answer = asked(without(1, 2), lost=(1, 2), leader=2)
    assert answer == [Reply(7, EligibleLeadersNotAvailable.code)]


def test_one_that_holds_nothing_is_refused():
    assert refusal(without(1, 2), lost=(1, 2), leader=4) == "Broker 4 holds no replica of it."


def test_of_several_the_longest_log_of_the_latest_epoch_leads():
    controller = without(image=record(leader=NO_LEADER, isr=(), last_elr=ALL))
    for broker, end in {1: LogEnd(4, 90), 2: LogEnd(5, 60), 3: LogEnd(5, 70)}.items():
        report = Report(life_of(broker), (DISK,), "boot", {PID: end})
        controller.on_report(broker, report)
    settle(controller)
    (change,) = asked(controller)
    assert (change.recovered[PID].leader, change.recovered[PID].end_offset) == (3, 70)


def test_of_several_whose_logs_are_not_known_the_first_replica_leads():
    controller = without(image=record(leader=NO_LEADER, isr=(), last_elr=ALL))
    (change,) = asked(controller)
    assert change.partitions[PID].leader == 1

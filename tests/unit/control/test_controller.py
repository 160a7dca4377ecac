"""The controller: its table, row by row, and what the store makes of it in between."""

from dataclasses import replace
from uuid import UUID

import pytest

from bus.control.change import Reply
from bus.control.election import reassigned
from bus.control.knowledge import LogEnd, Report
from bus.control.wishes import Wish
from bus.errors import NONE, FencedLeaderEpoch, InvalidRequest, NotLeader, RequestTimedOut
from bus.model.cluster import NO_LEADER
from bus.model.ids import PartitionId
from bus.model.replication_errors import IneligibleReplica, InvalidUpdateVersion, StaleBrokerEpoch
from bus.model.stored_brokers import BrokerState
from tests.fixtures.controlled import (
    ALL,
    DISK,
    PID,
    controlling,
    life_of,
    record,
    settle,
    state_of,
    written,
)


def report(broker, life, *suspects):
    return Report(life, (DISK,), "boot", dict.fromkeys(suspects, LogEnd(5, 9)))


def test_a_partition_that_is_made_for_a_broker_that_was_fenced_meanwhile_is_led_by_another():
    controller = controlling(active=(1, 2))
    settle(controller)
    made = PartitionId(UUID(int=2), 0)
    controller.on_partition(made, replace(record(3), leader_epoch=0, partition_epoch=0))
    (change,) = controller.step()
    controller.on_written(RequestTimedOut.code)  # it lost its race, and is decided anew
    assert controller.step() == [change]
    assert change.partitions[made].leader == 1
    written(controller, change)
    assert controller.known.partitions[made].leader_epoch == 1
    assert controller.step() == []


def test_nothing_is_written_where_nothing_is_due():
    assert controlling().step() == []


def test_a_silent_leader_is_fenced_and_another_one_leads():
    controller = controlling()
    controller.on_silent(1)
    (change,) = settle(controller)
    assert change.partitions[PID].leader == 2
    assert change.partitions[PID].isr == (2, 3)
    assert change.brokers[1].state is BrokerState.FENCED


def test_when_two_are_silent_the_third_one_leads():
    controller = controlling()
    controller.on_silent(1)
    controller.on_silent(2)
    settle(controller)
    image = controller.known.partitions[PID]
    assert (image.leader, image.isr, image.elr) == (3, (3,), (2,))


def test_one_change_is_out_at_a_time():
    controller = controlling()
    controller.on_silent(1)
    (change,) = controller.step()
    controller.on_silent(2)
    assert controller.step() == []
    written(controller, change)
    assert 2 in controller.step()[0].brokers


def test_a_change_that_lost_its_race_is_decided_anew():
    controller = controlling()
    controller.on_silent(1)
    (change,) = controller.step()
    controller.on_partition(PID, record(leader=3, leader_epoch=6, partition_epoch=11))
    assert controller.on_written(RequestTimedOut.code) == []
    (again,) = controller.step()
    assert again.partitions[PID].leader == 3
    assert again.partitions[PID].partition_epoch == change.partitions[PID].partition_epoch + 1


def heard_again(controller, broker):
    """By its own word."""
    controller.on_heard(broker)
    controller.on_report(broker, report(broker, life_of(broker)))
    settle(controller)


def test_one_that_is_heard_again_is_active_again():
    controller = controlling(active=(1, 2))
    heard_again(controller, 3)
    assert state_of(controller, 3) is BrokerState.ACTIVE
    assert controller.known.brokers[3].epoch == life_of(3)


def test_a_link_alone_may_be_that_of_its_next_life():
    controller = controlling()
    controller.on_report(3, report(3, life_of(3)))
    controller.on_silent(3)
    settle(controller)
    controller.on_heard(3)
    assert controller.step() == []


def test_one_that_has_restarted_leads_no_more_and_stays_in_sync():
    controller = controlling()
    controller.on_life(1, 99)
    settle(controller)
    image = controller.known.partitions[PID]
    assert (image.leader, image.isr) == (2, ALL)
    assert state_of(controller, 1) is BrokerState.FENCED


def test_its_new_life_is_accepted_once_it_has_reported():
    controller = controlling()
    controller.on_life(1, 99)
    controller.on_report(1, report(1, 99))
    settle(controller)
    accepted = controller.known.brokers[1]
    assert (accepted.epoch, accepted.state) == (99, BrokerState.ACTIVE)


def test_a_report_of_another_life_is_not_its_own():
    controller = controlling()
    controller.on_report(1, report(1, 98))
    controller.on_life(1, 99)
    settle(controller)
    assert state_of(controller, 1) is BrokerState.FENCED


def test_what_it_suspects_does_not_count_on_it_before_it_is_accepted():
    controller = controlling()
    controller.on_life(1, 99)
    controller.on_report(1, report(1, 99, PID))
    fenced, suspected, accepted = settle(controller)
    assert fenced.partitions[PID].isr == ALL
    assert (suspected.partitions[PID].isr, suspected.brokers) == ((2, 3), {})
    assert accepted.brokers[1].epoch == 99


def test_a_new_broker_is_accepted():
    controller = controlling()
    controller.on_life(4, 99)
    controller.on_report(4, report(4, 99))
    settle(controller)
    assert state_of(controller, 4) is BrokerState.ACTIVE


def test_a_partition_leads_again_by_itself_once_somebody_may_lead_it():
    controller = controlling(record(leader=NO_LEADER, isr=(), elr=(3,)), active=(1, 2))
    assert controller.step() == []
    heard_again(controller, 3)
    image = controller.known.partitions[PID]
    assert (image.leader, image.isr) == (3, (3,))


def test_a_reassignment_is_completed_once_all_are_in_sync():
    image = replace(reassigned(record(isr=(1, 2)), (1, 3)), isr=ALL)
    controller = controlling(replace(image, adding=(3,)))
    settle(controller)
    assert controller.known.partitions[PID].replicas == (1, 3)


def wish(isr, **more):
    facts = {
        "pid": PID,
        "broker": 1,
        "broker_epoch": life_of(1),
        "leader_epoch": 5,
        "partition_epoch": 10,
        "isr": isr,
        "added": {broker: life_of(broker) for broker in isr},
    }
    return Wish(**(facts | more))


def asked(controller, the_wish):
    controller.on_wish(7, the_wish)
    return controller.step()


def test_a_leader_gets_the_set_that_it_asks_for_and_its_answer_once_it_is_written():
    controller = controlling()
    (change,) = asked(controller, wish((1, 2)))
    assert change.partitions[PID].isr == (1, 2)
    assert written(controller, change) == [Reply(7, NONE)]


def test_if_it_could_not_be_written_the_leader_is_told():
    controller = controlling()
    asked(controller, wish((1, 2)))
    assert controller.on_written(RequestTimedOut.code) == [Reply(7, RequestTimedOut.code)]


@pytest.mark.parametrize(
    ("the_wish", "error"),
    [
        (wish((1, 2), broker=2), NotLeader),
        (wish((1, 2), leader_epoch=4), FencedLeaderEpoch),
        (wish((1, 2), partition_epoch=9), InvalidUpdateVersion),
        (wish((1, 2), broker_epoch=1), StaleBrokerEpoch),
        (wish((2, 3)), InvalidRequest),
        (wish((1, 9)), InvalidRequest),
        (wish((1, 2), pid=PartitionId(UUID(int=2), 0)), NotLeader),
    ],
)
def test_a_wish_that_does_not_fit_is_refused(the_wish, error):
    assert asked(controlling(), the_wish) == [Reply(7, error.code)]


def test_nobody_joins_that_is_not_active():
    controller = controlling(record(isr=(1, 2)), active=(1, 2))
    assert asked(controller, wish(ALL)) == [Reply(7, IneligibleReplica.code)]


def test_nobody_joins_in_another_life_than_the_accepted_one():
    controller = controlling(record(isr=(1, 2)))
    late = wish(ALL, added={3: life_of(3) - 1})
    assert asked(controller, late) == [Reply(7, IneligibleReplica.code)]


def test_nobody_joins_in_the_very_change_that_fences_it():
    controller = controlling(record(isr=(1, 2)))
    controller.on_silent(3)
    refusal, _ = asked(controller, wish(ALL))
    assert refusal == Reply(7, IneligibleReplica.code)


def test_of_two_wishes_on_one_record_the_second_is_refused():
    controller = controlling()
    controller.on_wish(7, wish((1, 2)))
    controller.on_wish(8, wish((1, 3)))
    refusal, change = controller.step()
    assert refusal == Reply(8, InvalidUpdateVersion.code)
    assert change.granted == [7]


def test_a_deleted_partition_is_nobody_s():
    controller = controlling()
    controller.on_partition(PID, None)
    controller.on_silent(1)
    (change,) = controller.step()
    assert change.partitions == {}

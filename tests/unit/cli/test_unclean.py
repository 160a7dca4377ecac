"""What `busd partition elect --unclean` says before it does anything, and what is said after."""

import pytest

from bus.cli.unclean import choice, in_words, losses
from bus.client.admin_replicas import Unclean
from bus.client.replica_states import LogState, RecoveryDescription, ReplicaStates

RECOVERY = RecoveryDescription(6, 3, "operator", "ann at 10.0.0.1", 0, (1,), (2,), (), 90, 95)


def log(end, flushed=None, epoch=5, committed=0):
    return LogState(0, end, end if flushed is None else flushed, committed, epoch, None)


def states(isr=(), elr=(), **logs):
    told = {int(name.removeprefix("broker")): each for name, each in logs.items()}
    return ReplicaStates(-1, 5, (1, 2, 3), isr, elr, (), (), told)


@pytest.mark.parametrize(
    ("logs", "best"),
    [
        ({"broker2": log(50), "broker3": log(60)}, 3),
        ({"broker2": log(50, epoch=6), "broker3": log(60)}, 2),
        ({"broker2": log(60, flushed=40), "broker3": log(55, flushed=50)}, 3),
        ({"broker2": log(50), "broker3": log(50)}, 2),
        ({}, -1),
    ],
)
def test_who_has_flushed_most_in_the_latest_epoch_is_chosen(logs, best):
    assert choice(states(**logs), None, ()).leader == best


def test_the_named_one_is_taken_and_what_the_others_hold_is_noted():
    found = choice(states(broker2=log(50), broker3=log(40, committed=60)), 3, (1,))
    assert found == Unclean(3, (1,), 40, 60)


def test_who_may_come_back_with_all_of_it_is_named():
    told = losses(states((1,), (2,), broker3=log(90)), Unclean(3, (1,), 90, 90))
    assert told.startswith(
        "Broker 2 holds all that was acknowledged. Start it, and nothing is lost"
    )
    assert "--lost 2." in told


def test_what_is_known_to_be_lost_is_said_with_its_offsets():
    told = losses(states(broker2=log(95), broker3=log(90)), Unclean(3, (), 90, 95))
    assert "the records from offset 90 to 95 are lost" in told


def test_what_nobody_has_seen_is_said_to_be_lost_too():
    told = losses(states((1,), broker3=log(90)), Unclean(3, (1,), 90, 90))
    assert told == (
        "If broker 3 leads, whatever else was acknowledged from offset 90 on is lost, which "
        "nobody here has seen."
    )


def test_where_nobody_is_nobody_can_lead():
    assert losses(states(), Unclean()) == "no broker that holds any of it is there."


def test_a_recovery_is_one_sentence():
    assert in_words(RECOVERY) == (
        "at 1970-01-01 00:00:00 UTC broker 3 was made the leader, in epoch 6, by ann at 10.0.0.1: "
        "records from offset 90 on may be lost, those up to 95 for certain; brokers 1,2 held as "
        "much or more."
    )

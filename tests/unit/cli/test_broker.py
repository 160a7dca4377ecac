"""`busd broker`: whether a broker can be drained, and how far that is."""

from uuid import UUID

import pytest

from bus.cli.broker import check_room, held_by, parser, wait_until_drained
from bus.cli.cluster_view import View
from bus.cli.failure import UserError
from bus.client.admin_calls import PartitionDescription, TopicDescription
from bus.client.admin_cluster import BrokerDescription, ClusterDescription

BROKERS = tuple(BrokerDescription(n, f"tcp://m{n}:7901", None) for n in (1, 2, 3))
CLUSTER = ClusterDescription("abc", 2, BROKERS)


def topics(*replicas):
    parts = tuple(
        PartitionDescription(n, each[0], 0, each, each) for n, each in enumerate(replicas)
    )
    return (TopicDescription("t", UUID(int=1), parts),)


class Counted:
    def __init__(self):
        self.counts = []

    def advance(self, count):
        self.counts.append(count)


class Draining:
    """The port of `bus.Admin`: at each look one partition fewer is on broker 3."""

    def __init__(self, count):
        self.left = count

    def describe_cluster(self):
        return CLUSTER

    def describe_topics(self):
        self.left -= 1
        return topics(*[(3,)] * self.left, (1,))


def test_partitions_are_counted_by_broker():
    assert held_by(View(CLUSTER, topics((1, 2), (2, 3), (3,))), 3) == 2


def test_what_the_others_cannot_hold_is_refused_before_it_begins():
    with pytest.raises(
        UserError, match="t-0 has 3 replicas, and without broker 3 there are 2 that"
    ):
        check_room(View(CLUSTER, topics((1, 2, 3))), 3)


def test_a_broker_that_the_others_can_stand_in_for_may_be_drained():
    check_room(View(CLUSTER, topics((1, 3), (1, 2))), 3)


def test_a_drain_is_watched_to_its_end():
    bar = Counted()
    wait_until_drained(Draining(5), 3, bar, 5, lambda _: None)
    assert bar.counts == [1, 1, 1, 1, 1]


@pytest.mark.parametrize("command", ["list", "drain", "remove"])
def test_help_has_examples(command, capsys):
    with pytest.raises(SystemExit):
        parser().read([command, "--help"])
    assert f"  busd broker {command}" in capsys.readouterr().out

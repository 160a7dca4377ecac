"""How a cluster looks in tables."""

from uuid import UUID

from bus.cli.cluster_view import View, broker_rows, growing, partition_rows, summary, trouble
from bus.client.admin_calls import PartitionDescription, TopicDescription
from bus.client.admin_cluster import BrokerDescription, ClusterDescription

BROKERS = tuple(BrokerDescription(n, f"tcp://m{n}:7901", None) for n in (1, 2))


def partition(leader=1, isr=(1, 2), replicas=(1, 2)):
    return PartitionDescription(0, leader, 4, replicas, isr)


def view(*partitions):
    topics = TopicDescription("t", UUID(int=1), partitions)
    return View(ClusterDescription("abc", 2, BROKERS), (topics,))


def test_each_broker_is_shown_with_what_it_leads_and_holds():
    assert broker_rows(view(partition()))[0] == ["1", "tcp://m1:7901", "-", 1, 1, 1, ""]


def test_the_controller_is_marked():
    assert broker_rows(view(partition()))[1][-1] == "controls"


def test_a_drained_broker_is_marked():
    drained = (BROKERS[0], BrokerDescription(2, "tcp://m2:7901", None, is_draining=True))
    cluster = ClusterDescription("abc", 2, drained)
    assert broker_rows(View(cluster, ()))[1][-1] == "controls, drained"


def test_a_broker_that_is_gone_is_shown_for_the_replicas_on_it():
    rows = broker_rows(view(partition(replicas=(1, 3), isr=(1,))))
    assert rows[-1] == ["3", "-", "-", 0, 1, 0, "is not there"]


def test_a_partition_shows_who_is_missing():
    (row,) = partition_rows([("t", partition(isr=(1,)))])
    assert row == ["t-0", "1", 4, "1", "1,2", "not in sync: 2"]


def test_a_partition_without_a_leader_has_that_for_its_trouble():
    assert trouble(partition(leader=-1, isr=())) == "no leader"


def test_a_healthy_cluster_is_summed_up_in_a_line():
    assert summary(view(partition())) == (
        "cluster abc: 2 brokers, 1 topics, 1 partitions: all in sync"
    )


def test_topics_with_fewer_replicas_than_they_should_have_are_listed():
    topics = tuple(
        TopicDescription(
            name, UUID(int=1), (partition(), partition(isr=held, replicas=held)), wanted
        )
        for name, held, wanted in (("a", (1,), 3), ("b", (1, 2), 2), ("c", (1,), None))
    )
    found = View(ClusterDescription("abc", 2, BROKERS), topics)
    assert growing(found) == "to be given more replicas: a (1 of 3)"
    assert growing(view(partition())) == ""


def test_what_is_not_well_is_counted():
    found = summary(view(partition(leader=-1, isr=()), partition(isr=(1,))))
    assert found.endswith("1 without a leader, 1 not all in sync")

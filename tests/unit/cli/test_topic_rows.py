"""How topics look in a table, and what is said of those that lack something."""

from uuid import UUID

from bus.cli.cluster_view import View
from bus.cli.topic_rows import topic_rows
from bus.client.admin_calls import PartitionDescription, TopicDescription
from bus.client.admin_cluster import BrokerDescription, ClusterDescription

THREE = tuple(BrokerDescription(n, f"tcp://m{n}:7901", None) for n in (1, 2, 3))


def row(*partitions, brokers=THREE):
    parts = tuple(
        PartitionDescription(n, leader, 0, replicas, isr)
        for n, (leader, replicas, isr) in enumerate(partitions)
    )
    topic = TopicDescription("t", UUID(int=1), parts)
    (only,) = topic_rows(View(ClusterDescription("abc", 1, brokers), (topic,)))
    return only


def test_a_healthy_topic_has_nothing_beside_it():
    assert row((1, (1, 2, 3), (1, 2, 3))) == ["t", 1, 3, ""]


def test_fewer_replicas_than_a_new_topic_would_have_are_told():
    assert row((1, (1, 2, 3), (1, 2, 3)), (1, (1,), (1,))) == ["t", 2, 1, "below 3 replicas"]


def test_a_lone_broker_asks_for_no_more():
    assert row((1, (1,), (1,)), brokers=THREE[:1])[-1] == ""


def test_who_is_behind_and_who_has_no_leader_are_counted():
    found = row((1, (1, 2, 3), (1,)), (-1, (1, 2, 3), ()))
    assert found[-1] == "1 without a leader, 1 not all in sync"

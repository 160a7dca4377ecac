"""What `busd doctor` finds in a cluster, and how it says so."""

from uuid import UUID

from bus.cli.cluster_view import View
from bus.cli.doctor import check, findings, remarks
from bus.client.admin_calls import PartitionDescription, TopicDescription
from bus.client.admin_cluster import BrokerDescription, ClusterDescription

APART = tuple(f"tcp://m{n}:7901" for n in range(3))


def topic(*isrs, replicas=(0, 1, 2), leader=0):
    parts = [
        PartitionDescription(n, leader, 1, replicas, isr if isr is not None else replicas)
        for n, isr in enumerate(isrs or (None,))
    ]
    return TopicDescription("t", UUID(int=1), tuple(parts))


LOOPBACK = tuple(f"tcp://127.0.0.1:{7901 + n}" for n in range(3))


def told(one, *, urls=APART, racks=(None, None, None), min_isr=2, flush="group", tell=findings):
    brokers = [BrokerDescription(n, url, racks[n]) for n, url in enumerate(urls)]
    view = View(ClusterDescription("c", 0, tuple(brokers)), (one,))
    return list(tell(view, [check(view, one, min_isr, flush == "group")]))


def test_a_healthy_topic_on_three_machines_leaves_nothing_to_say():
    assert told(topic()) == []


def test_a_partition_without_a_leader_is_told_first():
    (first, *_) = told(topic((), leader=-1))
    assert first.startswith("t-0: no leader")


def test_too_few_in_sync_are_told_with_what_it_means():
    assert told(topic((0,))) == [
        "t-0: fewer in sync than min.insync.replicas: acks=all is refused. "
        "See `busd cluster status`."
    ]


def test_a_replica_that_is_behind_is_told():
    (only,) = told(topic((0, 1)))
    assert "not all replicas in sync" in only


def test_a_lone_replica_among_three_brokers_is_told():
    (only,) = told(topic(replicas=(1,)), min_isr=1)
    assert only.startswith("t: one replica")


def test_a_lone_replica_of_a_lone_broker_is_what_there_can_be():
    assert told(topic(replicas=(0,)), urls=APART[:1], min_isr=1) == []


def test_a_minimum_of_one_among_three_replicas_is_told():
    (only,) = told(topic(), min_isr=1)
    assert "min.insync.replicas is 1" in only


def test_brokers_of_one_machine_are_told():
    urls = tuple(f"tcp://m1:{7901 + n}" for n in range(3))
    assert any("one machine" in each for each in told(topic(), urls=urls))


def test_brokers_on_loopback_share_a_machine_on_purpose():
    assert told(topic(), urls=LOOPBACK) == []
    (only,) = told(topic(), urls=LOOPBACK, tell=remarks)
    assert "one machine" in only
    assert told(topic(), tell=remarks) == []


def test_the_page_cache_of_one_machine_is_told():
    assert any("flush=os" in each for each in told(topic(), urls=LOOPBACK, flush="os"))


def test_racks_that_only_some_brokers_name_are_told():
    (only,) = told(topic(), racks=("a", "b", None))
    assert "--rack" in only


def test_many_partitions_are_named_by_the_first_of_them():
    (only,) = told(topic(*[(0, 1)] * 9))
    assert only.startswith("t-0, t-1, t-2, t-3, t-4 and 4 more:")

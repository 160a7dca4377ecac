"""A replica that a start finds damaged is filled again by its leader (S6, R29)."""

import pytest

from bus.errors import NONE
from tests.fixtures.small_cluster import SmallCluster


@pytest.fixture
def cluster():
    cluster = SmallCluster()
    cluster.until(lambda: len(cluster.image().isr) == 3 and cluster.leader() is not None)
    for value in (b"one", b"two", b"three"):
        acknowledged(cluster, value)
    return cluster


def acknowledged(cluster, value):
    answers = cluster.produce(value)
    cluster.until(lambda: answers)
    assert answers[0].error == NONE


def content(broker):
    log = broker.partition.log
    return bytes(log.read(0, 1 << 20, log.end_offset))


def a_follower(cluster):
    return next(broker.me for broker in cluster.living() if not broker.leads)


def started_without_its_first_record(cluster, number):
    """Another life of a broker, in whose log the first batch is damaged."""
    log = cluster.brokers[number].partition.log
    disk = cluster.kill(number)
    cluster.until(lambda: cluster.leader() is not None)
    path = next(f"{log.directory}/{name}" for name in disk.list(log.directory) if ".log" in name)
    region = disk.open(path, 1 << 20)
    region.write(70, b"", b"damage")
    disk.sync([region])
    region.close()
    cluster.start(number, disk)
    return cluster.brokers[number]


def test_a_damaged_replica_has_all_again_and_is_in_sync(cluster):
    broker = started_without_its_first_record(cluster, a_follower(cluster))
    cluster.until(lambda: len(cluster.image().isr) == 3)
    assert broker.partition.log.read_only is None
    assert content(broker) == content(cluster.leader())


def test_what_was_damaged_is_kept_aside(cluster):
    broker = started_without_its_first_record(cluster, a_follower(cluster))
    cluster.until(lambda: len(cluster.image().isr) == 3)
    names = broker.disk.list(broker.partition.log.directory)
    assert [name for name in names if name.endswith(".bad")]


def test_the_leader_of_before_is_repaired_by_the_next(cluster):
    was = cluster.leader().me
    broker = started_without_its_first_record(cluster, was)
    cluster.until(lambda: len(cluster.image().isr) == 3)
    assert content(broker) == content(cluster.leader())


def test_what_is_acknowledged_afterwards_comes_to_it_too(cluster):
    broker = started_without_its_first_record(cluster, a_follower(cluster))
    cluster.until(lambda: len(cluster.image().isr) == 3)
    acknowledged(cluster, b"four")
    cluster.until(lambda: broker.partition.log.end_offset == 4)
    assert content(broker) == content(cluster.leader())


def test_a_replica_that_is_found_damaged_later_falls_out_of_sync(cluster):
    number = a_follower(cluster)
    cluster.brokers[number].partition.log.read_only = "The scrubber has found damage."
    cluster.produce(b"four")
    cluster.until(lambda: number not in cluster.image().isr, 60_000)

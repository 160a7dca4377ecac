"""A single node becomes a cluster of three with all that it has, and may then be lost."""

import signal

import pytest

import bus
from tests.fixtures.etcd import need_etcd
from tests.fixtures.served_cluster import ServedCluster, until
from tests.integration.conftest import Serving, busd

pytestmark = pytest.mark.timeout(300)
COUNT = 100
WITHIN_SECONDS = 120


def values(first):
    return [b"%d" % number for number in range(first, first + COUNT)]


def produce(url, first):
    with bus.Producer(url, acks="all") as producer:
        told = [producer.send("t", value) for value in values(first)]
        for each in told:
            each.result(WITHIN_SECONDS)


def read(consumer, count):
    found = []
    while len(found) < count:
        found += [bytes(value) for value in consumer.poll_batch(timeout=WITHIN_SECONDS).values]
    return found


def consume(url):
    """What the group has not read yet, as far as there are as many as were produced at once."""
    with bus.Consumer(url, group="g") as consumer:
        consumer.subscribe("t")
        found = read(consumer, COUNT)
        consumer.commit()
    return found


def all_in_sync(url):
    with bus.Admin(url) as admin:
        topics = admin.describe_topics(("t", "__consumer_offsets"))
    assert all(topic.replicas_wanted == 3 for topic in topics)
    return all(len(p.isr) == 3 for topic in topics for p in topic.partitions)


def test_a_single_node_grows_to_three_brokers_and_is_not_needed_any_more(tmp_path):
    need_etcd()
    first = tmp_path / "b1" / "data"
    alone = Serving(first)
    try:
        produce(alone.endpoint, 0)
        assert consume(alone.endpoint) == values(0)
        alone.stop()
    finally:
        alone.end()
    with ServedCluster(tmp_path, 1) as cluster:
        produce(cluster.url, COUNT)
        cluster.grow(3)
        until(lambda: all_in_sync(cluster.url), "all stands on three brokers")
        cluster.broker(1).end(signal.SIGKILL)
        produce(cluster.url, 2 * COUNT)
        with bus.Consumer(cluster.url) as consumer:
            consumer.assign([("t", 0)])
            found = read(consumer, 3 * COUNT)
        assert found == values(0) + values(COUNT) + values(2 * COUNT)
        assert consume(cluster.url)[:COUNT] == values(COUNT)
    ended = busd("serve", "--data", str(first))
    assert ended.returncode != 0
    assert "have gone over to the cluster 'c'" in ended.stderr
    assert "Traceback" not in ended.stderr

"""Our clients follow a leader wherever it goes: nothing lost, nothing twice, in order."""

from collections.abc import Callable

import pytest

import bus
from bus.adapters.io_thread import IoThread
from tests.fixtures.kfake_cluster import FakeCluster
from tests.fixtures.waiting import wait_until

WAYS = {
    "told by its broker": {"pushes": True, "hints": False},
    "told by who refuses": {"pushes": False, "hints": True},
    "told by nobody": {"pushes": False, "hints": False},
}


def on_io(call: Callable, *arguments) -> None:
    """Where all calls of a fake come."""
    IoThread.shared().call(call, *arguments)


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def cluster(request) -> FakeCluster:
    return FakeCluster(**request.param)


def writer(cluster: FakeCluster, **options) -> bus.Producer:
    return bus.Producer(cluster.servers, connect=cluster.connect, linger_ms=0, **options)


def stands(cluster: FakeCluster) -> list[bytes]:
    with bus.Consumer(cluster.servers, connect=cluster.connect) as consumer:
        consumer.assign([("t", 0)])
        found: list[bytes] = []
        while len(found) < cluster.partition.end:
            found += consumer.poll_batch(timeout=60).values
        return found


def test_a_producer_follows_its_leader(cluster: FakeCluster) -> None:
    with writer(cluster) as producer:
        for number in range(60):
            if number % 20 == 10:
                on_io(cluster.move, cluster.leader % 3 + 1)
            producer.send("t", b"%d" % number, partition=0)
        producer.flush(60)
    assert stands(cluster) == [b"%d" % number for number in range(60)]


def test_what_was_under_way_to_a_killed_leader_is_sent_to_the_next(cluster: FakeCluster) -> None:
    with writer(cluster) as producer:
        producer.send("t", b"0", partition=0)
        producer.flush(60)

        def hold() -> None:
            cluster.fakes[1].held = []  # it writes, and its answers never leave

        def fail_over() -> None:
            cluster.kill(1)
            cluster.move(2)

        on_io(hold)
        for number in range(1, 4):
            producer.send("t", b"%d" % number, partition=0)
            assert wait_until(lambda end=number + 1: cluster.partition.end == end)
        on_io(fail_over)
        producer.flush(60)
    assert stands(cluster) == [b"0", b"1", b"2", b"3"]


def test_nobody_waits_for_a_leader_that_hangs_once_another_is_known() -> None:
    cluster = FakeCluster()
    with writer(cluster, request_timeout_ms=600_000, delivery_timeout_ms=900_000) as producer:
        producer.send("t", b"0", partition=0)
        producer.flush(60)
        known = len(cluster.fakes[1].requests)
        on_io(cluster.hang, 1)
        producer.send("t", b"1", partition=0)
        assert wait_until(lambda: len(cluster.fakes[1].requests) > known)
        refresh(cluster, producer)
        on_io(cluster.move, 2)
        producer.flush(60)
    assert stands(cluster) == [b"0", b"1"]


def refresh(cluster: FakeCluster, producer: bus.Producer) -> None:
    """The broker that it watches is another than the first one."""
    on_io(producer.intake.sender.cluster.stale)
    assert wait_until(lambda: cluster.fakes[2].watches or cluster.fakes[3].watches)


def test_a_consumer_follows_its_leader_without_a_gap(cluster: FakeCluster) -> None:
    with (
        writer(cluster) as producer,
        bus.Consumer(cluster.servers, connect=cluster.connect) as consumer,
    ):
        consumer.assign([("t", 0)])
        offsets, values = [], []
        for number in range(30):
            producer.send("t", b"%d" % number, partition=0)
            producer.flush(60)
            if number % 10 == 5:
                on_io(cluster.move, cluster.leader % 3 + 1)
            while len(values) <= number:
                batch = consumer.poll_batch(timeout=60)
                offsets += batch.offsets.tolist()
                values += batch.values
        assert offsets == list(range(30))
        assert values == [b"%d" % number for number in range(30)]


def test_a_client_starts_where_its_first_broker_is_down(cluster: FakeCluster) -> None:
    on_io(cluster.kill, 1)
    on_io(cluster.move, 3)
    with writer(cluster) as producer:
        producer.send("t", b"0", partition=0)
        producer.flush(60)
    assert stands(cluster) == [b"0"]


def test_a_client_starts_where_its_first_broker_hangs(cluster: FakeCluster) -> None:
    on_io(cluster.hang, 1)
    on_io(cluster.move, 3)
    with writer(cluster) as producer:
        producer.send("t", b"0", partition=0)
        producer.flush(60)
    assert stands(cluster) == [b"0"]

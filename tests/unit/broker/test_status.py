"""The snapshot: what the broker says of itself."""

from bus.broker.status import ListenerStatus, status_of
from tests.fixtures.node import URL, Bench, batch_of
from tests.fixtures.requests import fetch, produce, told


def test_a_snapshot_tells_of_partitions_requests_and_bytes(bench: Bench) -> None:
    bench.create_topic("t", 1, 1, {"flush": "os"})
    told(bench, produce(batch_of(b"a", b"b")))
    told(bench, produce(b"garbage"))
    bench.send(fetch(9, wait_ms=500))
    bench.send(fetch(2, wait_ms=500))
    status = status_of(bench.node, [ListenerStatus("a", 1), ListenerStatus("b", 2)])
    (partition,) = status.partitions
    assert (partition.topic, partition.partition, partition.flush) == ("t", 0, "os")
    assert (partition.start_offset, partition.end_offset, partition.high_watermark) == (0, 2, 2)
    assert partition.size_bytes == status.bytes_in == len(batch_of(b"a", b"b"))
    assert status.requests == {"ProduceRequest": 2, "FetchRequest": 2}
    assert status.errors == {"CorruptMessage": 1}
    assert (status.records_in, status.parked_fetches, status.connections) == (2, 1, 3)
    assert status.endpoints["zmq"] == URL
    assert status.ready
    assert status.alive


def test_a_broker_that_stops_is_not_ready(bench: Bench) -> None:
    bench.node.serving = False
    assert not status_of(bench.node).ready


def test_the_uptime_is_counted_from_the_start(bench: Bench) -> None:
    bench.clock.ms += 1234
    assert status_of(bench.node).uptime_ms == 1234


def test_commits_are_counted_with_their_time(bench: Bench) -> None:
    bench.create_topic("t", 1)
    told(bench, produce(batch_of(b"a")))
    assert status_of(bench.node).commits == 1


def test_a_damaged_partition_says_why(bench: Bench) -> None:
    bench.create_topic("t", 1)
    bench.node.runtime.find("t", 0).log.read_only = "It is damaged."
    assert status_of(bench.node).partitions[0].read_only == "It is damaged."

"""Idempotent producers of others: restarts, and epochs that rise (KIP-360)."""

import os
from pathlib import Path

from confluent_kafka import Producer

import bus
from bus.native.batch import header
from bus.wire.fetch import FetchPartition, FetchRequest, FetchTopic
from perf.child import free_port
from tests.fixtures.kafka_peer import KafkaPeer
from tests.fixtures.rough_proxy import RoughProxy
from tests.fixtures.whole_topic import batches_of

SECONDS = 60
PATIENCE_MS = 1000  # of a producer with one record


class Sender:
    """confluent-kafka's producer; what was told of each number."""

    def __init__(self, port: int, **settings: object) -> None:
        self.offsets: dict[int, int] = {}
        self.failed: list[int] = []
        self._next = 0
        told = {"bootstrap.servers": f"127.0.0.1:{port}", "enable.idempotence": True}
        patience = {
            "linger.ms": 0,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 100,
            "log_level": 0,
        }
        self._producer = Producer({**told, **patience, **settings})

    def send(self, count: int) -> None:
        """So many more; return when all have an outcome."""
        for number in range(self._next, self._next + count):
            self._producer.produce("t", b"%d" % number, on_delivery=self._on_delivery)
            self._producer.poll(0)
        self._next += count
        assert self._producer.flush(SECONDS) == 0

    def send_well(self, count: int) -> None:
        """Until so many more have arrived: on a busy machine some are given up."""
        goal = len(self.offsets) + count
        while len(self.offsets) < goal:
            self.send(1)

    def _on_delivery(self, error, record) -> None:
        if error is None:
            self.offsets[int(record.value())] = record.offset()
        else:
            self.failed.append(int(record.value()))


def stored(broker: bus.Broker) -> dict[int, int]:
    """Offset -> number."""
    found: dict[int, int] = {}
    for batch in batches_of(broker, "t"):
        found.update(zip(batch.offsets.tolist(), map(int, batch.values), strict=True))
    return found


def producers(port: int) -> list[tuple[int, int]]:
    """Producer id and epoch of each batch, in order."""
    asked = FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1 << 20)
    topic = FetchTopic(topic="t", partitions=[asked])
    with KafkaPeer(f"127.0.0.1:{port}") as peer:
        answer = peer.ask(FetchRequest(max_wait_ms=0, max_bytes=1 << 20, topics=[topic]))
    data, at, found = bytes(answer.responses[0].partitions[0].records), 0, []
    while at < len(data):
        info = header(data, at)
        found.append((info[7], info[8]))
        at += info[1]
    return found


def start(data: Path, port: int, **settings: object) -> bus.Broker:
    return bus.Broker(str(data), kafka=f"127.0.0.1:{port}", **settings)


def test_a_producer_goes_on_over_restarts_as_if_there_were_none(tmp_path: Path) -> None:
    port = free_port()
    broker = start(tmp_path, port)
    broker.create_topic("t")
    sender = Sender(port)
    for _ in range(3):
        sender.send(20)
        broker.close()
        broker = start(tmp_path, port)
    sender.send(20)
    with broker:
        assert stored(broker) == {offset: number for number, offset in sender.offsets.items()}
        assert list(stored(broker).values()) == list(range(80))
        assert len(set(producers(port))) == 1


def test_after_records_that_were_given_up_an_epoch_rises_and_nothing_stands_twice(
    tmp_path: Path,
) -> None:
    seed = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    print(f"SEED={seed}")
    with RoughProxy(seed, share=0) as proxy:
        proxy.target = free_port()
        told = f"127.0.0.1:{proxy.port}"
        with start(tmp_path, proxy.target, advertised_listeners=told) as broker:
            broker.create_topic("t")
            sender = Sender(proxy.port, **{"message.timeout.ms": PATIENCE_MS})
            sender.send_well(10)
            proxy.is_held, before = True, len(sender.failed)
            sender.send(10)
            assert len(sender.failed) == before + 10
            proxy.is_held = False
            sender.send_well(10)
            found = stored(broker)
        with start(tmp_path, proxy.target) as broker:
            epochs = producers(proxy.target)
    numbers = list(found.values())
    assert len(numbers) == len(set(numbers))
    assert all(found[offset] == number for number, offset in sender.offsets.items())
    assert len({producer for producer, _ in epochs}) == 1
    assert epochs == sorted(epochs)
    assert epochs[0][1] < epochs[-1][1]

"""Our members and those of other libraries in one group, whoever leads it."""

import threading
import time
import warnings
from importlib import import_module

import pytest

from bus.client.consumer import Consumer
from bus.embedded import Broker
from tests.fixtures.kafka_python_joins import join_within_a_poll

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of how kafka-python reads its own files
    KAFKA = import_module("kafka")
    ASSIGNORS = {
        name: getattr(import_module(f"kafka.coordinator.assignors.{module}"), kind)
        for name, module, kind in (
            ("range", "range", "RangePartitionAssignor"),
            ("roundrobin", "roundrobin", "RoundRobinPartitionAssignor"),
            ("sticky", "sticky.sticky_assignor", "StickyPartitionAssignor"),
            ("cooperative-sticky", "cooperative_sticky", "CooperativeStickyAssignor"),
        )
    }
try:
    import confluent_kafka
except ImportError:  # it comes with the rivals of ./run perf and with ./run conformance
    confluent_kafka = None

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs

SECONDS = 60
EVERYTHING = [(topic, index) for topic in ("t", "u") for index in range(4)]


class Ours:
    """Polled by a thread of its own, so that the others' polls may take their time."""

    def __init__(self, broker, group, assignor):
        self.consumer = Consumer(broker.kafka_url, group=group, assignor=assignor)
        self.consumer.subscribe("t", "u")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._closing.is_set():
            self.consumer.poll_batch(timeout=0.02)

    def poll(self):
        self._closing.wait(0.02)
        return sorted(map(tuple, self.consumer.assignment()))

    def close(self):
        self._closing.set()
        self._thread.join()
        self.consumer.close()


class KafkaPython:
    def __init__(self, broker, group, assignor):
        self.consumer = KAFKA.KafkaConsumer(
            "t",
            "u",
            bootstrap_servers=broker.bootstrap,
            group_id=group,
            partition_assignment_strategy=[ASSIGNORS[assignor]],
            heartbeat_interval_ms=100,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        join_within_a_poll(self.consumer)
        self.close = self.consumer.close

    def poll(self):
        self.consumer.poll(timeout_ms=20)
        return sorted(map(tuple, self.consumer.assignment()))


class Confluent:
    def __init__(self, broker, group, assignor):
        self.consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": broker.bootstrap,
                "group.id": group,
                "partition.assignment.strategy": assignor,
                "heartbeat.interval.ms": 100,
            }
        )
        self.consumer.subscribe(["t", "u"])
        self.close = self.consumer.close

    def poll(self):
        self.consumer.poll(0.02)
        return sorted((p.topic, p.partition) for p in self.consumer.assignment())


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(str(tmp_path_factory.mktemp("mixed")), kafka="127.0.0.1:0") as broker:
        broker.create_topic("t", 4)
        broker.create_topic("u", 4)
        with broker.producer() as producer:
            for topic, partition in EVERYTHING:
                producer.send(topic, b"v", partition=partition)
        yield broker


def settle(members, *shares):
    """Poll all until they hold so many partitions; what each holds."""
    deadline = time.monotonic() + SECONDS
    while True:
        held = [member.poll() for member in members]
        if tuple(map(len, held)) == shares:
            return held
        assert time.monotonic() < deadline, f"they hold {held}"


OTHERS = [(KafkaPython, assignor) for assignor in ASSIGNORS]
if confluent_kafka is not None:  # librdkafka has no eager sticky assignor
    OTHERS += [(Confluent, assignor) for assignor in ASSIGNORS if assignor != "sticky"]


@pytest.mark.parametrize(("other", "assignor"), OTHERS)
@pytest.mark.parametrize("we_lead", [True, False], ids=["we-lead", "they-lead"])
def test_partitions_are_shared_and_handed_over(broker, other, assignor, we_lead):
    group = f"{other.__name__}-{assignor}-{we_lead}"
    kinds = [Ours, other] if we_lead else [other, Ours]
    members = []
    try:
        members.append(kinds[0](broker, group, assignor))
        settle(members, 8)
        members.append(kinds[1](broker, group, assignor))
        first, second = settle(members, 4, 4)
        assert sorted(first + second) == EVERYTHING
        members.pop(0).close()
        assert settle(members, 8) == [EVERYTHING]
    finally:
        for member in members:
            member.close()

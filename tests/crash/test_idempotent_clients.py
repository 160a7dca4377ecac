"""Idempotent producers of others over kill -9 of the broker, and after it has forgotten them."""

import logging
import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import bus
from bus.native.batch import header
from bus.wire.fetch import FetchPartition, FetchRequest, FetchTopic
from bus.wire.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from perf.child import free_port
from tests.crash.daemon import Daemon
from tests.crash.fake_time import FakeTime, library
from tests.crash.senders import (
    TOPIC,
    Aiokafka,
    Confluent,
    JavaLines,
    JavaStream,
    KafkaPython,
    Made,
    Sender,
)
from tests.fixtures.batches import batch
from tests.fixtures.kafka_peer import KafkaPeer

ROUNDS, RECORDS = 4, 60  # so many rounds, with so many of each sender told in each at least
MOMENT_SECONDS_MAX = 0.2  # from then to the kill
IN_FLIGHT_MAX, AT_ONCE, PAUSE_SECONDS = 100, 10, 0.01
WAIT_SECONDS = 60
DAY = 24 * 3600
CANARY = (1 << 40, 0)  # a producer id that the broker has given to nobody, and an epoch
OUT_OF_ORDER = 45

pytestmark = [
    pytest.mark.crash,
    pytest.mark.filterwarnings("ignore"),  # theirs
    pytest.mark.timeout(600),  # the first time on a machine: Java, and 45 MB of jars
]


@pytest.fixture(autouse=True)
def nothing_is_logged() -> Iterator[None]:
    """What is kept of their logs would keep sockets that never connected, and are not closed."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


class Broker(Daemon):
    """With a listener for Kafka's clients, and the topic."""

    def __init__(self, data: Path, partitions: int, *settings: str, **more: object) -> None:
        self.bootstrap = f"127.0.0.1:{free_port()}"
        super().__init__(data, "--kafka", self.bootstrap, *settings, **more)
        self._partitions = partitions

    def __enter__(self) -> "Broker":
        self.start()
        with bus.Admin(self.url) as admin:
            admin.create_topic(TOPIC, self._partitions, config={"flush": "group"})
        return self

    def records(self) -> dict[int, list[tuple[int, int]]]:
        """By partition: sender and number of each, from offset 0 on."""
        with bus.Admin(self.url) as admin:
            ends = admin.offsets(TOPIC, "latest")
        found: dict[int, list[tuple[int, int]]] = {}
        for partition, end in ends.items():
            values: list[bytes] = []
            with bus.Consumer(self.url) as consumer:
                consumer.assign([(TOPIC, partition)])
                while len(values) < end:
                    records = consumer.poll_batch(timeout=WAIT_SECONDS)
                    assert records.offsets[0] == len(values), "offsets are dense"
                    values += records.values
            found[partition] = [tuple(map(int, value.split(b"."))) for value in values]
        return found


def wait_for_more(sender: Sender) -> None:
    goal = len(sender.told) + RECORDS
    wait_for(lambda: len(sender.told) >= goal, f"{type(sender).__name__} stands still")


def wait_for(what, problem: str) -> None:
    give_up = time.monotonic() + WAIT_SECONDS
    while not what():
        assert time.monotonic() < give_up, problem
        time.sleep(0.01)


@contextmanager
def sending(makers: Sequence[Made], bootstrap: str, folder: Path) -> Iterator[list[Sender]]:
    with ExitStack() as stack:
        senders = []
        for number, made in enumerate(makers):
            senders.append(made(number, bootstrap, folder))
            stack.callback(senders[-1].close)
        yield senders


@contextmanager
def at_work(sender: Sender) -> Iterator[None]:
    """It sends all the time; at the end all has an outcome."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(PAUSE_SECONDS):
            sender.send(AT_ONCE if sender.in_flight < IN_FLIGHT_MAX else 0)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    sender.settle()


def test_kills_of_the_broker_lose_double_and_reorder_nothing(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    print(f"SEED={seed}")
    chance, cut_off = random.Random(seed), 0
    makers = (JavaStream, Confluent, KafkaPython, Aiokafka)
    broker = Broker(tmp_path / "data", 2)
    with broker, sending(makers, broker.bootstrap, tmp_path) as senders:
        with ExitStack() as stack:
            for sender in senders:
                stack.enter_context(at_work(sender))
            for _ in range(ROUNDS):
                for sender in senders:
                    wait_for_more(sender)
                time.sleep(chance.uniform(0, MOMENT_SECONDS_MAX))
                broker.kill()
                cut_off += sum(sender.in_flight for sender in senders)
                broker.start()
        found = broker.records()
        assert [problem for one in senders for problem in one.verdict(found)] == []
    assert cut_off > 0, "kills with nothing under way prove nothing"


# --- forgotten producers ---------------------------------------------------------------------


@pytest.fixture
def fake_time(tmp_path: Path) -> FakeTime:
    if library() is None:
        pytest.skip("libfaketime is not installed")
    return FakeTime(tmp_path)


def canary_sends(bootstrap: str, sequence: int) -> int:
    """The error that a batch of the canary's meets."""
    records = batch([b"-1.%d" % sequence], producer=(*CANARY, sequence))
    data = TopicProduceData(TOPIC, [PartitionProduceData(0, records)])
    with KafkaPeer(bootstrap) as peer:
        answer = peer.ask(ProduceRequest(acks=-1, timeout_ms=1000, topic_data=[data]))
    return answer.responses[0].partition_responses[0].error_code


def producers(bootstrap: str) -> list[tuple[int, int, int]]:
    """Producer id, epoch and first sequence of each batch, in order."""
    asked = FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1 << 20)
    topic = FetchTopic(topic=TOPIC, partitions=[asked])
    with KafkaPeer(bootstrap) as peer:
        answer = peer.ask(FetchRequest(max_wait_ms=0, max_bytes=1 << 20, topics=[topic]))
    data, at, found = bytes(answer.responses[0].partitions[0].records), 0, []
    while at < len(data):
        info = header(data, at)
        found.append(info[7:10])
        at += info[1]
    return found


def test_who_was_forgotten_for_silence_goes_on(tmp_path: Path, fake_time: FakeTime) -> None:
    makers = (JavaLines, Confluent, KafkaPython, Aiokafka)
    broker = Broker(tmp_path / "data", 1, environment=fake_time.environment)
    with broker, sending(makers, broker.bootstrap, tmp_path) as senders:

        def send() -> None:
            for sender in senders:
                sender.send(20)
                sender.settle()
            wanted = sum(sender.sent for sender in senders)
            wait_for(lambda: of_senders() == wanted, "not all that was sent arrives")

        def of_senders() -> int:
            return sum(sender >= 0 for sender, _ in broker.records()[0])

        send()
        assert canary_sends(broker.bootstrap, 0) == 0
        assert canary_sends(broker.bootstrap, 1000) == OUT_OF_ORDER
        broker.stop()
        fake_time.jump(2 * DAY)  # a start believes what it sees
        broker.start()
        # The canary was the last one to send: once it is forgotten, all are.
        wait_for(lambda: canary_sends(broker.bootstrap, 1000) == 0, "nobody is forgotten")
        send()
        broker.kill()  # what is recovered begins in the midst of their sequences
        broker.start()
        send()
        found = broker.records()
        assert [problem for one in senders for problem in one.verdict(found)] == []
        ids = {(producer, epoch) for producer, epoch, _ in producers(broker.bootstrap)}
        assert len(ids - {CANARY}) == len(senders), "nobody has begun anew"

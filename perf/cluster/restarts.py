"""Each broker stopped and started in turn under load: what clients feel of it.

Two producers send to three partitions, one of which each broker leads: ours, and confluent-kafka's
(librdkafka). A broker gets SIGTERM, hands over what it leads, ends, and is started again; its
partition comes back to it. For either half the longest time between two acknowledgements of one
partition is taken, and whatever a client is told but an acknowledgement counts as failed.
"""

import threading
import time
from contextlib import ExitStack
from typing import Any

import confluent_kafka

import bus
from bus.cli.local_cluster import LocalCluster
from perf.bench import Bench
from perf.cluster.produce import NODES
from perf.result import Result
from perf.stats import percentile

TOPIC = "restarts"
ROUNDS = 5  # each restarts all three
CALL_SECONDS = 0.01
CALL_RECORDS = 15  # to each partition: 4,500 a second of each client
STEADY_SECONDS = 2.0
BACK_SECONDS_MAX = 60.0  # until each leads its own again
VALUE = bytes(100)
UNANSWERED_SECONDS = 120.0


class Sender:
    """Sends to all partitions at a pace on a thread of its own; a subclass says how."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.count = 0  # acknowledged
        self._last = [time.perf_counter()] * NODES
        self._longest = [0.0] * NODES
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Sender":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.close()

    def take_gap(self) -> float:
        """The longest time of a partition without an acknowledgement since the last call."""
        now = time.perf_counter()
        longest = max(*self._longest, *(now - last for last in self._last))
        self._longest = [0.0] * NODES
        return longest

    def noted(self, partition: int, count: int) -> None:
        """They were acknowledged just now."""
        now = time.perf_counter()
        self._longest[partition] = max(self._longest[partition], now - self._last[partition])
        self._last[partition] = now
        self.count += count

    def send(self, partition: int) -> None:
        """CALL_RECORDS, without waiting."""
        raise NotImplementedError

    def wait(self, seconds: float) -> None:
        """Until the next call is due."""
        self._stop.wait(seconds)

    def close(self) -> None:
        """All that was sent is answered then."""

    def _run(self) -> None:
        due = time.perf_counter()
        while not self._stop.is_set():
            for partition in range(NODES):
                self.send(partition)
            due += CALL_SECONDS
            self.wait(max(0.0, due - time.perf_counter()))


class Ours(Sender):
    """`bus.Producer`."""

    def __init__(self, cluster: LocalCluster) -> None:
        super().__init__()
        self._producer = bus.Producer(cluster.urls, linger_ms=0)

    def send(self, partition: int) -> None:
        sent = self._producer.send_batch(TOPIC, [VALUE] * CALL_RECORDS, partition=partition)
        for batch in sent.batches:
            batch.when_done(lambda batch=batch: self._told(partition, batch))

    def _told(self, partition: int, batch: Any) -> None:
        if batch.error is not None:
            self.failed.append(str(batch.error))
        else:
            self.noted(partition, batch.count)

    def close(self) -> None:
        self._producer.flush(UNANSWERED_SECONDS)
        self._producer.close()


class Confluent(Sender):
    """librdkafka, as it comes, but that it does not linger."""

    def __init__(self, cluster: LocalCluster) -> None:
        super().__init__()
        settings = {"bootstrap.servers": cluster.kafka, "acks": "all", "linger.ms": 0}
        settings |= {"enable.idempotence": "true", "log_level": "0"}
        self._producer = confluent_kafka.Producer(settings)

    def send(self, partition: int) -> None:
        for _ in range(CALL_RECORDS):
            self._producer.produce(TOPIC, VALUE, partition=partition, on_delivery=self._told)

    def wait(self, seconds: float) -> None:
        until = time.perf_counter() + seconds
        self._producer.poll(0)
        while (left := until - time.perf_counter()) > 0:
            self._producer.poll(min(left, 0.001))

    def _told(self, error: Any, record: Any) -> None:
        if error is not None:
            self.failed.append(str(error))
        else:
            self.noted(record.partition(), 1)

    def close(self) -> None:
        self._producer.flush(UNANSWERED_SECONDS)


def run(bench: Bench) -> list[Result]:
    """cluster restarts ours, cluster restarts confluent."""
    rounds = max(1, int(ROUNDS * bench.scale))
    kinds = {"ours": Ours, "confluent": Confluent}
    gaps: dict[str, dict[str, list[float]]] = {}  # of each client, in ms, by what they are of
    with ExitStack() as stack:
        directory = stack.enter_context(bench.fresh_directory())
        cluster = stack.enter_context(LocalCluster(str(directory / "cluster"), NODES))
        admin = stack.enter_context(bus.Admin(cluster.urls))
        admin.create_topic(TOPIC, NODES, NODES, {"min.insync.replicas": 2, "flush": "os"})
        _wait_until_each_leads(cluster, admin)
        senders = {name: stack.enter_context(kind(cluster)) for name, kind in kinds.items()}
        for number in range(rounds):
            for broker in cluster.brokers:
                _restart(cluster, admin, broker, senders, gaps)
            worst = {name: max(found["all"]) for name, found in gaps.items()}
            told = ", ".join(f"{name} {gap:.0f} ms" for name, gap in worst.items())
            bench.say(f"round {number + 1} of {rounds}: longest so far {told}")
    return [_result(name, senders[name], found, rounds) for name, found in gaps.items()]


def _restart(
    cluster: LocalCluster,
    admin: bus.Admin,
    broker: int,
    senders: dict[str, Sender],
    gaps: dict[str, dict[str, list[float]]],
) -> None:
    def take(part: str) -> None:
        for name, sender in senders.items():
            gap = sender.take_gap() * 1000
            for key in (part, f"broker {broker}", "all"):
                gaps.setdefault(name, {}).setdefault(key, []).append(gap)

    time.sleep(STEADY_SECONDS)
    for sender in senders.values():
        sender.take_gap()
    process = cluster.brokers[broker].process
    assert process is not None, "it was started"
    process.terminate()
    process.wait(BACK_SECONDS_MAX)
    time.sleep(STEADY_SECONDS)
    take("leaving")
    cluster.start(broker)
    cluster.wait_until_ready(broker)
    _wait_until_each_leads(cluster, admin)
    time.sleep(STEADY_SECONDS)
    take("coming back")


def _wait_until_each_leads(cluster: LocalCluster, admin: bus.Admin) -> None:
    """All in sync, and each partition led by its first replica, as it is balanced by itself."""
    cluster.wait_until_in_sync(admin, TOPIC)
    until = time.monotonic() + BACK_SECONDS_MAX
    while time.monotonic() < until:
        partitions = admin.describe_topic(TOPIC).partitions
        if all(each.leader == each.replicas[0] for each in partitions):
            return
        time.sleep(0.1)


def _result(name: str, sender: Sender, gaps: dict[str, list[float]], rounds: int) -> Result:
    metrics: dict[str, float] = {"failed": len(sender.failed)}
    for key, found in gaps.items():
        label = key.replace(" ", "_")
        metrics[f"{label}_p50_ms"] = percentile(found, 0.5)
        metrics[f"{label}_max_ms"] = max(found)
    facts: dict[str, str | int | float] = {"rounds": rounds, "acknowledged": sender.count}
    if sender.failed:
        facts["first_failure"] = sender.failed[0]
    return Result(f"cluster restarts {name}", metrics, gaps["all"], {}, facts)

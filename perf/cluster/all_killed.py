"""All three brokers killed at once: how long until every partition leads again by itself.

The clock starts when the last of them is started. It stops once for each figure: when all
partitions have a leader, when a record to each is acknowledged, and when all replicas are in sync.
"""

import time
from contextlib import ExitStack

import bus
from bus.cli.local_cluster import LocalCluster
from bus.errors import BusError
from perf.bench import Bench, Failed
from perf.cluster.produce import NODES
from perf.result import Result
from perf.stats import percentile

TOPIC = "all-killed"
PARTITIONS = 100
ROUNDS = 10
RECORDS = 20_000  # to each partition before each round
LED_SECONDS_MAX = 120.0
NOBODY = -1


def run(bench: Bench) -> list[Result]:
    """cluster all killed."""
    rounds = max(2, int(ROUNDS * bench.scale))
    taken: dict[str, list[float]] = {"led": [], "written": [], "in_sync": []}
    with ExitStack() as stack:
        directory = stack.enter_context(bench.fresh_directory())
        cluster = stack.enter_context(LocalCluster(str(directory / "cluster"), NODES))
        admin = stack.enter_context(bus.Admin(cluster.urls))
        admin.create_topic(TOPIC, PARTITIONS, NODES, {"min.insync.replicas": 2, "flush": "os"})
        cluster.wait_until_in_sync(admin, TOPIC)
        for number in range(rounds):
            _write(cluster, max(100, int(RECORDS * bench.scale)))
            for broker in cluster.brokers:
                cluster.kill(broker)
            for broker in cluster.brokers:
                cluster.start(broker)
            began = time.perf_counter()
            _wait_until_led(admin)
            taken["led"].append(time.perf_counter() - began)
            _write(cluster, 1)
            taken["written"].append(time.perf_counter() - began)
            cluster.wait_until_in_sync(admin, TOPIC)
            taken["in_sync"].append(time.perf_counter() - began)
            bench.say(f"round {number + 1} of {rounds}: led after {taken['led'][-1]:.2f} s")
    metrics = {}
    for name, seconds in taken.items():
        metrics[f"{name}_p50_ms"] = percentile(seconds, 0.5) * 1000
        metrics[f"{name}_max_ms"] = max(seconds) * 1000
    runs = [seconds * 1000 for seconds in taken["led"]]
    facts: dict[str, str | int | float] = {"rounds": rounds, "partitions": PARTITIONS}
    return [Result("cluster all killed", metrics, runs, {}, facts)]


def _write(cluster: LocalCluster, records: int) -> None:
    with bus.Producer(cluster.urls, linger_ms=0) as producer:
        for partition in range(PARTITIONS):
            producer.send_batch(TOPIC, [bytes(100)] * records, partition=partition)
        producer.flush()


def _wait_until_led(admin: bus.Admin) -> None:
    until = time.monotonic() + LED_SECONDS_MAX
    while time.monotonic() < until:
        try:
            partitions = admin.describe_topic(TOPIC).partitions
        except BusError:
            continue
        if all(each.leader != NOBODY for each in partitions):
            return
        time.sleep(0.01)
    raise Failed(f"not all partitions lead after {LED_SECONDS_MAX:g} s")

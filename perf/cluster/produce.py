"""send_batch to three brokers of this machine: RF 3, min.insync.replicas 2, acks=all.

All three, their etcd and the client share the machine. What each repeat wrote is read back and
compared once its clock has stopped.
"""

from contextlib import ExitStack

import bus
from bus.cli.local_cluster import LocalCluster
from perf.bench import Bench, Failed, throughput
from perf.macro.client import send_calls, verify
from perf.pool import CALL_RECORDS, Pool
from perf.result import Result
from perf.usage import Stopwatch

NODES, MIN_IN_SYNC = 3, 2
RECORDS = {"os": 50_000_000, "group": 25_000_000}  # 5 GB, and half of it
WARM_UP_CALLS = 50
CONFIG = {
    "min.insync.replicas": str(MIN_IN_SYNC),
    "segment.bytes": str(128 << 20),
    "cache.closed.segments": "false",
}


def run(bench: Bench) -> list[Result]:
    """cluster produce os and cluster produce group."""
    pool = Pool()
    return [_measure(bench, pool, flush) for flush in ("os", "group")]


def _measure(bench: Bench, pool: Pool, flush: str) -> Result:
    calls = bench.calls(RECORDS[flush])
    with ExitStack() as stack:
        directory = stack.enter_context(bench.fresh_directory())
        cluster = stack.enter_context(LocalCluster(str(directory / "cluster"), NODES))
        admin = stack.enter_context(bus.Admin(cluster.urls))
        producer = stack.enter_context(bus.Producer(cluster.urls))
        send_calls(producer, make_topic(admin, "warm-up", flush), pool, WARM_UP_CALLS)

        def once(stopwatch: Stopwatch, repeat: int) -> int:
            topic = make_topic(admin, f"measured-{repeat}", flush)
            before = admin.describe_topic(topic).partitions
            with stopwatch:
                send_calls(producer, topic, pool, calls)
            after = admin.describe_topic(topic).partitions
            if before != after:
                raise Failed(f"{topic}: leader or in-sync set moved: {before} to {after}")
            with bus.Consumer(cluster.urls) as consumer:
                verify(consumer, topic, pool, calls)
            admin.delete_topic(topic)
            return calls * CALL_RECORDS

        return throughput(
            f"cluster produce {flush}",
            bench,
            once,
            pids_of(cluster),
            limit="limit-replicas",
            flush=flush,
            brokers=NODES,
            replication_factor=NODES,
            min_insync_replicas=MIN_IN_SYNC,
            call_records=CALL_RECORDS,
        )


def pids_of(cluster: LocalCluster) -> dict[str, int]:
    """Of the brokers, by what results call them."""
    found = cluster.brokers.items()
    return {f"broker-{number}": broker.process.pid for number, broker in found if broker.process}


def make_topic(admin: bus.Admin, name: str, flush: str) -> str:
    """One partition with a replica on each broker."""
    admin.create_topic(name, 1, NODES, {**CONFIG, "flush": flush})
    return name

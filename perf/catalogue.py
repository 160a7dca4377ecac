"""The scenarios by name: what each measures, and the function that does it."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from perf.bench import Bench
from perf.result import Result


@dataclass(frozen=True, slots=True)
class Scenario:
    """`place` is imported when it is run, so that listing costs nothing."""

    name: str
    what: str
    place: str

    def run(self, bench: Bench) -> list[Result]:
        """Measure; may take from seconds to minutes."""
        function: Callable[[Bench], list[Result]] = importlib.import_module(self.place).run
        return function(bench)


def _by_name(*rows: tuple[str, str, str]) -> dict[str, Scenario]:
    return {row[0]: Scenario(*row) for row in rows}


SCENARIOS = _by_name(
    ("limits-produce", "the raw way in, warm and cold pages", "perf.limits.produce"),
    ("limits-fetch", "the raw way out: columns, list, records", "perf.limits.fetch"),
    ("limits-files", "the raw way out of a file of the same machine", "perf.limits.files"),
    ("limits-relay", "the bare ZeroMQ relay, one at a time", "perf.limits.relay"),
    (
        "limits-links",
        "replicas' fetches between two processes: encrypted, by a Unix socket, plain",
        "perf.limits.links",
    ),
    ("limits-replicas", "the raw way onto three replicas", "perf.limits.replicas"),
    ("limits-xpub", "fan-out by bare XPUB: cost and drops", "perf.limits.xpub"),
    ("produce-batch", "send_batch of list[bytes], os and group", "perf.macro.produce_batch"),
    ("produce-send", "send(), one record a call", "perf.macro.produce_send"),
    ("consume", "columns, list, record by record; files, connection", "perf.macro.consume"),
    ("embedded", "produce and consume in one process", "perf.macro.embedded"),
    ("ten-gigabytes", "10 GB of fresh files in a row", "perf.macro.ten_gigabytes"),
    ("latency", "one message at a time, and the relay", "perf.macro.latency"),
    ("fanout", "1, 8 and 200 subscribers of one partition; open loop", "perf.macro.fanout"),
    ("start", "ready, idle memory, embedded first record, a test's broker", "perf.macro.start"),
    ("many-partitions", "10,000 partitions: write, start, idle", "perf.macro.many_partitions"),
    ("groups", "100 members join, one leaves; commits; loading", "perf.macro.groups"),
    ("group-log", "what 1 M positions a minute leave on the disk", "perf.macro.group_log"),
    ("group-pause", "100 of our members: one leaves, the others read on", "perf.macro.group_pause"),
    ("move-leaders", "10,000 leaderships of a dead broker", "perf.macro.move_leaders"),
    ("etcd", "what one etcd takes of 200,000 partitions' metadata", "perf.macro.etcd_bears"),
    ("recovery", "kill -9 with 1 GiB beyond the checkpoint", "perf.macro.recovery"),
)
RIVALS = _by_name(
    ("kafka", "Apache Kafka by its Java tools and confluent-kafka", "perf.rivals.kafka_measured"),
    ("redis", "Redis Streams by redis-py", "perf.rivals.redis_streams"),
    ("nats", "NATS JetStream by nats-py", "perf.rivals.nats_jetstream"),
)
KAFKA_PARTS = _by_name(
    ("java", "Kafka's Java producer and consumer tools", "perf.kafka.java_tools"),
    ("confluent", "confluent-kafka's produce() and consume()", "perf.kafka.confluent_client"),
    ("end-to-end", "Kafka's EndToEndLatency tool", "perf.kafka.end_to_end"),
    ("own", "our client and confluent-kafka on Kafka, in batches", "perf.kafka.own_client"),
    ("connections", "1,000 idle and 100 active TCP clients", "perf.kafka.connections"),
    ("groups", "as above", "perf.macro.groups"),
    ("group-pause", "as above", "perf.macro.group_pause"),
)
CLUSTER_PARTS = _by_name(
    ("limit", "the raw way onto three replicas", "perf.limits.replicas"),
    ("produce", "send_batch to three brokers, RF 3, acks=all", "perf.cluster.produce"),
    ("java", "Kafka's producer tool on three brokers of each", "perf.cluster.java"),
    ("latency", "5,000 records/s, paced, on three brokers of each", "perf.cluster.latency"),
    ("failover", "the leader killed at 5,000 records/s, again and again", "perf.cluster.failover"),
    ("failover-librdkafka", "the same, confluent-kafka tuned", "perf.cluster.failover_librdkafka"),
    ("failover-kafka", "the same on three Kafka brokers", "perf.cluster.failover_kafka"),
    ("restarts", "each broker restarted in turn under two clients", "perf.cluster.restarts"),
    ("all-killed", "all brokers killed at once: until all lead again", "perf.cluster.all_killed"),
    ("catch-up", "a broker returns after 10 GB that it missed", "perf.cluster.catch_up"),
)
CLUSTER = "cluster"  # three brokers and their etcd on this machine: its parts
KAFKA = "kafka"  # Kafka's clients on Kafka, on busd and on a broker that does nothing: its parts
MICRO = "micro"  # pytest-benchmark over perf/micro
COUNTS = "counts"  # instructions of the native parts, by callgrind
ALL = "all"  # every scenario above
REPORT = "report"  # the table of targets from a document
VERSUS = "versus"  # OURS and RIVALS, and the table of ratios
OURS = ("produce-batch", "produce-send", "consume")  # what stands beside rivals
PUBLISH = "publish"  # the pages that show a document of `all`, `versus`, `kafka` or `cluster`

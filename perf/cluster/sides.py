"""Three brokers of busd with their etcd, and three of Kafka with its controllers in them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import bus
from bus.cli.local_cluster import LocalCluster
from perf.bench import Bench
from perf.cluster.produce import MIN_IN_SYNC, NODES, make_topic, pids_of
from perf.foreign.kafka_cluster import KafkaCluster
from perf.kafka.sides import BUSD, KAFKA


@dataclass(frozen=True, slots=True)
class Side:
    """A cluster, and how it is reached."""

    name: str
    servers: str | list[str]  # for our own clients
    endpoint: str  # for Kafka's
    pids: dict[str, int]  # by what results call them

    def make_topic(self, admin: bus.Admin, topic: str, flush: str = "os") -> str:
        """One partition with a replica on each broker; Kafka has its page cache only."""
        if self.name == BUSD:
            return make_topic(admin, topic, flush)
        admin.create_topic(topic, 1, NODES, {"min.insync.replicas": str(MIN_IN_SYNC)})
        return topic


@contextmanager
def both(bench: Bench) -> Iterator[list[Side]]:
    """Both run; who is not asked rests."""
    with ExitStack() as stack:
        directory = stack.enter_context(bench.fresh_directory())
        kafka = stack.enter_context(KafkaCluster(directory / "kafka"))
        ours = stack.enter_context(LocalCluster(str(directory / "busd"), NODES))
        yield [
            Side(KAFKA, kafka.servers.split(","), kafka.endpoint, kafka.pids),
            Side(BUSD, ours.urls, ours.kafka, pids_of(ours)),
        ]

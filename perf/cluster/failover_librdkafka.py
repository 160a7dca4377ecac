"""The same as `failover` with confluent-kafka, tuned for it, on three busd."""

from perf.bench import Bench
from perf.cluster.failover import TOPIC, measure
from perf.cluster.killed import Busd
from perf.cluster.paced import Librdkafka
from perf.result import Result


def run(bench: Bench) -> list[Result]:
    """cluster failover librdkafka."""
    name = "cluster failover librdkafka"
    return measure(bench, name, Busd, lambda side: Librdkafka(side.bootstrap, TOPIC))

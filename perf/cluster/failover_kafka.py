"""The same as `failover_librdkafka` on three brokers of Apache Kafka.

A broker that is silent is given up after 2 s there, by default after 9. Its brokers do not tell
which of them controls, so no rounds are reported apart.
"""

from perf.bench import Bench
from perf.cluster.failover import TOPIC, measure
from perf.cluster.killed import Kafka
from perf.cluster.paced import Librdkafka
from perf.result import Result


def run(bench: Bench) -> list[Result]:
    """cluster failover kafka."""
    name = "cluster failover kafka"
    return measure(bench, name, Kafka, lambda side: Librdkafka(side.bootstrap, TOPIC))

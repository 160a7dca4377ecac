"""Three brokers of Apache Kafka as one cluster, each of which can be killed and started again."""

from dataclasses import replace
from pathlib import Path

from perf.children import COUNT, Children
from perf.foreign.kafka_broker import KafkaBroker, Place, new_cluster

HEAP_MB = 384
SETTINGS = {  # a broker that is silent is given up after 2 s, by default after 9
    "default_replication_factor": 3,
    "offsets_topic_replication_factor": 3,
    "min_insync_replicas": 2,
    "broker_heartbeat_interval_ms": 200,
    "broker_session_timeout_ms": 2000,
    "replica_lag_time_max_ms": 3000,
    "unclean_leader_election_enable": "false",
}


class KafkaCluster(Children):
    """The files are in `directory`."""

    def __init__(self, directory: Path, **settings: str | int) -> None:
        self._directory = directory
        self._settings = SETTINGS | settings
        name = new_cluster()
        places = [Place(number, cluster=name) for number in range(1, COUNT + 1)]
        voters = ",".join(f"{place.node_id}@127.0.0.1:{place.controller}" for place in places)
        self._places = [replace(place, voters=voters) for place in places]
        super().__init__()

    @property
    def servers(self) -> str:
        """For `bus.Producer` and the like."""
        return ",".join(f"kafka://127.0.0.1:{place.port}" for place in self._places)

    @property
    def endpoint(self) -> str:
        """Bootstrap servers, for Kafka's clients."""
        return ",".join(f"127.0.0.1:{place.port}" for place in self._places)

    @property
    def pids(self) -> dict[str, int]:
        """Of those that run, by what results call them."""
        return {f"broker-{n}": child.pid for n, child in sorted(self._children.items())}

    def made(self, number: int) -> KafkaBroker:
        """A broker's next life, ready."""
        directory = self._directory / f"broker-{number}"
        return KafkaBroker(directory, HEAP_MB, self._places[number], **self._settings)

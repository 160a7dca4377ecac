"""Three brokers of Apache Kafka as one cluster, each of which can be killed and started again."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

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


class KafkaCluster:
    """Brokers 0 to 2; the files are in `directory`."""

    def __init__(self, directory: Path, **settings: str | int) -> None:
        self._directory = directory
        self._settings = SETTINGS | settings
        name = new_cluster()
        places = [Place(number, cluster=name) for number in range(1, 4)]
        voters = ",".join(f"{place.node_id}@127.0.0.1:{place.controller}" for place in places)
        self._places = [replace(place, voters=voters) for place in places]
        self._brokers: dict[int, KafkaBroker] = {}
        try:
            with ThreadPoolExecutor() as threads:  # none is ready before there are two
                list(threads.map(self.start, range(len(places))))
        except BaseException:
            self.close()
            raise

    @property
    def servers(self) -> str:
        """For `bus.Producer` and the like."""
        return ",".join(f"kafka://127.0.0.1:{place.port}" for place in self._places)

    def start(self, number: int) -> None:
        """Begin a broker's next life."""
        directory = self._directory / f"broker-{number}"
        place = self._places[number]
        self._brokers[number] = KafkaBroker(directory, HEAP_MB, place, **self._settings)

    def kill(self, number: int) -> None:
        """SIGKILL."""
        self._brokers.pop(number).kill()

    def close(self) -> None:
        """End all of them; there is nothing left to be saved."""
        for number in list(self._brokers):
            self.kill(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

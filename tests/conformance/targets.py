"""What suites run against: Apache Kafka as the baseline, busd, and three busd as a cluster."""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perf.child import free_port
from perf.daemon import Daemon
from perf.foreign.debian import need
from perf.foreign.kafka_broker import KafkaBroker, Place
from tests.fixtures.served_cluster import ServedCluster

KAFKA, BUSD, CLUSTER = NAMES = ("kafka", "busd", "cluster")
KAFKA_HEAP_MB = 512
BROKERS = 3
CLUSTER_SETTINGS = {"num_partitions": 1}  # as Kafka's; copies are as they come: three, of which two


@dataclass(frozen=True, slots=True)
class Target:
    """Brokers that run; `bootstrap` is the host:port of each Kafka listener."""

    name: str
    bootstrap: str
    data: Sequence[Path]  # of each broker
    version: str
    stop: Callable[[], object]  # ends all cleanly, for whoever looks at their files

    @property
    def nodes(self) -> int:
        """How many brokers; a topic of the scenarios has a copy on each."""
        return len(self.data)


@contextmanager
def running(name: str, directory: Path, **settings: int) -> Iterator[Target]:
    """A fresh broker, or three, with files in `directory`; `settings` have underscores for dots.

    All others are as they come with it; all brokers know the same names.
    """
    with RUNNERS[name](directory / name, settings) as target:
        yield target


@contextmanager
def _kafka(directory: Path, settings: dict[str, int]) -> Iterator[Target]:
    defaults = {"message_max_bytes": 1048588, "offsets_topic_num_partitions": 50, **settings}
    place = Place(node_id=defaults.pop("node_id", 1))
    with KafkaBroker(directory, KAFKA_HEAP_MB, place, **defaults) as broker:
        version = f"Kafka {broker.version}"
        yield Target(KAFKA, broker.endpoint, [directory / "data"], version, broker.stop)


@contextmanager
def _busd(directory: Path, settings: dict[str, int]) -> Iterator[Target]:
    bootstrap = f"127.0.0.1:{free_port()}"
    with Daemon(directory, "--kafka", bootstrap, *_options(settings)) as daemon:
        yield Target(BUSD, bootstrap, [directory], _version(), daemon.stop)


@contextmanager
def _cluster(directory: Path, settings: dict[str, int]) -> Iterator[Target]:
    need("etcd", "etcd-server")
    wanted = CLUSTER_SETTINGS | settings
    first = wanted.pop("node_id", 1)
    directory.mkdir()
    with ServedCluster(directory, BROKERS, _options(wanted), first) as cluster:

        def stop() -> None:
            for broker in cluster.brokers:
                broker.end(signal.SIGTERM)

        folders = [broker.data for broker in cluster.brokers]
        yield Target(CLUSTER, cluster.bootstrap, folders, f"{BROKERS} {_version()}", stop)


RUNNERS = {KAFKA: _kafka, BUSD: _busd, CLUSTER: _cluster}


def _options(settings: Mapping[str, int]) -> list[str]:
    named = [f"{name.replace('_', '.')}={value}" for name, value in settings.items()]
    return [word for setting in named for word in ("--set", setting)]


def _version() -> str:
    import bus

    return f"busd {bus.__version__}"

"""The brokers that suites run against: Apache Kafka, which is the baseline, and busd."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perf.child import free_port
from perf.daemon import Daemon
from perf.foreign.kafka_broker import KafkaBroker, Place

KAFKA, BUSD = "kafka", "busd"
NAMES = (KAFKA, BUSD)
KAFKA_HEAP_MB = 512


@dataclass(frozen=True, slots=True)
class Target:
    """A broker that runs; `bootstrap` is the host:port of its Kafka listener."""

    name: str
    bootstrap: str
    data: Path
    version: str
    stop: Callable[[], object]  # ends it cleanly, for whoever looks at its files


@contextmanager
def running(name: str, directory: Path, **settings: int) -> Iterator[Target]:
    """A fresh broker whose files are in `directory`; `settings` have underscores for dots.

    All others are as they come with it; both brokers know the same names.
    """
    if name == KAFKA:
        defaults = {
            "message_max_bytes": 1048588,
            "offsets_topic_num_partitions": 50,
            **settings,
        }
        place = Place(node_id=defaults.pop("node_id", 1))
        with KafkaBroker(directory / "kafka", KAFKA_HEAP_MB, place, **defaults) as broker:
            data = directory / "kafka" / "data"
            yield Target(name, broker.endpoint, data, f"Kafka {broker.version}", broker.stop)
        return
    bootstrap = f"127.0.0.1:{free_port()}"
    more = ["--kafka", bootstrap]
    for setting, value in settings.items():
        more += ["--set", f"{setting.replace('_', '.')}={value}"]
    with Daemon(directory / "busd", *more) as daemon:
        import bus

        yield Target(name, bootstrap, directory / "busd", f"busd {bus.__version__}", daemon.stop)

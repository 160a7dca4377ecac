"""Three brokers as one cluster, of which one is killed and started again: busd, or Apache Kafka."""

import json
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, Self

import bus
from bus.cli.local_cluster import LocalCluster
from perf.bench import Failed
from perf.cluster.produce import NODES
from perf.foreign.kafka_cluster import KafkaCluster

STATUS_SECONDS = 5.0
SYNC_SECONDS_MAX = 120.0
LOOK_SECONDS = 0.1


class Killed(Protocol):
    """What a measurement needs of them; a broker is named by its id."""

    urls: list[str]  # for our own clients
    bootstrap: str  # for Kafka's clients
    config: Mapping[str, str]  # of a topic that is replicated three times

    def start(self, broker: int) -> None: ...

    def kill(self, broker: int) -> None: ...

    def controls(self, admin: bus.Admin, broker: int) -> bool:
        """Whether more goes with it than what it leads."""

    def wait_until_in_sync(self, admin: bus.Admin, topic: str) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Busd:
    """As `busd cluster start` has them: each with a member of etcd beside it."""

    config: Mapping[str, str] = {"flush": "os"}

    def __init__(self, directory: Path) -> None:
        self._cluster = LocalCluster(str(directory), NODES)
        self.urls, self.bootstrap = self._cluster.urls, self._cluster.kafka

    def start(self, broker: int) -> None:
        self._cluster.start(broker)
        self._cluster.wait_until_ready(broker)

    def kill(self, broker: int) -> None:
        self._cluster.kill(broker)

    def controls(self, admin: bus.Admin, broker: int) -> bool:
        return admin.describe_cluster().controller == broker or self._leads_etcd(broker)

    def wait_until_in_sync(self, admin: bus.Admin, topic: str) -> None:
        self._cluster.wait_until_in_sync(admin, topic)

    def _leads_etcd(self, broker: int) -> bool:
        port = self._cluster.brokers[broker].ports["etcd"]
        url = f"http://127.0.0.1:{port}/v3/maintenance/status"
        with urllib.request.urlopen(url, b"{}", STATUS_SECONDS) as answer:
            status = json.load(answer)
        return bool(status["leader"] == status["header"]["member_id"])

    def __enter__(self) -> Self:
        self._cluster.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.__exit__(None, None, None)


class Kafka:
    """Brokers that are controllers as well, as its own quick start has them."""

    config: Mapping[str, str] = {}

    def __init__(self, directory: Path) -> None:
        self._cluster = KafkaCluster(directory)
        self.urls = self._cluster.servers.split(",")
        self.bootstrap = self._cluster.endpoint

    def start(self, broker: int) -> None:
        self._cluster.start(broker - 1)

    def kill(self, broker: int) -> None:
        self._cluster.kill(broker - 1)

    def controls(self, admin: bus.Admin, broker: int) -> bool:
        return False  # its brokers do not tell who does: any of them is named

    def wait_until_in_sync(self, admin: bus.Admin, topic: str) -> None:
        until = time.monotonic() + SYNC_SECONDS_MAX
        while time.monotonic() < until:
            if len(admin.describe_topic(topic).partitions[0].isr) == NODES:
                return
            time.sleep(LOOK_SECONDS)
        raise Failed(f"{topic} is not in sync after {SYNC_SECONDS_MAX:.0f} s")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.close()

"""Apache Kafka to compare with: brokers in KRaft mode, one with a heap of 1 GiB, on loopback."""

import base64
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from perf.child import Server, free_port
from perf.foreign.debian import run
from perf.foreign.maven import jars, java

# As Kafka's own start script has it; the heap is of a fixed size, for no two runs should differ.
JVM = [
    *("-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"),
    *("-XX:InitiatingHeapOccupancyPercent=35", "-Djava.awt.headless=true"),
]
BATCH_BYTES_MAX = 10 << 20
SETTINGS = """\
process.roles=broker,controller
node.id={node_id}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
message.max.bytes={batch_bytes_max}
socket.send.buffer.bytes=1048576
socket.receive.buffer.bytes=1048576
"""


def new_cluster() -> str:
    """An id of a cluster; it may begin with a dash."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Place:
    """Of one broker in its cluster."""

    node_id: int = 1
    port: int = field(default_factory=free_port)
    controller: int = field(default_factory=free_port)
    cluster: str = field(default_factory=new_cluster)
    voters: str = ""  # of several brokers: all of them


class KafkaBroker(Server):
    """One broker whose files are in `directory`; `endpoint` is its bootstrap server.

    A heap is in MiB; settings are Kafka's, with underscores for dots.
    """

    def __init__(
        self,
        directory: Path,
        heap_mb: int = 1024,
        place: "Place | None" = None,
        **settings: str | int,
    ) -> None:
        """Alone, or in its place of a cluster; a directory of an earlier life is gone on with."""
        self.jars = jars("broker")
        place = Place() if place is None else place
        self.endpoint = f"127.0.0.1:{place.port}"
        directory.mkdir(parents=True, exist_ok=True)
        more = [f"{name.replace('_', '.')}={value}\n" for name, value in settings.items()]
        path = directory / "server.properties"
        path.write_text(
            SETTINGS.format(
                node_id=place.node_id,
                port=place.port,
                controller=place.controller,
                voters=place.voters or f"{place.node_id}@127.0.0.1:{place.controller}",
                data=(directory / "data").resolve(),
                batch_bytes_max=BATCH_BYTES_MAX,
            )
            + "".join(more)  # the last of a name wins
        )
        if not (directory / "data").exists():
            tool = [java(), "-cp", f"{self.jars}/*", "kafka.tools.StorageTool"]
            run([*tool, "format", f"--cluster-id={place.cluster}", "-c", str(path)])
        heap = [f"-Xms{heap_mb}m", f"-Xmx{heap_mb}m"]
        command = [java(), *JVM, *heap, "-cp", f"{self.jars}/*", "kafka.Kafka", str(path)]
        super().__init__(command, directory / "broker.log", place.port)

    @property
    def version(self) -> str:
        """As its main jar tells it."""
        (jar,) = self.jars.glob("kafka_2*.jar")
        return jar.stem.rpartition("-")[2]

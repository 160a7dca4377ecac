"""Apache Kafka to compare with: one broker in KRaft mode, with a heap of 1 GiB, on loopback."""

import base64
import uuid
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
controller.quorum.voters={node_id}@127.0.0.1:{controller}
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


class KafkaBroker(Server):
    """One broker whose files are in `directory`; `endpoint` is its bootstrap server.

    A heap is in MiB; settings are Kafka's, with underscores for dots.
    """

    def __init__(self, directory: Path, heap_mb: int = 1024, **settings: str | int) -> None:
        self.jars = jars("broker")
        port, controller = free_port(), free_port()
        self.endpoint = f"127.0.0.1:{port}"
        directory.mkdir(parents=True, exist_ok=True)
        node_id = settings.pop("node_id", 1)
        more = [f"{name.replace('_', '.')}={value}\n" for name, value in settings.items()]
        path = directory / "server.properties"
        path.write_text(
            SETTINGS.format(
                node_id=node_id,
                port=port,
                controller=controller,
                data=(directory / "data").resolve(),
                batch_bytes_max=BATCH_BYTES_MAX,
            )
            + "".join(more)  # the last of a name wins
        )
        name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = [java(), "-cp", f"{self.jars}/*", "kafka.tools.StorageTool"]
        run([*tool, "format", f"--cluster-id={name}", "-c", str(path)])  # it may begin with a dash
        heap = [f"-Xms{heap_mb}m", f"-Xmx{heap_mb}m"]
        command = [java(), *JVM, *heap, "-cp", f"{self.jars}/*", "kafka.Kafka", str(path)]
        super().__init__(command, directory / "broker.log", port)

    @property
    def version(self) -> str:
        """As its main jar tells it."""
        (jar,) = self.jars.glob("kafka_2*.jar")
        return jar.stem.rpartition("-")[2]

"""Apache Kafka for comparisons: one broker in KRaft mode, with a heap of 1 GiB, on loopback."""

import base64
import uuid
from pathlib import Path

from perf.child import Server, free_port
from perf.rivals.debian import run
from perf.rivals.install_kafka import install, java

# As Kafka's own start script has it, but for the heap, which no two runs should share out anew.
JVM = [
    *("-server", "-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"),
    *("-XX:InitiatingHeapOccupancyPercent=35", "-Djava.awt.headless=true"),
]
BATCH_BYTES_MAX = 10 << 20
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
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
    """One broker whose files are in `directory`; `endpoint` is its bootstrap server."""

    def __init__(self, directory: Path) -> None:
        self.jars = install()
        port, controller = free_port(), free_port()
        self.endpoint = f"127.0.0.1:{port}"
        directory.mkdir(parents=True, exist_ok=True)
        settings = directory / "server.properties"
        settings.write_text(
            SETTINGS.format(
                port=port,
                controller=controller,
                data=(directory / "data").resolve(),
                batch_bytes_max=BATCH_BYTES_MAX,
            )
        )
        name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = [java(), "-cp", f"{self.jars}/*", "kafka.tools.StorageTool"]
        run([*tool, "format", "-t", name, "-c", str(settings)])
        command = [java(), *JVM, "-cp", f"{self.jars}/*", "kafka.Kafka", str(settings)]
        super().__init__(command, directory / "broker.log", port)

    @property
    def version(self) -> str:
        """As its main jar tells it."""
        (jar,) = self.jars.glob("kafka_2*.jar")
        return jar.stem.rpartition("-")[2]

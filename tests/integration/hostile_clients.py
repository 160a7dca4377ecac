"""A broker process with a Kafka port, and what hostile clients of it have in common."""

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bus.wire.metadata import MetadataRequest, MetadataRequestTopic
from bus.wire.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from tests.fixtures.kafka_peer import KafkaPeer
from tests.fixtures.leaks import anonymous_bytes
from tests.fixtures.sound_requests import batch
from tests.fixtures.waiting import SECONDS, wait_until
from tests.integration.conftest import BUSD, environment

MIB = 1 << 20


class Besieged:
    """A `busd serve` with a Kafka port and a topic "t"; its log goes to a file."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._log = folder / "log"
        command = [*BUSD, "serve", "--data", str(folder / "data"), "--listen", ""]
        command += ["--kafka", "127.0.0.1:0", "--accept-filesystem", *options]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment()
            )
        assert self.process.stdout is not None
        ready = self.process.stdout.readline()
        (url,) = [word for word in ready.split() if word.startswith("kafka://")]
        self.bootstrap = url.removeprefix("kafka://")
        self._sockets_at_rest = self.sockets
        self.serve_somebody()

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def memory(self) -> int:
        """Of the process, the page cache aside."""
        return anonymous_bytes(self.process.pid)

    @property
    def sockets(self) -> int:
        """Open ones, those that listen included."""
        found = 0
        for path in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found += str(path.readlink()).startswith("socket:")
        return found

    def is_alone(self) -> bool:
        """Whether nobody is connected any more, in time."""
        return wait_until(lambda: self.sockets <= self._sockets_at_rest)

    def connect(self) -> socket.socket:
        host, _, port = self.bootstrap.rpartition(":")
        return socket.create_connection((host, int(port)), SECONDS)

    @contextlib.contextmanager
    def connections(self, count: int) -> Iterator[list[socket.socket]]:
        """So many at a time, closed at the end."""
        with contextlib.ExitStack() as opened:
            yield [opened.enter_context(self.connect()) for _ in range(count)]

    def serve_somebody(self) -> None:
        """Another client produces and looks up, and is answered."""
        with KafkaPeer(self.bootstrap) as peer:
            found = peer.ask(MetadataRequest([MetadataRequestTopic(name="t")]))
            assert found.topics[0].error_code in {0, 5}
            data = PartitionProduceData(0, batch(b"alive"))
            request = ProduceRequest(
                acks=-1, timeout_ms=5000, topic_data=[TopicProduceData("t", [data])]
            )
            answer = peer.ask(request)
            assert answer.responses[0].partition_responses[0].error_code == 0

    def end(self) -> str:
        """Stop it; what it has logged."""
        self.process.terminate()
        self.process.communicate(timeout=60)
        return self.log


def is_closed(connection: socket.socket) -> bool:
    """Whether the other end closes in time, whatever it says before."""
    connection.settimeout(SECONDS)
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True

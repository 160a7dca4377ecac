"""Brokers of this machine as one cluster, each a `busd serve` of its own, for trying things out.

DIR/ports.json     which ports it has; they stay, as etcd's members know each other by theirs
DIR/broker-N/      the data directory of broker N, with its member of etcd
DIR/broker-N.log   what it said

The first start begins with broker 1, whose etcd the others join. Later all start at once: none is
ready before most of etcd's members are there.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from bus.cli.cluster_view import partition_rows, trouble
from bus.cli.failure import Failure, UserError
from bus.cli.ports import ANY, choose, is_free
from bus.cli.supervision import end
from bus.client.admin import Admin
from bus.errors import BusError

NAME = "local"
READY_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 30.0
IN_SYNC_SECONDS_MAX = 120.0
LOOK_SECONDS = 0.05
PORTS = {"listen": 7901, "kafka": 9092, "etcd": 7921}  # of broker 1, if they are free
STEP = {"listen": 1, "kafka": 1, "etcd": 2}  # to the next broker's; etcd has a second port


@dataclass(slots=True)
class LocalBroker:
    """One of them; `process` is None while it does not run."""

    number: int
    ports: dict[str, int]
    process: "subprocess.Popen[bytes] | None" = None
    log_from: int = 0  # where its log begins to tell of this process

    @property
    def url(self) -> str:
        """For our own clients."""
        return f"tcp://127.0.0.1:{self.ports['listen']}"

    @property
    def kafka(self) -> str:
        """For Kafka's clients."""
        return f"127.0.0.1:{self.ports['kafka']}"

    @property
    def is_running(self) -> bool:
        """Does its process live?"""
        return self.process is not None and self.process.poll() is None


class LocalCluster:
    """Runs while the `with` block does."""

    def __init__(
        self, directory: str, nodes: int, *options: str, known_ports: bool = False
    ) -> None:
        """`options` are given to each `busd serve`; `known_ports` are those of PORTS, if free."""
        self.directory = Path(directory).absolute()
        self._options = options
        self.directory.mkdir(parents=True, exist_ok=True)
        self._is_new, ports = self._read_ports(nodes, known_ports)
        self.brokers = {n: LocalBroker(n, ports[n - 1]) for n in range(1, nodes + 1)}

    @property
    def urls(self) -> list[str]:
        """For our own clients: all of them, as any may be away."""
        return [broker.url for broker in self.brokers.values()]

    @property
    def kafka(self) -> str:
        """For Kafka's clients: bootstrap servers."""
        return ",".join(broker.kafka for broker in self.brokers.values())

    def __enter__(self) -> "LocalCluster":
        try:
            for number in self.brokers:
                self.start(number)
                if self._is_new and number == 1:
                    self.wait_until_ready(number)
            for number in self.brokers:
                self.wait_until_ready(number)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, number: int) -> None:
        """Start a broker that does not run; it is not ready yet."""
        broker = self.brokers[number]
        assert not broker.is_running, "it runs"
        with open(self._log(number), "ab") as log:
            broker.log_from = log.seek(0, os.SEEK_END)
            broker.process = subprocess.Popen(
                self.command(broker), stdout=log, stderr=log, start_new_session=True
            )

    def wait_until_ready(self, number: int) -> None:
        """Until it serves. Raises Failure with its last words if it ends before."""
        broker = self.brokers[number]
        assert broker.process is not None, "it was started"
        until = time.monotonic() + READY_SECONDS_MAX
        ready = f"ready {broker.url}".encode()
        with open(self._log(number), "rb") as log:
            log.seek(broker.log_from)
            for line in _lines(log, broker.process, until):
                if line.startswith(ready):
                    return
        raise Failure(
            f"Broker {number} did not become ready: {self._last_words(number)} "
            f"(all of it: {self._log(number)})"
        )

    def wait_until_in_sync(self, admin: Admin, topic: str | None = None) -> None:
        """Until all replicas, or those of one topic, are in sync. Raises Failure with how it is."""
        names = None if topic is None else [topic]
        until = time.monotonic() + IN_SYNC_SECONDS_MAX
        while True:
            try:
                topics = admin.describe_topics(names)
                partitions = [(t.name, p) for t in topics for p in t.partitions]
                rows = partition_rows([entry for entry in partitions if trouble(entry[1])])
            except BusError as error:
                rows = [[f"nobody answers: {error}"]]
            if not rows:
                return
            if time.monotonic() > until:
                wrong = "; ".join(" ".join(map(str, row)) for row in rows)
                raise Failure(f"Not in sync after {IN_SYNC_SECONDS_MAX:.0f} seconds: {wrong}")
            time.sleep(LOOK_SECONDS)

    def kill(self, number: int, how: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a broker; by SIGKILL it is gone when this returns."""
        process = self.brokers[number].process
        assert process is not None, "it was started"
        process.send_signal(how)
        if how == signal.SIGKILL:
            process.wait()

    def restart(self, number: int) -> None:
        """Ask a broker to end, and start it; it is ready when this returns."""
        process = self.brokers[number].process
        assert process is not None, "it was started"
        process.terminate()
        process.wait(STOP_SECONDS_MAX)
        self.start(number)
        self.wait_until_ready(number)

    def stop(self) -> None:
        """Ask all to end, and wait for them."""
        end((b.process for b in self.brokers.values() if b.process is not None), STOP_SECONDS_MAX)

    def command(self, broker: LocalBroker) -> list[str]:
        """By which it is started."""
        data = self.directory / f"broker-{broker.number}"
        first = self.brokers[1].ports
        command = [sys.executable, "-m", "bus.cli.main", "serve", "--data", str(data)]
        command += ["--node-id", str(broker.number), "--cluster", NAME]
        command += ["--listen", broker.url, "--kafka", broker.kafka, "--peers", "127.0.0.1:0"]
        command += ["--set", f"etcd.listen=127.0.0.1:{broker.ports['etcd']}"]
        if broker.number == 1:
            command += ["--bootstrap"]
        else:
            command += ["--join", f"127.0.0.1:{first['etcd']}"]
        return [*command, "--set", "logging.level=warning", *self._options]

    def _log(self, number: int) -> Path:
        return self.directory / f"broker-{number}.log"

    def _last_words(self, number: int) -> str:
        lines = self._log(number).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing."

    def _read_ports(self, nodes: int, known_ports: bool) -> tuple[bool, list[dict[str, int]]]:
        """Those of an earlier start, or new ones; and whether they are new."""
        path = self.directory / "ports.json"
        known = _parsed(path) if path.exists() else []
        for port in (port for ports in known[:nodes] for port in ports.values()):
            if not is_free(port):
                raise UserError(
                    f"Port {port} is in use; does the cluster in {self.directory} run already?"
                )
        is_new = not known
        while len(known) < nodes:
            taken = {
                p + n for ports in known for name, p in ports.items() for n in range(STEP[name])
            }
            number = len(known)
            wanted = {name: first + number * STEP[name] for name, first in PORTS.items()}
            known.append(
                {
                    name: choose(port if known_ports else ANY, STEP[name], taken)
                    for name, port in wanted.items()
                }
            )
        path.write_text(json.dumps(known))
        return is_new, known[:nodes]


def _parsed(path: Path) -> list[dict[str, int]]:
    try:
        found: Any = json.loads(path.read_text())
        return [{name: int(ports[name]) for name in PORTS} for ports in found]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read ({error}); is this a cluster's folder?") from None


def _lines(log: IO[bytes], process: "subprocess.Popen[bytes]", until: float) -> Iterator[bytes]:
    """Whole lines as they come, until the process ends or time is over."""
    rest = b""
    while True:
        has_ended = process.poll() is not None
        more = log.read()
        *lines, rest = (rest + more).split(b"\n")
        yield from lines
        if has_ended or time.monotonic() > until:
            return
        if not more:
            time.sleep(LOOK_SECONDS)

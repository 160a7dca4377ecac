"""A `busd serve` of our own: started, found ready, and stopped or killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

READY_SECONDS_MAX = 60.0


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Daemon:
    """One process; use it as a context, or `kill` it."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.endpoint = f"tcp://127.0.0.1:{free_port()}"
        self.log = data.with_suffix(".log")
        command = [sys.executable, "-m", "bus.cli.main", "serve"]
        command += ["--data", str(data), "--listen", self.endpoint, *arguments]
        before = time.perf_counter()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self.ready_line = self._wait_until_ready()
        self.ready_seconds = time.perf_counter() - before

    @property
    def pid(self) -> int:
        return self.process.pid

    def _wait_until_ready(self) -> str:
        assert self.process.stdout is not None, "it was asked for"
        for line in self.process.stdout:
            if line.startswith("ready"):
                return line.strip()
        self.process.wait()
        raise RuntimeError(f"busd did not become ready: {self.log.read_text()[-2000:]}")

    def stop(self) -> int:
        """SIGTERM, and wait; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """SIGKILL: what a crash leaves is what the disk holds."""
        return self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(READY_SECONDS_MAX)
        finally:
            assert self.process.stdout is not None, "it was asked for"
            self.process.stdout.close()

    def __enter__(self) -> "Daemon":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

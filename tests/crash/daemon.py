"""A real `busd serve` as a child process: started, killed, started again on the same directory."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

READY_SECONDS = 120.0


class Daemon:
    """One `busd serve`; `url` is where it listens, the same after each restart."""

    def __init__(
        self, data: Path, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self._environment = {**os.environ, **(environment or {})}
        self._data = data
        self._arguments = arguments
        self.url = "tcp://127.0.0.1:*"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> "Daemon":
        """Start it and wait for its line `ready`. RuntimeError with what it said instead."""
        command = [sys.executable, "-m", "bus.cli.main", "serve", "--data", str(self._data)]
        self.process = subprocess.Popen(
            [*command, "--listen", self.url, *self._arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
        )
        assert self.process.stdout is not None
        watchdog = threading.Timer(READY_SECONDS, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        if not line.startswith("ready"):
            said = line + "".join(self.process.communicate())
            raise RuntimeError(f"busd did not get ready: {said}")
        self.url = next(word for word in line.split() if word.startswith("tcp://"))
        return self

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, and wait; the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        os.kill(process.pid, number)
        process.communicate(timeout=READY_SECONDS)
        return process.returncode

    def __enter__(self) -> "Daemon":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

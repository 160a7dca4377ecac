"""A process that we start, find ready, and that never outlives the context that started it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from bus.cli.ports import ANY, choose

READY_SECONDS_MAX = 60.0
POLL_SECONDS = 0.02


def free_port() -> int:
    """A port of loopback that nobody has at the moment."""
    return choose(ANY, 1, set())


class Child:
    """One process; what it prints goes to `log`. A subclass says when it is ready."""

    end_seconds_max = 60.0  # from SIGTERM to SIGKILL

    def __init__(
        self, command: Sequence[str], log: Path, *, read_output: bool = False, **env: str
    ) -> None:
        """Start it and wait until it is ready; if that fails it is killed and the error says why.

        With `read_output`, its standard output comes to us by `self.process.stdout`.
        """
        self.log = log
        before = time.perf_counter()
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if read_output else file,
                stderr=file,
                text=True,
                env={**os.environ, **env},
            )
        try:
            self.wait_until_ready()
        except BaseException:  # Ctrl-C too: nobody else knows of this process yet
            self.kill()
            raise
        self.ready_seconds = time.perf_counter() - before

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_until_ready(self) -> None:
        """Return when it serves; raise RuntimeError if it never will."""

    def last_words(self) -> str:
        """The end of its log, for an error."""
        return self.log.read_text(errors="replace")[-2000:]

    def stop(self) -> int:
        """SIGTERM, and wait; SIGKILL if it does not heed. Its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """SIGKILL: what a crash leaves is what the disk holds."""
        return self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(self.end_seconds_max)
        finally:
            if self.process.poll() is None:  # it had its time, or Ctrl-C came while we waited
                self.process.kill()
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class Server(Child):
    """A child that is ready once it listens on a port of loopback."""

    def __init__(self, command: Sequence[str], log: Path, port: int, **env: str) -> None:
        self.port = port
        super().__init__(command, log, **env)

    def wait_until_ready(self) -> None:
        give_up = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < give_up:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.process.args[0]} ended: {self.last_words()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(POLL_SECONDS)
        raise RuntimeError(f"{self.process.args[0]} does not listen: {self.last_words()}")

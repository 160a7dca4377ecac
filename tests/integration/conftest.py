"""Real `busd` processes for the tests."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BUSD = [sys.executable, "-m", "bus.cli.main"]
LISTEN = ["--listen", "tcp://127.0.0.1:*", "--accept-filesystem"]
TIMEOUT_S = 120


def environment() -> dict[str, str]:
    """Ours without settings that somebody has exported."""
    return {name: text for name, text in os.environ.items() if not name.startswith("BUSD_")}


def busd(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*BUSD, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env=environment(),
    )


class Serving:
    """A `busd serve`, killed at the end if it still runs."""

    def __init__(self, data: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [*BUSD, "serve", "--data", str(data), *LISTEN, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        assert self.process.stdout is not None
        self.ready = self.process.stdout.readline()
        self.endpoint = self.ready.split()[1] if self.ready.startswith("ready ") else ""

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit code, and what it logged."""
        self.process.send_signal(number)
        _, log = self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode, log

    def end(self) -> None:
        """Whatever state it is in."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=TIMEOUT_S)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator["type"]:
    """Starts brokers; they end with the test."""
    started: list[Serving] = []

    def start(*options: str, data: Path | None = None) -> Serving:
        started.append(Serving(data or tmp_path / "data", *options))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture(params=["server", "directory"])
def where(request: pytest.FixtureRequest, serve, tmp_path: Path) -> list[str]:
    """The options of a command: a running server, or a directory."""
    if request.param == "server":
        return ["--server", serve().endpoint]
    return ["--data", str(tmp_path / "data")]

"""A process of ours is ready when it listens, and gone when we are done with it."""

import signal
import sys
from pathlib import Path

import pytest

from perf.child import Server, free_port

LISTEN = """
import signal, socket, sys
{heed}
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    server.accept()[0].close()
"""
HEEDS, IGNORES = "", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


def server(log: Path, program: str) -> Server:
    port = free_port()
    return Server([sys.executable, "-c", program, str(port)], log, port)


def test_a_server_is_ready_when_it_listens_and_ends_with_its_context(tmp_path: Path) -> None:
    with server(tmp_path / "log", LISTEN.format(heed=HEEDS)) as running:
        assert running.process.poll() is None
    assert running.process.poll() is not None


def test_a_server_that_does_not_heed_is_killed(tmp_path: Path) -> None:
    running = server(tmp_path / "log", LISTEN.format(heed=IGNORES))
    running.end_seconds_max = 0.2
    assert running.stop() == -signal.SIGKILL


def test_a_server_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no such setting"):
        server(tmp_path / "log", "raise SystemExit('no such setting')")

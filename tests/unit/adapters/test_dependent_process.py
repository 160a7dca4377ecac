"""A process that never outlives the one that started it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.adapters import dependent_process
from bus.adapters.dependent_process import DependentProcess

SH = "/bin/sh"
PARENT = """
import sys, time
from pathlib import Path
from bus.adapters.dependent_process import DependentProcess
child = DependentProcess(["/bin/sleep", "600"], Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(600)
"""


def until(is_over: Callable[[], bool]) -> None:
    while not is_over():
        time.sleep(0.01)


def is_there(pid: int) -> bool:
    """Does it run? Who has ended and is nobody's child yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def test_what_it_prints_and_how_it_ends_are_told(tmp_path: Path) -> None:
    child = DependentProcess([SH, "-c", "echo one; echo two >&2; exit 3"], tmp_path / "log")
    until(lambda: child.exit_code() is not None)
    assert child.exit_code() == 3
    assert child.last_words() == "two"
    child.close()


def test_it_ends_when_it_is_asked_to_and_when_it_is_closed(tmp_path: Path) -> None:
    heeds = DependentProcess([SH, "-c", "sleep 600 & wait"], tmp_path / "a")
    heeds.ask_to_end()
    until(lambda: heeds.exit_code() is not None)
    heeds.close()
    other = DependentProcess(["/bin/sleep", "600"], tmp_path / "b")
    other.close()
    assert other.exit_code() == -9


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends it with us")
def test_it_ends_however_its_parent_dies(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
    assert is_there(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not is_there(pid))


def test_a_program_that_is_not_there_says_so_in_its_log(tmp_path: Path) -> None:
    child = DependentProcess([str(tmp_path / "nope")], tmp_path / "log")
    until(lambda: child.exit_code() is not None)
    assert "No such file" in child.last_words()
    child.close()


def test_a_long_log_loses_its_beginning_and_is_written_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependent_process, "LOG_BYTES_MAX", 100)
    monkeypatch.setattr(dependent_process, "LOG_BYTES_KEPT", 10)
    log = tmp_path / "log"
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = f"seq 1000; read line < {gate}; echo end"
    child = DependentProcess([SH, "-c", script], log)
    until(lambda: log.read_bytes().endswith(b"1000\n"))
    child.trim_log()
    assert log.read_bytes() == b"\n999\n1000\n"
    gate.write_text("go\n")
    until(lambda: child.exit_code() is not None)
    assert log.read_bytes() == b"\n999\n1000\nend\n"
    child.close()

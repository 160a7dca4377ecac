"""Runs one target for some seconds in a process of its own, and says what came of it.

New inputs gather in build/fuzz/TARGET from run to run; an input that broke the target stands in
build/fuzz/broken/.
"""

import hashlib
import importlib.util
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import instrumented
from tests.fuzz.inputs import unpack
from tests.fuzz.targets import TARGETS
from tests.fuzz.targets.served import MEMORY

CORE = "core"  # csrc without Python
NAMES = (CORE, *TARGETS)
WORK = instrumented.ROOT / "build" / "fuzz"
BROKEN = WORK / "broken"
INPUT_SECONDS_MAX = 20  # for one input: longer is a hang
MEMORY_MB_MAX = 2048
LATE_SECONDS = 900  # that a process may take beyond its time: it starts slowly on a busy machine
EXECUTIONS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
HUNG = re.compile(r"Test unit written to (\S+-timeout-\w+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one target's run."""

    name: str
    seed: int
    executions: int
    failure: str = ""  # the end of what it said, if an input broke it


def why_not() -> str:
    """Why nothing can be fuzzed here; empty if it can."""
    if reason := instrumented.why_not():
        return reason
    return "" if importlib.util.find_spec("atheris") else "atheris is not installed"


def fuzz(name: str, seconds: int, seed: int) -> Outcome:
    """Fuzz one target; the build must be there."""
    inputs = _inputs(name)
    options = [
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-timeout={INPUT_SECONDS_MAX}",
        f"-rss_limit_mb={MEMORY_MB_MAX}",
        f"-max_len={TARGETS[name].size_max if name in TARGETS else 4096}",
        f"-artifact_prefix={BROKEN}/{name}-",
        "-print_final_stats=1",
    ]
    try:
        done = _start(name, [*options, str(inputs)], seconds + LATE_SECONDS)
    except subprocess.TimeoutExpired as error:
        return Outcome(name, seed, 0, f"{error}; the last input is not known.")
    said = done.stdout + done.stderr
    found = EXECUTIONS.search(said)
    failed = done.returncode and not _was_only_starved(name, said)
    return Outcome(name, seed, int(found[1]) if found else 0, said[-6000:] if failed else "")


def _was_only_starved(name: str, said: str) -> bool:
    """Whether what was taken for a hang is none when tried again: the limit is one of wall time,
    and a machine may give a process no turn for as long, or stop it.
    """
    hung = HUNG.search(said)
    if not hung:
        return False
    tried = _start(name, [f"-timeout={INPUT_SECONDS_MAX}", hung[1]], LATE_SECONDS)
    if tried.returncode:
        return False
    Path(hung[1]).unlink()
    return True


def gathered(name: str) -> list[bytes]:
    """The inputs of all runs so far that reached something new, without the good examples."""
    seeds = set(TARGETS[name].seeds()) if name in TARGETS else set()
    return [data for path in _inputs(name).iterdir() if (data := path.read_bytes()) not in seeds]


def _inputs(name: str) -> Path:
    folder = WORK / name
    BROKEN.mkdir(parents=True, exist_ok=True)
    unpack(name, folder)
    for data in TARGETS[name].seeds() if name in TARGETS else ():
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
    return folder


def _start(name: str, arguments: list[str], seconds: int) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "tests.fuzz.one", name]
    environment = instrumented.python(fuzzing=True)
    if name == CORE:
        program = [str(instrumented.CORE)]
        del environment["LD_PRELOAD"]
    with tempfile.TemporaryDirectory(prefix="busd-fuzz-", dir=MEMORY) as folder:
        return subprocess.run(
            [*program, *arguments],
            cwd=instrumented.BUILD,
            env=environment | {"FUZZ_FOLDER": folder},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
        )

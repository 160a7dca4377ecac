"""Instructions that the hot native functions need: a figure that no busy machine changes.

`csrc/counts.c` runs each function once on fixed input, compiled as the extension modules are;
callgrind counts it with all that it calls. The counts depend on the compiler and the kind of CPU,
so `perf/results/counts.json` holds what is accepted for each compiler that was used.
"""

import json
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from perf.bench import Failed
from perf.result import ROOT

FUNCTIONS = {  # name in counts.c -> how many records it goes through
    "build": 10_000,
    "build_keyed": 10_000,
    "append": 10_000,
    "seal": 10_000,
    "check": 10_000,
    "walk": 10_000,
    "scan": 100,
    "find": 100,
    "slice": 100,
    "crc_table": 10_000,
    "murmur": 10_000,
}
ACCEPTED = ROOT / "perf" / "results" / "counts.json"
TOLERANCE = 0.03  # growth that is let pass
FLAGS = ["-std=c11", "-O3", "-g1", "-fPIC", "-fvisibility=hidden", "-DNDEBUG"]


@dataclass(frozen=True, slots=True)
class Count:
    """Instructions of one function; `accepted` is 0 if none stands for this compiler."""

    name: str
    instructions: int
    accepted: int

    @property
    def a_record(self) -> float:
        """Instructions for each record."""
        return self.instructions / FUNCTIONS[self.name]

    @property
    def growth(self) -> float:
        """Over what is accepted, as a fraction; 0 if nothing is."""
        return self.instructions / self.accepted - 1 if self.accepted else 0.0

    @property
    def is_too_many(self) -> bool:
        """Does it need clearly more than it did?"""
        return self.accepted > 0 and self.instructions > self.accepted * (1 + TOLERANCE)


def compiler() -> str:
    """Which one builds the native parts, as its own first line says, and for which machine."""
    cc = shutil.which("cc")
    if cc is None:
        raise Failed("there is no C compiler to count with")
    told = subprocess.run([cc, "--version"], capture_output=True, text=True).stdout
    return f"{told.splitlines()[0]} {platform.machine()}"


def count_all(folder: Path) -> list[Count]:
    """Every function's count; the program and callgrind's files go to `folder`."""
    if shutil.which("valgrind") is None:
        raise Failed("instructions are counted by valgrind: apt-get install valgrind")
    accepted = load().get(compiler(), {})
    program = _build(folder)
    return [Count(name, _count(program, name, folder), accepted.get(name, 0)) for name in FUNCTIONS]


def load() -> dict[str, dict[str, int]]:
    """Compiler -> function -> accepted instructions."""
    return dict(json.loads(ACCEPTED.read_text())) if ACCEPTED.exists() else {}


def accept(counts: list[Count]) -> None:
    """From now on these are what others are compared with."""
    known = load()
    known[compiler()] = {count.name: count.instructions for count in counts}
    ACCEPTED.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def _build(folder: Path) -> Path:
    program = folder / "counts"
    sources = sorted(str(path) for path in (ROOT / "csrc").glob("*.c"))
    command = ["cc", *FLAGS, "-D_GNU_SOURCE", "-DBUS_COUNTS", "-o", str(program), *sources]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode:
        raise Failed(f"csrc/counts.c does not compile:\n{built.stderr}")
    return program


def _count(program: Path, name: str, folder: Path) -> int:
    ran = subprocess.run(
        [
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={folder / name}.callgrind",
            "--collect-atstart=no",
            f"--toggle-collect=counted_{name}*",  # a compiler may add to the name
            str(program),
            name,
        ],
        capture_output=True,
        text=True,
    )
    found = re.search(r"Collected : (\d+)", ran.stderr)
    if ran.returncode or found is None or not int(found[1]):
        raise Failed(f"callgrind did not count {name}:\n{ran.stderr}")
    return int(found[1])

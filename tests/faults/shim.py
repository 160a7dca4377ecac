"""A `busd` whose disk fails on request: shim.c, compiled, and the file by which it is told."""

import errno
import mmap
import os
import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
KINDS = ("sync", "write", "read", "allocate")
RULE = struct.Struct("=iiii")  # error, left, hits, passing
PART_AT, SIZE = 64, 256
ALWAYS = -1
HALF = 0  # instead of an errno: do half of a write


class Faults:
    """What fails from now on, in every process that was started with `environment`."""

    def __init__(self, folder: Path) -> None:
        library, control = folder / "shim.so", folder / "faults"
        compiler = shutil.which("cc") or shutil.which("gcc") or "cc"
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", library, SOURCE, "-ldl"],
            check=True,
        )
        control.write_bytes(bytes(SIZE))
        with control.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SIZE)
        self.environment = {
            **os.environ,
            "LD_PRELOAD": str(library),
            "FAULTS_FILE": str(control),
        }

    def fail(
        self,
        kind: str,
        error: int = errno.EIO,
        *,
        times: int = ALWAYS,
        passing: int = 0,
        part: str = "",
    ) -> None:
        """Fail `times` calls of this kind on files whose path contains `part`."""
        self._map[PART_AT:SIZE] = part.encode().ljust(SIZE - PART_AT, b"\0")
        RULE.pack_into(self._map, KINDS.index(kind) * RULE.size, error, times, 0, passing)

    def heal(self) -> None:
        """Nothing fails any more; `hits` stay."""
        for kind in KINDS:
            struct.pack_into("=i", self._map, KINDS.index(kind) * RULE.size + 4, 0)

    def hits(self, kind: str) -> int:
        """How many calls have failed since `fail`."""
        return int(RULE.unpack_from(self._map, KINDS.index(kind) * RULE.size)[2])

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()

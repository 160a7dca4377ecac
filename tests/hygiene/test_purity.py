"""Only the disk adapter opens, maps and syncs files; production code never runs with -O."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ["native", "model", "wire", "control", "log", "broker", "client"]
FOLDERS = ["csrc", *(f"bus/{layer}" for layer in LAYERS)]
SUFFIXES = {".py", ".pyx", ".pxd", ".c", ".h"}
FORBIDDEN = re.compile(
    r"(?<![\w.>])(open|mmap|fdatasync|fsync|ftruncate|fallocate)\s*\(|\bos\.open\("
)
SOURCES = sorted(p for f in FOLDERS for p in (ROOT / f).rglob("*") if p.suffix in SUFFIXES)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_touched_by_the_disk_adapter_alone(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        code = line.split("#")[0] if path.suffix.startswith(".py") else line
        if code.lstrip().startswith(("def ", "cdef ", "cpdef ", "async def ", "*", "/*")):
            continue
        assert not FORBIDDEN.search(code), f"{path}:{number}: {line.strip()}"


def test_nothing_runs_python_with_asserts_switched_off() -> None:
    for path in [ROOT / "run", ROOT / ".ci" / "run", *ROOT.glob("*.toml")]:
        assert "PYTHONOPTIMIZE" not in path.read_text(), path
        assert not re.search(r"python[\w.]* -O", path.read_text()), path

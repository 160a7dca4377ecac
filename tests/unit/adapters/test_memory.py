"""What a process has of its own grows by what it touches, and not by files that it maps."""

import mmap
import os
import sys
from pathlib import Path

import pytest

from bus.adapters.memory import machine_bytes, own_bytes

SIZE = 64 << 20

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it in /proc")


def test_memory_that_is_touched_counts() -> None:
    before = own_bytes()
    held = mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with held:
        held[:] = b"x" * SIZE
        assert own_bytes() - before > 0.9 * SIZE
    assert own_bytes() - before < 0.5 * SIZE


def test_a_mapped_file_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(SIZE))
    before = own_bytes()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert sum(mapped[:: mmap.PAGESIZE]) == 0
        assert own_bytes() - before < 0.5 * SIZE


def test_the_machine_has_no_more_than_is_built_in() -> None:
    built_in = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < machine_bytes() <= built_in

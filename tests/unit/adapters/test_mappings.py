"""How many mappings there are: as the kernel counts them."""

import mmap
import sys

import pytest

from bus.adapters.mappings import mappings, mappings_max

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


def test_there_are_some_and_there_may_be_more():
    assert 0 < mappings() < mappings_max()


def test_a_mapping_more_is_counted(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(mmap.PAGESIZE))
    before = mappings()
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0):
        assert mappings() > before

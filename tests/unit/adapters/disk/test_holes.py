"""What is only allocated is told from data, whether or not the data have been written back."""

import os

import pytest

from bus.adapters.disk import holes
from bus.adapters.disk.disk import RealDisk
from bus.adapters.disk.facts import read_facts

BLOCK = 4096


@pytest.fixture
def file(tmp_path):
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


@pytest.mark.parametrize("synced", [False, True])
def test_data_end_where_the_allocation_goes_on(file, synced):
    os.posix_fallocate(file, 0, 1 << 20)
    os.pwrite(file, b"x" * 5000, 0)
    if synced:
        os.fsync(file)
    assert holes.last_data(file) == 2 * BLOCK


def test_data_behind_a_hole_count(file):
    os.posix_fallocate(file, 0, 1 << 20)
    os.pwrite(file, b"x", 0)
    os.pwrite(file, b"x", 10 * BLOCK)
    assert holes.last_data(file) == 11 * BLOCK


def test_a_file_that_is_full_of_data_ends_where_it_ends(file):
    os.pwrite(file, b"x" * 5000, 0)
    assert holes.last_data(file) == 5000


def test_nothing_was_written(file):
    assert holes.last_data(file) == 0
    os.posix_fallocate(file, 0, 1 << 20)
    assert holes.last_data(file) == 0


def test_where_holes_are_not_told_a_file_is_data_up_to_its_length(tmp_path, monkeypatch):
    monkeypatch.setattr(holes, "read_facts", lambda path: _unsafe(read_facts(path)))
    disk = RealDisk(str(tmp_path / "data"))
    region = disk.create("file", BLOCK * 16, BLOCK * 16)
    region.write(0, b"", b"x")
    region.close()
    assert disk.data_end("file") == BLOCK * 16
    disk.close()


def _unsafe(facts):
    return type(facts)("other", False, facts.boot_id, facts.free_bytes, facts.total_bytes)

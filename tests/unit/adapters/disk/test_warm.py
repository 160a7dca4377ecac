"""A range of a file is seen as it is, and only if looking at it cannot wait for the disk."""

import os

import pytest

from bus.adapters.disk.warm import view_in_memory

CONTENT = bytes(range(256)) * 1200


@pytest.fixture
def descriptor(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    fd = os.open(path, os.O_RDWR)
    yield fd
    os.close(fd)


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 1), (5, 300), (4095, 4097), (70_000, 200_001), (0, len(CONTENT))]
)
def test_a_range_shows_its_bytes(descriptor, start, stop):
    assert view_in_memory(descriptor, start, stop) == CONTENT[start:stop]


def test_nobody_can_write_through_it(descriptor):
    assert view_in_memory(descriptor, 0, 10).readonly


def test_it_stays_when_the_file_is_closed(tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    view = view_in_memory(fd, 100, 200)
    os.close(fd)
    os.unlink(tmp_path / "file")
    assert view == CONTENT[100:200]


def test_what_left_the_page_cache_is_not_shown(descriptor):
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    assert view_in_memory(descriptor, 0, len(CONTENT)) is None


def test_what_the_file_does_not_have_is_not_shown(descriptor):
    os.ftruncate(descriptor, 5000)
    assert view_in_memory(descriptor, 0, 200_000) is None


def test_a_file_that_cannot_be_mapped_is_an_error(tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    fd = os.open(tmp_path / "file", os.O_WRONLY)
    try:
        with pytest.raises(PermissionError):
            view_in_memory(fd, 0, 10)
    finally:
        os.close(fd)

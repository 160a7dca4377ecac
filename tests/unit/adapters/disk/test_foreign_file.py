"""Only the very file that was told of is read, and only if all of the range is there."""

import os

import pytest

from bus.adapters.disk.foreign_file import identity_of, read_range


@pytest.fixture
def told(tmp_path):
    path = tmp_path / "0.log"
    path.write_bytes(bytes(range(200)))
    return str(path), identity_of(os.stat(path))


def test_a_range_is_read(told):
    assert bytes(read_range(*told, 10, 5)) == bytes([10, 11, 12, 13, 14])


def test_a_file_that_has_taken_its_place_is_refused(told, tmp_path):
    (tmp_path / "new").write_bytes(bytes(200))
    os.rename(tmp_path / "new", told[0])
    with pytest.raises(OSError, match="is another file here"):
        read_range(*told, 10, 5)


def test_a_link_to_it_is_refused(told, tmp_path):
    os.symlink(told[0], tmp_path / "link")
    with pytest.raises(OSError, match="link"):
        read_range(str(tmp_path / "link"), told[1], 10, 5)


def test_a_pipe_in_its_place_neither_blocks_nor_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is another file here"):
        read_range(str(tmp_path / "pipe"), identity_of(os.stat(tmp_path / "pipe")), 0, 5)


@pytest.mark.parametrize(("position", "size"), [(-1, 5), (0, 0), (0, -5), (0, 1 << 31)])
def test_nonsense_is_refused(told, position, size):
    with pytest.raises(ValueError, match="no range"):
        read_range(*told, position, size)


def test_a_file_that_ends_early_is_refused(told):
    with pytest.raises(OSError, match="ends before position 201"):
        read_range(*told, 190, 11)

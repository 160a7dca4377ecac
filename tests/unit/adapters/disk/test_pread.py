"""A read ends where the file does, or where the buffer is full."""

import os

import pytest

from bus.adapters.disk.pread import read_fully


@pytest.mark.parametrize(
    ("position", "size", "found"), [(0, 4, b"0123"), (6, 10, b"6789"), (10, 3, b""), (2, 0, b"")]
)
def test_what_there_is_is_read(tmp_path, position, size, found):
    (tmp_path / "file").write_bytes(b"0123456789")
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    buffer = bytearray(size)
    try:
        count = read_fully(fd, position, memoryview(buffer))
    finally:
        os.close(fd)
    assert bytes(buffer[:count]) == found

"""The lock of a data directory ends with its holder."""

import os

import pytest

from bus.adapters.disk.lock import DirectoryLock
from bus.errors import DirectoryInUse


def test_one_holder_at_a_time(tmp_path):
    lock = DirectoryLock(str(tmp_path))
    with pytest.raises(DirectoryInUse, match=r"stop that process or choose another directory\."):
        DirectoryLock(str(tmp_path))
    lock.release()
    DirectoryLock(str(tmp_path)).release()


def test_the_file_names_the_holder(tmp_path):
    lock = DirectoryLock(str(tmp_path))
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_forked_child_does_not_keep_the_lock(tmp_path):
    lock = DirectoryLock(str(tmp_path))
    from_child, to_parent = os.pipe()
    from_parent, to_child = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(to_parent, b"x")
        os.read(from_parent, 1)
        os._exit(0)
    assert os.read(from_child, 1) == b"x"
    lock.release()
    DirectoryLock(str(tmp_path)).release()
    os.write(to_child, b"x")
    os.waitpid(child, 0)
    for fd in (from_child, to_parent, from_parent, to_child):
        os.close(fd)


def test_an_unwritable_directory_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        DirectoryLock(str(tmp_path / "absent"))

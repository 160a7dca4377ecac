"""The real disk: regions, commits, whole files, and what a failure does."""

import errno
import os
import select
import threading

import pytest

from bus.adapters.disk.disk import RealDisk
from bus.errors import DirectoryInUse

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path):
    disk = RealDisk(str(tmp_path / "data"))
    yield disk
    disk.close()


def commit(disk, regions):
    """Commit, wait, and return what `done` was told."""
    told = []
    disk.commit(regions, told.append)
    while not told:
        assert disk.wait(30)
    return told[0]


def test_a_new_region_is_zero_and_has_the_room_that_was_asked_for(disk):
    region = disk.create("a.log", 65536, MIB)
    assert region.capacity == len(region.buffer) == 65536
    assert not any(region.buffer)
    assert disk.size("a.log") == 65536
    region.close()


def test_a_region_is_never_created_over_a_file(disk):
    disk.create("a.log", 4096, MIB).close()
    with pytest.raises(FileExistsError):
        disk.create("a.log", 4096, MIB)


def test_committed_bytes_are_in_the_file(disk):
    region = disk.create("a.log", 4096, MIB)
    region.buffer[:5] = b"hello"
    assert commit(disk, [region]) is None
    assert disk.read("a.log", 0, 5) == b"hello"
    region.close()


def test_a_commit_makes_new_directories_durable_once(disk):
    disk.make_dir("topics/x/0")
    region = disk.create("topics/x/0/a.log", 4096, MIB)
    assert region.fresh
    assert commit(disk, [region]) is None
    assert not region.fresh
    region.close()


@pytest.mark.parametrize("count", [1, 4, 5, 64, 70])
def test_any_number_of_files_can_be_committed_at_once(disk, count):
    regions = [disk.create(f"{i}.log", 4096, MIB) for i in range(count)]
    assert commit(disk, regions) is None
    for region in regions:
        region.close()


def test_a_region_may_be_closed_while_its_commit_is_under_way(disk):
    told = []
    region = disk.create("a.log", 65536, MIB)
    disk.commit([region], told.append)
    region.close(10)
    while not told:
        assert disk.wait(30)
    assert told == [None]
    assert disk.size("a.log") == 10


def test_what_a_region_prepared_is_found_by_grow(disk):
    region = disk.create("a.log", 4096, 16 * MIB)
    disk.prepare(region, 8 * MIB)
    disk.sync([region])
    region.grow(5000)
    assert region.capacity >= 8192
    region.grow(8 * MIB)
    assert region.capacity == 8 * MIB
    region.close()


def test_write_back_promises_nothing_and_harms_nothing(disk):
    region = disk.create("a.log", MIB, MIB)
    region.buffer[:5] = b"hello"
    disk.write_back(region, 0, MIB)
    assert commit(disk, [region]) is None
    region.close()


def test_a_whole_file_is_replaced_and_nothing_is_left_beside_it(disk):
    disk.write("checkpoint", b"one")
    disk.write("checkpoint", b"three")
    assert disk.read("checkpoint", 0, 100) == b"three"
    assert disk.list("") == ["checkpoint", "lock"]


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_written_in_the_background(disk, durable):
    told = []
    disk.write_later("index", bytearray(b"content"), told.append, durable)
    while not told:
        assert disk.wait(30)
    assert told == [None]
    assert disk.read("index", 0, 100) == b"content"


def test_a_failed_background_write_is_told(disk):
    told = []
    disk.write_later("absent/index", b"", told.append, False)
    while not told:
        assert disk.wait(30)
    assert told[0].errno == errno.ENOENT
    assert disk.failed is None, "an absent directory is not a broken disk"


def test_reads_end_at_the_end_of_the_file(disk):
    disk.write("file", b"0123456789")
    assert disk.read("file", 4, 3) == b"456"
    assert disk.read("file", 8, 100) == b"89"
    assert disk.read("file", 50, 100) == b""


def test_files_are_cut_renamed_listed_and_removed(disk):
    disk.make_dir("a/b")
    disk.write("a/b/file", b"0123456789")
    disk.cut("a/b/file", 3)
    disk.rename("a/b/file", "a/file")
    disk.sync_dir("a")
    assert disk.list("a") == ["b", "file"]
    assert disk.read("a/file", 0, 100) == b"012"
    disk.remove_dir("a/b")
    disk.unlink("a/file")
    assert disk.list("a") == []


def test_a_sync_error_fails_the_disk_for_good(disk):
    region = disk.create("a.log", 4096, MIB)
    reader, writer = os.pipe()
    os.dup2(writer, region.file.fd)  # a pipe cannot be synced: EINVAL
    error = commit(disk, [region])
    assert error.errno == errno.EINVAL
    assert disk.failed is error
    assert commit(disk, [region]) is error
    with pytest.raises(OSError, match="Invalid argument"):
        disk.sync([])
    with pytest.raises(OSError, match="Invalid argument"):
        disk.write("checkpoint", b"")
    region.close()
    os.close(reader)
    os.close(writer)


def test_a_second_opener_is_told_who_has_the_directory(disk):
    with pytest.raises(DirectoryInUse, match=rf"in use by process {os.getpid()}\b"):
        RealDisk(disk.path)


def test_the_descriptor_is_readable_once_something_has_finished(disk):
    region = disk.create("a.log", 4096, MIB)
    told = []
    disk.commit([region], told.append)
    assert select.select([disk.fileno()], [], [], 30)[0]
    assert told == []
    disk.on_readable()
    assert told == [None]
    region.close()


def test_waiting_ends_at_its_timeout(disk):
    assert disk.wait(0) is False


def test_close_tells_what_was_under_way_and_may_be_repeated(tmp_path):
    disk = RealDisk(str(tmp_path))
    region = disk.create("a.log", 4096, MIB)
    told = []
    disk.commit([region], told.append)
    region.close()
    disk.close()
    disk.close()
    assert told == [None]
    RealDisk(str(tmp_path)).close()


def test_reading_works_from_any_thread(disk):
    disk.write("file", b"x" * MIB)
    sizes = []
    threads = [
        threading.Thread(target=lambda: sizes.append(len(disk.read("file", 0, MIB))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == [MIB] * 4


def test_the_facts_name_the_filesystem_and_its_room(disk):
    facts = disk.facts()
    assert facts.filesystem
    assert 0 < facts.free_bytes <= facts.total_bytes

"""A mapped region: views that outlive it, growth that moves nothing, a cut at the very end."""

import os
import subprocess
import sys

import pytest

from bus.adapters.disk.disk import RealDisk
from bus.adapters.disk.region import MappedRegion

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path):
    disk = RealDisk(str(tmp_path / "data"))
    yield disk
    disk.close()


def test_a_view_stays_valid_after_grow_and_close(disk):
    region = disk.create("a.log", 4096, MIB)
    region.buffer[:5] = b"hello"
    view = region.buffer[:5].toreadonly()
    region.grow(MIB)
    region.buffer[5:10] = b"world"
    region.close()
    assert bytes(view) == b"hello"


def test_a_file_is_not_cut_while_a_view_of_it_lives(disk):
    region = disk.create("a.log", 65536, MIB)
    view = region.buffer[:5]
    region.close(5)
    assert disk.size("a.log") == 65536
    del view
    assert disk.size("a.log") == 5


def test_a_file_is_left_as_it_is_without_an_end(disk):
    disk.create("a.log", 65536, MIB).close()
    assert disk.size("a.log") == 65536


def test_growing_stops_at_the_limit(disk):
    region = disk.create("a.log", 4096, 10_000)
    region.grow(9_000)
    assert region.capacity == 10_000
    with pytest.raises(AssertionError, match="limit"):
        region.grow(10_001)
    region.close()


def test_an_opened_file_keeps_its_bytes_and_grows_beyond_its_end(disk):
    disk.write("a.log", b"0123456789")
    region = disk.open("a.log", MIB)
    assert bytes(region.buffer) == b"0123456789"
    region.grow(5_000)
    assert bytes(region.buffer[:11]) == b"0123456789\0"
    region.close(10)


def test_holes_of_an_opened_file_are_filled(disk):
    path = os.path.join(disk.path, "a.log")
    with open(path, "wb") as file:
        file.truncate(MIB)
    assert os.stat(path).st_blocks == 0
    disk.open("a.log", MIB).close()
    assert os.stat(path).st_blocks * 512 >= MIB


def test_a_descriptor_that_cannot_be_mapped_is_closed():
    reader, writer = os.pipe()
    with pytest.raises(OSError, match=r"No such device|denied|Invalid"):
        MappedRegion(reader, "pipe", 0, MIB, False)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.close(reader)
    os.close(writer)


FULL_DISK = """
import resource, signal, sys
from bus.adapters.disk.disk import RealDisk
from bus.errors import DiskFull
disk = RealDisk(sys.argv[1])
region = disk.create("a.log", 65536, 1 << 30)
try:
    region.grow(1 << 29)
except DiskFull as error:
    print(error)
assert region.capacity == len(region.buffer) == 65536
region.buffer[:] = b"x" * 65536
disk.sync([region])
region.close(0)
disk.close()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces of mounts are Linux's")
def test_a_full_disk_is_an_error_and_changes_nothing(tmp_path):
    """On a small disk of its own: to fill the one we are on would fail whoever else writes."""
    mounted = 'mount -t tmpfs -o size=1m none "$0" && exec "$@"'
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, str(tmp_path)]
    if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine mounts no tmpfs")
    done = subprocess.run(
        [*inside, sys.executable, "-c", FULL_DISK, str(tmp_path / "data")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The disk has no room for the next piece of a.log")


def test_two_pieces_are_written_one_behind_the_other(disk):
    region = disk.create("a.log", MIB, MIB)
    region.write(10, b"head", memoryview(b"-body"))
    region.write(19, b"", b"!" * 100_000)
    assert bytes(region.buffer[9:20]) == b"\0head-body!"
    assert disk.read("a.log", 100_018, 2) == b"!\0"
    region.close()


def test_nothing_is_written_beyond_what_is_allocated(disk):
    region = disk.create("a.log", 4096, MIB)
    with pytest.raises(AssertionError, match="allocated"):
        region.write(4090, b"head", b"body")
    region.close()


def test_a_region_knows_whether_anyone_holds_a_view(disk):
    region = disk.create("a.log", 4096, MIB)
    assert not region.is_shared
    view = region.view(0, 10)
    part = view[2:4]
    assert region.is_shared
    assert view.readonly
    del view
    assert region.is_shared
    del part
    assert not region.is_shared
    region.close()


def test_written_bytes_are_resident_until_they_are_let_go(disk):
    region = disk.create("a.log", 4 * MIB, 4 * MIB)
    region.write(0, b"", b"x" * 4 * MIB)
    assert region.is_resident(5, 3 * MIB)
    disk.let_go("a.log", 0, 4 * MIB, region)
    assert disk.wait(30)
    assert region.view(2 * MIB, 2 * MIB + 1) == b"x"
    region.close()

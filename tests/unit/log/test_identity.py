"""A data directory keeps its name, and never passes for a new one."""

from uuid import UUID

import pytest

from bus.errors import CorruptLog
from bus.log.identity import identity_of, read_identity
from tests.fixtures.seeded_random import SeededRandom
from tests.fixtures.sim_disk import SimDisk


def test_a_directory_that_was_never_used_has_no_name() -> None:
    assert read_identity(SimDisk()) is None


def test_the_name_is_written_once_and_kept() -> None:
    disk, random = SimDisk(), SeededRandom()
    first = identity_of(disk, random)
    assert identity_of(disk, random) == first
    assert read_identity(disk) == first
    assert first.version == 4


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\0" * 37, b"\xff" * 37])
def test_a_damaged_name_is_refused_and_left_alone(content: bytes) -> None:
    disk = SimDisk()
    disk.write("disk_uuid", content)
    with pytest.raises(CorruptLog, match="disk_uuid"):
        identity_of(disk, SeededRandom())
    assert disk.read("disk_uuid", 0, 100) == content


def test_the_text_is_that_of_a_uuid() -> None:
    disk = SimDisk()
    disk.write("disk_uuid", f"{UUID(int=7)}\n".encode())
    assert read_identity(disk) == UUID(int=7)

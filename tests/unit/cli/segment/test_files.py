"""Which files a path means."""

from pathlib import Path

import pytest

from bus.cli.failure import UserError
from bus.cli.segment.files import find, mapped
from tests.unit.cli.segment.conftest import TOPIC_ID, options


def test_a_data_directory_means_all_its_partitions(data: Path) -> None:
    (files,) = find(options(data))
    assert (files.title, files.base_offsets) == (f"{TOPIC_ID}/0", (0, 2))


def test_a_partition_directory_means_its_segments(last: Path) -> None:
    (files,) = find(options(last.parent))
    assert files.base_offsets == (0, 2)


def test_a_file_means_itself(last: Path) -> None:
    (files,) = find(options(last))
    assert files.base_offsets == (2,)


def test_another_partition_is_not_there(data: Path) -> None:
    with pytest.raises(UserError, match=r"holds no segments of partition 7\."):
        find(options(data, partition=7))


def test_a_partition_is_chosen_within_a_data_directory_only(last: Path) -> None:
    with pytest.raises(UserError, match="is no data directory"):
        find(options(last.parent, partition=0))


def test_a_file_of_another_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not named as a segment"):
        find(options(tmp_path / "x.log"))


def test_a_missing_path_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        find(options(tmp_path / "nothing"))


def test_an_empty_file_has_no_bytes(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with mapped(str(tmp_path / "x")) as data:
        assert bytes(data) == b""

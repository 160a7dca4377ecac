"""A broker with several data directories, and what is left when one is gone, failed or full."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.broker.status import status_of
from bus.errors import CorruptLog, MissingDirectory, StorageError
from tests.fixtures.node import Bench, batch_of
from tests.fixtures.requests import fetch, got, produce, told

PARTITIONS = 6


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return [tmp_path / "one", tmp_path / "two"]


@pytest.fixture
def bench(paths: list[Path]) -> Iterator[Bench]:
    made = Bench(*paths)
    for store in made.node.stores.all:
        store.room.free_bytes = 1 << 40  # both are on one disk, which others fill meanwhile
    made.create_topic("t", PARTITIONS)
    yield made
    made.close()


def places(bench: Bench) -> list[str]:
    """The directory of each partition, by its last name."""
    found = (bench.node.runtime.find("t", index) for index in range(PARTITIONS))
    return [Path(partition.store.path).name if partition else "absent" for partition in found]


def write(bench: Bench, partition: int, value: bytes = b"v") -> int:
    answer = told(bench, produce(batch_of(value), index=partition))
    assert answer.error_code in (0, StorageError.code)
    return int(answer.error_code)


def test_new_partitions_are_spread_evenly(bench: Bench) -> None:
    assert sorted(places(bench)) == ["one"] * 3 + ["two"] * 3


def test_a_full_disk_gets_no_new_partitions(bench: Bench) -> None:
    bench.node.stores.all[0].room.is_full = True
    bench.create_topic("u", 4)
    found = [bench.node.runtime.find("u", index) for index in range(4)]
    assert {Path(partition.store.path).name for partition in found if partition} == {"two"}


def test_partitions_are_found_again_where_they_were(bench: Bench, paths: list[Path]) -> None:
    before = places(bench)
    assert [write(bench, index) for index in range(PARTITIONS)] == [0] * PARTITIONS
    bench.close()
    bench.reopen(*reversed(paths))  # the order on the command line says nothing
    assert places(bench) == before
    assert all(got(bench, fetch(0, index=index)).records for index in range(PARTITIONS))


def test_a_failed_disk_fences_its_partitions_and_no_other(bench: Bench) -> None:
    bench.node.stores.all[0].fail(OSError(errno.EIO, os.strerror(errno.EIO)))
    for index, place in enumerate(places(bench)):
        expected = StorageError.code if place == "one" else 0
        assert write(bench, index) == expected
        assert got(bench, fetch(0, index=index)).error_code == expected
    status = status_of(bench.node)
    assert status.alive
    assert [directory.failed is not None for directory in status.directories] == [True, False]


def test_a_broker_whose_disks_have_all_failed_is_not_alive(bench: Bench) -> None:
    for store in bench.node.stores.all:
        store.fail(OSError(errno.EIO, os.strerror(errno.EIO)))
    assert not status_of(bench.node).alive


def test_a_missing_directory_refuses_the_start(bench: Bench, paths: list[Path]) -> None:
    bench.close()
    shutil.move(paths[1], paths[1].with_name("away"))
    try:
        with pytest.raises(MissingDirectory, match="two is missing"):
            Bench(paths[0])
        with pytest.raises(MissingDirectory, match="two is missing"):  # an empty mount point
            Bench(*paths)
    finally:
        shutil.rmtree(paths[1])
        shutil.move(paths[1].with_name("away"), paths[1])
        bench.reopen(*paths)


def test_partitions_of_a_missing_directory_are_not_made_anew(
    bench: Bench, paths: list[Path]
) -> None:
    before = places(bench)
    there, away = before.index("one"), before.index("two")
    write(bench, away, b"kept")
    bench.close()
    bench.reopen(paths[0], accept_missing_data=True)
    assert places(bench) == [place.replace("two", "absent") for place in before]
    assert status_of(bench.node).absent_partitions == 3
    assert write(bench, there) == 0
    bench.close()
    bench.reopen(*paths)
    assert b"kept" in bytes(got(bench, fetch(0, index=away)).records or b"")


def test_a_missing_directory_is_forgotten_once_it_holds_no_topic(
    bench: Bench, paths: list[Path]
) -> None:
    bench.close()
    bench.reopen(paths[0], accept_missing_data=True)
    bench.delete_topic("t")
    bench.close()
    bench.reopen(paths[0], accept_missing_data=True)
    bench.close()
    bench.reopen(paths[0])
    assert status_of(bench.node).absent_partitions == 0


def test_the_newest_metadata_wins(bench: Bench, paths: list[Path]) -> None:
    old = (paths[1] / "metadata").read_bytes()
    bench.create_topic("u", 2)
    bench.close()
    (paths[1] / "metadata").write_bytes(old)
    bench.reopen(*paths)
    assert bench.node.runtime.find("u", 1) is not None


def test_damaged_metadata_is_of_no_account_beside_a_sound_copy(
    bench: Bench, paths: list[Path]
) -> None:
    before = places(bench)
    bench.close()
    (paths[0] / "metadata").write_bytes(b"nonsense")
    bench.reopen(*paths)
    assert places(bench) == before


def test_a_copy_of_a_directory_is_refused(bench: Bench, paths: list[Path], tmp_path: Path) -> None:
    bench.close()
    shutil.copytree(paths[0], tmp_path / "copy")
    with pytest.raises(CorruptLog, match="one is a copy of the other"):
        Bench(*paths, tmp_path / "copy")
    bench.reopen(*paths)


def test_a_directory_of_another_broker_is_refused(bench: Bench, tmp_path: Path) -> None:
    other = Bench(tmp_path / "other")
    other.create_topic("mine", 1)
    other.close()
    bench.close()
    with pytest.raises(CorruptLog, match=r"another broker|different brokers"):
        Bench(tmp_path / "one", tmp_path / "two", tmp_path / "other")
    bench.reopen(tmp_path / "one", tmp_path / "two")


def test_a_full_disk_refuses_writes_serves_reads_and_recovers_by_itself(bench: Bench) -> None:
    full, other = places(bench).index("one"), places(bench).index("two")
    assert write(bench, full) == 0
    room = bench.node.stores.all[0].room
    room.update(24 << 30, 100 << 40)
    assert write(bench, full) == StorageError.code
    assert write(bench, other) == 0
    assert got(bench, fetch(0, index=full)).records
    why = next(p.read_only for p in status_of(bench.node).partitions if p.partition == full)
    assert why is not None
    assert "reserve" in why
    bench.node.keep_house(bench.clock.now_ms())
    assert write(bench, full) == 0

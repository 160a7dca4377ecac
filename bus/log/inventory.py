"""The partition directories under `topics/`; what is not one is reported and left alone (S8)."""

import contextlib
from collections.abc import Iterator
from typing import TypeAlias
from uuid import UUID

from bus.log import layout
from bus.log.report import RecoveryReport
from bus.model.ids import PartitionId
from bus.ports import Disk

Found: TypeAlias = tuple[str, PartitionId, layout.Names]  # path, partition, files inside


def partition_dirs(disk: Disk, report: RecoveryReport) -> Iterator[Found]:
    """Each partition; removals that have begun are finished on the way."""
    with contextlib.suppress(FileNotFoundError):
        for name in disk.list(layout.TOPICS):
            path = f"{layout.TOPICS}/{name}"
            topic_id = layout.parse_topic_id(name)
            names = _list(disk, path) if topic_id is not None else None
            if topic_id is None or names is None:
                report.unknown.append(path)
            else:
                yield from _partitions(disk, path, names, topic_id, report)


def count_topics(disk: Disk) -> int:
    """How many directories under `topics/` are topics'."""
    with contextlib.suppress(FileNotFoundError):
        return sum(layout.parse_topic_id(name) is not None for name in disk.list(layout.TOPICS))
    return 0


def _partitions(
    disk: Disk, path: str, names: list[str], topic_id: UUID, report: RecoveryReport
) -> Iterator[Found]:
    for name in names:
        directory = f"{path}/{name}"
        if name.endswith(layout.DELETED):
            delete_dir(disk, directory)
            continue
        number = layout.parse_partition(name)
        inside = _list(disk, directory) if number is not None else None
        if number is None or inside is None:
            report.unknown.append(directory)
            continue
        found = layout.names_of(inside)
        report.unknown += [f"{directory}/{name}" for name in found.unknown]
        yield directory, PartitionId(topic_id, number), found


def delete_dir(disk: Disk, path: str) -> None:
    """Remove a partition that was renamed to be removed; unknown files stay, and the directory."""
    for name in disk.list(path):
        if layout.is_known(name):
            disk.unlink(f"{path}/{name}")
    with contextlib.suppress(OSError):
        disk.remove_dir(path)
        disk.remove_dir(path.rpartition("/")[0])


def _list(disk: Disk, path: str) -> list[str] | None:
    try:
        return disk.list(path)
    except NotADirectoryError:
        return None

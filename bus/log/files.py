"""Removing and setting aside the files of a segment."""

import contextlib

from bus.log.layout import (
    CUT,
    INDEX,
    LOG,
    SNAPSHOT,
    TIME_INDEX,
    Names,
    lost_file,
    names_of,
    offset_file,
)
from bus.log.segment import Segment
from bus.ports import Disk


def delete_files(disk: Disk, segment: Segment) -> None:
    """Remove a segment; its data file goes first, so that what is left behind is derived."""
    for suffix in (LOG, INDEX, TIME_INDEX, SNAPSHOT):
        with contextlib.suppress(FileNotFoundError):
            disk.unlink(offset_file(segment.directory, segment.base_offset, suffix))


def delete_indexes(disk: Disk, directory: str, base_offset: int) -> None:
    """Remove the indexes of a segment, so that they are built anew."""
    for suffix in (INDEX, TIME_INDEX):
        with contextlib.suppress(FileNotFoundError):
            disk.unlink(offset_file(directory, base_offset, suffix))


def set_aside(disk: Disk, directory: str, base_offset: int) -> None:
    """Rename a whole data file to `.cut`, over what an earlier recovery may have kept (S6)."""
    name = offset_file(directory, base_offset, LOG)
    disk.rename(name, offset_file(directory, base_offset, CUT))
    delete_indexes(disk, directory, base_offset)


def remove_old_life(disk: Disk, directory: str) -> None:
    """Remove all segments and what is derived of them, durably: the log begins anew (`.restart`).

    What was kept aside stays; a loss that was accepted is none any more.
    """
    names = names_of(disk.list(directory))
    for suffix in (LOG, INDEX, TIME_INDEX, SNAPSHOT):
        forget(disk, directory, suffix, names)
    for start, end in names.lost:
        disk.rename(lost_file(directory, start, end), offset_file(directory, start, CUT))
    disk.sync_dir(directory)


def forget(disk: Disk, directory: str, suffix: str, names: Names) -> None:
    """Remove what an earlier life has left of one kind."""
    for offset in names.of(suffix):
        disk.unlink(offset_file(directory, offset, suffix))

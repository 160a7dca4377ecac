"""Removing and setting aside the files of a segment."""

import contextlib

from bus.log.layout import CLEANED, CUT, INDEX, LOG, SNAPSHOT, TIME_INDEX, offset_file, offsets_of
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


def forget_cuts(disk: Disk, directory: str, names: list[str]) -> None:
    """Remove what an earlier recovery has cut off: only the last one's is kept."""
    for offset in offsets_of(names, CUT):
        disk.unlink(offset_file(directory, offset, CUT))


def forget_cleaned(disk: Disk, directory: str, names: list[str]) -> None:
    """Remove what a compaction was writing when the life before ended."""
    for offset in offsets_of(names, CLEANED):
        disk.unlink(offset_file(directory, offset, CLEANED))

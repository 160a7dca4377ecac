"""A compacted file takes the place of one or more segments, safe at every step of a crash.

Step                                    A crash before the next step leaves
----                                    ------------------------------------
`<first>.cleaned` is written            the old files; the next start removes what was begun
the old indexes are removed             the old files; the next start builds indexes anew
data and directory are synced           the same
renamed to `<first>.log`                either; both hold what must be held
the directory is synced                 the new file, and the old ones behind the first
the next old file is removed, and       the new file, and the last of the old ones
the directory synced, one by one

A start that finds the new file and an old one behind its first cuts the new one where the old one
begins (recovery: "the next file begins before this one ends"). Invariants: no batch of the new file
reaches over a place where an old file began, and where an old file is left, all behind it are. So
nothing is lost by that.

Readers of the old files find `Segment.replacement` and read anew.
"""

import contextlib

from bus.errors import DiskFull
from bus.log.files import delete_files, delete_indexes
from bus.log.layout import CLEANED, offset_file
from bus.log.partition_log import PartitionLog
from bus.log.segment import POSITION_MAX, Replacement, Segment
from bus.ports import Disk, Done, Region

_GROWTH_MAX = 3  # a log of nothing but tombstones grows when they get their horizon
_ROOM = 4096


class CleanedFile:
    """One file on its way; for the event loop's thread."""

    def __init__(self, disk: Disk, log: PartitionLog, olds: list[Segment]) -> None:
        """Raises DiskFull or OSError."""
        self.log = log
        self.olds = olds
        self.size = 0
        self._disk = disk
        self._stand = [(old.size, old.end_offset) for old in olds]
        first = olds[0]
        self._path = offset_file(first.directory, first.base_offset, CLEANED)
        with contextlib.suppress(FileNotFoundError):
            disk.unlink(self._path)
        size = sum(old.size for old in olds)
        self._limit = min(size * _GROWTH_MAX + _ROOM, POSITION_MAX)
        self._region: Region | None = disk.create(self._path, 1, self._limit)
        self._has_indexes = True

    @property
    def is_current(self) -> bool:
        """Are the old segments still there, as they were?"""
        segments = self.log.segments
        if self.log.is_closed or self.olds[0] not in segments[:-1]:
            return False
        at = segments.index(self.olds[0])
        return segments[at : at + len(self.olds)] == self.olds and self._stand == [
            (old.size, old.end_offset) for old in self.olds
        ]

    def append(self, data: bytes) -> None:
        """Write whole batches. Raises DiskFull or OSError."""
        assert self._region is not None, "it is written before it is closed"
        end = self.size + len(data)
        if end > self._limit:
            raise DiskFull("A compacted segment is too large for one file.")
        self._region.grow(end)
        self._region.write(self.size, data, b"")
        self._disk.write_back(self._region, self.size, end)  # so that the commit holds up nobody
        self.size = end

    def commit(self, done: Done) -> None:
        """Make it durable, and the old indexes' absence; readers keep those in memory."""
        assert self._region is not None, "it is committed before it is closed"
        for old in self.olds:
            old.indexes()
        self._has_indexes = False
        for old in self.olds:
            delete_indexes(self._disk, old.directory, old.base_offset)
        self._disk.commit([self._region], done)

    def take_place(self, new: Segment) -> None:
        """Rename it, and read it from now on instead of the old ones. Raises OSError."""
        assert self.is_current, "the caller has looked"
        self._close(self.size)
        replacement = Replacement()
        for old in self.olds:
            old.replacement = replacement
        try:
            self._disk.rename(self._path, new.path)
        except OSError:
            for old in self.olds:
                old.replacement = None
            replacement.complete(None)
            raise
        segments = self.log.segments
        at = segments.index(self.olds[0])
        segments[at : at + len(self.olds)] = [new]
        self.log.replaced += self.olds[1:]
        replacement.complete(new)
        new.write_indexes()

    def abandon(self) -> None:
        """It is not to be: the old segments stay."""
        self._close(None)
        with contextlib.suppress(OSError):
            self._disk.unlink(self._path)
        if not self._has_indexes and self.is_current:
            for old in self.olds:
                old.write_indexes()

    def _close(self, end: int | None) -> None:
        if self._region is not None:
            self._region.close(end)
            self._region = None


class Removal:
    """Removes what was replaced of a log, in order, each when the one before is durably gone."""

    def __init__(self, disk: Disk, log: PartitionLog) -> None:
        self._disk = disk
        self._log = log
        self._next: Segment | None = None  # a sync is under way for it

    def go_on(self) -> None:
        """Something was replaced."""
        if self._next is None and self._log.replaced and not self._log.is_closed:
            self._next = self._log.replaced[0]
            try:
                self._disk.sync_dir_later(self._log.directory, self._on_synced)
            except OSError as error:
                self._on_synced(error)

    def _on_synced(self, error: OSError | None) -> None:
        """After an error the rest stays for the next compaction, or for the next start."""
        log, segment, self._next = self._log, self._next, None
        if error is not None or log.is_closed:
            return
        if log.replaced and log.replaced[0] is segment:
            try:
                delete_files(self._disk, segment)
            except OSError:
                return
            del log.replaced[0]
        self.go_on()

"""What spares a start the scan of a log: indexes and producers' state of its very end, in files.

Event                    What happens
-----                    ------------
the log changes          the seal is broken (`is_needed`); its files stay, a start finds out
the log is at rest,      the active segment's indexes and a snapshot at the end offset are written,
or is closed             in the background and unsynced; the snapshot of the seal before is removed

A seal counts only where the durable end is its offset and the data behind its last index entry
lead to there (`recovery`). Invariant: no snapshot lies above what was durable when it was written,
and a truncation waits until those under way stand in their files, so that it sees what it removes.
"""

import contextlib
from collections.abc import Sequence

from bus.log.layout import SNAPSHOT, offset_file
from bus.log.producers import ProducerTable
from bus.log.segment import Segment
from bus.model.limits import SEAL_BYTES_MIN
from bus.ports import Disk


def pays(segments: Sequence[Segment]) -> bool:
    """Is a log at rest, and so long that a scan would take longer than reading its seal?"""
    return bool(segments) and segments[-1].region is None and segments[-1].size >= SEAL_BYTES_MIN


class Seal:
    """The seal of one log; for the event loop's thread."""

    def __init__(self, disk: Disk, directory: str, offset: int, is_needed: bool) -> None:
        """`offset` is that of the snapshot which is there; 0 is none."""
        self.is_needed = is_needed
        self._disk = disk
        self._directory = directory
        self._offset = offset
        self._under_way = 0  # snapshots that are being written

    def put(self, segments: Sequence[Segment], producers: ProducerTable) -> None:
        """Write it, of a log that has segments and all of whose records are durable."""
        active = segments[-1]
        active.write_indexes()
        self.write_snapshot(active.end_offset, producers)
        before, self._offset = self._offset, active.end_offset
        self.is_needed = False
        if before != self._offset and all(each.base_offset != before for each in segments):
            with contextlib.suppress(FileNotFoundError):
                self._disk.unlink(offset_file(self._directory, before, SNAPSHOT))

    def write_snapshot(self, offset: int, producers: ProducerTable) -> None:
        """The producers' state as of `offset`, in the background."""
        self._under_way += 1
        path = offset_file(self._directory, offset, SNAPSHOT)
        self._disk.write_later(path, producers.snapshot(), self._on_written, False)

    def settle(self) -> None:
        """Return when no snapshot is being written; blocks."""
        while self._under_way:
            self._disk.wait()

    def _on_written(self, _: OSError | None) -> None:
        self._under_way -= 1  # one that failed is missing: the next start scans

"""Leader epochs that a disk must never fall behind, made durable in its epoch journal (R8).

Entry                             Made by                     Durable
-----                             -------                     -------
epoch, its start offset           the leader, when elected    before `persist` returns
epoch, NO_START                   a follower that learns it   before `persist` returns
epoch, base offset of a batch     a follower that appends it  with the batch

Entries of many partitions are one block and one sync. A partition needs no files for it: what is
promised without any stands in `without_files`, and in every checkpoint.
"""

import contextlib
from collections.abc import Mapping, Sequence

from bus.log.checkpointer import Checkpointer
from bus.log.epochs import NO_START
from bus.log.journal import Journal
from bus.log.layout import partition_dir
from bus.log.partition_log import PartitionLog
from bus.log.records import pack_epochs
from bus.log.recovered import Recovered
from bus.model.ids import PartitionId
from bus.ports import Disk


class Promises:
    """Those of one disk; one thread only."""

    def __init__(
        self,
        disk: Disk,
        journal: Journal,
        checkpoints: Checkpointer,
        logs: Mapping[PartitionId, PartitionLog],
        without_files: dict[PartitionId, Recovered],
    ) -> None:
        self._disk = disk
        self._journal = journal
        self._checkpoints = checkpoints
        self._logs = logs
        self._without_files = without_files

    def persist(self, entries: Sequence[tuple[PartitionId, int, int]]) -> None:
        """Make (partition, epoch, start offset or NO_START) durable before it returns."""
        for partition, epoch, start_offset in entries:
            kept = self._kept(partition)
            kept.max_epoch_seen = max(kept.max_epoch_seen, epoch)
            if start_offset != NO_START:
                kept.epochs.assign(epoch, start_offset)
        if not entries:
            return
        self._checkpoints.has_changes = True
        if self._journal.append(pack_epochs(entries)) and self._journal.region is not None:
            self._disk.sync([self._journal.region])
            self._journal.is_dirty = False
        else:
            self._checkpoints.write_now()

    def _kept(self, partition: PartitionId) -> PartitionLog | Recovered:
        log = self._logs.get(partition)
        if log is not None:
            return log
        return self._without_files.setdefault(partition, Recovered(partition_dir(partition)))

    def note(self, partition: PartitionId, epoch: int, base_offset: int) -> None:
        """A record of this epoch was appended: durable with the commit that makes it so."""
        if self._journal.append(pack_epochs([(partition, epoch, base_offset)])):
            return
        self._checkpoints.is_due = True
        with contextlib.suppress(OSError):  # then the next one holds it, or the disk is lost
            self._checkpoints.write_now()

"""The leader epochs of a partition and where each began (KIP-101, KIP-279).

Entries (epoch, start offset) ascend strictly in both. An epoch ends where the next begins, the
last one at the log's end. An epoch without records is replaced by whatever comes to begin at the
same offset, a later epoch or records of an earlier one that another leader had: nobody can hold a
record of it. That it was seen is another fact (`PartitionLog.max_epoch_seen`), and never withdrawn.
"""

from bisect import bisect_right
from typing import NamedTuple

NO_START = -1  # of an epoch that a follower has learned of: where it begins is not known


class EpochStart(NamedTuple):
    """A leader epoch and the offset at which it begins."""

    epoch: int
    start_offset: int


class EpochCache:
    """All epochs of one log. It is told the log's end where the answer depends on it."""

    def __init__(self, entries: list[EpochStart] | None = None) -> None:
        self.entries: list[EpochStart] = []
        for entry in entries or []:
            self.assign(entry.epoch, entry.start_offset)

    @property
    def latest(self) -> int:
        """The highest epoch, -1 if there is none."""
        return self.entries[-1].epoch if self.entries else -1

    def assign(self, epoch: int, start_offset: int) -> None:
        """`epoch` begins at `start_offset`; one that is not newer than the latest says nothing."""
        if epoch <= self.latest:
            return
        while self.entries and self.entries[-1].start_offset >= start_offset:
            self.entries.pop()
        self.entries.append(EpochStart(epoch, start_offset))

    def put(self, epoch: int, start_offset: int) -> bool:
        """From `start_offset` on the log is of `epoch`, a record says; was it not known before?

        What was taken to begin there, or above, has no records: it goes, whatever its number.
        """
        before = self.entries[-1:]
        while self.entries and self.entries[-1].start_offset >= start_offset:
            self.entries.pop()
        if epoch > self.latest:
            self.entries.append(EpochStart(epoch, start_offset))
        return self.entries[-1:] != before

    def end_offset_for(self, epoch: int, log_end: int) -> tuple[int, int]:
        """The largest epoch at or below `epoch`, and its end; (-1, -1) if there is none (R12)."""
        index = bisect_right(self.entries, epoch, key=lambda entry: entry.epoch)
        if index == 0:
            return -1, -1
        end = self.entries[index].start_offset if index < len(self.entries) else log_end
        return self.entries[index - 1].epoch, end

    def epoch_at(self, offset: int) -> int:
        """The epoch of the record at `offset`, -1 if it is older than all that is known."""
        index = bisect_right(self.entries, offset, key=lambda entry: entry.start_offset)
        return self.entries[index - 1].epoch if index else -1

    def truncate(self, end_offset: int) -> None:
        """The log was cut: drop the epochs of which no record is left."""
        while self.entries and self.entries[-1].start_offset >= end_offset:
            self.entries.pop()

    def delete_prefix(self, start_offset: int) -> None:
        """The log begins later: the epoch that holds `start_offset` begins there now."""
        kept = [entry for entry in self.entries if entry.start_offset > start_offset]
        epoch = self.epoch_at(start_offset)
        if epoch >= 0:
            kept.insert(0, EpochStart(epoch, start_offset))
        self.entries = kept

"""Group commit of one disk: one sync under way, everything dirtied meanwhile goes with the next.

What a commit takes, when it begins: of each dirty log its unsynced segments and the end they lead
to, and the journals that have new blocks. When it is done: the logs learn their flushed
offset, those go into the journal (durable with the next commit, so at most one commit behind,
S6), and whoever waits is told. After an error nothing is ever tried again (S4), and it is one if
the journal has no place for what was flushed and no checkpoint can hold it.

A rolled segment and its successor are taken together, so the flushed offset never passes into a
segment while the one before it is not durable.
"""

import struct
from collections.abc import Callable

from bus.log.journal import Journal, whole_entries
from bus.log.partition_log import PartitionLog
from bus.log.segment import Segment
from bus.model.ids import PartitionId, topic_id_of
from bus.model.limits import COMMIT_PARTITIONS_MAX
from bus.ports import Clock, Disk, Region

ENTRY = struct.Struct("<16sIq")  # flush journal: topic id, partition, flushed end


class GroupCommit:
    """The commits of one disk; one thread only."""

    def __init__(
        self,
        disk: Disk,
        clock: Clock,
        journal: Journal,
        epoch_journal: Journal,
        on_flushed: Callable[[PartitionLog, int], None],
        on_failed: Callable[[OSError], None],
        turn_over: Callable[[], None],
    ) -> None:
        self.failed: OSError | None = None
        self.count = 0  # commits that are done
        self.took_ms = 0  # in all, from their beginning
        self._disk = disk
        self._clock = clock
        self._began_ms = 0
        self._journal = journal
        self._journals = (journal, epoch_journal)
        self._on_flushed = on_flushed
        self._on_failed = on_failed
        self._turn_over = turn_over  # the half is full; OSError if there is no other
        self._dirty: dict[PartitionLog, bool] = {}  # log -> all of it, or rolled segments only
        self._under_way: list[tuple[PartitionLog, list[Segment], int]] = []

    def fail(self, error: OSError) -> None:
        """The disk is lost: nothing is committed any more, and that is told once (S4)."""
        if self.failed is None:
            self.failed = error
            self._dirty.clear()
            self._on_failed(error)

    def age_ms(self, now_ms: int) -> int:
        """How long the commit that is under way has taken so far; 0 if none is."""
        return now_ms - self._began_ms if self._under_way else 0

    @property
    def is_idle(self) -> bool:
        """Nothing is under way."""
        return not self._under_way

    def add(self, log: PartitionLog, whole: bool) -> None:
        """Commit a log with the next commit; it begins at once if none is under way."""
        self._dirty[log] = whole or self._dirty.get(log, False)
        if not self._under_way:
            self._begin()

    def _begin(self) -> None:
        if self.failed is not None:
            self._dirty.clear()
            return
        try:
            self._take()
        except OSError as error:  # a file cannot be opened: nobody knows what else fails
            self._under_way = []
            self.fail(error)

    def _take(self) -> None:
        regions: list[Region] = []
        while self._dirty and len(self._under_way) < COMMIT_PARTITIONS_MAX:
            log = next(iter(self._dirty))
            whole = self._dirty.pop(log)
            segments, end = ([], 0) if log.is_closed else log.begin_commit(whole)
            if segments:
                regions += [segment.writable(segment.size) for segment in segments]
                self._under_way.append((log, segments, end))
        if self._under_way:
            for journal in self._journals:
                if journal.is_dirty and journal.region is not None:
                    journal.is_dirty = False
                    regions.append(journal.region)
            self._began_ms = self._clock.now_ms()
            self._disk.commit(regions, self._on_done)

    def _on_done(self, error: OSError | None) -> None:
        done, self._under_way = self._under_way, []
        self.count += 1
        self.took_ms += self._clock.now_ms() - self._began_ms
        if error is not None:
            self.fail(error)
        if self.failed is not None:
            return
        done = [entry for entry in done if not entry[0].is_closed]
        for log, segments, end in done:
            log.on_committed(segments, end)
        try:
            self._note([log for log, _, _ in done])
        except OSError as error:
            self.fail(error)
            return
        for log, _, end in done:
            self._on_flushed(log, end)
        if not self._under_way:
            self._begin()

    def _note(self, logs: list[PartitionLog]) -> None:
        entries = b"".join(
            ENTRY.pack(log.partition.topic_id.bytes, log.partition.partition, log.flushed_offset)
            for log in logs
        )
        if entries and not self._journal.append(entries):
            self._turn_over()
            self._journal.append(entries)


def parse_entries(payloads: list[bytes]) -> dict[PartitionId, int]:
    """Partition -> the last flushed end that the flush journal names."""
    flushed: dict[PartitionId, int] = {}
    for payload in whole_entries(payloads, ENTRY):
        for topic_id, partition, end in ENTRY.iter_unpack(payload):
            flushed[PartitionId(topic_id_of(topic_id), partition)] = end
    return flushed

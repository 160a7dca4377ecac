"""Writing the checkpoint of one disk, and turning its journals over with it (S5).

Event              What happens
-----              ------------
write              in the background, unless one is under way, all is as it was or the disk failed
write_now          the same, durable when it returns
turn_over          a journal's half is full: the first, or the second if both halves are in use
it is durable      segments that were dropped before it began are deleted
it failed          its generation goes on; the next one is written whether or not anything changed

Equal content is not enough to leave one out: a partition made, flushed and deleted since then
stands in the flush journal, and would be missed by the next start.
"""

import errno
from collections.abc import Mapping, Sequence

from bus.log.checkpoints import (
    CHECKPOINT_MAGIC,
    NO_BROKER_EPOCH,
    Checkpoint,
    encode,
    with_generation,
)
from bus.log.journal import Journal
from bus.log.layout import CHECKPOINT
from bus.log.partition_log import PartitionLog
from bus.log.records import record_of
from bus.log.recovered import Recovered
from bus.model.ids import PartitionId
from bus.ports import Clock, Disk


class Checkpointer:
    """The checkpoints of one disk; one thread only."""

    def __init__(
        self,
        disk: Disk,
        clock: Clock,
        logs: Mapping[PartitionId, PartitionLog],
        promised: Mapping[PartitionId, Recovered],
        journals: Sequence[Journal],
        interval_ms: int,
    ) -> None:
        self.is_under_way = False
        self.is_due = True  # as soon as possible
        self.has_changes = True  # a log was written, committed, made or deleted since the last
        self._disk = disk
        self._clock = clock
        self._logs = logs
        self._promised = promised
        self._journals = journals
        self._boot_id = ""
        self._broker_epoch = NO_BROKER_EPOCH
        self._generation = 1  # of the journals
        self._last_failed = False
        self._interval_ms = interval_ms
        self._written_ms = -interval_ms
        self._deletable: dict[PartitionLog, int] = {}  # segments dropped before it began
        self._written = b""  # the last content, to leave out equal ones

    def resume(self, boot_id: str, broker_epoch: int, generation: int) -> None:
        """Go on from what the disk's records say."""
        self._generation = generation
        self.begin_life(boot_id, broker_epoch)

    def begin_life(self, boot_id: str, broker_epoch: int) -> None:
        """From the next checkpoint on these are the boot and the broker epoch that hold."""
        self._boot_id, self._broker_epoch = boot_id, broker_epoch

    def note_life(self, broker_epoch: int) -> None:
        """A life of this epoch is here; what is judged is still judged by the boot before it."""
        self._broker_epoch = max(self._broker_epoch, broker_epoch)

    def is_due_at(self, now_ms: int) -> bool:
        """Is it time for one?"""
        return self.is_due or now_ms - self._written_ms >= self._interval_ms

    def write(self) -> None:
        """Write one in the background."""
        self._written_ms = self._clock.now_ms()
        if self.is_under_way or self._disk.failed is not None:
            return
        if not (self.has_changes or self.is_due or self._last_failed):
            return  # very many idle logs cost nothing
        data = self._begin()
        if data is not None:
            self.is_under_way = True
            self._disk.write_later(CHECKPOINT, data, self._on_written, True)

    def write_now(self) -> None:
        """Write one durably before it returns. Raises OSError."""
        while self.is_under_way:
            self._disk.wait()
        data = self._begin()
        if data is not None:
            try:
                self._disk.write(CHECKPOINT, data)
            except OSError:
                self._last_failed = True
                raise
            self._last_failed = False

    def turn_over(self) -> None:
        """Have the journals go on in their other halves. Raises OSError if they cannot."""
        if self._last_failed:  # or it is under way: its generation goes on until it is durable
            self.write_now()
        else:
            self.is_due = True
            self.write()

    @property
    def is_stuck(self) -> bool:
        """The last could not be written, so that the journals have to hold more and more."""
        return self._last_failed and not self.is_under_way

    def content(self, magic: bytes) -> bytes:
        """All logs as they are, sealed, and what was promised for those that have no files."""
        known: list[tuple[PartitionId, PartitionLog | Recovered]] = [*self._promised.items()]
        known += self._logs.items()
        records = {partition: record_of(partition, log) for partition, log in known}
        return encode(
            magic, Checkpoint(self._boot_id, self._generation, records, self._broker_epoch)
        )

    def _begin(self) -> bytes | None:
        """The content; the journals go on in their next generation. None if all is as it was."""
        self.is_due = self.has_changes = False
        self._deletable = {log: len(log.dropped) for log in self._logs.values() if log.dropped}
        data = self.content(CHECKPOINT_MAGIC)
        content = with_generation(data, 0)
        has_news = any(journal.has_blocks for journal in self._journals)
        if content == self._written and not has_news and not self._last_failed:
            self._delete_dropped()
            return None
        self._written = content
        if not self._last_failed:
            self._generation += 1
            for journal in self._journals:
                journal.begin(self._generation)
        self._last_failed = True  # until it is durable
        return with_generation(data, self._generation)

    def _on_written(self, error: OSError | None) -> None:
        self.is_under_way = False
        self._last_failed = error is not None
        if error is None or error.errno == errno.ENOSPC:
            self._delete_dropped()  # a full disk is no reason to keep what retention gave up

    def _delete_dropped(self) -> None:
        for log, count in self._deletable.items():
            if not log.is_closed:
                log.delete_dropped(count)
        self._deletable = {}

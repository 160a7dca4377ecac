"""All logs of one disk: what they were when the last life ended, and what they share.

open      read clean_shutdown, checkpoint and journals; recover every partition directory; commit
          what was found above the durable end; remove clean_shutdown
run       group commits, a checkpoint every few seconds and whenever a start offset moved
close     flush all, write indexes and snapshots, a checkpoint and clean_shutdown

Nothing is removed because it is not understood: unknown names under `topics/` are reported (S8).
One thread only; `done` callbacks come through the disk (`RealDisk.on_readable`, or `wait`).
"""

import contextlib
import errno
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from bus.errors import CorruptLog, DiskFull
from bus.log import layout
from bus.log.checkpoints import (
    CHECKPOINT_MAGIC,
    CLEAN_MAGIC,
    Checkpoint,
    PartitionRecord,
    decode,
    encode,
)
from bus.log.epochs import EpochStart
from bus.log.group_commit import GroupCommit, parse_entries
from bus.log.journal import Journal
from bus.log.partition_log import PartitionLog
from bus.log.recovery import Known, Recovered, recover
from bus.model.ids import PartitionId
from bus.model.limits import (
    CHECKPOINT_INTERVAL_MS,
    EPOCH_JOURNAL_BYTES,
    FLUSH_JOURNAL_BYTES,
    SYNC_AT_START_BYTES_MAX,
)
from bus.model.settings import TopicSettings
from bus.ports import Clock, Disk

_EPOCH_ENTRY = struct.Struct("<16sIiq")  # epoch journal: topic id, partition, epoch, start


@dataclass(slots=True)
class RecoveryReport:
    """What `LogStore.open` found and did."""

    is_clean: bool = True  # the last life ended by a clean stop, and its files agree
    partitions: int = 0
    segments: int = 0
    elapsed_ms: int = 0
    scanned_bytes: int = 0
    cut_bytes: int = 0  # set aside from above the durable end
    cut: list[str] = field(default_factory=list)  # a sentence for each partition that was cut
    damaged: list[str] = field(default_factory=list)  # a sentence for each read-only partition
    unknown: list[str] = field(default_factory=list)  # paths that are left alone (S8)
    notes: list[str] = field(default_factory=list)  # records of the store that were no good


class LogStore:
    """The logs in one data directory; see the module."""

    def __init__(
        self,
        disk: Disk,
        clock: Clock,
        on_flushed: Callable[[PartitionLog, int], None],
        on_failed: Callable[[OSError], None],
    ) -> None:
        self._disk = disk
        self._clock = clock
        self._logs: dict[PartitionId, PartitionLog] = {}
        self._flush_journal = Journal(disk, layout.FLUSH_JOURNAL, FLUSH_JOURNAL_BYTES)
        self._epoch_journal = Journal(disk, layout.EPOCH_JOURNAL, EPOCH_JOURNAL_BYTES)
        self._commits = GroupCommit(
            disk, self._flush_journal, on_flushed, on_failed, self.checkpoint_soon
        )
        self._generation = 1  # of the journals
        self._boot_id = ""
        self._checkpoint_under_way = False
        self._checkpoint_due = True  # as soon as possible
        self._checkpoint_failed = False  # the last attempt: its generation goes on
        self._checkpoint_ms = -CHECKPOINT_INTERVAL_MS
        self._checkpoint_content = b""  # the last that was written, to leave out equal ones

    # --- opening ---------------------------------------------------------------------------

    def open(self) -> RecoveryReport:
        """Recover what is there. Raises OSError if the disk cannot be read or written."""
        started = self._clock.now_ms()
        report = RecoveryReport()
        self._boot_id = self._disk.facts().boot_id
        known = self._read_known(report)
        for directory, partition in self._partition_dirs(report):
            recovered = recover(self._disk, directory, known(partition), self._clock.wall_ms())
            self._adopt(partition, recovered, report)
        self._commit_recovered()
        if self._remove(layout.CLEAN_SHUTDOWN):
            self._disk.sync_dir("")
        report.partitions = len(self._logs)
        report.elapsed_ms = self._clock.now_ms() - started
        return report

    def _read_known(self, report: RecoveryReport) -> Callable[[PartitionId], Known]:
        """Read the store's records, and begin the journals' next generation."""
        clean = self._read_sealed(layout.CLEAN_SHUTDOWN, CLEAN_MAGIC, report)
        checkpoint = clean or self._read_sealed(layout.CHECKPOINT, CHECKPOINT_MAGIC, report)
        is_new = layout.TOPICS not in self._disk.list("")
        report.is_clean = clean is not None or is_new
        generation = checkpoint.generation if checkpoint else 0
        flushes, flushes_seen = self._flush_journal.read(generation)
        epochs, epochs_seen = self._epoch_journal.read(generation)
        self._generation = max(generation, flushes_seen, epochs_seen, 1)
        for journal in (self._flush_journal, self._epoch_journal):
            journal.resume(self._generation, report.is_clean)
        flushed = parse_entries(flushes)
        promised = _parse_epochs(epochs)
        records = checkpoint.partitions if checkpoint else {}

        def known(partition: PartitionId) -> Known:
            record = records.get(partition)
            durable_end = flushed.get(partition)
            if durable_end is None and (checkpoint is not None or is_new):
                durable_end = record.flushed_offset if record else 0
            entries = (record.epochs if record else []) + promised.get(partition, [])
            is_clean = clean is not None and record is not None
            return Known(record, durable_end, is_clean, entries)

        return known

    def _read_sealed(self, path: str, magic: bytes, report: RecoveryReport) -> Checkpoint | None:
        try:
            return decode(magic, self._disk.read(path, 0, self._disk.size(path)))
        except FileNotFoundError:
            return None
        except CorruptLog as error:
            report.notes.append(f"The file {path} cannot be used: {error}. The log is scanned.")
            return None

    def _partition_dirs(self, report: RecoveryReport) -> Iterable[tuple[str, PartitionId]]:
        with contextlib.suppress(FileNotFoundError):
            for topic_name in self._disk.list(layout.TOPICS):
                path = f"{layout.TOPICS}/{topic_name}"
                topic_id = layout.parse_topic_id(topic_name)
                if topic_id is None:
                    report.unknown.append(path)
                    continue
                yield from self._partitions_of(path, topic_id, report)

    def _partitions_of(
        self, path: str, topic_id: UUID, report: RecoveryReport
    ) -> Iterable[tuple[str, PartitionId]]:
        try:
            names = self._disk.list(path)
        except NotADirectoryError:
            report.unknown.append(path)
            return
        for name in names:
            number = layout.parse_partition(name)
            directory = f"{path}/{name}"
            if name.endswith(layout.DELETED):
                self._delete_dir(directory)
                continue
            try:
                inside = [] if number is None else self._disk.list(directory)
            except NotADirectoryError:
                number = None
            if number is None:
                report.unknown.append(directory)
                continue
            report.unknown += [f"{directory}/{n}" for n in inside if not layout.is_known(n)]
            yield directory, PartitionId(topic_id, number)

    def _adopt(self, partition: PartitionId, recovered: Recovered, report: RecoveryReport) -> None:
        log = PartitionLog(self._disk, self._clock, self, partition, TopicSettings(), recovered)
        self._logs[partition] = log
        report.segments += len(recovered.segments)
        report.scanned_bytes += recovered.scanned_bytes
        report.cut_bytes += recovered.cut_bytes
        if recovered.cut_reason is not None:
            report.cut.append(
                f"{recovered.directory} was cut at offset {recovered.end_offset}: "
                f"{recovered.cut_reason}; {recovered.cut_bytes} bytes are kept beside it."
            )
        if recovered.read_only is not None:
            report.damaged.append(recovered.read_only)
            report.is_clean = False

    def _commit_recovered(self) -> None:
        """Sync what was found above the durable end: at once if it is little, as in flush=group."""
        logs = [log for log in self._logs.values() if log.flushed_offset < log.end_offset]
        size = sum(log.uncommitted_bytes for log in logs)
        for log in logs:
            self._commits.add(log, True)
        if size <= SYNC_AT_START_BYTES_MAX:
            self.settle()

    # --- partitions ------------------------------------------------------------------------

    def get(self, partition: PartitionId) -> PartitionLog | None:
        """The log of a partition, or None if there is none on this disk."""
        return self._logs.get(partition)

    def logs(self) -> list[PartitionLog]:
        """All of them."""
        return list(self._logs.values())

    def create(self, partition: PartitionId, settings: TopicSettings) -> PartitionLog:
        """A new, empty log; its first append makes the files."""
        assert partition not in self._logs, "a partition is created once"
        recovered = Recovered(layout.partition_dir(partition))
        log = PartitionLog(self._disk, self._clock, self, partition, settings, recovered)
        self._logs[partition] = log
        return log

    def delete(self, partition: PartitionId) -> None:
        """Remove a partition and its files; views that were handed out stay valid."""
        log = self._logs.pop(partition)
        log.close()
        aside = log.directory + layout.DELETED
        with contextlib.suppress(FileNotFoundError):
            self._disk.rename(log.directory, aside)
            self._delete_dir(aside)
        self.checkpoint_soon()

    def _delete_dir(self, path: str) -> None:
        """Remove a partition that was renamed to be removed; unknown files stay."""
        for name in self._disk.list(path):
            if layout.is_known(name):
                self._disk.unlink(f"{path}/{name}")
        with contextlib.suppress(OSError):
            self._disk.remove_dir(path)
            self._disk.remove_dir(path.rpartition("/")[0])

    # --- durability ------------------------------------------------------------------------

    def flush(self, log: PartitionLog) -> None:
        """Commit all of a log with the next group commit; `on_flushed` tells when it is done."""
        self._commits.add(log, True)

    def flush_rolled(self, log: PartitionLog) -> None:
        """Commit a log's rolled segments with the next group commit."""
        self._commits.add(log, False)

    def settle(self) -> None:
        """Return when no commit and no checkpoint is under way; blocks."""
        while not self._commits.is_idle or self._checkpoint_under_way:
            self._disk.wait()

    def persist_epochs(self, entries: Iterable[tuple[PartitionId, int, int]]) -> None:
        """Make (partition, epoch, start offset) durable before it returns (R8)."""
        payload = bytearray()
        for partition, epoch, start_offset in entries:
            self._logs[partition].epochs.assign(epoch, start_offset)
            payload += _EPOCH_ENTRY.pack(
                partition.topic_id.bytes, partition.partition, epoch, start_offset
            )
        if not payload:
            return
        if self._epoch_journal.append(payload) and self._epoch_journal.region is not None:
            self._disk.sync([self._epoch_journal.region])
        else:
            self.checkpoint_now()

    # --- checkpoints -----------------------------------------------------------------------

    def checkpoint(self) -> None:
        """Write one in the background, unless one is under way or nothing has changed."""
        self._checkpoint_ms = self._clock.now_ms()
        if self._checkpoint_under_way or self._commits.failed is not None:
            return
        data = self._begin_checkpoint()
        if data is not None:
            self._checkpoint_under_way = True
            self._disk.write_later(layout.CHECKPOINT, data, self._on_checkpoint, True)

    def checkpoint_soon(self) -> None:
        """The next `housekeeping` writes one."""
        self._checkpoint_due = True

    def checkpoint_now(self) -> None:
        """Write one durably before it returns. Raises OSError."""
        while self._checkpoint_under_way:
            self._disk.wait()
        data = self._begin_checkpoint()
        if data is not None:
            try:
                self._disk.write(layout.CHECKPOINT, data)
            except OSError:
                self._checkpoint_failed = True
                raise
            self._checkpoint_failed = False

    def _begin_checkpoint(self) -> bytes | None:
        """The content; the journals go on in their next generation. None if all is as it was."""
        self._checkpoint_due = False
        records = {log.partition: _record(log) for log in self._logs.values()}
        content = encode(CHECKPOINT_MAGIC, Checkpoint(self._boot_id, 0, records))
        if content == self._checkpoint_content and not self._checkpoint_failed:
            self._after_checkpoint()
            return None
        self._checkpoint_content = content
        if not self._checkpoint_failed:
            self._generation += 1
            self._flush_journal.begin(self._generation)
            self._epoch_journal.begin(self._generation)
        self._checkpoint_failed = True  # until it is durable
        return encode(CHECKPOINT_MAGIC, Checkpoint(self._boot_id, self._generation, records))

    def _on_checkpoint(self, error: OSError | None) -> None:
        self._checkpoint_under_way = False
        self._checkpoint_failed = error is not None
        if error is None or error.errno == errno.ENOSPC:
            self._after_checkpoint()  # a full disk is no reason to keep what retention gave up

    def _after_checkpoint(self) -> None:
        for log in self._logs.values():
            log.delete_dropped()

    def housekeeping(self, now_ms: int) -> None:
        """Roll, retain and checkpoint what is due; `now_ms` is monotonic. Call it each second."""
        wall_ms = self._clock.wall_ms()
        for log in self._logs.values():
            with contextlib.suppress(DiskFull):
                log.roll_if_due(wall_ms)
                log.apply_retention(wall_ms)
        if self._checkpoint_due or now_ms - self._checkpoint_ms >= CHECKPOINT_INTERVAL_MS:
            self.checkpoint()

    # --- closing ---------------------------------------------------------------------------

    def close(self, clean: bool = True) -> None:
        """Flush all and note that the stop was clean; without `clean` as a crash would leave it."""
        if clean and self._commits.failed is None:
            self._flush_all()
            for log in self._logs.values():
                log.seal()
            self.checkpoint_now()
            records = {log.partition: _record(log) for log in self._logs.values()}
            whole = Checkpoint(self._boot_id, self._generation, records)
            self._disk.write(layout.CLEAN_SHUTDOWN, encode(CLEAN_MAGIC, whole))
        for log in self._logs.values():
            log.close()
        self._flush_journal.close()
        self._epoch_journal.close()

    def _flush_all(self) -> None:
        self.settle()
        for log in self._logs.values():
            self._commits.add(log, True)
        self.settle()
        if self._commits.failed is not None:
            raise self._commits.failed

    def _remove(self, path: str) -> bool:
        try:
            self._disk.unlink(path)
        except FileNotFoundError:
            return False
        return True


def _record(log: PartitionLog) -> PartitionRecord:
    created = log.segments[-1].created_ms if log.segments else 0
    return PartitionRecord(
        log.partition,
        log.start_offset,
        log.high_watermark,
        log.flushed_offset,
        log.end_offset if log.flushed_offset == log.end_offset else -1,
        created,
        list(log.epochs.entries),
    )


def _parse_epochs(payloads: list[bytes]) -> dict[PartitionId, list[EpochStart]]:
    epochs: dict[PartitionId, list[EpochStart]] = {}
    for payload in payloads:
        for topic_id, partition, epoch, start in _EPOCH_ENTRY.iter_unpack(payload):
            entry = EpochStart(epoch, start)
            epochs.setdefault(PartitionId(UUID(bytes=topic_id), partition), []).append(entry)
    return epochs

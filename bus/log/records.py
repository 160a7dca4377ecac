"""What a disk's own records say of its partitions: checkpoint, clean stop and journals together.

A partition that no record names is newer than the checkpoint: nothing of it was known to be
durable. Without any checkpoint in a directory that has data nothing is known at all, and recovery
takes no damage for a torn tail (S8).
"""

import struct
from collections.abc import Iterable

from bus.errors import CorruptLog
from bus.log import layout
from bus.log.checkpoints import (
    CHECKPOINT_MAGIC,
    CLEAN_MAGIC,
    Checkpoint,
    PartitionRecord,
    decode,
)
from bus.log.epochs import EpochStart
from bus.log.group_commit import parse_entries
from bus.log.journal import Journal, whole_entries
from bus.log.partition_log import PartitionLog
from bus.log.recovered import Known, Recovered
from bus.log.report import RecoveryReport
from bus.model.ids import PartitionId, topic_id_of
from bus.ports import Disk

EPOCH_ENTRY = struct.Struct("<16sIiq")  # epoch journal: topic id, partition, epoch, start


class DiskRecords:
    """Read once when a store is opened."""

    def __init__(
        self, disk: Disk, flush_journal: Journal, epoch_journal: Journal, report: RecoveryReport
    ) -> None:
        """Reads all; the journals go on behind what they hold."""
        clean = _read_sealed(disk, layout.CLEAN_SHUTDOWN, CLEAN_MAGIC, report)
        checkpoint = clean or _read_sealed(disk, layout.CHECKPOINT, CHECKPOINT_MAGIC, report)
        is_new = layout.TOPICS not in disk.list("")
        report.is_clean = clean is not None or is_new
        self.has_checkpoint = checkpoint is not None
        self._is_known = checkpoint is not None or is_new
        checkpoint = checkpoint or Checkpoint("", 0, {})
        self.boot_id, self.broker_epoch = checkpoint.boot_id, checkpoint.broker_epoch
        flushes, flushes_seen = flush_journal.read(checkpoint.generation)
        epochs, epochs_seen = epoch_journal.read(checkpoint.generation)
        self.generation = max(checkpoint.generation, flushes_seen, epochs_seen, 1)
        for journal in (flush_journal, epoch_journal):
            journal.resume(self.generation, report.is_clean)
        self.partitions = {
            partition: Known(
                record,
                record.flushed_offset,
                clean is not None,
                record.epochs,
                max_epoch_seen=record.max_epoch_seen,
            )
            for partition, record in checkpoint.partitions.items()
        }
        for partition, durable_end in parse_entries(flushes if self._is_known else []).items():
            self.partitions.setdefault(partition, self.unknown()).durable_end = durable_end
        for partition, entries in _parse_epochs(epochs).items():
            self.partitions.setdefault(partition, self.unknown()).promised += entries
        for known in self.partitions.values():
            held_end = known.record.held_end if known.record is not None else 0
            known.held_end = max(held_end, known.durable_end or 0)

    def unknown(self) -> Known:
        """Of a partition that no record names."""
        return Known(None, 0 if self._is_known else None)


def _read_sealed(disk: Disk, path: str, magic: bytes, report: RecoveryReport) -> Checkpoint | None:
    try:
        return decode(magic, disk.read(path, 0, disk.size(path)))
    except FileNotFoundError:
        return None
    except CorruptLog as error:
        report.notes.append(f"The file {path} cannot be used: {error}. The log is scanned.")
        return None


def record_of(partition: PartitionId, log: PartitionLog | Recovered) -> PartitionRecord:
    """A log, or what is remembered of one without files, as the next checkpoint knows it."""
    created = log.segments[-1].created_ms if log.segments else 0
    return PartitionRecord(
        partition,
        log.start_offset,
        log.high_watermark,
        log.flushed_offset,
        log.end_offset if log.flushed_offset == log.end_offset else -1,
        created,
        list(log.epochs.entries),
        log.max_epoch_seen,
        max(log.held_end, log.flushed_offset),
    )


def pack_epochs(entries: Iterable[tuple[PartitionId, int, int]]) -> bytes:
    """A block of the epoch journal."""
    return b"".join(
        EPOCH_ENTRY.pack(partition.topic_id.bytes, partition.partition, epoch, start)
        for partition, epoch, start in entries
    )


def _parse_epochs(payloads: list[bytes]) -> dict[PartitionId, list[EpochStart]]:
    epochs: dict[PartitionId, list[EpochStart]] = {}
    for payload in whole_entries(payloads, EPOCH_ENTRY):
        for topic_id, partition, epoch, start in EPOCH_ENTRY.iter_unpack(payload):
            entry = EpochStart(epoch, start)
            epochs.setdefault(PartitionId(topic_id_of(topic_id), partition), []).append(entry)
    return epochs

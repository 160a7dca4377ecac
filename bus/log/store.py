"""All logs of one disk: what they were when the last life ended, and what they share.

open      read clean_shutdown, checkpoint and journals; allocate the journals; recover every
          partition directory; commit what was found above the durable end; remove clean_shutdown
run       group commits, a checkpoint every few seconds and whenever a start offset moved
close     flush all, write indexes and snapshots, a checkpoint and clean_shutdown

Nothing is removed because it is not understood: unknown names under `topics/` are reported (S8).
One thread only; `done` callbacks come through the disk (`RealDisk.on_readable`, or `wait`).
"""

import contextlib
import errno
import logging
from collections.abc import Callable, Iterable
from uuid import UUID

from bus.log import layout
from bus.log.aging import Aging
from bus.log.checkpointer import Checkpointer
from bus.log.checkpoints import CLEAN_MAGIC
from bus.log.group_commit import GroupCommit
from bus.log.house import House
from bus.log.identity import identity_of, read_identity
from bus.log.inventory import count_topics, delete_dir
from bus.log.journal import Journal
from bus.log.opening import Opening
from bus.log.partition_log import PartitionLog
from bus.log.promises import Promises
from bus.log.quarantine import quarantine
from bus.log.records import DiskRecords
from bus.log.recovered import EXHAUSTED, Recovered, why_read_only
from bus.log.repair import accept_loss
from bus.log.report import RecoveryReport
from bus.log.room import Reserve, Room
from bus.log.standing import DiskLife, Found
from bus.model.ids import PartitionId
from bus.model.limits import (
    CHECKPOINT_INTERVAL_MS,
    EPOCH_JOURNAL_BYTES,
    FLUSH_JOURNAL_BYTES,
    LEADER_EPOCH_MAX,
    PRODUCER_EXPIRY_MS,
    SYNC_AT_START_BYTES_MAX,
)
from bus.model.settings import TopicSettings
from bus.ports import Clock, Disk, Random

NO_RESERVE = Reserve()
logger = logging.getLogger("busd")


class LogStore:
    """The logs in one data directory; see the module."""

    def __init__(
        self,
        disk: Disk,
        clock: Clock,
        random: Random,
        on_flushed: Callable[[PartitionLog, int], None],
        on_failed: Callable[[OSError], None],
        reserve: Reserve = NO_RESERVE,
        producer_expiry_ms: int = PRODUCER_EXPIRY_MS,
        checkpoint_interval_ms: int = CHECKPOINT_INTERVAL_MS,
    ) -> None:
        self.disk_uuid: UUID | None = None  # known once it is open
        self.life: DiskLife | None = None  # the one before; known once it is open
        self.found: dict[PartitionId, Found] = {}  # by the start, until `begin_life`
        self.room = Room(reserve)
        self._disk = disk
        self._clock = clock
        self._aging = Aging(clock)
        self._random = random
        self._logs: dict[PartitionId, PartitionLog] = {}
        self._flush_journal = Journal(disk, layout.FLUSH_JOURNAL, FLUSH_JOURNAL_BYTES)
        self._epoch_journal = Journal(disk, layout.EPOCH_JOURNAL, EPOCH_JOURNAL_BYTES)
        self._promised: dict[PartitionId, Recovered] = {}  # of partitions without a log
        self._journals = self._flush_journal, self._epoch_journal
        self._checkpoints = Checkpointer(
            disk, clock, self._logs, self._promised, self._journals, checkpoint_interval_ms
        )
        turn_over = self._checkpoints.turn_over
        self._commits = GroupCommit(disk, clock, *self._journals, on_flushed, on_failed, turn_over)
        self._promises = Promises(
            disk, self._epoch_journal, self._checkpoints, self._logs, self._promised
        )
        self._house = House(clock.now_ms(), producer_expiry_ms)

    # --- facts -----------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many partitions stand here."""
        return len(self._logs)

    @property
    def path(self) -> str:
        """The directory, as people know it."""
        return self._disk.path

    @property
    def failed(self) -> OSError | None:
        """The error that ended this disk (S4)."""
        return self._commits.failed

    @property
    def refusal(self) -> str | None:
        """Why no log here takes a write at the moment, as a sentence; None if they do (S10)."""
        if self.room.is_full:
            return (
                f"The disk of {self.path} has {self.room.free_bytes} bytes left, and "
                f"{self.room.reserve_bytes} are its reserve: it takes no writes until there is "
                "more."
            )
        if self._checkpoints.is_stuck and self._flush_journal.is_short:
            return (
                f"The disk of {self.path} has no room for a checkpoint, and its journal is nearly "
                "full: it takes no writes until there is more."
            )
        return None

    def refuses(self, size: int) -> str | None:
        """`refusal`, before so many bytes are written."""
        if self.room.is_due(size):
            self._look_at_room()
        return self.refusal

    def _look_at_room(self) -> None:
        if self.room.update(*self._disk.space()):
            logger.warning("%s", self.refusal or f"The disk of {self.path} takes writes again.")

    @property
    def commits(self) -> tuple[int, int]:
        """Group commits done since the start, and the milliseconds they took in all."""
        return self._commits.count, self._commits.took_ms

    def stuck_ms(self, now_ms: int) -> int:
        """The age of the oldest write that is not durable yet though it was asked for."""
        return self._commits.age_ms(now_ms)

    def aging_ms(self) -> int:
        """The time by which records grow old, in wall-clock milliseconds (aging.py)."""
        return self._aging.now_ms()

    def knows(self, partition: PartitionId) -> bool:
        """Does this directory's files or records name the partition?"""
        return partition in self._logs or partition in self._promised

    def read_identity(self) -> UUID | None:
        """The id that the directory had before it is opened. Raises CorruptLog."""
        return read_identity(self._disk)

    def count_topics(self) -> int:
        """How many topics have records here; before it is opened."""
        return count_topics(self._disk)

    # --- opening ---------------------------------------------------------------------------

    def open(self) -> RecoveryReport:
        """Recover what is there. Raises DiskFull, or OSError if it cannot be read or written."""
        started = self._clock.now_ms()
        report = RecoveryReport()
        is_used = read_identity(self._disk) is not None
        records = DiskRecords(self._disk, *self._journals, report)
        for journal in self._journals:  # before anything in it can be acknowledged (S6)
            journal.allocate()
        self.disk_uuid = identity_of(self._disk, self._random)
        self._checkpoints.resume(records.boot_id, records.broker_epoch, records.generation)
        self.life = DiskLife(
            self.disk_uuid,
            self.path,
            records.has_checkpoint or not is_used,
            self._disk.facts().boot_id == records.boot_id != "",
            records.broker_epoch,
        )
        opening = Opening(self._disk, records, self.life, report, self._clock.wall_ms())
        for partition, recovered in opening.logs.items():
            self._adopt(partition, recovered, TopicSettings())
        self._promised.update(opening.promised)
        self.found = opening.found
        error = opening.tell(self.checkpoint_now)
        if error is not None:
            self.on_write_error(error)
            for partition, recovered in opening.logs.items():
                self._logs[partition].read_only = recovered.read_only
        self._commit_recovered()
        if opening.is_as_stopped() and not self.life.is_same_boot:
            self._checkpoints.begin_life(self._disk.facts().boot_id, records.broker_epoch)
            if opening.found:  # or a crash before `begin_life` would make all of it suspect
                with contextlib.suppress(OSError):
                    self.checkpoint_now()
        if self._remove(layout.CLEAN_SHUTDOWN):
            self._disk.sync_dir("")
        if not records.has_checkpoint:
            self._checkpoints.write()  # so that the next crash can tell a torn tail from damage
        self._look_at_room()
        report.partitions = len(self._logs)
        report.elapsed_ms = self._clock.now_ms() - started
        return report

    def _adopt(
        self, partition: PartitionId, recovered: Recovered, settings: TopicSettings
    ) -> PartitionLog:
        log = PartitionLog(self._disk, self._clock, self, partition, settings, recovered)
        self._logs[partition] = log
        return log

    def note_life(self, broker_epoch: int) -> None:
        """A life of this epoch has found what `found` says, and may be accepted. Raises OSError."""
        self._checkpoints.note_life(broker_epoch)
        self.note_change()
        self.checkpoint_now()

    def begin_life(self, broker_epoch: int) -> None:
        """What was found is judged, suspects are out of ISR and ELR: this broker epoch holds.

        To be called before a partition is written, and again when one was quarantined and is out
        of both. Nothing of an earlier life makes a replica suspect after it. Raises OSError.
        """
        for log in self._logs.values():
            log.held_end = 0
        for promised in self._promised.values():
            promised.held_end = 0
        self.found.clear()
        self._checkpoints.begin_life(self._disk.facts().boot_id, broker_epoch)
        self.note_change()
        self.checkpoint_now()

    def _commit_recovered(self) -> None:
        """Sync what was found above the durable end: at once if it is little, as in flush=group.

        It is written again before: a sync that failed in the life before has left pages that are
        clean for the kernel and not on the disk, which no sync would write (S4).
        """
        logs = [log for log in self._logs.values() if log.flushed_offset < log.end_offset]
        is_little = sum(log.uncommitted_bytes for log in logs) <= SYNC_AT_START_BYTES_MAX
        for log in logs:
            if is_little:
                log.write_uncommitted_again()
            self._commits.add(log, True)
        if is_little:
            self.settle()

    # --- partitions ------------------------------------------------------------------------

    def get(self, partition: PartitionId) -> PartitionLog | None:
        """The log of a partition, or None if there is none on this disk."""
        return self._logs.get(partition)

    def kept(self, partition: PartitionId) -> PartitionLog | Recovered | None:
        """What is known of a partition here, with or without files."""
        return self._logs.get(partition) or self._promised.get(partition)

    def logs(self) -> list[PartitionLog]:
        """All of them."""
        return list(self._logs.values())

    def create(self, partition: PartitionId, settings: TopicSettings) -> PartitionLog:
        """A new, empty log; its first append makes the files."""
        assert partition not in self._logs, "a partition is created once"
        recovered = self._promised.pop(partition, None)
        recovered = recovered or Recovered(layout.partition_dir(partition))
        if recovered.max_epoch_seen >= LEADER_EPOCH_MAX:
            recovered.read_only = why_read_only(recovered.directory, EXHAUSTED)
        self.note_change()
        return self._adopt(partition, recovered, settings)

    def delete(self, partition: PartitionId) -> None:
        """Remove a partition and its files; views that were handed out stay valid."""
        if self._promised.pop(partition, None) is not None:
            self.checkpoint_soon()
        log = self._logs.pop(partition, None)
        if log is None:
            return
        log.close()
        with contextlib.suppress(OSError):  # a full disk must not keep anyone from deleting
            self.checkpoint_now()
        aside = log.directory + layout.DELETED
        with contextlib.suppress(FileNotFoundError):
            self._disk.rename(log.directory, aside)
            delete_dir(self._disk, aside)

    def quarantine(self, log: PartitionLog) -> list[str]:
        """Set damaged segments of a log aside, so that its leader fills it again (S6, R29).

        Only for one that has another replica, and is out of ISR and ELR. The paths of what was set
        aside; the log ends below the damage then, and is written again. Raises StorageError where
        that does not help; or OSError.
        """
        paths = quarantine(self._disk, log, self._clock.wall_ms())
        logger.warning("%s ends at offset %d: %s", log.directory, log.end_offset, paths)
        return paths

    def accept_losses(self) -> list[str]:
        """Give up what is damaged, and say what; close the store and open it anew afterwards."""
        damaged = [log for log in self._logs.values() if log.read_only is not None]
        return [sentence for log in damaged for sentence in accept_loss(self._disk, log)]

    # --- durability ------------------------------------------------------------------------

    def fail(self, error: OSError) -> None:
        """The disk is lost: nothing is written any more, and `on_failed` is told once (S4)."""
        self._commits.fail(error)

    def on_write_error(self, error: OSError) -> None:
        """A write was refused: by a full disk it may be tried again, all else ends the disk."""
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE):
            self.fail(error)

    def flush(self, log: PartitionLog) -> None:
        """Commit all of a log with the next group commit; `on_flushed` tells when it is done."""
        self._commits.add(log, True)

    def flush_rolled(self, log: PartitionLog) -> None:
        """Commit a log's rolled segments with the next group commit."""
        self._commits.add(log, False)

    def settle(self) -> None:
        """Return when no commit and no checkpoint is under way; blocks."""
        while not self._commits.is_idle or self._checkpoints.is_under_way:
            self._disk.wait()

    def persist_epochs(self, entries: Iterable[tuple[PartitionId, int, int]]) -> None:
        """Make (partition, epoch, start offset) durable before it returns (R8).

        The start is NO_START for a follower, which does not know it. The partition may have no log.
        Raises OSError, and then the disk is to be failed: memory holds what it may not.
        """
        self._promises.persist(list(entries))

    def max_epoch_seen(self, partition: PartitionId) -> int:
        """The highest that was ever promised for a partition, or met in it; -1 if there is none."""
        kept = self.kept(partition)
        return -1 if kept is None else kept.max_epoch_seen

    def note_epoch(self, partition: PartitionId, epoch: int, base_offset: int) -> None:
        """A record of this epoch begins it here: durable with the next commit."""
        self._promises.note(partition, epoch, base_offset)

    # --- checkpoints -----------------------------------------------------------------------

    def checkpoint_soon(self) -> None:
        """The next `housekeeping` writes one."""
        self._checkpoints.is_due = True

    def note_change(self) -> None:
        """The next checkpoint will not be as the last one was."""
        self._checkpoints.has_changes = True

    def checkpoint_now(self) -> None:
        """Write one durably before it returns. Raises OSError."""
        self._checkpoints.write_now()

    def housekeeping(self, now_ms: int) -> None:
        """What is due of the logs, and a checkpoint; `now_ms` is monotonic. Call it each second."""
        if self._disk.failed is not None:
            self.fail(self._disk.failed)
            return
        self._look_at_room()
        error = self._house.keep(list(self._logs.values()), now_ms, self._aging.now_ms())
        if error is not None:
            self.on_write_error(error)
            return
        if self._checkpoints.is_due_at(now_ms):
            self._checkpoints.write()

    # --- closing ---------------------------------------------------------------------------

    def close(self, clean: bool = True) -> None:
        """Flush all and note that the stop was clean; without `clean` as a crash would leave it."""
        if clean and self._commits.failed is None:
            self._flush_all()
            for log in self._logs.values():
                log.seal()
            self.checkpoint_now()
            self._disk.write(layout.CLEAN_SHUTDOWN, self._checkpoints.content(CLEAN_MAGIC))
        self.abandon()

    def abandon(self) -> None:
        """Let go of all files and write nothing more; views that were handed out stay valid."""
        for log in self._logs.values():
            log.close()
        for journal in self._journals:
            journal.close()

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

"""What a start finds of the partitions in a data directory, and what that says of them (R2, S6)."""

from collections.abc import Callable

from bus.log import layout
from bus.log.files import forget
from bus.log.inventory import partition_dirs
from bus.log.records import DiskRecords
from bus.log.recovered import Known, Recovered, without_files
from bus.log.recovery import recover
from bus.log.report import RecoveryReport
from bus.log.standing import DiskLife, Found
from bus.log.truncation import unfinished
from bus.model.ids import PartitionId
from bus.ports import Disk


class Opening:
    """Recovers all partitions of one disk, once."""

    def __init__(
        self, disk: Disk, records: DiskRecords, life: DiskLife, report: RecoveryReport, now_ms: int
    ) -> None:
        self.logs: dict[PartitionId, Recovered] = {}
        self.promised: dict[PartitionId, Recovered] = {}  # without files
        self.found: dict[PartitionId, Found] = {}
        self._begun_anew: list[str] = []  # directories
        self._disk = disk
        self._life = life
        self._report = report
        self._now_ms = now_ms
        for directory, partition, names in partition_dirs(disk, report):
            known = records.partitions.pop(partition, None) or records.unknown()
            known.names = names
            self._recover(partition, directory, known)
        for partition, known in records.partitions.items():
            self._absent(partition, known)

    def _recover(self, partition: PartitionId, directory: str, known: Known) -> None:
        recovered = recover(self._disk, directory, known, self._now_ms)
        self.logs[partition] = recovered
        self._report.note(recovered)
        self._note(partition, recovered, known)
        if recovered.is_begun_anew:
            self._begun_anew.append(directory)

    def _absent(self, partition: PartitionId, known: Known) -> None:
        """A partition without a directory: never written to, or lost."""
        directory = layout.partition_dir(partition)
        found = without_files(directory, known)
        if known.durable_end is not None and known.durable_end > found.start_offset:
            self._recover(partition, directory, known)
        else:
            self.promised[partition] = found
            self._note(partition, found, known)

    def _note(self, partition: PartitionId, recovered: Recovered, known: Known) -> None:
        held_end = None if known.durable_end is None else recovered.held_end
        damage, end_offset = recovered.read_only, recovered.end_offset
        self.found[partition] = Found(self._life, damage, end_offset, held_end, recovered.is_clean)

    def tell(self, checkpoint_now: Callable[[], None]) -> OSError | None:
        """Make durable what no record of the disk says, before any log is written or committed.

        An error is given back; logs that were to begin anew must wait for another start then.
        """
        has_news = any(recovered.has_new_epochs for recovered in self.logs.values())
        try:
            if has_news or self._begun_anew:
                checkpoint_now()
            for directory in self._begun_anew:
                names = layout.names_of(self._disk.list(directory))
                forget(self._disk, directory, layout.RESTART, names)
                self._disk.sync_dir(directory)
        except OSError as error:
            for recovered in self.logs.values():
                if recovered.is_begun_anew:
                    recovered.read_only = unfinished(recovered.directory)
            return error
        return None

    def is_as_stopped(self) -> bool:
        """Is all as a clean stop left it, or was there nothing to be left?"""
        return all(found.is_clean for found in self.found.values())

"""What a start finds of the partitions in a data directory, and what that says of them (R2, S6)."""

from bus.log import layout
from bus.log.files import forget
from bus.log.inventory import partition_dirs
from bus.log.records import DiskRecords
from bus.log.recovery import Known, Recovered, recover, without_files
from bus.log.report import RecoveryReport
from bus.log.standing import DiskLife, Found
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

    @property
    def has_begun_anew(self) -> bool:
        """Are there logs of which the next checkpoint must tell before their marks go?"""
        return bool(self._begun_anew)

    def finish_restarts(self) -> None:
        """A checkpoint has told: the marks go."""
        for directory in self._begun_anew:
            names = layout.names_of(self._disk.list(directory))
            forget(self._disk, directory, layout.RESTART, names)
            self._disk.sync_dir(directory)

    def is_as_stopped(self) -> bool:
        """Is all as a clean stop left it, or was there nothing to be left?"""
        return all(found.is_clean for found in self.found.values())

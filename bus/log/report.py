"""What opening a data directory found and did."""

from dataclasses import dataclass, field

from bus.log.recovered import Recovered


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

    def note(self, recovered: Recovered) -> None:
        """Count what was found of one partition."""
        self.segments += len(recovered.segments)
        self.scanned_bytes += recovered.scanned_bytes
        self.cut_bytes += recovered.cut_bytes
        if recovered.cut_reason is not None:
            self.cut.append(
                f"{recovered.directory} was cut at offset {recovered.end_offset}: "
                f"{recovered.cut_reason}; {recovered.cut_bytes} bytes are kept beside it."
            )
        if recovered.read_only is not None:
            self.damaged.append(recovered.read_only)
            self.is_clean = False

    def add(self, other: "RecoveryReport") -> None:
        """Count what was found in another directory, too."""
        self.is_clean = self.is_clean and other.is_clean
        self.partitions += other.partitions
        self.segments += other.segments
        self.elapsed_ms += other.elapsed_ms
        self.scanned_bytes += other.scanned_bytes
        self.cut_bytes += other.cut_bytes
        self.cut += other.cut
        self.damaged += other.damaged
        self.unknown += other.unknown
        self.notes += other.notes

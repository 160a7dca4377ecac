"""A partition as the disk's records know it, and as a start has made it of its files."""

from dataclasses import dataclass, field

from bus.log.checkpoints import PartitionRecord
from bus.log.epoch_recovery import EpochReplay
from bus.log.epochs import EpochCache, EpochStart
from bus.log.layout import Names
from bus.log.producers import ProducerTable
from bus.log.segment import Segment
from bus.model.limits import LEADER_EPOCH_MAX

EXHAUSTED = f"it names the leader epoch {LEADER_EPOCH_MAX}, and none can follow that"


@dataclass(slots=True)
class Known:
    """What the disk's own records say of a partition before its files are looked at."""

    record: PartitionRecord | None  # from the checkpoint, or the clean-shutdown file
    durable_end: int | None  # None: no valid checkpoint, so nobody knows
    is_clean: bool = False  # `record` is from a clean stop
    epochs: list[EpochStart] = field(default_factory=list)  # from the checkpoint
    promised: list[EpochStart] = field(default_factory=list)  # later ones, from the journal
    max_epoch_seen: int = -1  # by the checkpoint
    held_end: int = 0  # all records below it were durable here once
    names: Names = field(default_factory=Names)  # of the files in its directory


@dataclass(slots=True)
class Recovered:
    """A partition as its files and records give it."""

    directory: str
    segments: list[Segment] = field(default_factory=list)
    start_offset: int = 0
    end_offset: int = 0
    flushed_offset: int = 0
    high_watermark: int = 0
    epochs: EpochCache = field(default_factory=EpochCache)
    max_epoch_seen: int = -1
    has_new_epochs: bool = False  # that no record of the disk tells of
    held_end: int = 0
    producers: ProducerTable = field(default_factory=ProducerTable)
    read_only: str | None = None
    snapshot_offset: int = 0  # of the producers' snapshot that was used; 0: none was
    is_begun_anew: bool = False  # its `.restart` goes after the next checkpoint
    is_sealed: bool = False  # its indexes and its snapshot on disk are those of its end (seal.py)
    unsynced: list[Segment] = field(default_factory=list)  # scanned: to be committed anew
    scanned_bytes: int = 0
    cut_bytes: int = 0
    cut_reason: str | None = None
    is_clean: bool = False  # it ends where a clean stop left it


def without_files(directory: str, known: Known) -> Recovered:
    """A partition of which there are only records of the disk: it has none of its own."""
    offset = known.record.start_offset if known.record is not None else 0
    found = Recovered(directory, [], offset, offset, offset, offset, held_end=known.held_end)
    epochs = EpochReplay(known.epochs, known.promised, known.max_epoch_seen)
    found.epochs, found.max_epoch_seen = epochs.cache(offset, offset), epochs.max_epoch_seen
    found.is_clean = known.is_clean and known.record is not None
    return found


def why_read_only(directory: str, reason: str) -> str:
    """The sentence that users are told."""
    return (
        f"The log in {directory} is damaged: {reason}. It can be read but not written; "
        "see `busd segment verify`."
    )

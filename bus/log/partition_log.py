"""One partition on one disk: segments in a row, appended at the end, read from anywhere.

What                 Rule
----                 ----
append               one copy into the active segment's mapping (S1)
read                 a view where the bytes are in memory and committed, a copy where they are not
                     yet committed, a ColdRead elsewhere (S12)
flush                asked of the store; `flushed_offset` follows when the group commit is done (S3)
roll                 by size, by age, by what an index can hold; the old file is committed first
truncate             durable when it returns; only above what any reader was shown
delete_prefix        raises `start_offset`; files go after a checkpoint that says so

All of it on the event loop's thread; `ColdRead.load` alone runs elsewhere.

Invariant: start_offset and flushed_offset <= end_offset, all offsets below end_offset are in one
segment each, and the last segment is the one that is written.
"""

import contextlib
from bisect import bisect_right

from bus.errors import (
    CorruptMessage,
    DiskFull,
    OffsetOutOfRange,
    RecordListTooLarge,
    StorageError,
)
from bus.log import retention, truncation
from bus.log import timestamps as search
from bus.log.cold_read import ColdRead
from bus.log.epochs import EpochCache
from bus.log.files import delete_files
from bus.log.following import Followed, append_fetched
from bus.log.keeper import Keeper
from bus.log.producers import ProducerTable
from bus.log.recovered import Recovered
from bus.log.residency import Residency
from bus.log.seal import Seal, pays
from bus.log.segment import Segment
from bus.log.warm_read import warm_read
from bus.model.batch import BatchInfo, Buffer
from bus.model.ids import PartitionId
from bus.model.limits import SEGMENT_FIRST_BYTES, SEGMENT_STEP_BYTES_MAX
from bus.model.settings import TopicSettings
from bus.ports import Clock, Disk

_NOTHING = memoryview(b"")


class PartitionLog:
    """See the module; `LogStore` makes them."""

    def __init__(
        self,
        disk: Disk,
        clock: Clock,
        keeper: Keeper,
        partition: PartitionId,
        settings: TopicSettings,
        recovered: Recovered,
    ) -> None:
        self.partition = partition
        self.settings = settings
        self.directory = recovered.directory
        self.segments: list[Segment] = recovered.segments
        self.start_offset = recovered.start_offset
        self.flushed_offset = recovered.flushed_offset
        self.high_watermark = recovered.high_watermark
        self.epochs: EpochCache = recovered.epochs
        self.max_epoch_seen = recovered.max_epoch_seen  # never acts for a lower one again (R8)
        self.held_end = recovered.held_end  # above the flushed offset: records were given up
        self.producers: ProducerTable = recovered.producers
        self.read_only: str | None = recovered.read_only
        self.is_closed = False
        self.dropped: list[Segment] = []  # below the start: files go after the next checkpoint
        self.empty_end = recovered.end_offset  # the end while there is no segment
        self.disk = disk
        self._clock = clock
        self.keeper = keeper
        self._residency = Residency(disk)
        self.sealing = Seal(
            disk, self.directory, recovered.snapshot_offset, not recovered.is_sealed
        )
        self._rested_at = -1  # the end offset when `rest` was last called
        self.cuts = 0  # truncations in this life
        self.cut_bytes = 0  # that they kept aside
        self.replaced: list[Segment] = []  # by compaction: files go when the new name is durable
        self._uncommitted: list[Segment] = []  # with bytes that no commit has taken
        if self.flushed_offset < self.end_offset:
            self._uncommitted += recovered.unsynced

    # --- facts -----------------------------------------------------------------------------

    @property
    def end_offset(self) -> int:
        """The offset that the next record will have."""
        return self.segments[-1].end_offset if self.segments else self.empty_end

    @property
    def last_epoch(self) -> int:
        """The leader epoch of the last batch, -1 if there is none (R10)."""
        end_offset = self.end_offset
        return self.epochs.epoch_at(end_offset - 1) if end_offset > self.start_offset else -1

    @property
    def size_bytes(self) -> int:
        """Of all data files, up to the log's end."""
        return sum(segment.size for segment in self.segments)

    @property
    def uncommitted_bytes(self) -> int:
        """An upper bound of what a commit would have to write."""
        return sum(segment.size for segment in self._uncommitted)

    # --- writing ---------------------------------------------------------------------------

    def append(self, batch: Buffer, info: BatchInfo, base_offset: int, leader_epoch: int) -> None:
        """Copy a validated batch to the end, stamped; the producers' state follows.

        Raises DiskFull, RecordListTooLarge or, where the log is damaged, StorageError: nothing
        is written then. Durable after `LogStore.flush`.
        """
        assert base_offset == self.end_offset, "the log is dense: a batch begins where it ends"
        assert leader_epoch >= self.epochs.latest, "epochs never fall along the log"
        if self.read_only is not None:
            raise StorageError(self.read_only)
        limit = self.settings.segment_bytes
        if info.size > limit:
            raise RecordListTooLarge(
                f"The batch of {info.size} bytes is larger than a segment: "
                f"segment.bytes is {limit}."
            )
        segment = self.active(info.size, base_offset + info.last_offset_delta, limit)
        segment.append(batch, info, base_offset, leader_epoch, limit)
        self.on_appended(segment)
        if leader_epoch > self.epochs.latest:
            self.note_epoch(leader_epoch, base_offset)
        if info.producer_id >= 0:
            stamped = info._replace(base_offset=base_offset)
            self.producers.replay(stamped, self._clock.wall_ms())

    def append_fetched(self, data: Buffer, epoch_max: int, may_fill: bool = False) -> Followed:
        """Append what a leader's Fetch answer holds, as a follower (R14); see `following`.

        `epoch_max` is the leader's epoch; `may_fill`: the answer is known to be to a fetch at this
        log's end, and what it leaves out its leader does not have. Raises DiskFull, OSError or,
        where the log is damaged, StorageError: what was appended before stays, and `end_offset`
        tells.
        """
        return append_fetched(self, data, epoch_max, may_fill, self._clock.wall_ms())

    def note_epoch(self, epoch: int, base_offset: int) -> None:
        """A batch of `epoch` was appended at `base_offset`, which may be news."""
        if self.epochs.put(epoch, base_offset):
            self.max_epoch_seen = max(self.max_epoch_seen, epoch)
            self.keeper.note_epoch(self.partition, epoch, base_offset)

    def on_appended(self, segment: Segment) -> None:
        """It has bytes that no commit has taken."""
        self._residency.on_append(segment)
        if not self._uncommitted or self._uncommitted[-1] is not segment:
            self._uncommitted.append(segment)

    def active(self, size: int, last_offset: int, limit: int) -> Segment:
        """The segment that takes the next batch, of `size` bytes, a new one if need be."""
        self.keeper.note_change()
        self.sealing.is_needed = True
        if not self.segments:
            self.disk.make_dir(self.directory)
            self.begin_segment(SEGMENT_FIRST_BYTES, limit)
        elif not self.segments[-1].room(size, last_offset, limit):
            if self.segments[-1].size == 0:  # an index entry could not hold the offset
                self.remove(self.segments.pop())
                self.begin_segment(SEGMENT_FIRST_BYTES, limit)
            else:
                self._roll(SEGMENT_STEP_BYTES_MAX, limit)
        return self.segments[-1]

    def begin_segment(self, capacity: int, limit: int) -> None:
        """Go on in a new file."""
        self.sealing.is_needed = True
        segment = Segment.create(self.disk, self.directory, self.end_offset, capacity, limit)
        segment.created_ms = self._clock.wall_ms()
        segment.index_interval = self.settings.index_interval_bytes
        segment.start_indexes()
        self.segments.append(segment)

    def _roll(self, capacity: int, limit: int) -> None:
        """Begin a new segment; the old one is committed, closed and indexed in the background."""
        old = self.segments[-1]
        self.begin_segment(capacity, limit)
        old.write_indexes()
        self.sealing.write_snapshot(self.end_offset, self.producers)
        if old.region is not None and old not in self._uncommitted:
            self._uncommitted.append(old)
        self.keeper.flush_rolled(self)

    def roll_if_due(self, now_ms: int) -> None:
        """Close the active segment when it is older than segment.ms (`now_ms`: wall clock)."""
        if not self.segments or self.read_only is not None or not self.segments[-1].size:
            return
        active = self.segments[-1]
        active.created_ms = min(active.created_ms, now_ms)  # the clock was set back
        if now_ms - active.created_ms >= self.settings.roll_ms:
            self._roll(SEGMENT_FIRST_BYTES, self.settings.segment_bytes)

    # --- durability, told by the group commit ------------------------------------------------

    def begin_commit(self, whole: bool) -> tuple[list[Segment], int]:
        """The segments to sync now, and the offset up to which that makes the log durable."""
        taken = [s for s in self._uncommitted if whole or s is not self.segments[-1]]
        self._uncommitted = [s for s in self._uncommitted if s not in taken]
        end = self.end_offset if whole or not self.segments else self.segments[-1].base_offset
        return taken, end

    def write_uncommitted_again(self) -> None:
        """At a start, what stands above the durable end. Raises OSError."""
        if self.read_only is None:
            for segment in self._uncommitted:
                segment.write_again(self.flushed_offset)

    def on_committed(self, segments: list[Segment], end_offset: int) -> None:
        """They are durable: closed ones let go of their files."""
        self.keeper.note_change()
        self.flushed_offset = max(self.flushed_offset, end_offset)
        assert self.flushed_offset <= self.end_offset, "nothing is flushed that was not written"
        for segment in segments:
            if segment not in self.segments[-1:] and segment not in self._uncommitted:
                segment.release(self.settings.cache_closed_segments)

    # --- reading ---------------------------------------------------------------------------

    def read(self, offset: int, size_max: int, below: int) -> memoryview | ColdRead:
        """Whole batches from the one that holds `offset` on, ending at or below `below`.

        `below` is where a batch ends. Empty if there is none. The first may exceed `size_max`
        (KIP-74); all are of one segment.
        Raises OffsetOutOfRange, or CorruptMessage inside of damage.
        """
        if not self.start_offset <= offset <= self.end_offset:
            raise OffsetOutOfRange(
                f"The log has offsets {self.start_offset} to {self.end_offset}; "
                f"{offset} was asked for."
            )
        if offset >= below or offset == self.end_offset:
            return _NOTHING
        segment = self.segment_of(offset)
        below = min(below, segment.readable_end(offset))
        view = warm_read(segment, offset, size_max, below, self.high_watermark)
        return ColdRead(segment, offset, size_max, below) if view is None else view

    def segment_of(self, offset: int) -> Segment:
        """The segment that holds `offset`, or of the next record if there is a hole."""
        index = bisect_right(self.segments, offset, key=lambda segment: segment.base_offset) - 1
        if index < 0:
            raise CorruptMessage(f"There are no records at offset {offset}: {self.read_only}")
        if offset >= self.segments[index].end_offset:  # a loss that was accepted
            index += 1
        return self.segments[index]

    def offset_for_timestamp(self, timestamp: int) -> tuple[int, int] | None:
        """(timestamp, offset) of the first record at or after `timestamp`; None if there is none.

        May block on the disk for one batch.
        """
        return search.first_at(self.segments, timestamp, self.start_offset)

    def last_timestamp(self) -> tuple[int, int] | None:
        """(timestamp, offset) of the record with the latest timestamp; None if there is none."""
        return search.latest(self.segments, self.start_offset)

    # --- what goes -------------------------------------------------------------------------

    def delete_prefix(self, start_offset: int) -> None:
        """Records below `start_offset` are gone; files follow once a checkpoint says so."""
        if not self.start_offset <= start_offset <= self.end_offset:
            raise OffsetOutOfRange(
                f"The log has offsets {self.start_offset} to {self.end_offset}; it cannot begin "
                f"at {start_offset}."
            )
        self.start_offset = start_offset
        self.epochs.delete_prefix(start_offset)
        is_empty = start_offset == self.end_offset and self.read_only is None
        if is_empty and self.segments and self.segments[-1].size:
            with contextlib.suppress(DiskFull):  # then the last file stays for now (S10)
                self._roll(SEGMENT_FIRST_BYTES, self.settings.segment_bytes)
        count = retention.below_start(self.segments, start_offset)
        self.dropped += self.segments[:count]
        del self.segments[:count]
        self.keeper.checkpoint_soon()

    def apply_retention(self, now_ms: int) -> None:
        """Drop closed segments by size and age (`now_ms`: wall clock), below the high watermark."""
        if not self.settings.deletes:
            return
        count = retention.expired(self.segments, self.settings, now_ms, self.high_watermark)
        if count:
            self.delete_prefix(max(self.start_offset, self.segments[count].base_offset))

    def delete_dropped(self, count: int) -> None:
        """Remove the first dropped segments' files: a checkpoint without them is durable."""
        dropped, self.dropped = self.dropped[:count], self.dropped[count:]
        for segment in dropped:
            self.remove(segment)

    def remove(self, segment: Segment) -> None:
        """Delete the files of a segment that is not the log's any more."""
        self.let_go(segment)
        delete_files(self.disk, segment)

    def let_go(self, segment: Segment) -> None:
        """No commit takes it, and nobody writes it."""
        segment.release()
        self._uncommitted = [kept for kept in self._uncommitted if kept is not segment]

    def delete_replaced(self) -> None:
        """Remove the files whose place a compacted one has taken, as `compaction_files` says."""
        while self.replaced:
            self.disk.sync_dir(self.directory)
            delete_files(self.disk, self.replaced.pop(0))

    def rest(self) -> None:
        """Call it now and then: what was not used since the last call gives up its memory.

        A log that is not written is committed, whatever its flush mode, and then unmapped (S13).
        """
        for segment in self.segments[:-1]:
            segment.forget_idle_indexes()
        end_offset, self._rested_at = self._rested_at, self.end_offset
        if end_offset != self.end_offset or not self.segments or self.read_only is not None:
            return
        if self._uncommitted:
            self.keeper.flush(self)
        elif self.flushed_offset == self.end_offset:
            self.segments[-1].rest()

    def seal(self) -> None:
        """A clean stop: the indexes and the producers' state into their files."""
        if self.segments and self.read_only is None and self.sealing.is_needed:
            self.sealing.put(self.segments, self.producers)

    def seal_at_rest(self) -> None:
        """As `seal`, if all is durable and it pays: a crash costs the next start no scan."""
        if self.flushed_offset == self.end_offset and pays(self.segments):
            self.seal()

    def close(self) -> None:
        """Let go of all files; views that were handed out stay valid."""
        self.is_closed = True
        for segment in [*self.segments, *self.dropped]:
            segment.release()

    def truncate(self, end_offset: int, keep: bool = False) -> None:
        """Cut the log, its epochs and its producers to `end_offset`; durable when it returns.

        Where no batch ends at it, at the one below. To `keep` is to leave the bytes in `.cut`
        files, and to count them in `cut_bytes` (R13). Bytes that a frame still refers to are
        never written over: then the file is sealed at the cut and the log goes on in a new one
        (S12). Blocks.
        """
        truncation.truncate(self, end_offset, keep, self._clock.wall_ms())

    def restart_at(self, start_offset: int) -> None:
        """Give up all records: the log is empty and begins here; durable when it returns.

        For a follower whose leader has deleted what would have to follow. A crash leaves the old
        log or the new one. After an OSError it is read-only until the next start. Blocks.
        """
        truncation.restart_at(self, start_offset)

    def settle(self) -> None:
        """Return when nothing of it is being written in the background; blocks."""
        self.keeper.settle()
        self.sealing.settle()
        self.delete_replaced()

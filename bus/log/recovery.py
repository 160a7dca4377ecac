"""Bring one partition's files back to a log after any end of the life before (S6, S7).

Found                                      Done
-----                                      ----
clean stop, files agree with it            nothing is scanned
closed segment below the durable end       its tail is compared with where the next one begins
at rest and sealed at the durable end      its tail is compared with that end (seal.py)
everything from the durable end on         scanned: header, checksum, order, epochs
bad batch at or above the durable end      cut there; the bytes kept aside once (`.cut`), whole
                                           later segments too
bad batch below the durable end            nothing is cut or renamed: read-only, both sides served
the durable end is not known               good batches behind a bad one make it damage, not a tail
gap that a `.lost` file stands for         accepted (see `repair.py`)
a log that was to begin anew (`.restart`)  it is empty; what is left of the old one goes
what a compaction had begun (`.cleaned`)   removed; what it had renamed counts (compaction_files.py)

The durable end is the larger of what the checkpoint and the flush journal say. Nothing is ever
deleted here but leftovers below a start offset that a valid checkpoint names.
"""

import contextlib

from bus.errors import CorruptBatch
from bus.log.damage import find_good
from bus.log.epoch_recovery import EpochReplay
from bus.log.epochs import EpochCache
from bus.log.files import delete_files, forget, remove_old_life, set_aside
from bus.log.layout import CLEANED, CUT, LOG, RESTART, SNAPSHOT, offset_file
from bus.log.producer_recovery import ProducerReplay, load_producers
from bus.log.recovered import EXHAUSTED, Known, Recovered, why_read_only, without_files
from bus.log.scan import (
    ANY_EPOCH,
    FOREVER,
    FileScan,
    Header,
    has_bytes,
    length_with,
    scan_file,
    walk_to_end,
)
from bus.log.segment import Damage, Segment
from bus.log.tail import tail_of_active, tail_of_closed
from bus.model.limits import CUT_BYTES_KEPT_MAX, LEADER_EPOCH_MAX
from bus.ports import Disk


def recover(disk: Disk, directory: str, known: Known, now_ms: int) -> Recovered:
    """The partition in `directory`; its files are changed only as the table above says."""
    restarts = known.names.of(RESTART)
    if restarts:
        return _begun_anew(disk, directory, known, restarts[-1])
    return _Recovery(disk, directory, known, now_ms).run()


def _begun_anew(disk: Disk, directory: str, known: Known, offset: int) -> Recovered:
    """The old log is given up; the mark of it goes when a checkpoint says so (`begin_anew`)."""
    remove_old_life(disk, directory)
    found = without_files(directory, known)
    found.epochs, found.is_begun_anew, found.is_clean = EpochCache(), True, False
    found.start_offset = found.end_offset = found.held_end = offset
    found.flushed_offset = found.high_watermark = offset
    return found


class _Recovery:
    def __init__(self, disk: Disk, directory: str, known: Known, now_ms: int) -> None:
        self.disk = disk
        self.directory = directory
        self.known = known
        self.now_ms = now_ms
        self.names = known.names
        self.lost = dict(self.names.lost)
        self.has_cut = False
        self.below = FOREVER  # where the scanned segment's records end
        self.result = Recovered(directory, held_end=known.held_end)
        self.epochs = EpochReplay(known.epochs, known.promised, known.max_epoch_seen)
        if known.record is not None:
            self.result.start_offset = known.record.start_offset
            self.result.high_watermark = known.record.high_watermark
        forget(disk, directory, CLEANED, self.names)  # what a compaction was writing
        self.bases = self._drop_leftovers(self.names.of(LOG))
        snapshots = self.names.of(SNAPSHOT)
        self.producers = ProducerReplay(disk, directory, snapshots, self._snapshot_max(), now_ms)

    def run(self) -> Recovered:
        self._take_segments()
        self._finish()
        result = self.result
        result.producers = self.producers.table
        result.snapshot_offset = self.producers.start_offset
        if self.producers.start_offset > result.end_offset:  # the snapshot was of what is cut
            result.producers = load_producers(
                self.disk, self.directory, result.segments, result.end_offset, self.now_ms
            )
        return result

    def _snapshot_max(self) -> int:
        if self.known.is_clean and self.known.record is not None:
            return self.known.record.end_offset
        return max(self.bases[-1] if self.bases else 0, self.known.durable_end or 0)

    def _drop_leftovers(self, bases: list[int]) -> list[int]:
        """Segments wholly below the start are dropped files that a crash brought back."""
        while len(bases) > 1 and bases[1] <= self.result.start_offset:
            delete_files(self.disk, Segment(self.disk, self.directory, bases.pop(0)))
        return bases

    def _take_segments(self) -> None:
        """In order, until one is cut."""
        bases = self.bases
        expected = self.result.start_offset
        if bases and (bases[0] < expected or self.known.record is None):
            expected = bases[0]
            self.result.start_offset = max(self.result.start_offset, expected)
        elif bases and self.lost.get(expected) == bases[0]:
            expected = self.result.start_offset = bases[0]
        for index, base in enumerate(bases):
            following = bases[index + 1] if index + 1 < len(bases) else None
            if base != expected and not self._accept_gap(expected, base):
                self._set_aside(bases[index:])
                return
            segment = self._take(base, self._end_before(following))
            self.result.segments.append(segment)
            expected = segment.end_offset
            if self.has_cut:
                self._set_aside(bases[index + 1 :])
                return

    def _end_before(self, following: int | None) -> int | None:
        """Where the records before a segment end: earlier, if a loss between them was accepted."""
        for start, end in self.lost.items():
            if end == following:
                return start
        return following

    def _accept_gap(self, start: int, end: int) -> bool:
        """Is a hole between segments no reason to stop? Below the durable end it is damage."""
        if self.lost.get(start) == end:
            return True
        if start > end or not self._was_durable(start):
            return False
        self._miss(start, end)
        return True

    def _miss(self, start: int, end: int) -> None:
        """Records that should be there have no file: damage at the end of the segment before."""
        reason = f"records {start} to {end - 1} are missing"
        self._damaged(reason)
        if self.result.segments:
            previous = self.result.segments[-1]
            previous.damages.append(Damage(start, end, previous.size, previous.size, reason))
            previous.end_offset = end

    def _was_durable(self, offset: int) -> bool:
        """Was a record at `offset` durable, as far as anyone knows?"""
        return self.known.durable_end is None or offset < self.known.durable_end

    def _take(self, base: int, following: int | None) -> Segment:
        segment = Segment(self.disk, self.directory, base)
        length = self.disk.data_end(segment.path)
        segment.created_ms = self.now_ms
        if self.known.record is not None and following is None:
            segment.created_ms = self.known.record.segment_created_ms or self.now_ms
        if self._trust(segment, length, following):
            self.producers.on_segment(segment)
            has_snapshot = self.producers.start_offset == segment.end_offset
            self.result.is_sealed = following is None and has_snapshot
        else:
            self._scan(segment, length, following)
        return segment

    def _trust(self, segment: Segment, length: int, following: int | None) -> bool:
        """May the data stay unscanned? Then their tail leads to where they should end."""
        durable_end, record = self.known.durable_end, self.known.record
        if following is not None and durable_end is not None and following <= durable_end:
            wanted = following
        elif following is None and self.known.is_clean and record is not None:
            wanted = record.end_offset
        elif following is None and durable_end is not None and self._has_seal(segment, durable_end):
            wanted = durable_end
        else:
            return False
        if following is not None:
            return self._end_by(segment, tail_of_closed(self.disk, segment, length), wanted)
        indexes = segment.read_indexes()
        if indexes is None:
            return False
        end = tail_of_active(self.disk, segment, length, indexes)
        if end is None or has_bytes(self.disk, segment.path, end.zero_end, length):
            return False
        return self._end_by(segment, end, wanted) and segment.take_indexes(indexes)

    def _end_by(self, segment: Segment, end: FileScan | None, wanted: int) -> bool:
        """Take what the tail says for the segment's end, if it is where it should be."""
        if end is None or end.end_offset != wanted:
            return False
        segment.size, segment.end_offset = end.position, wanted
        return True

    def _has_seal(self, segment: Segment, durable_end: int) -> bool:
        """Was it at rest, and is all of it durable? Then only its tail is looked at (seal.py)."""
        is_known = self.known.record is not None
        return is_known and segment.base_offset < durable_end == self.producers.start_offset

    # --- scanning --------------------------------------------------------------------------

    def _scan(self, segment: Segment, length: int, following: int | None) -> None:
        """All of a segment, over damage below the durable end; cut or end where it stops."""
        offsets, times = segment.start_indexes()
        state = FileScan(0, segment.base_offset, -1)
        self.below = FOREVER if following is None else following
        while True:
            scan_file(
                self.disk,
                segment.path,
                state,
                length,
                offset_index=offsets,
                time_index=times,
                on_headers=self._on_headers,
            )
            whole = length_with(self.disk, segment.path, state.position, length)
            if whole > length:
                length = whole
                continue
            damage = self._damage_at(segment, state, length, following)
            if damage is None:
                break
            self._damaged(damage.reason)
            segment.damages.append(damage)
            state = FileScan(damage.resume, damage.end_offset, ANY_EPOCH)
        segment.size, segment.end_offset = state.position, state.end_offset
        self.result.scanned_bytes += state.position
        if following is not None and state.end_offset > following:
            self._end_at(segment, following)
        elif following is None or state.end_offset < following:
            self._clear_tail(segment, state, length)
        if following is not None and not self.has_cut:
            segment.write_indexes()
        if segment.end_offset > (self.known.durable_end or 0):
            self.result.unsynced.append(segment)

    def _on_headers(self, headers: list[Header]) -> None:
        if headers and headers[-1][0] >= self.below:  # left behind by a truncation
            headers = [header for header in headers if header[0] < self.below]
        self.producers.on_headers(headers)
        self.epochs.on_headers(headers)

    def _damage_at(
        self, segment: Segment, state: FileScan, length: int, following: int | None
    ) -> Damage | None:
        """The damage that begins where the scan stopped; None if the good data just end there."""
        offset, wanted = state.end_offset, self.known.durable_end
        if following is not None:
            wanted = following if wanted is None else min(following, wanted)
        if wanted is not None and offset >= wanted:
            return None
        reason = f"at offset {offset} {state.reason or 'batches are missing'}"
        good = None
        if state.position < length:
            good = find_good(self.disk, segment.path, state.position, offset, length, wanted)
        if good is not None:
            return Damage(offset, good[1], state.position, good[0], reason)
        if wanted is None:
            return None
        return Damage(offset, wanted, state.position, length, reason)

    def _clear_tail(self, segment: Segment, state: FileScan, length: int) -> None:
        """Nothing may follow the end: a leftover could be taken for a later append's neighbour."""
        end, zero_end = segment.size, max(segment.size, state.zero_end)
        is_blank = state.reason is None and not has_bytes(self.disk, segment.path, zero_end, length)
        if segment.damages or is_blank:
            return
        self._begin_cut(state.reason or "there are batches behind a hole")
        data = self.disk.read(segment.path, end, min(CUT_BYTES_KEPT_MAX, length - end))
        path = offset_file(self.directory, segment.end_offset, CUT)
        self.disk.write(path, data.rstrip(b"\0"))
        self.disk.cut(segment.path, end)
        self.result.cut_bytes += len(data.rstrip(b"\0"))

    def _end_at(self, segment: Segment, end_offset: int) -> None:
        """The next file begins before this one ends: its truncation did not reach the disk."""
        size, segment.end_offset = segment.size, end_offset
        if segment.damages:  # which is not for us to decide: a loss that is being accepted
            return
        segment.size, segment.end_offset = 0, segment.base_offset
        with contextlib.suppress(CorruptBatch):
            walked, found = walk_to_end(self.disk, segment.path, 0, size, end_offset)
            segment.size, segment.end_offset = walked, max(found, segment.base_offset)
        segment.rebuild_indexes()
        self.disk.cut(segment.path, segment.size)

    def _begin_cut(self, reason: str) -> None:
        if not self.has_cut:
            self.has_cut = True
            self.result.cut_reason = reason
            forget(self.disk, self.directory, CUT, self.names)  # only the last one's is kept

    def _set_aside(self, bases: list[int]) -> None:
        """Whole segments behind the cut are kept, never scanned."""
        if not bases:
            return
        self._begin_cut("there are segments behind a hole")
        for base in bases:
            self.result.cut_bytes += self.disk.size(offset_file(self.directory, base, LOG))
            set_aside(self.disk, self.directory, base)
        self.disk.sync_dir(self.directory)

    # --- the end ---------------------------------------------------------------------------

    def _end_at_start(self) -> int:
        """Records up to the start were never durable, and are deleted by now anyway."""
        result = self.result
        for segment in result.segments:
            delete_files(self.disk, segment)
        result.segments, result.unsynced = [], []
        return result.start_offset

    def _damaged(self, reason: str) -> None:
        self.result.read_only = self.result.read_only or why_read_only(self.directory, reason)

    def _finish(self) -> None:
        result, durable_end = self.result, self.known.durable_end
        end = result.segments[-1].end_offset if result.segments else result.start_offset
        if durable_end is not None and end < durable_end:
            self._miss(end, durable_end)
            end = durable_end
        if end < result.start_offset:
            end = self._end_at_start()
        result.end_offset = end
        result.flushed_offset = end
        if result.unsynced:
            result.flushed_offset = min(end, max(durable_end or 0, result.start_offset))
        result.high_watermark = min(max(result.high_watermark, result.start_offset), end)
        result.epochs = self.epochs.cache(result.start_offset, end)
        result.max_epoch_seen = self.epochs.max_epoch_seen
        result.has_new_epochs = self.epochs.has_news
        record = self.known.record if self.known.is_clean else None
        result.is_clean = record is not None and record.end_offset == end and not self.has_cut
        if result.max_epoch_seen >= LEADER_EPOCH_MAX:
            self._damaged(EXHAUSTED)

"""Check a piece of a closed segment: every batch's checksum and place, as recovery would (S9).

A piece begins at a boundary and may end anywhere: what its end cuts off belongs to the next one.
Blocks on the disk; runs on any thread.
"""

from dataclasses import dataclass

from bus.log.damage import find_good
from bus.log.scan import ANY_EPOCH, FileScan, claimed_size, scan_file
from bus.log.segment import Damage, Segment
from bus.model.limits import BATCH_OVERHEAD
from bus.ports import Disk


@dataclass(frozen=True, slots=True)
class Place:
    """A boundary in a segment."""

    position: int
    offset: int
    leader_epoch: int = ANY_EPOCH


@dataclass(frozen=True, slots=True)
class Checked:
    """What a piece was like."""

    place: Place  # where the next piece begins
    damage: Damage | None = None
    unreadable: str | None = None  # why the disk does not give the bytes: the rest is not checked


class Piece:
    """Some bytes of a segment from a boundary on; planned on the event loop's thread."""

    def __init__(self, disk: Disk, segment: Segment, place: Place, size: int) -> None:
        self.segment = segment
        self.place = place
        self.stop = segment.size  # now: a closed segment changes only by truncation
        self._end_offset = segment.end_offset
        self._disk = disk
        self._size = size

    def check(self) -> Checked:
        """Read it. Never raises OSError."""
        try:
            state = self._scan(self._size)
            if state.position == self.place.position:  # a large batch, or a bad one
                state = self._scan(self._batch_size())
        except OSError as error:
            end = Place(self.stop, self._end_offset)
            return Checked(end, unreadable=error.strerror or str(error))
        if state.position == self.place.position or self._ends_early(state):
            reason = state.reason or "batches are missing"
            return self._behind(state, f"at offset {state.end_offset} {reason}")
        return Checked(Place(state.position, state.end_offset, state.leader_epoch))

    def _scan(self, size: int) -> FileScan:
        place = self.place
        state = FileScan(place.position, place.offset, place.leader_epoch)
        stop = min(self.stop, place.position + size)
        return scan_file(self._disk, self.segment.path, state, stop)

    def _batch_size(self) -> int:
        head = self._disk.read(self.segment.path, self.place.position, BATCH_OVERHEAD)
        return max(BATCH_OVERHEAD, claimed_size(head))

    def _ends_early(self, state: FileScan) -> bool:
        return state.position >= self.stop and state.end_offset != self._end_offset

    def _behind(self, state: FileScan, reason: str) -> Checked:
        """Where good batches go on."""
        position, offset, path = state.position, state.end_offset, self.segment.path
        try:
            good = find_good(self._disk, path, position, offset, self.stop, self._end_offset)
        except OSError:
            good = None
        if good is None:
            return self._damaged(reason, self.stop)
        damage = Damage(offset, good[1], position, good[0], reason)
        return Checked(Place(good[0], good[1]), damage)

    def _damaged(self, reason: str, resume: int) -> Checked:
        """All the rest of the segment."""
        place = self.place
        damage = Damage(place.offset, self._end_offset, place.position, resume, reason)
        return Checked(Place(resume, self._end_offset), damage)

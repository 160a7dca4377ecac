"""When a disk is too full to be written, and when it is no more (S10).

State   Condition                                 Next
-----   ---------                                 ----
open    free below the reserve                    full
full    free above the reserve by an eighth       open

The reserve is the larger of a number of bytes and a share of the disk, but never more than a
quarter of it: what is small altogether could not be used at all otherwise. Reads, deletes and
retention go on in both states; what they write (checkpoints, metadata) is what the reserve is for.
"""

from dataclasses import dataclass

_MARGIN = 8  # hysteresis: this part of the reserve
_LOOKS = 8  # the disk is asked when this part of the reserve was written
_SHARE_MAX = 4  # the reserve is at most this part of the disk


@dataclass(frozen=True, slots=True)
class Reserve:
    """What must stay free."""

    bytes: int = 0
    percent: int = 0

    def of(self, total_bytes: int) -> int:
        """Bytes, on a disk of this size."""
        wanted = max(self.bytes, total_bytes * self.percent // 100)
        return min(wanted, total_bytes // _SHARE_MAX)


class Room:
    """The state of one disk."""

    def __init__(self, reserve: Reserve) -> None:
        self.is_full = False
        self.free_bytes = 0
        self.total_bytes = 0
        self.reserve_bytes = 0  # what must stay free of this disk
        self._unseen_bytes = 0  # written since the disk was last asked
        self._reserve = reserve

    def is_due(self, size: int) -> bool:
        """So many bytes are about to be written: must the disk be asked before the next look?"""
        self._unseen_bytes += size
        return 0 < self.reserve_bytes < self._unseen_bytes * _LOOKS

    def update(self, free_bytes: int, total_bytes: int) -> bool:
        """The disk was asked; True if that changed the state."""
        self.free_bytes, self.total_bytes = free_bytes, total_bytes
        self._unseen_bytes = 0
        before, self.reserve_bytes = self.is_full, self._reserve.of(total_bytes)
        bound = self.reserve_bytes + (self.reserve_bytes // _MARGIN if before else 0)
        self.is_full = free_bytes < bound
        return self.is_full is not before

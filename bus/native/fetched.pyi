"""Batches that a leader sent: checked in one pass, told of without a loop in Python."""

from typing_extensions import Buffer

from bus.native.batch import Header
from bus.native.index import OffsetIndex, TimeIndex

class Run:
    """Batches, back to back, that may follow a log; their headers are kept.

    `first` and `stop` number batches of the run, half-open.
    """

    count: int  # batches that are good
    records: int  # in them
    position: int  # in the data, behind the last good batch
    end_offset: int  # after its last record, or as given
    reason: str | None  # why the batch at `position` is no good; None if there is none
    is_cut: bool  # at `position` stands the beginning of a batch, and the data end inside of it

    def span(self, first: int, stop: int) -> tuple[int, int, int]:
        """(start, end, end offset): where these batches, at least one, stand in the data."""

    def fitting(self, first: int, size_max: int, below: int) -> int:
        """The `stop` up to which they take `size_max` bytes at most, all offsets below `below`."""

    def feed(
        self, first: int, stop: int, position: int, offsets: OffsetIndex, times: TimeIndex
    ) -> None:
        """Tell the indexes of these batches, which stand from `position` of the file on.

        Raises OverflowError for what 32 bits do not hold.
        """

    def epochs(self, first: int, stop: int) -> list[tuple[int, int]]:
        """(leader epoch, base offset) of the first of these batches, and wherever it changes."""

    def telling(self, first: int, stop: int, retained: int) -> list[Header]:
        """Headers of those that say anything about idempotent producers, in order.

        Of each producer's batches that bear sequences the last `retained`, and all others.
        """

def check_run(
    data: Buffer,
    position: int,
    end_offset: int,
    leader_epoch: int,
    epoch_max: int,
    batches_max: int,
) -> Run:
    """The good batches from `position` on, `batches_max` at most: whole, valid and in order.

    Valid is header, codec and CRC; records are not opened. In order: the first begins at
    `end_offset`, each where the one before ends; leader epochs rise from `leader_epoch`, and to
    `epoch_max` at most. Releases the GIL above 32 KiB.
    """

def filling(base_offset: int, end_offset: int, leader_epoch: int, batches_max: int) -> bytes:
    """Batches without records that stand for these offsets, back to back.

    ValueError if there are no such offsets, or if that takes more than `batches_max`.
    """

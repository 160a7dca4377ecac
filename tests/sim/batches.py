"""Batches as the checker tells them apart: by where they stand and what their checksum is."""

from bisect import bisect_left
from typing import NamedTuple

from bus.native.batch import check_stored, header

CRC_AT, CRC_END = 17, 21  # protocol: Record Batch


class Batch(NamedTuple):
    """One batch in a log; two of the same `what` are copies of one another."""

    base: int
    end: int
    epoch: int
    crc: int
    path: str = ""
    position: int = 0
    size: int = 0

    @property
    def what(self) -> tuple[int, int, int, int]:
        return self[:4]

    def __str__(self) -> str:
        return f"[{self.base}, {self.end}) of epoch {self.epoch} crc {self.crc:08x}"


def batches_in(data, position: int, stop: int, path: str = "", whole: bool = True) -> list[Batch]:
    """Those that stand back to back; `whole`: all of their bytes are looked at."""
    found = []
    read = check_stored if whole else header
    while position < stop:
        fields = read(data, position)
        base, size, epoch, delta = fields[0], fields[1], fields[2], fields[4]
        crc = crc_of(data, position)
        found.append(Batch(base, base + delta + 1, epoch, crc, path, position, size))
        position += size
    return found


def batches_at(log: list[Batch], base: int) -> list[Batch]:
    """The one that begins there, if one does; it may stand far below the log's end."""
    index = bisect_left(log, (base,))
    return [log[index]] if index < len(log) and log[index].base == base else []


def crc_of(data, position: int = 0) -> int:
    return int.from_bytes(data[position + CRC_AT : position + CRC_END], "big")

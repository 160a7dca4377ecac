"""A history of one partition: what producers were told, what the log gave back, what is wrong.

Each record carries a number; a producer numbers its records in the order of sending. The judgement:

told                     must hold
----                     ---------
acknowledged at offset   the record stands there, once
the same, and `lossy`    so too, if it was told to be flushed; else the log may end before it
definitely refused       the record stands nowhere
anything else            the record stands once or nowhere
always                   offsets are dense; a producer's numbers ascend; no number stands twice

Used by the crash rounds, and by whatever else breaks brokers on purpose.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Span:
    """Records first, first + 1, ... of one batch; `base_offset` is where the first was written."""

    first: int
    count: int
    base_offset: int = -1
    flushed: bool = True  # told to be on the disk, not in a page cache


@dataclass(slots=True)
class History:
    """What was told and what was read of one partition and one producer."""

    acknowledged: list[Span] = field(default_factory=list)
    refused: list[Span] = field(default_factory=list)  # definitely: nothing was written
    start_offset: int = 0  # of what was read
    last_number: int = -1  # the highest that stands below start_offset
    lossy: bool = False  # page caches were lost
    read: list[int] = field(default_factory=list)  # the numbers, in the order of their offsets
    problems: list[str] = field(default_factory=list)

    def saw(self, offsets: Sequence[int], numbers: Sequence[int]) -> None:
        """A consumer read these, in this order."""
        for offset, number in zip(offsets, numbers, strict=True):
            due = self.end_offset
            if offset != due:
                self._note(f"offset {offset} came where {due} was due")
            self.read.append(number)

    @property
    def end_offset(self) -> int:
        """Behind the last record that was read."""
        return self.start_offset + len(self.read)

    def verdict(self) -> list[str]:
        """All that is wrong, in sentences; empty if the history holds."""
        self._check_order()
        for span in self.acknowledged:
            self._check_acknowledged(span)
        present = set(self.read)
        for span in self.refused:
            found = [n for n in range(span.first, span.first + span.count) if n in present]
            if found:
                self._note(f"record {found[0]} was refused for certain, and stands in the log")
        return self.problems

    def _check_order(self) -> None:
        last = self.last_number
        for position, number in enumerate(self.read):
            if number <= last:
                offset = self.start_offset + position
                what = "stands twice" if number == last else f"comes after {last}"
                self._note(f"record {number} at offset {offset} {what}")
            last = max(last, number)

    def _check_acknowledged(self, span: Span) -> None:
        begin = span.base_offset - self.start_offset
        if begin < 0:
            return  # read and judged before
        found = self.read[begin : begin + span.count]
        end = span.first + span.count
        may_end = self.lossy and not span.flushed and begin + span.count > len(self.read)
        due = range(span.first, span.first + len(found) if may_end else end)
        if found != list(due):
            self._note(
                f"records {span.first} to {end - 1} were acknowledged at offset "
                f"{span.base_offset}, where {found[:3] or 'nothing'} stands"
            )

    def _note(self, problem: str) -> None:
        if len(self.problems) < 20:
            self.problems.append(problem)

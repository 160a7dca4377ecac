"""Loads with a plan: when each call is due, and what a reader must have seen of it.

The first value of a call begins with the moment at which the call was *due*, on the monotonic
clock that processes of one machine share. A sender that is late cannot hide it so: its lateness
is in every latency that is measured (no coordinated omission).

The sender and each reader keep checksums over the values in order. Where one reader's checksum
over all would cost more than the reading, `shares` readers split it: reader k sums the calls
whose number is k modulo `shares`. All look at every offset.
"""

import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from perf.bench import Failed
from perf.pool import Pool

STAMP_BYTES = 8


def moments(per_second: float, count: int) -> Iterator[int]:
    """`count` moments (ns) from now on, each given when it has come, or at once if it is over."""
    begin, interval = time.monotonic_ns(), 1e9 / per_second
    for index in range(count):
        due = begin + int(index * interval)
        wait = due - time.monotonic_ns()
        if wait > 0:
            time.sleep(wait / 1e9)
        yield due


@dataclass(slots=True)
class Sent:
    """The calls that one sender makes."""

    pool: Pool
    shares: int = 1
    calls: int = 0
    _checksums: list[int] = field(default_factory=list)
    _unsummed: list[int] = field(default_factory=list)  # when the last calls were due

    @property
    def records(self) -> int:
        return self.calls * self.pool.call_records

    def call(self, due_ns: int) -> list[bytes]:
        """The values of the next call, which was due at that moment."""
        self._unsummed.append(due_ns)
        self.calls += 1
        return self._values(self.calls - 1, due_ns)

    def checksums(self) -> list[int]:
        """Of the calls so far; summed now, so that it costs nothing while a clock runs."""
        self._checksums = self._checksums or [0] * self.shares
        first = self.calls - len(self._unsummed)
        for index, due_ns in enumerate(self._unsummed, first):
            share = index % self.shares
            values = self._values(index, due_ns)
            self._checksums[share] = zlib.crc32(b"".join(values), self._checksums[share])
        self._unsummed.clear()
        return self._checksums

    def _values(self, index: int, due_ns: int) -> list[bytes]:
        values = self.pool.call(index).copy()
        values[0] = due_ns.to_bytes(STAMP_BYTES, "big") + values[0][STAMP_BYTES:]
        return values


@dataclass(slots=True)
class Seen:
    """What one reader has seen, in order and once, or it raises Failed."""

    call_records: int
    share: int = 0
    shares: int = 1
    next_offset: int = 0
    checksum: int = 0
    latencies: list[int] = field(default_factory=list)  # ns, one a call

    def look(self, batch: Any) -> None:
        """Check a batch that has just come; it is not of more than one call of several records."""
        now = time.monotonic_ns()
        offsets = batch.offsets
        if offsets[0] != self.next_offset or offsets[-1] != self.next_offset + len(batch) - 1:
            raise Failed(f"offset {self.next_offset} was due, {offsets[0]} to {offsets[-1]} came")
        if self.next_offset // self.call_records % self.shares == self.share:
            self.checksum = zlib.crc32(b"".join(batch.values), self.checksum)
        spans = batch.value_spans[-self.next_offset % self.call_records :: self.call_records]
        if len(spans):
            self.latencies += (now - stamps(batch.buffers[0], spans[:, 1])).tolist()
        self.next_offset += len(batch)

    def report(self) -> tuple[int, list[int]]:
        """The checksum and the latencies since the last report."""
        latencies, self.latencies = self.latencies, []
        return self.checksum, latencies


def stamps(buffer: Any, starts: Any) -> Any:
    """int64[n]: the moments at the beginning of the values that start at `starts`."""
    whole = np.frombuffer(buffer, np.uint8)
    found = whole[starts[:, None] + np.arange(STAMP_BYTES)]
    return found.view(">i8")[:, 0].astype(np.int64)


def check(sent: Sent, checksums: Sequence[int]) -> None:
    """Raises Failed unless each reader's checksum is that of its share."""
    wanted = sent.checksums()
    for index, checksum in enumerate(checksums):
        if checksum != wanted[index % sent.shares]:
            raise Failed(f"reader {index} has seen other values than were sent")

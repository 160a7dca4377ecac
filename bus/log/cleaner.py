"""Compact the logs of one data directory that ask for it, the dirtiest first, in the background.

State       Event                           What happens
-----       -----                           ------------
resting     `step`, and the rest is over    the log that is due and has the largest dirty share
compacting  `step`, and bytes are allowed   pieces are done on the caller's pool, one at a time
compacting  no bytes are left               the next step allows more
compacting  it is over                      its end is noted; the next log at once
compacting  it failed                       logged; that log rests for RETRY_MS
resting     no log is due                   for `backoff_ms`

The file `cleaner` holds a line a partition: topic id, partition, and the offset up to where it is
compacted. It is derived: what it does not name counts as dirty.
"""

import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from bus.log.compaction import Plan, plan
from bus.log.compaction_run import Piece, Run, Totals, spans_of
from bus.log.layout import CLEANER
from bus.log.partition_log import PartitionLog
from bus.log.store import LogStore
from bus.model.ids import PartitionId
from bus.model.limits import CLEANER_FILE_BYTES_MAX
from bus.ports import Clock, Disk

RETRY_MS = 600_000  # after a failure: damage does not mend itself
Submit: TypeAlias = Callable[[Callable[[], Piece], Callable[["Future[Piece]"], None]], None]
logger = logging.getLogger("busd")


@dataclass(frozen=True, slots=True)
class CleanerLimits:
    """What compaction may use of a machine."""

    bytes_per_second: int  # read and written
    memory_bytes: int  # of the map of keys
    backoff_ms: int
    is_enabled: bool = True


class Cleaner:
    """The compaction of one data directory; one thread only, but for the pieces."""

    def __init__(self, store: LogStore, disk: Disk, clock: Clock, limits: CleanerLimits) -> None:
        self.runs = 0  # that were finished in this life
        self.failures = 0
        self.totals = Totals()
        self.dirty_ratio = 0.0  # the largest of all logs, when it was last looked
        self._store = store
        self._disk = disk
        self._clock = clock
        self._limits = limits
        self._compacted: dict[PartitionId, int] | None = None  # up to where; None: not yet read
        self._retry: dict[PartitionId, int] = {}  # when a log that failed may be tried again
        self._run: Run | None = None
        self._is_working = False
        self._submit: Submit | None = None  # of the last step
        self._allowed = 0.0  # bytes
        self._stepped_ms = clock.now_ms()
        self._next_look_ms = self._stepped_ms

    def step(self, now_ms: int, submit: Submit) -> None:
        """Go on if it is time; call it every half second or so."""
        elapsed, self._stepped_ms = now_ms - self._stepped_ms, now_ms
        if not self._limits.is_enabled:
            return
        if self._store.failed is not None:
            self.close()
            return
        rate = self._limits.bytes_per_second
        self._allowed = min(self._allowed + elapsed * rate / 1000, float(rate))
        self._submit = submit
        if self._run is None and now_ms >= self._next_look_ms:
            self._look(now_ms)
        self._go_on()

    def close(self) -> None:
        """Leave off; what was begun is removed."""
        if self._run is not None:
            self._run.close()
            self._run = None

    # --- which log -------------------------------------------------------------------------

    def _look(self, now_ms: int) -> None:
        """Begin with the log that needs it most."""
        wall_ms = self._store.aging_ms()
        best: tuple[float, PartitionLog, Plan] | None = None
        self.dirty_ratio = 0.0
        for log in self._store.logs():
            planned = self._plan(log, now_ms, wall_ms)
            if planned is None:
                continue
            self.dirty_ratio = max(self.dirty_ratio, planned.ratio)
            rank = planned.ratio + planned.is_overdue
            if planned.is_due(log.settings) and (best is None or rank > best[0]):
                best = rank, log, planned
        if best is None:
            self._next_look_ms = now_ms + self._limits.backoff_ms
            return
        _, log, planned = best
        memory_bytes = self._limits.memory_bytes
        self._run = Run(self._disk, log, planned, wall_ms, memory_bytes, self._go_on)

    def _plan(self, log: PartitionLog, now_ms: int, wall_ms: int) -> Plan | None:
        is_out = not log.settings.compacts or log.is_closed or log.read_only is not None
        if is_out or len(log.segments) < 2 or now_ms < self._retry.get(log.partition, now_ms):
            return None
        first_dirty = max(self._ends().get(log.partition, 0), log.start_offset)
        below = min(log.high_watermark, log.flushed_offset)
        return plan(spans_of(log), first_dirty, below, log.settings, wall_ms)

    # --- pieces ----------------------------------------------------------------------------

    def _go_on(self) -> None:
        if self._is_working or self._run is None or self._allowed <= 0:
            return
        run, submit = self._run, self._submit
        assert submit is not None, "a run begins in a step"
        work = run.next_work()
        if work is not None:
            self._is_working = True
            submit(work, lambda future: self._on_done(run, future))
        elif run.is_over:
            self._finish(run)
            self._look(self._clock.now_ms())
            self._go_on()

    def _on_done(self, run: Run, future: "Future[Piece]") -> None:
        self._is_working = False
        if future.cancelled() or run is not self._run:
            return
        piece = future.result()
        self._allowed -= piece.read + len(piece.written)
        run.on_done(piece)
        self._go_on()

    def _finish(self, run: Run) -> None:
        self._run = None
        partition = run.log.partition
        self.totals.add(run.totals)
        if run.error is not None:
            self.failures += 1
            self._retry[partition] = self._clock.now_ms() + RETRY_MS
            logger.error("%s cannot be compacted: %s", run.log.directory, run.error)
        elif run.is_done:
            self.runs += 1
            self._ends()[partition] = run.map_end
            self._note()

    # --- the file --------------------------------------------------------------------------

    def _ends(self) -> dict[PartitionId, int]:
        if self._compacted is None:
            self._compacted = {}
            with contextlib.suppress(OSError, ValueError):
                for line in (
                    self._disk.read(CLEANER, 0, CLEANER_FILE_BYTES_MAX).decode().split("\n")
                ):
                    if line:
                        topic, number, end = line.split(" ")
                        self._compacted[PartitionId(UUID(topic), int(number))] = int(end)
        return self._compacted

    def _note(self) -> None:
        kept = {p: end for p, end in self._ends().items() if self._store.get(p) is not None}
        self._compacted = kept
        lines = (f"{p.topic_id} {p.partition} {end}\n" for p, end in sorted(kept.items()))
        self._disk.write_later(CLEANER, "".join(lines).encode(), None, False)

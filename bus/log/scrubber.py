"""Re-check all closed segments of one disk now and then, slowly, in the background (S9).

State      Event                          What happens
-----      -----                          ------------
resting    a pass is due                  all partitions in order, from the place that was noted
checking   `step`, and bytes are allowed  a piece is read on the caller's pool
checking   it is sound                    its memory is given back: the next pass reads the disk
checking   it is damaged                  the log is read-only inside of it, as after a start (S6);
                                          the segment's indexes go, so that the next start sees it
checking   the disk cannot read it        it is counted and logged: the bytes may be sound yet
checking   a segment is done              its place is noted, and a restart goes on behind it
checking   no segment is left             resting

The file `scrub` holds one line: when the pass began (wall clock, ms), then topic id, partition and
base offset of the last segment that was done, or three dashes between two passes. It is derived:
without it, or with a bad one, a pass begins anew.
"""

import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeAlias
from uuid import UUID

from bus.log.files import delete_indexes
from bus.log.layout import SCRUB
from bus.log.partition_log import PartitionLog
from bus.log.recovered import why_read_only
from bus.log.scrub import Checked, Piece, Place
from bus.log.segment import Segment
from bus.log.store import LogStore
from bus.model.ids import PartitionId
from bus.model.limits import SCRUB_PIECE_BYTES
from bus.ports import Clock, Disk

Submit: TypeAlias = Callable[[Callable[[], Checked], Callable[["Future[Checked]"], None]], None]
logger = logging.getLogger("busd")


class Scrubber:
    """The scrubbing of one data directory; one thread only, but for the pieces."""

    def __init__(
        self, store: LogStore, disk: Disk, clock: Clock, bytes_per_second: int, interval_ms: int
    ) -> None:
        self.checked_bytes = 0
        self.damages = 0  # unreadable segments included
        self.passes = 0  # that were finished in this life
        self._store = store
        self._disk = disk
        self._clock = clock
        self._rate = bytes_per_second
        self._interval_ms = interval_ms
        self._started_ms: int | None = None  # of the last pass, wall clock; None: not yet read
        self._left: list[PartitionId] = []  # of this pass, the next one last
        self._done_base = -1  # in the next partition: segments up to this base offset are done
        self._current: tuple[PartitionLog, Segment, Place] | None = None
        self._is_checking = False
        self._allowed = 0.0  # bytes
        self._stepped_ms = clock.now_ms()

    def step(self, now_ms: int, submit: Submit) -> None:
        """Check a piece on another thread if it is time; call it every half second or so."""
        elapsed, self._stepped_ms = now_ms - self._stepped_ms, now_ms
        if self._rate == 0 or self._is_checking or self._store.failed is not None:
            return
        if not self._is_in_pass():
            return
        self._allowed = min(self._allowed + elapsed * self._rate / 1000, float(self._rate))
        self._current = self._current or self._next()
        if self._current is None:
            self._finish_pass()
        elif self._allowed > 0:
            _, segment, place = self._current
            size = max(SCRUB_PIECE_BYTES, int(self._allowed))
            self._is_checking = True
            piece = Piece(self._disk, segment, place, size)
            submit(piece.check, lambda future: self._on_checked(piece, future))

    # --- passes ----------------------------------------------------------------------------

    def _is_in_pass(self) -> bool:
        if self._left or self._current is not None:
            return True
        if self._started_ms is None:
            self._resume()
            return bool(self._left)
        now = self._clock.wall_ms()
        if 0 <= now - self._started_ms < self._interval_ms:
            return False
        self._started_ms = now
        self._left = self._partitions()
        return bool(self._left)

    def _partitions(self) -> list[PartitionId]:
        return sorted((log.partition for log in self._store.logs()), reverse=True)

    def _next(self) -> tuple[PartitionLog, Segment, Place] | None:
        """The next sound closed segment, from its start."""
        while self._left:
            log = self._store.get(self._left[-1])
            for segment in log.segments[:-1] if log is not None else []:
                is_due = segment.base_offset > self._done_base and not segment.damages
                if log is not None and is_due and segment.end_offset <= log.flushed_offset:
                    return log, segment, Place(0, segment.base_offset)
            self._left.pop()
            self._done_base = -1
        return None

    def _finish_pass(self) -> None:
        self.passes += 1
        self._note(f"{self._started_ms} - - -")

    def _resume(self) -> None:
        """Go on where the life before has noted."""
        self._started_ms = 0
        with contextlib.suppress(OSError, ValueError):
            line = self._disk.read(SCRUB, 0, 200).decode("ascii")
            started, topic, partition, base = line.split()
            self._started_ms = int(started)
            if topic != "-":
                place = PartitionId(UUID(topic), int(partition))
                self._left = [found for found in self._partitions() if found >= place]
                self._done_base = int(base) if self._left and self._left[-1] == place else -1

    def _note(self, line: str) -> None:
        self._disk.write_later(SCRUB, f"{line}\n".encode(), None, False)

    # --- pieces ----------------------------------------------------------------------------

    def _on_checked(self, piece: Piece, future: "Future[Checked]") -> None:
        self._is_checking = False
        current, self._current = self._current, None
        assert current is not None, "one piece at a time"
        log, segment, _ = current
        is_gone = log.is_closed or segment not in log.segments[:-1] or segment.size != piece.stop
        if is_gone or future.cancelled():
            return  # deleted or truncated meanwhile: whatever was found says nothing
        checked = future.result()
        read = checked.place.position - piece.place.position
        self.checked_bytes += read
        self._allowed -= read
        if checked.unreadable is not None:
            self.damages += 1
            logger.error("%s cannot be read: %s", segment.path, checked.unreadable)
        elif checked.damage is not None:
            self._report(log, segment, checked)
        elif self._store.failed is None:
            self._disk.let_go(segment.path, piece.place.position, checked.place.position, None)
        if checked.place.position < segment.size:
            self._current = log, segment, checked.place
            return
        self._done_base = segment.base_offset
        topic_id, partition = log.partition
        self._note(f"{self._started_ms} {topic_id} {partition} {segment.base_offset}")

    def _report(self, log: PartitionLog, segment: Segment, checked: Checked) -> None:
        assert checked.damage is not None, "the caller has looked"
        self.damages += 1
        segment.damages.append(checked.damage)
        log.read_only = log.read_only or why_read_only(log.directory, checked.damage.reason)
        with contextlib.suppress(OSError):
            delete_indexes(self._disk, segment.directory, segment.base_offset)
        logger.error("%s Found in %s.", log.read_only, segment.path)

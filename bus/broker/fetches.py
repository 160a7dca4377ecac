"""Fetch: collect what is visible, or park until enough of it is (KIP-74, long poll).

A fetch is answered as soon as one of these holds: its records reach `min_bytes`; its `max_wait_ms`
is over; any of its partitions has an error. Otherwise it is parked with each of its partitions and
collected again when one of them commits more. Bytes that are not resident are read on a pool
thread; the answer leaves when the last piece is there.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from bus.broker.counters import Counters
from bus.broker.partition import Partition
from bus.control.timers import Timers
from bus.errors import NONE, BusError, OffsetOutOfRange, StorageError
from bus.log.cold_read import ColdRead
from bus.log.partition_log import PartitionLog
from bus.model.batch import Buffer
from bus.ports import Clock

logger = logging.getLogger("busd")


class Pool(Protocol):
    """Threads for reads that may block."""

    def submit(
        self, work: Callable[[], memoryview], done: Callable[["Future[memoryview]"], None]
    ) -> None:
        """Run `work` on a thread; `done` is called on the event loop's thread."""


@dataclass(slots=True)
class Wanted:
    """One partition of a fetch; `partition` is None, and `error` set, if it is not hosted."""

    partition: Partition | None
    index: int
    offset: int
    bytes_max: int
    leader_epoch: int = -1
    last_epoch: int = -1  # of the last batch that the reader holds
    error: int = NONE


@dataclass(slots=True)
class Piece:
    """What one partition gives to an answer."""

    wanted: Wanted
    error: int = NONE
    high_watermark: int = -1
    start_offset: int = -1
    diverging: tuple[int, int] | None = None  # (epoch, end offset): the reader holds other records
    records: Buffer = b""
    cold: ColdRead | None = None


@dataclass(slots=True, eq=False)
class ParkedFetch:
    """A fetch between its arrival and its answer."""

    wanted: Sequence[Wanted]
    bytes_min: int
    bytes_max: int
    answered: Callable[[list[Piece]], None]


class Fetches:
    """All fetches that wait."""

    def __init__(self, clock: Clock, pool: Pool, counters: Counters, parked_max: int) -> None:
        self._clock = clock
        self._pool = pool
        self._counters = counters
        self._parked_max = parked_max
        self._timers: Timers[ParkedFetch] = Timers()
        self._readers: dict[Partition, set[ParkedFetch]] = {}  # who waits for its commit to move

    def __len__(self) -> int:
        return len(self._timers)

    def fetch(self, fetch: ParkedFetch, max_wait_ms: int) -> None:
        """Answer now, or when there is enough, or when the time is over."""
        pieces = self._collect(fetch)
        full = len(self._timers) >= self._parked_max
        if max_wait_ms <= 0 or full or self._is_enough(fetch, pieces):
            self._answer(fetch, pieces)
            return
        self._timers.set(fetch, self._clock.now_ms() + max_wait_ms)
        for wanted in fetch.wanted:
            if wanted.partition is not None:
                self._readers.setdefault(wanted.partition, set()).add(fetch)

    def on_committed(self, partition: Partition) -> None:
        """More of `partition` is visible, or it is gone: look again at who waits for it."""
        for fetch in list(self._readers.get(partition, ())):
            pieces = self._collect(fetch)
            if self._is_enough(fetch, pieces):
                self._unpark(fetch)
                self._answer(fetch, pieces)

    def next_tick_ms(self) -> int | None:
        """When `tick` has something to do."""
        return self._timers.next_ms()

    def tick(self, now_ms: int) -> None:
        """Answer those whose time is over with what there is."""
        for fetch in self._timers.due(now_ms):
            self._unpark(fetch)
            self._answer(fetch, self._collect(fetch))

    def drain(self) -> None:
        """The broker stops: answer all with what there is."""
        while (next_ms := self._timers.next_ms()) is not None:
            self.tick(next_ms)

    def _unpark(self, fetch: ParkedFetch) -> None:
        self._timers.cancel(fetch)
        for wanted in fetch.wanted:
            if wanted.partition is not None:
                self._leave(wanted.partition, fetch)

    def _leave(self, partition: Partition, fetch: ParkedFetch) -> None:
        readers = self._readers.get(partition)
        if readers is not None:
            readers.discard(fetch)
            if not readers:
                del self._readers[partition]

    def _is_enough(self, fetch: ParkedFetch, pieces: Sequence[Piece]) -> bool:
        size = 0
        for piece in pieces:
            if piece.error != NONE or piece.cold is not None or piece.diverging is not None:
                return True
            size += len(piece.records)
        return size >= fetch.bytes_min

    def _collect(self, fetch: ParkedFetch) -> list[Piece]:
        """Look at each partition in the order asked for; the first batch is always whole."""
        left = fetch.bytes_max
        pieces: list[Piece] = []
        for wanted in fetch.wanted:
            piece = _look(wanted, left)
            cold = piece.cold is not None  # its size is known only when it is read
            left -= wanted.bytes_max if cold else len(piece.records)
            pieces.append(piece)
        return pieces

    def _answer(self, fetch: ParkedFetch, pieces: list[Piece]) -> None:
        cold = [piece for piece in pieces if piece.cold is not None]
        left = len(cold)

        def finish() -> None:
            self._counters.bytes_out += sum(len(piece.records) for piece in pieces)
            fetch.answered(pieces)

        if not cold:
            finish()
            return

        def loaded(piece: Piece, future: "Future[memoryview]") -> None:
            nonlocal left
            try:
                piece.records = future.result()
            except BusError as error:
                piece.error = error.code
            except OSError as error:
                _note_read_error(piece, error)
            left -= 1
            if left == 0:
                finish()

        for piece in cold:
            assert piece.cold is not None
            self._pool.submit(piece.cold.load, partial(loaded, piece))


def _look(wanted: Wanted, left: int) -> Piece:
    partition = wanted.partition
    if partition is None:
        return Piece(wanted, wanted.error)
    leader, log = partition.leader, partition.log
    piece = Piece(wanted, leader.epoch_error(wanted.leader_epoch))
    if piece.error != NONE:
        return piece
    piece.high_watermark, piece.start_offset = leader.high_watermark, log.start_offset
    piece.diverging = _divergence(log, wanted)
    if piece.diverging is not None:
        return piece
    if not log.start_offset <= wanted.offset <= leader.end_offset:
        piece.error = OffsetOutOfRange.code
        return piece
    if wanted.offset >= leader.high_watermark or left <= 0:
        return piece
    try:
        found = log.read(wanted.offset, min(wanted.bytes_max, left), leader.high_watermark)
    except BusError as error:
        piece.error = error.code
        return piece
    except OSError as error:
        _note_read_error(piece, error)
        return piece
    if isinstance(found, ColdRead):
        piece.cold = found
    else:
        piece.records = found
    return piece


def _note_read_error(piece: Piece, error: OSError) -> None:
    """The disk gives the bytes no more; what else is on it may be good."""
    piece.error = StorageError.code
    partition = piece.wanted.partition
    assert partition is not None, "only what is hosted is read"
    logger.error("%s cannot be read at offset %d: %s", partition.name, piece.wanted.offset, error)


def _divergence(log: PartitionLog, wanted: Wanted) -> tuple[int, int] | None:
    """Where the reader's log leaves ours, if it does (R12, R19; KIP-320)."""
    if wanted.last_epoch < 0:
        return None
    epoch, end = log.epochs.end_offset_for(wanted.last_epoch, log.end_offset)
    if epoch < wanted.last_epoch or end < wanted.offset:
        return epoch, end
    return None

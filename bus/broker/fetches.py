"""Fetch: collect what is visible, or park until enough of it is (KIP-74, long poll).

A fetch is answered as soon as one of these holds: its records reach `min_bytes`; its `max_wait_ms`
is over; any of its partitions has an error; it has none, as when it ends a session. Otherwise it is
parked with each of its partitions and collected again when one of them commits more; one with a
credit may become a stream instead, which is answered again and again (bus/broker/streams.py). Bytes
that are not resident are read on a pool thread; the answer leaves when the last piece is there.
"""

from collections.abc import Sequence
from functools import partial

from bus.broker.cold_loads import Pool, load
from bus.broker.counters import Counters
from bus.broker.fetch_response import response_of
from bus.broker.partition import Partition
from bus.broker.reads import Fetch, Piece, collect, note_read_error, size_of
from bus.broker.streams import Streams
from bus.control.timers import Timers
from bus.ports import Clock


class Fetches:
    """All fetches that wait."""

    def __init__(
        self, clock: Clock, pool: Pool, counters: Counters, streams: Streams, parked_max: int
    ) -> None:
        self._streams = streams
        self._clock = clock
        self._pool = pool
        self._counters = counters
        self._parked_max = parked_max
        self._timers: Timers[Fetch] = Timers()
        self._readers: dict[Partition, set[Fetch]] = {}  # who waits for its commit to move

    def __len__(self) -> int:
        return len(self._timers) + len(self._streams)

    def fetch(self, fetch: Fetch, max_wait_ms: int) -> None:
        """Answer now, or when there is enough, or when the time is over."""
        self._streams.end_older(fetch)
        pieces = collect(fetch, fetch.wanted)
        may_wait = max_wait_ms > 0 and bool(fetch.wanted) and len(self) < self._parked_max
        if may_wait and self._streams.follow(fetch, pieces):
            return
        if not may_wait or self._is_enough(fetch, pieces):
            self._answer(fetch, pieces)
            return
        self._timers.set(fetch, self._clock.now_ms() + max_wait_ms)
        for wanted in fetch.wanted:
            if wanted.partition is not None:
                self._readers.setdefault(wanted.partition, set()).add(fetch)

    def on_committed(self, partition: Partition) -> None:
        """More of `partition` is visible, or it is gone: look again at who waits for it."""
        self._streams.on_committed(partition)
        for fetch in list(self._readers.get(partition, ())):
            pieces = collect(fetch, fetch.wanted)
            if self._is_enough(fetch, pieces):
                self._unpark(fetch)
                self._answer(fetch, pieces)

    def next_tick_ms(self) -> int | None:
        """When `tick` has something to do."""
        parked, streams = self._timers.next_ms(), self._streams.next_tick_ms()
        if parked is None or streams is None:
            return streams if parked is None else parked
        return min(parked, streams)

    def tick(self, now_ms: int) -> None:
        """Answer those whose time is over with what there is."""
        for fetch in self._timers.due(now_ms):
            self._unpark(fetch)
            self._answer(fetch, collect(fetch, fetch.wanted))
        self._streams.tick(now_ms)

    def drain(self) -> None:
        """The broker stops: answer all with what there is."""
        self._streams.drain()
        while (next_ms := self._timers.next_ms()) is not None:
            self.tick(next_ms)

    def _unpark(self, fetch: Fetch) -> None:
        self._timers.cancel(fetch)
        for wanted in fetch.wanted:
            if wanted.partition is not None:
                self._leave(wanted.partition, fetch)

    def _leave(self, partition: Partition, fetch: Fetch) -> None:
        readers = self._readers.get(partition)
        if readers is not None:
            readers.discard(fetch)
            if not readers:
                del self._readers[partition]

    def _is_enough(self, fetch: Fetch, pieces: Sequence[Piece]) -> bool:
        size = 0
        for piece in pieces:
            if piece.stops:
                return True
            size += piece.size
        return size >= fetch.bytes_min

    def _answer(self, fetch: Fetch, pieces: list[Piece]) -> None:
        load(pieces, self._pool, note_read_error, partial(self._send, fetch, pieces))

    def _send(self, fetch: Fetch, pieces: list[Piece]) -> None:
        self._counters.bytes_out += size_of(pieces)
        fetch.reply(response_of(fetch, pieces))

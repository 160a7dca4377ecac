"""Streaming Fetch: one question, and an answer whenever records become visible.

A fetch with a credit that has read to the end of all its partitions stays open as a *stream*:

Event                     What happens
-----                     ------------
follow                    answered up to the end, the fetch goes on from there
on_committed              a delivery is due in the next turn of the loop, one for all that commits
deliver                   a stream of a partition that has moved gets what is new
credit used up            that was the last answer (`more` is false): the reader asks again
error, records not        the same
  resident, divergence
tick                      streams that had no answer since the last tick get an empty one
end_older                 a reader's next fetch of a partition ends its stream there
the reader is gone        its stream is dropped

Streams that are at the same offsets get the same answer object, which is read, put together and
encoded once. A delivery takes what has come in until it begins, so the more readers there are,
the fewer and larger are the answers.

Invariant: what a stream is sent has no gap and no overlap: it begins where the last answer ended.
"""

from collections.abc import Callable, Hashable, Sequence

from bus.broker.counters import Counters
from bus.broker.fetch_response import response_of
from bus.broker.partition import Partition
from bus.broker.reads import Fetch, Piece, Wanted, collect
from bus.model.batch import NO_LEADER_EPOCH
from bus.model.limits import STREAM_BEACON_MS
from bus.native.segment import slice_end
from bus.ports import Clock
from bus.wire.fetch import FetchResponse

OFFSET_END = (1 << 63) - 1

Soon = Callable[[Callable[[], None]], object]  # run in the next turn of the event loop
Shared = dict[Hashable, tuple[list[Piece], FetchResponse]]


class Streams:
    """All fetches that are answered more than once."""

    def __init__(self, clock: Clock, counters: Counters, soon: Soon) -> None:
        self._clock = clock
        self._counters = counters
        self._soon = soon
        self._followers: dict[Partition, dict[Fetch, Wanted]] = {}
        self._by_reader: dict[tuple[str, Partition], Fetch] = {}
        self._quiet: dict[Fetch, bool] = {}  # all streams; whether no answer came since the tick
        self._moved: dict[Partition, None] = {}
        self._is_due = False
        self._tick_ms = 0

    def __len__(self) -> int:
        return len(self._quiet)

    def follow(self, fetch: Fetch, pieces: list[Piece]) -> bool:
        """Answer with `pieces` and keep the fetch open, if it may and they reach the end."""
        size = _size_of(pieces)
        if size >= fetch.credit or fetch.bytes_min > 1:
            return False
        ends = [_end_of(piece) for piece in pieces]
        if any(p.stops or end != p.high_watermark for p, end in zip(pieces, ends, strict=True)):
            return False
        if not self._quiet:
            self._tick_ms = self._clock.now_ms() + STREAM_BEACON_MS
        self._quiet[fetch] = False
        fetch.credit -= size
        for wanted, end in zip(fetch.wanted, ends, strict=True):
            _move(wanted, end)
            assert wanted.partition is not None, "what is not hosted is an error"
            self._followers.setdefault(wanted.partition, {})[fetch] = wanted
            self._by_reader[fetch.peer, wanted.partition] = fetch
        if size:
            self._counters.bytes_out += size
            fetch.reply(response_of(fetch.version, pieces, more=True))
        return True

    def end_older(self, fetch: Fetch) -> None:
        """The reader asks anew: where it follows these partitions by a stream, that ends."""
        for wanted in fetch.wanted:
            if wanted.partition is not None:
                older = self._by_reader.get((fetch.peer, wanted.partition))
                if older is not None:
                    self._end(older)

    def on_committed(self, partition: Partition) -> None:
        """More of `partition` is visible, or it is gone."""
        if partition in self._followers:
            self._mark(partition)

    def deliver(self) -> None:
        """Give every stream what is new to it."""
        self._is_due = False
        moved, self._moved = self._moved, {}
        due: dict[Fetch, list[Wanted]] = {}
        for partition in moved:
            for fetch, wanted in self._followers.get(partition, {}).items():
                due.setdefault(fetch, []).append(wanted)
        shared: Shared = {}
        for fetch, behind in due.items():
            if fetch.is_gone():
                self._drop(fetch)
            elif fetch in self._quiet:
                self._push(fetch, behind, shared)

    def next_tick_ms(self) -> int | None:
        """When `tick` has something to do."""
        return self._tick_ms if self._quiet else None

    def tick(self, now_ms: int) -> None:
        """Show those who had no answer for a while that there was nothing to say."""
        if not self._quiet or now_ms < self._tick_ms:
            return
        self._tick_ms = now_ms + STREAM_BEACON_MS
        beacon = FetchResponse(more=True)
        for fetch, was_quiet in list(self._quiet.items()):
            if fetch.is_gone():
                self._drop(fetch)
                continue
            self._quiet[fetch] = True
            if was_quiet:
                fetch.reply(beacon)

    def drain(self) -> None:
        """The broker stops: every stream ends."""
        for fetch in list(self._quiet):
            self._end(fetch)

    def _push(self, fetch: Fetch, behind: Sequence[Wanted], shared: Shared) -> None:
        key = (fetch.version, fetch.bytes_max, tuple(map(_place, behind)))
        found = shared.get(key)
        if found is None:
            pieces = collect(behind, fetch.bytes_max)
            found = shared[key] = pieces, response_of(fetch.version, pieces, more=True)
        pieces, response = found
        size = _size_of(pieces)
        stops = any(piece.stops for piece in pieces)
        if not size and not stops:
            return
        if stops or size >= fetch.credit:
            self._end(fetch)
            return
        self._go_on(fetch, behind, pieces)
        self._counters.bytes_out += size
        fetch.reply(response)

    def _go_on(self, fetch: Fetch, behind: Sequence[Wanted], pieces: list[Piece]) -> None:
        self._quiet[fetch] = False
        fetch.credit -= _size_of(pieces)
        for wanted, piece in zip(behind, pieces, strict=True):
            _move(wanted, _end_of(piece, wanted.offset))
            if wanted.offset < piece.high_watermark and wanted.partition is not None:
                self._mark(wanted.partition)

    def _mark(self, partition: Partition) -> None:
        self._moved[partition] = None
        if not self._is_due:
            self._is_due = True
            self._soon(self.deliver)

    def _end(self, fetch: Fetch) -> None:
        """The last answer is that of a plain fetch: it has all partitions."""
        self._drop(fetch)
        pieces = collect(fetch.wanted, fetch.bytes_max)
        self._counters.bytes_out += _size_of(pieces)
        fetch.reply(response_of(fetch.version, pieces))

    def _drop(self, fetch: Fetch) -> None:
        self._quiet.pop(fetch, None)
        for wanted in fetch.wanted:
            partition = wanted.partition
            assert partition is not None, "what is not hosted is not followed"
            followers = self._followers.get(partition, {})
            followers.pop(fetch, None)
            if not followers:
                self._followers.pop(partition, None)
            if self._by_reader.get((fetch.peer, partition)) is fetch:
                del self._by_reader[fetch.peer, partition]


def _place(wanted: Wanted) -> Hashable:
    """What an answer depends on."""
    return (
        wanted.partition,
        wanted.topic,
        wanted.topic_id,
        wanted.offset,
        wanted.bytes_max,
        wanted.leader_epoch,
        wanted.last_epoch,
    )


def _move(wanted: Wanted, end_offset: int) -> None:
    """Go on at `end_offset`; what this leader has shown, it does not cut: no epoch to compare."""
    if wanted.offset != end_offset:
        wanted.offset, wanted.last_epoch = end_offset, NO_LEADER_EPOCH


def _size_of(pieces: Sequence[Piece]) -> int:
    return sum(len(piece.records) for piece in pieces)


def _end_of(piece: Piece, start: int = -1) -> int:
    """Where the reader goes on after this piece."""
    if not piece.records:
        return piece.wanted.offset if start < 0 else start
    end = slice_end(piece.records, 0, len(piece.records), OFFSET_END)[1]
    return int(end)

"""Streaming Fetch: one question, and an answer whenever records become visible.

A fetch with a credit that has read to the end of all its partitions stays open as a *stream*:

Event                     What happens
-----                     ------------
follow                    answered up to the end, the fetch goes on from there
on_committed              after a silence, and to a few streams: delivered at once, before the
                            produce is answered, whose way back would only be in the way; else
                            due in the next turn of the loop, one delivery for all that commits;
                            of a partition that rests, when its rest is over
deliver                   a stream of a partition that has moved gets what is new; a partition
                            with many streams then rests, the longer the more there are
credit used up            that was the last answer (`more` is false): the reader asks again
error, records not        the same
  resident, divergence
tick                      streams that had no answer since the last tick get an empty one
end_older                 a reader's next fetch of a partition ends its stream there
the reader is gone        its stream is dropped

Streams that are at the same offsets get the same answer object, which is read, put together and
encoded once. A delivery takes what has come in until it begins. An answer costs the broker some
10 us and a reader ten times that, however small it is: with the rest, the more readers there are,
the fewer and larger are the answers, and what comes after a silence still leaves at once.

Invariant: what a stream is sent has no gap and no overlap: it begins where the last answer ended.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from bus.broker.counters import Counters
from bus.broker.fetch_response import response_of
from bus.broker.partition import Partition
from bus.broker.reads import Fetch, Piece, Wanted, collect, size_of
from bus.model.batch import NO_LEADER_EPOCH
from bus.model.limits import (
    STREAM_BEACON_MS,
    STREAM_REST_MS_MAX,
    STREAMS_PER_MS_OF_REST,
    STREAMS_SERVED_AT_ONCE_MAX,
)
from bus.ports import Clock
from bus.wire.fetch import FetchResponse

Later = Callable[[float, Callable[[], None]], object]  # run after so many seconds


@dataclass(slots=True)
class Followed:
    """The streams of one partition."""

    streams: dict[Fetch, Wanted] = field(default_factory=dict)
    rest_until_ms: int = 0  # its next delivery is not before


@dataclass(frozen=True, slots=True)
class Answer:
    """What all streams at the same place get."""

    pieces: Sequence[Piece]
    response: FetchResponse
    ends: Sequence[int]  # where the reader goes on, a piece each
    size: int
    stops: bool


class Streams:
    """All fetches that are answered more than once."""

    def __init__(self, clock: Clock, counters: Counters, later: Later) -> None:
        self._clock = clock
        self._counters = counters
        self._later = later
        self._followed: dict[Partition, Followed] = {}
        self._by_reader: dict[tuple[str, Partition], Fetch] = {}
        self._quiet: dict[Fetch, bool] = {}  # all streams; whether no answer came since the tick
        self._moved: dict[Partition, None] = {}
        self._due_ms: int | None = None  # when `deliver` is to be called next
        self._delivered_ms = 0  # the last time
        self._tick_ms = 0

    def __len__(self) -> int:
        return len(self._quiet)

    def follow(self, fetch: Fetch, pieces: list[Piece]) -> bool:
        """Answer with `pieces` and keep the fetch open, if it may and they reach the end."""
        size = size_of(pieces)
        if size >= fetch.credit or fetch.bytes_min > 1 or fetch.changed is not None:
            return False
        ends = [piece.end_offset for piece in pieces]
        if any(p.stops or end != p.high_watermark for p, end in zip(pieces, ends, strict=True)):
            return False
        if not self._quiet:
            self._tick_ms = self._clock.now_ms() + STREAM_BEACON_MS
        self._quiet[fetch] = False
        fetch.credit -= size
        for wanted, end in zip(fetch.wanted, ends, strict=True):
            _move(wanted, end)
            assert wanted.partition is not None, "what is not hosted is an error"
            self._followed.setdefault(wanted.partition, Followed()).streams[fetch] = wanted
            self._by_reader[fetch.peer, wanted.partition] = fetch
        if size:
            self._counters.bytes_out += size
            fetch.reply(response_of(fetch, pieces, more=True))
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
        followed = self._followed.get(partition)
        if followed is None:
            return
        few = len(followed.streams) <= STREAMS_SERVED_AT_ONCE_MAX
        if few and self._clock.now_ms() > self._delivered_ms:
            self._moved[partition] = None
            self._deliver()
        else:
            self._mark(partition)

    def deliver(self) -> None:
        """Give every stream what is new to it, as far as its partitions do not rest."""
        self._due_ms = None
        self._deliver()

    def _deliver(self) -> None:
        answers: dict[Hashable, Answer] = {}
        for fetch, behind in self._take_due().items():
            if fetch.is_gone():
                self._drop(fetch)
            elif fetch in self._quiet:
                self._push(fetch, behind, answers)

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

    def _take_due(self) -> dict[Fetch, list[Wanted]]:
        """The streams of partitions that have moved and do not rest; from now on those do."""
        now_ms = self._delivered_ms = self._clock.now_ms()
        moved, self._moved = self._moved, {}
        due: dict[Fetch, list[Wanted]] = {}
        for partition in moved:
            followed = self._followed.get(partition)
            if followed is None:
                continue
            if followed.rest_until_ms > now_ms:
                self._mark(partition)
                continue
            for fetch, wanted in followed.streams.items():
                due.setdefault(fetch, []).append(wanted)
            rest_ms = min(len(followed.streams) // STREAMS_PER_MS_OF_REST, STREAM_REST_MS_MAX)
            followed.rest_until_ms = now_ms + rest_ms
        return due

    def _push(
        self, fetch: Fetch, behind: Sequence[Wanted], answers: dict[Hashable, Answer]
    ) -> None:
        how = (fetch.version, fetch.read_committed, fetch.bytes_max, fetch.reads_files)
        key = (how, tuple(map(_place, behind)))
        answer = answers.get(key)
        if answer is None:
            answer = answers[key] = _answer(fetch, behind)
        if not answer.size and not answer.stops:
            return
        if answer.stops or answer.size >= fetch.credit:
            self._end(fetch)
            return
        self._quiet[fetch] = False
        fetch.credit -= answer.size
        for wanted, piece, end in zip(behind, answer.pieces, answer.ends, strict=True):
            _move(wanted, end)
            if end < piece.high_watermark and wanted.partition is not None:
                self._mark(wanted.partition)
        self._counters.bytes_out += answer.size
        fetch.reply(answer.response)

    def _mark(self, partition: Partition) -> None:
        """A delivery of `partition` is due as soon as it does not rest."""
        self._moved[partition] = None
        at_ms = self._followed[partition].rest_until_ms
        if self._due_ms is None or at_ms < self._due_ms:
            self._due_ms = at_ms
            rest_ms = at_ms - self._clock.now_ms() if at_ms else 0
            self._later(max(rest_ms, 0) / 1000, self.deliver)

    def _end(self, fetch: Fetch) -> None:
        """The last answer is that of a plain fetch: it has all partitions."""
        self._drop(fetch)
        pieces = collect(fetch, fetch.wanted)
        self._counters.bytes_out += size_of(pieces)
        fetch.reply(response_of(fetch, pieces))

    def _drop(self, fetch: Fetch) -> None:
        self._quiet.pop(fetch, None)
        for wanted in fetch.wanted:
            partition = wanted.partition
            assert partition is not None, "what is not hosted is not followed"
            followed = self._followed.get(partition)
            if followed is not None:
                followed.streams.pop(fetch, None)
                if not followed.streams:
                    del self._followed[partition]
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


def _answer(fetch: Fetch, behind: Sequence[Wanted]) -> Answer:
    pieces = collect(fetch, behind)
    return Answer(
        pieces,
        response_of(fetch, pieces, more=True),
        [piece.end_offset for piece in pieces],
        size_of(pieces),
        any(piece.stops for piece in pieces),
    )


def _move(wanted: Wanted, end_offset: int) -> None:
    """Go on at `end_offset`; what this leader has shown, it does not cut: no epoch to compare."""
    if wanted.offset != end_offset:
        wanted.offset, wanted.last_epoch = end_offset, NO_LEADER_EPOCH

"""A user's side of its group: what it is given and loses, its callbacks, its positions.

on the desk   what the user's next poll does
-----------   ------------------------------
Offer         what is not in it: commit, `on_revoked`, let go; what is new: begin, `on_assigned`
Release       everything: commit, `on_revoked`, let go
Lost          everything: `on_lost` (or else `on_revoked`), let go; nothing can be committed
Failed        raise, at every poll

A new partition begins at its committed position, or where there is none, at `start`; unless
`on_assigned` sought elsewhere.

What has to wait is a generator of waits: a thread sleeps through them, a coroutine awaits them.
"""

import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from bus.adapters.io_thread import IoThread
from bus.client.auto_commit import AutoCommit
from bus.client.bell import Bell
from bus.client.desk import Desk, Failed, Lost, Offer, Release
from bus.client.group import Group
from bus.client.offsets import Offsets, Positions
from bus.client.options import GroupOptions, Start
from bus.client.outcome import Outcome
from bus.client.poll_limit import PollLimit
from bus.client.reading import NO_POSITION, Place, Reading, timestamp_of
from bus.client.receiver import Receiver
from bus.errors import BadSetting, BusError, Closed, RequestTimedOut
from bus.model.ids import TopicPartition
from bus.ports import Clock

COMMIT_SECONDS = 10.0  # that giving partitions up waits for their positions to be kept
LOOK_UP_SECONDS = 60.0
LEAVE_SECONDS = 1.0

log = logging.getLogger("bus.client")

Callback: TypeAlias = Callable[[list[TopicPartition]], Awaitable[object] | None]


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What the user wants to hear of, on its own thread, from within a poll."""

    on_assigned: Callback | None = None
    on_revoked: Callback | None = None
    on_lost: Callback | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Until `ready`, or for so many seconds."""

    bell: Bell
    ready: Callable[[], object]
    seconds: float


Waits: TypeAlias = Generator[Wait | Awaitable[object], None, None]


class Session:
    """One consumer in its group. Used by the user's thread, one at a time."""

    def __init__(
        self,
        io: IoThread,
        reading: Reading,
        options: GroupOptions,
        start: Start,
        callbacks: Callbacks,
        clock: Clock,
    ) -> None:
        self.options = options
        self.topics: tuple[str, ...] = ()
        self._io = io
        self._reading = reading
        self._lookup = timestamp_of(start)
        self._callbacks = callbacks
        self._desk = Desk()
        self._error: BusError | None = None
        self._applying = False
        cluster, bell = reading.receiver.cluster, reading.inbox.bell
        self._group = Group(io.loop, cluster, options, self._desk, clock, bell.ring)
        self._offsets = Offsets(io.loop, self._group, self._desk)
        self._group.on_coordinator = self._offsets.turn
        reading.receiver.on_picture = self._group.on_change
        self._auto = AutoCommit(
            io.loop, reading, self._offsets, self._desk, options.auto_commit_interval_ms
        )
        limit_ms = options.max_poll_interval_ms
        self._limit = None if limit_ms is None else PollLimit(io.loop, self._group, limit_ms)

    def subscribe(self, topics: tuple[str, ...]) -> None:
        """Read a share of these topics."""
        self.topics, self._error = topics, None
        self._io.post(self._group.subscribe, topics)
        self._start()

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Read these without being a member, from what the group has committed."""
        self.topics, self._error = (), None
        self._io.post(self._group.leave)
        self._take_up(self._reading.assign(partitions, resting=True))
        self._start()

    def has_news(self) -> bool:
        """Whether `apply` has something to do."""
        return self._desk.has_news or self._error is not None

    def apply(self) -> Waits:
        """Do what the group asks for. Raises why the group does not take us."""
        self._applying = True
        try:
            while (notice := self._desk.take()) is not None:
                match notice:
                    case Offer(generation, share):
                        yield from self._settle(generation, share)
                    case Release():
                        yield from self._give_up(frozenset(self._reading.places))
                        self._io.post(self._group.released)
                    case Lost():
                        yield from self._lose()
                    case Failed(error):
                        self._error = error
        finally:
            self._applying = False
        if self._error is not None:
            raise self._error

    def poll_begins(self) -> None:
        """The user is back from its work. Raises BadSetting from within a callback."""
        if self._applying:
            raise BadSetting("A callback of a consumer may not poll it.")
        limit = self._limit
        if limit is not None:
            limit.busy_since = None
            if limit.stepped_out:
                limit.stepped_out = False
                self._io.post(self._group.subscribe, self.topics)

    def poll_ends(self) -> None:
        """The user goes to work."""
        if self._limit is not None:
            self._limit.busy_since = time.monotonic()

    def commit(self, positions: Mapping[TopicPartition, int], seconds: float) -> "Outcome[bool]":
        """Have positions kept."""
        outcome: Outcome[bool] = Outcome()
        if not positions:
            outcome.succeed(True)
        else:
            era = self._desk.user_era
            self._io.post(self._offsets.commit, dict(positions), era, seconds, outcome)
        return outcome

    def committed(
        self, partitions: Iterable[TopicPartition], seconds: float
    ) -> "Outcome[Positions]":
        """Ask what is kept; -1 is nothing."""
        outcome: Outcome[Positions] = Outcome()

        def done(answer: Positions | BusError) -> None:
            if isinstance(answer, BusError):
                outcome.fail(answer)
            else:
                outcome.succeed(answer)

        self._io.post(self._offsets.look_up, list(partitions), seconds, done)
        return outcome

    def finish(self, seconds: float | None) -> Waits:
        """Commit, let go of everything and leave; bounded."""
        most = COMMIT_SECONDS if seconds is None else min(seconds, COMMIT_SECONDS)
        era_lost = self._desk.era != self._desk.user_era
        if self._reading.places and not era_lost and self._error is None:
            yield from self._give_up(frozenset(self._reading.places), most)
        outcome: Outcome[bool] = Outcome()
        self._io.post(self._group.leave, outcome)
        yield Wait(outcome.bell, outcome.is_done, min(most, LEAVE_SECONDS))

    def closer(self) -> Callable[[], None]:
        """What ends it all on the I/O thread; it does not lead back here."""
        return partial(_close, self._auto, self._limit, self._group, self._offsets)

    def _start(self) -> None:
        if self.options.auto_commit:
            self._io.post(self._auto.start)
        if self._limit is not None and self.topics:
            self._io.post(self._limit.start)

    def _settle(self, generation: int, share: frozenset[TopicPartition]) -> Waits:
        gone = frozenset(self._reading.places) - share
        if gone:
            yield from self._give_up(gone)
        added = self._reading.assign(sorted(share), resting=True)
        self._io.post(self._group.settled, generation, bool(gone))
        if added:
            self._take_up(added)
            names = sorted(place.partition for place in added)
            yield from _told(self._callbacks.on_assigned, names)

    def _give_up(
        self, partitions: frozenset[TopicPartition], seconds: float = COMMIT_SECONDS
    ) -> Waits:
        """Partitions that are still ours; whatever the callback raises, they are let go of."""
        try:
            yield from self._keep(partitions, seconds)
            if partitions:
                yield from _told(self._callbacks.on_revoked, sorted(partitions))
        finally:
            self._drop(partitions)

    def _keep(self, partitions: frozenset[TopicPartition], seconds: float) -> Waits:
        """Commit what the user is through with."""
        if not self.options.auto_commit:
            return
        known = self._offsets.known
        done = self._reading.done()
        due = {p: o for p, o in done.items() if p in partitions and known.get(p) != o}
        outcome = self.commit(due, seconds)
        yield Wait(outcome.bell, outcome.is_done, seconds)
        error = outcome.error or (None if outcome.done else RequestTimedOut())
        if error is not None:
            log.warning("Positions could not be committed: %s", error)

    def _lose(self) -> Waits:
        partitions = frozenset(self._reading.places)
        era = self._desk.era
        told = self._callbacks.on_lost or self._callbacks.on_revoked
        try:
            if partitions:
                yield from _told(told, sorted(partitions))
        finally:
            self._reading.assign(())
            self._desk.user_era = era

    def _drop(self, partitions: frozenset[TopicPartition]) -> None:
        kept = [p for p in self._reading.places if p not in partitions]
        self._reading.assign(kept)
        self._desk.drop(partitions)

    def _take_up(self, places: list[Place]) -> None:
        """Begin new partitions where the group left off."""
        generations = {place.partition: place.generation for place in places}
        if generations:
            receiver, lookup = self._reading.receiver, self._lookup
            begun = partial(_begin, receiver, generations, lookup)
            self._io.post(self._offsets.look_up, list(generations), LOOK_UP_SECONDS, begun)


def _begin(
    receiver: Receiver,
    generations: Mapping[TopicPartition, int],
    lookup: int,
    found: Positions | BusError,
) -> None:
    for partition, generation in generations.items():
        if isinstance(found, BusError):
            receiver.fail(partition, generation, found)
            continue
        offset = found.get(partition, NO_POSITION)
        receiver.begin(partition, generation, offset, lookup if offset < 0 else None)
    receiver.turn()


def _told(callback: Callback | None, partitions: list[TopicPartition]) -> Waits:
    """Call; what a coroutine function gives is awaited by whoever can."""
    if callback is not None:
        result = callback(partitions)
        if inspect.isawaitable(result):
            yield result


def _close(auto: AutoCommit, limit: PollLimit | None, group: Group, offsets: Offsets) -> None:
    auto.close()
    if limit is not None:
        limit.close()
    group.close()
    offsets.close(Closed("The consumer is closed."))

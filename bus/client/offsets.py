"""The I/O thread's side of positions: committing them, and asking for what is committed.

Event                     What happens
-----                     ------------
commit                    merged into what waits; leaves if nothing is out
answered                  each caller whose positions are all in learns it; what waits leaves
refused, retriable        back to what waits, but a newer position stays; again after a pause
refused, of a generation  the membership is told, and finds out what it means; as retriable
refused for good          its callers learn it
the era has changed       everything fails: another member may have gone on from there
look_up                   the same, for OffsetFetch; partition by partition
the caller's time is up   RequestTimedOut

One commit is out at a time, so that an older position never comes after a newer one.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from bus.client import group_messages as messages
from bus.client.desk import Desk
from bus.client.group import Group
from bus.client.membership import State
from bus.client.outcome import Outcome
from bus.errors import (
    BusError,
    CoordinatorNotAvailable,
    IllegalGeneration,
    NetworkError,
    NotCoordinator,
    RebalanceInProgress,
    RequestTimedOut,
    UnknownMemberId,
)
from bus.model.backoff import doubled
from bus.model.ids import TopicPartition
from bus.wire.commits import OffsetCommitResponse, OffsetFetchResponse
from bus.wire.schema import Message

PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.05, 1.0
OF_A_GENERATION = (IllegalGeneration, UnknownMemberId, RebalanceInProgress)
ELSEWHERE = (CoordinatorNotAvailable, NotCoordinator, NetworkError, RequestTimedOut)

Positions: TypeAlias = dict[TopicPartition, int]  # the next offset to read


@dataclass(slots=True, eq=False)
class Commit:
    """What one caller wants to be kept."""

    positions: Positions
    outcome: "Outcome[bool]"
    deadline: float  # on the loop's clock
    era: int


class Offsets:
    """Positions of one group, for one consumer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, group: Group, desk: Desk) -> None:
        self.known: dict[TopicPartition, int] = {}  # last committed by us, or found committed
        self.loop = loop
        self.group = group
        self._desk = desk
        self._waiting: list[Commit] = []
        self._out: list[Commit] = []
        self._pauses = 0  # in a row
        self._timer: asyncio.TimerHandle | None = None
        self.closed = False

    def commit(
        self, positions: Positions, era: int, timeout: float, outcome: "Outcome[bool]"
    ) -> None:
        """Keep positions that were handed out in `era`."""
        deadline = self.loop.time() + timeout
        self._waiting.append(Commit(positions, outcome, deadline, era))
        self.turn()

    def look_up(
        self,
        partitions: Iterable[TopicPartition],
        timeout: float,
        done: Callable[[Positions | BusError], None],
    ) -> None:
        """Ask for what is committed; -1 is nothing."""
        _LookUp(self, list(partitions), self.loop.time() + timeout, done).ask()

    def turn(self) -> None:
        """Send what waits, if nothing is out."""
        if self.closed:
            return
        self._drop_dead()
        if self._out or self._timer is not None or not self._waiting:
            return
        if not self.has_coordinator() or self.group.machine.is_between:
            self._pause()
            return
        self._out, self._waiting = self._waiting, []
        positions: dict[TopicPartition, int] = {}
        for commit in self._out:
            positions.update(commit.positions)
        machine = self.group.machine
        options = self.group.options
        request = messages.commit_request(options, machine.generation, machine.member_id, positions)
        done = partial(self._on_committed, positions, machine.generation)
        self.group.call(request, options.request_timeout_ms, done)

    def has_coordinator(self) -> bool:
        """Whether one is known; else it is looked for."""
        if self.group.coordinator is None and self.group.machine.state is State.OUT:
            self.group.find()
        return self.group.coordinator is not None

    def on_trouble(self, generation: int, error: BusError) -> None:
        """What the coordinator said may concern the membership."""
        if not self.group.machine.is_member:
            if isinstance(error, ELSEWHERE):
                self.group.coordinator = None
        elif isinstance(error, OF_A_GENERATION + ELSEWHERE):
            self.group.refused(generation, error)

    def close(self, error: BusError) -> None:
        """Fail what is left."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        for commit in (*self._out, *self._waiting):
            commit.outcome.fail(error)

    def _drop_dead(self) -> None:
        """Whose time is up, or whose partitions were lost."""
        now, kept = self.loop.time(), []
        for commit in self._waiting:
            if commit.era != self._desk.era:
                commit.outcome.fail(_lost())
            elif commit.deadline <= now:
                commit.outcome.fail(RequestTimedOut("The commit was not answered in time."))
            else:
                kept.append(commit)
        self._waiting = kept

    def _on_committed(
        self, positions: Positions, generation: int, answer: Message | BusError
    ) -> None:
        if self.closed:
            return
        out, self._out = self._out, []
        if isinstance(answer, OffsetCommitResponse):
            refused: dict[TopicPartition, BusError] = messages.refusals(answer)
        else:
            error = answer if isinstance(answer, BusError) else NetworkError()
            refused = dict.fromkeys(positions, error)
        self.known.update((p, o) for p, o in positions.items() if p not in refused)
        if not refused:
            self._pauses = 0
        again = [commit for commit in out if self._settle(commit, refused)]
        self._waiting = again + self._waiting
        for refusal in {type(error): error for error in refused.values()}.values():
            self.on_trouble(generation, refusal)
        if again:
            self._pause()
        self.turn()

    def _settle(self, commit: Commit, refused: Mapping[TopicPartition, BusError]) -> bool:
        """Tell the caller, unless it is to be tried again."""
        errors = [refused[p] for p in commit.positions if p in refused]
        if not errors:
            commit.outcome.succeed(True)
            return False
        mends = OF_A_GENERATION if self.group.machine.state is not State.OUT else ()
        lasting = [e for e in errors if not (type(e).retriable or isinstance(e, mends))]
        if lasting:
            commit.outcome.fail(lasting[0])
        return not lasting

    def _pause(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(_pause_seconds(self._pauses), self._resume)
            self._pauses += 1

    def _resume(self) -> None:
        self._timer = None
        self.turn()


class _LookUp:
    """One OffsetFetch, until it has an answer."""

    def __init__(
        self,
        offsets: Offsets,
        partitions: list[TopicPartition],
        deadline: float,
        done: Callable[[Positions | BusError], None],
    ) -> None:
        self._offsets = offsets
        self._partitions = partitions
        self._deadline = deadline
        self._done = done
        self._pauses = 0

    def ask(self) -> None:
        """Ask, or ask again."""
        offsets = self._offsets
        if offsets.closed:
            return
        if not offsets.has_coordinator():
            self._again(CoordinatorNotAvailable())
            return
        options = offsets.group.options
        request = messages.committed_request(options.group, self._partitions)
        offsets.group.call(request, options.request_timeout_ms, self._on_answer)

    def _on_answer(self, answer: Message | BusError) -> None:
        if self._offsets.closed:
            return
        found: Mapping[TopicPartition, int | BusError] | BusError = NetworkError()
        if isinstance(answer, OffsetFetchResponse):
            found = messages.committed_of(answer)
        elif isinstance(answer, BusError):
            found = answer
        if isinstance(found, BusError):
            self._again(found)
            return
        errors = [told for told in found.values() if isinstance(told, BusError)]
        if errors:
            self._again(errors[0])
            return
        known = {p: offset for p, offset in found.items() if isinstance(offset, int)}
        self._offsets.known.update((p, offset) for p, offset in known.items() if offset >= 0)
        self._done(known)

    def _again(self, error: BusError) -> None:
        offsets, loop = self._offsets, self._offsets.loop
        if not type(error).retriable or loop.time() >= self._deadline:
            self._done(error)
            return
        offsets.on_trouble(offsets.group.machine.generation, error)
        loop.call_later(_pause_seconds(self._pauses), self.ask)
        self._pauses += 1


def _pause_seconds(pauses: int) -> float:
    return doubled(PAUSE_SECONDS, pauses, PAUSE_SECONDS_MAX)


def _lost() -> IllegalGeneration:
    return IllegalGeneration(
        "The partitions were lost to the group before they were committed; another member may "
        "have read on from the last commit."
    )

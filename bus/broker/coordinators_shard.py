"""The groups of one partition of `__consumer_offsets`, and the interpreter of their effects.

A request gets a ticket and goes to its group's machine; what that asks to be written goes to the
log, and what came of it back to the machine. While the partition is loaded, or cannot be, every
request is refused; once it is closed, nothing that still comes back changes anything.
"""

import logging
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field

from bus.broker.coordinators_loading import Loading
from bus.broker.coordinators_records import Row, rows_of
from bus.broker.coordinators_writes import Writes
from bus.control.group import Group
from bus.control.group_effects import Effect, Outcome, Respond, Told
from bus.control.group_facts import GroupRules, Now
from bus.control.offsets_requests import drop_topic, expire
from bus.control.timers import Timers
from bus.errors import (
    NONE,
    CoordinatorLoading,
    CoordinatorNotAvailable,
    NotCoordinator,
    error_class,
)
from bus.model.batch import NO_LEADER_EPOCH
from bus.ports import Clock

log = logging.getLogger("busd.groups")

Work = Callable[[Group, int, Now], list[Effect]]  # what a request asks of its group's machine
Answered = Callable[[Outcome], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is not answered yet."""

    group: Group
    answered: Answered
    is_gone: Callable[[], bool]


@dataclass(slots=True)
class Load:
    """What the groups of all shards come to."""

    timers: Timers[str] = field(default_factory=Timers)  # by group
    groups: int = 0
    bytes: int = 0  # of what members say of themselves, and of their work


class Shard:
    """One partition's groups; one thread only."""

    def __init__(
        self,
        rules: GroupRules,
        clock: Clock,
        writes: Writes | None,
        load: Load,
        epoch: int = NO_LEADER_EPOCH,
    ) -> None:
        self.groups: dict[str, Group] = {}
        self.epoch = epoch  # of the leader that it belongs to
        self.loading: Loading | None = None
        self.on_doubt: Callable[[], None] = _ignore  # told if a write may or may not stand
        self.is_loaded = False
        self.failure: str | None = None  # why it cannot be loaded
        self.writes = writes
        self.rebalances = 0  # completed
        self.rows_written = 0
        self._rules = rules
        self._clock = clock
        self._asked: dict[int, Asked] = {}
        self._next_ticket = 0
        self._load = load
        self._timers = load.timers
        self._bytes: dict[str, int] = {}  # of each group, as it is counted in the load
        self._dropped: set[str] = set()  # topics that were deleted before it was loaded
        self._closed = NONE  # the error that it was closed with

    @property
    def parked(self) -> int:
        """Requests that are not answered yet."""
        return len(self._asked)

    def load(self, groups: dict[str, Group], topics: Container[str]) -> None:
        """All that the log holds was replayed into these; `topics` are those that there are."""
        self.groups, self.is_loaded = groups, True
        for group in list(groups.values()):
            group.on_loaded(self._now())
            self._settle(group)
            read = {topic for topic, _ in group.ledger.offsets}
            for topic in read:
                if topic not in topics or topic in self._dropped:
                    self._run(group, drop_topic(group, topic))
        self._dropped.clear()

    def check(self) -> None:
        """Raises CoordinatorLoading or CoordinatorNotAvailable unless it serves."""
        if self.failure is not None:
            raise CoordinatorNotAvailable(self.failure)
        if not self.is_loaded:
            raise CoordinatorLoading

    def ask(
        self, group_id: str, work: Work, answered: Answered, is_gone: Callable[[], bool]
    ) -> None:
        """Have a group's machine do `work`; its outcome comes now or later. Raises as `check`."""
        self.check()
        group = self.groups.get(group_id)
        if group is None:
            group = Group(group_id, self._rules)
        self._next_ticket += 1
        self._asked[self._next_ticket] = Asked(group, answered, is_gone)
        self._run(group, work(group, self._next_ticket, self._now()))

    def tick(self, group_id: str) -> None:
        """A deadline of this group is due."""
        group = self.groups.get(group_id)
        if group is not None:
            self._run(group, group.on_tick(self._now()))

    def keep_house(self) -> None:
        """Forget requests whose peers have gone."""
        gone = [ticket for ticket, asked in self._asked.items() if asked.is_gone()]
        for ticket in gone:
            group = self._asked.pop(ticket).group
            self._run(group, group.on_gone(ticket, self._now()))

    def expire(self) -> None:
        """Forget positions that nobody has used for too long."""
        self._run_each(lambda group: expire(group, self._now()))

    def drop_topic(self, topic: str) -> None:
        """A topic is deleted, and with it what groups have read of it."""
        if not self.is_loaded:
            self._dropped.add(topic)
        self._run_each(lambda group: drop_topic(group, topic))

    def stop(self) -> None:
        """The broker stops: members that wait are told to look for the coordinator again."""
        if self.writes is not None:
            self.writes.flush()
        for group in self.groups.values():
            for member in group.members:
                self._run(group, group.parking.refuse(member, CoordinatorNotAvailable.code))

    def close(self, error: int) -> None:
        """Its partition is led here no more, or its groups are read anew: all are told so."""
        self._closed = error
        if self.writes is not None:
            self.writes.close()
        asked, self._asked = self._asked, {}
        for one in asked.values():
            one.answered(Told(error))
        for group_id in self.groups:
            self._timers.cancel(group_id)
        self._load.groups -= len(self.groups)
        self._load.bytes -= sum(self._bytes.values())
        self.groups, self._bytes = {}, {}

    def _run_each(self, work: Callable[[Group], list[Effect]]) -> None:
        if self.is_loaded:
            for group in list(self.groups.values()):
                self._run(group, work(group))

    def _run(self, group: Group, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Respond):
                asked = self._asked.pop(effect.ticket, None)
                if asked is not None:
                    asked.answered(effect.outcome)
            else:
                self._write(group, effect.write, rows_of(group.group_id, effect.records))
        self._settle(group)

    def _write(self, group: Group, write: int, rows: list[Row]) -> None:
        def done(error: int, in_doubt: bool) -> None:
            if self._closed:
                return
            if error:
                level = logging.INFO if error == NotCoordinator.code else logging.WARNING
                name = error_class(error).__name__
                log.log(level, "group %s: a write failed with %s", group.group_id, name)
            self._run(group, group.ledger.on_written(write, error, self._now()))
            if in_doubt:
                self.on_doubt()

        assert self.writes is not None, "a shard that cannot write serves nobody"
        self.rows_written += len(rows)
        self.writes.append(rows, done)

    def _settle(self, group: Group) -> None:
        """Keep a group that has something, and its next deadline."""
        self.rebalances += group.rebalances
        group.rebalances = 0
        group_id = group.group_id
        if group.is_vacant:
            if self.groups.get(group_id) is group:
                del self.groups[group_id]
                self._timers.cancel(group_id)
                self._load.groups -= 1
                self._load.bytes -= self._bytes.pop(group_id)
            return
        if group_id not in self._bytes:
            self.groups[group_id] = group
            self._load.groups += 1
        size = group.members.metadata_bytes + group.ledger.stored_bytes
        self._load.bytes += size - self._bytes.get(group_id, 0)
        self._bytes[group_id] = size
        next_ms = group.next_tick_ms()
        if next_ms is None:
            self._timers.cancel(group_id)
        elif next_ms != self._timers.deadline(group_id):
            self._timers.set(group_id, next_ms)

    def _now(self) -> Now:
        return Now(self._clock.now_ms(), self._clock.wall_ms())


def _ignore() -> None:
    pass

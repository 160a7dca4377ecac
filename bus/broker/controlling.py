"""The controller at work: what the store holds and what is heard go into the machine, changes out.

Only the holder of the key `ctl` writes partitions' records, and each of its transactions is guarded
by the revision at which it took that key (R3): who was replaced, and does not know it yet, writes
nothing. A change goes out in several transactions where one does not hold it, each after the one
before it: groups of partitions first, brokers last (bus/control/change.py).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from bus.broker.counters import Counters
from bus.broker.mirror import Mirror, Outcome
from bus.control.change import Change, ControllerEffect, Reply
from bus.control.commands import Command, Reassignment, UncleanElection
from bus.control.controller import Controller
from bus.control.knowledge import Report
from bus.control.policy import Policy
from bus.control.wishes import Wish
from bus.errors import NONE, BusError, CorruptLog, NotController, RequestTimedOut
from bus.model.ids import PartitionId
from bus.model.keys import Keys, Kind
from bus.model.limits import TRANSACTION_BYTES_MAX, TRANSACTION_WRITES_MAX
from bus.model.recoveries import (
    Recoveries,
    RecoveryRecord,
    recoveries_from_bytes,
    recoveries_to_bytes,
)
from bus.model.stored import Group, TopicRecord, group_from_bytes, group_to_bytes
from bus.model.stored_brokers import BrokerEpochRecord, BrokerRecord
from bus.model.topic_settings import FLUSH_GROUP
from bus.ports import Clock, Entry, Write

Told = Callable[[int, str | None], None]  # an error's code, NONE if all went well; and why
logger = logging.getLogger("busd")


class Controlling:
    """One term of this broker as the controller; on the event loop's thread."""

    def __init__(
        self,
        mirror: Mirror,
        keys: Keys,
        revision: int,
        clock: Clock,
        policy: Policy,
        counters: Counters,
    ) -> None:
        """`revision` is that of the key `ctl`, as this broker wrote it: the controller's epoch."""
        self._mirror = mirror
        self._keys = keys
        self.guard = {keys.controller: revision}  # of each transaction (R3)
        self._clock = clock
        self._policy = policy
        self._counters = counters
        self._recovered: Mapping[PartitionId, RecoveryRecord] = {}  # by the change that is out
        self._machine = Controller(policy)
        self._seen: dict[str, int] = {}  # key -> revision, as it went into the machine
        self._groups: dict[int, Group] = {}
        self._group_of: dict[PartitionId, int] = {}
        self._told: dict[int, Told] = {}  # by ticket
        self._next_ticket = 0
        self._is_over = False
        self._unread = mirror.unread(keys.root)
        self.on_news()

    def on_news(self) -> None:
        """What the store holds has changed."""
        self._machine.on_time(self._clock.now_ms())
        for key in self._unread.take():
            entry = self._mirror.get(key)
            if entry is not None:
                self._seen[key] = entry.revision
                self._read(key, entry)
            elif self._seen.pop(key, None) is not None:
                self._read(key, None)
        self._step()

    def on_silent(self, broker: int) -> None:
        """It counts as dead."""
        self._machine.on_silent(broker)
        self._step()

    def on_heard(self, broker: int) -> None:
        """It is there."""
        self._machine.on_heard(broker)
        self._step()

    def report(self, broker: int, report: Report) -> None:
        """A broker has started, and says what it holds; so it is there."""
        self._machine.on_heard(broker)
        self._machine.on_report(broker, report)
        self._step()

    def leave(self, broker: int, epoch: int, *, is_due: bool) -> None:
        """A broker wants to stop; its record will say when it may."""
        self._machine.on_leave(broker, epoch, is_due=is_due)
        self._step()

    def wish(self, wish: Wish, told: Told) -> None:
        """A leader asks for another in-sync set; `told` is called once."""
        self._machine.on_wish(self._ticket(told), wish)
        self._step()

    def elect(self, wanted: Sequence[tuple[PartitionId, Told]]) -> None:
        """The first replica shall lead each of these; each is told once."""
        for pid, told in wanted:
            self._machine.on_election(self._ticket(told), pid)
        self._step()

    def elect_unclean(self, wanted: Sequence[tuple[UncleanElection, Told]]) -> None:
        """Somebody shall lead each of these although records may be lost; each is told once."""
        for election, told in wanted:
            self._machine.on_unclean_election(self._ticket(told), election)
        self._step()

    def reassign(self, wanted: Sequence[tuple[Reassignment, Told]]) -> None:
        """Other replicas shall hold these; each is told once, when that has begun."""
        for reassignment, told in wanted:
            self._machine.on_reassignment(self._ticket(told), reassignment)
        self._step()

    def command(self, command: Command, told: Told) -> None:
        """A broker shall be drained or removed; `told` is called once."""
        self._machine.on_command(self._ticket(told), command)
        self._step()

    def tick(self, now_ms: int) -> None:
        """Let time pass."""
        due_ms = self.next_tick_ms()
        if due_ms is not None and due_ms <= now_ms:
            self._step()

    def next_tick_ms(self) -> int | None:
        """When `tick` has something to do."""
        return None if self._is_over else self._machine.next_ms()

    def end(self) -> None:
        """This broker controls no more: whoever waits asks the next one."""
        self._is_over = True
        self._mirror.forget(self._unread)
        for told in list(self._told.values()):
            told(NotController.code, None)
        self._told.clear()

    def _ticket(self, told: Told) -> int:
        self._next_ticket += 1
        self._told[self._next_ticket] = told
        return self._next_ticket

    def _read(self, key: str, entry: Entry | None) -> None:
        """Into the machine; what cannot be read stays as it was, and is told (S8)."""
        name, parsed = self._keys.name_of(key), self._mirror.parsed
        try:
            if name is None:
                return
            if name.kind is Kind.GROUP:
                self._read_group(name.number, parsed(key, group_from_bytes) if entry else {})
            elif name.kind is Kind.TOPIC and entry is not None:
                self._read_topic(name.text, parsed(key, TopicRecord.from_bytes))
            elif name.kind is Kind.BROKER_EPOCH:
                accepted = parsed(key, BrokerEpochRecord.from_bytes) if entry else None
                self._machine.on_broker(name.number, accepted)
            elif name.kind is Kind.BROKER:
                life = parsed(key, BrokerRecord.from_bytes) if entry else None
                epoch = life.epoch_at(entry.revision) if life and entry else None
                where = (life.rack, life.boot_id) if life is not None else ()
                self._machine.on_life(name.number, epoch, *where)
        except CorruptLog as error:
            logger.error("%s", error)

    def _read_topic(self, name: str, record: TopicRecord) -> None:
        flush = record.config.get("flush")
        is_flushed = self._policy.is_flushed if flush is None else flush == FLUSH_GROUP
        is_growing = record.follows_defaults(name)
        self._machine.on_topic(record.topic_id, is_flushed=is_flushed, is_growing=is_growing)

    def _read_group(self, number: int, group: Group) -> None:
        before = self._groups.get(number, {})
        self._groups[number] = group
        for pid in before.keys() - group.keys():
            self._machine.on_partition(pid, None)
            self._group_of.pop(pid, None)
        for pid, image in group.items():
            self._group_of[pid] = number
            if before.get(pid) != image:
                self._machine.on_partition(pid, image)

    def _step(self) -> None:
        if not self._is_over:
            self._machine.on_time(self._clock.now_ms())
            self._carry_out(self._machine.step())

    def _carry_out(self, effects: Sequence[ControllerEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Reply):
                told = self._told.pop(effect.ticket, None)
                if told is not None:
                    told(effect.error, effect.detail)
            else:
                self._recovered = effect.recovered
                self._write(pieces_of(self._writes(effect)))

    def _write(self, pieces: list[list[Write]]) -> None:
        self._mirror.transact(pieces[0], self.guard, partial(self._on_outcome, pieces[1:]))

    def _on_outcome(self, left: list[list[Write]], outcome: Outcome) -> None:
        if self._is_over:
            return
        if isinstance(outcome, int) and left:
            self._write(left)
            return
        error = NONE
        if outcome is None:  # a key has moved: all is decided anew
            error = RequestTimedOut.code
        elif isinstance(outcome, BusError):
            error = outcome.code
        else:
            self._tell_of(self._recovered)
        self._recovered = {}
        self._carry_out(self._machine.on_written(error))
        self._step()

    def _tell_of(self, recovered: Mapping[PartitionId, RecoveryRecord]) -> None:
        for pid, record in recovered.items():
            self._counters.recoveries[record.cause] += 1
            logger.error(
                "%s: broker %d leads from epoch %d on, and may lack records from offset %d on "
                "(%s %s; in sync were %s, eligible %s, and last %s)",
                pid,
                record.leader,
                record.leader_epoch,
                record.end_offset,
                record.cause,
                record.by,
                list(record.isr),
                list(record.elr),
                list(record.last_elr),
            )

    def _writes(self, change: Change) -> list[list[Write]]:
        """Groups of partitions first, each with its recoveries; brokers last."""
        groups: dict[int, Group] = {}
        recovered: dict[int, Recoveries] = {}
        for pid, image in change.partitions.items():
            number = self._group_of[pid]
            groups.setdefault(number, dict(self._groups[number]))[pid] = image
            if pid in change.recovered:
                record = replace(change.recovered[pid], at_ms=self._clock.wall_ms())
                known = recovered.setdefault(number, self._recoveries_of(number))
                known[pid] = (*known.get(pid, ()), record)
        found: list[list[Write]] = []
        for number, group in groups.items():
            together = {self._keys.group(number): group_to_bytes(group)}
            if number in recovered:
                key = self._keys.recoveries(number)
                together[key] = recoveries_to_bytes(recovered[number])
            found.append([self._write_of(key, value) for key, value in together.items()])
        for broker, epoch in change.brokers.items():
            found.append([self._write_of(self._keys.broker_epoch(broker), epoch.to_bytes())])
        return found

    def _write_of(self, key: str, value: bytes) -> Write:
        return Write(key, value, self._seen.get(key, 0))

    def _recoveries_of(self, number: int) -> Recoveries:
        """Of a group's partitions, those that are still there."""
        key = self._keys.recoveries(number)
        entry = self._mirror.get(key)
        try:
            known = recoveries_from_bytes(key, entry.value) if entry is not None else {}
        except CorruptLog as error:  # a trace that cannot be read holds nobody up
            logger.error("%s", error)
            known = {}
        return {pid: records for pid, records in known.items() if pid in self._groups[number]}


def pieces_of(units: Sequence[list[Write]]) -> list[list[Write]]:
    """As many to a transaction as it takes, in order; what stands together is never parted."""
    pieces: list[list[Write]] = [[]]
    size = 0
    for unit in units:
        unit_size = sum(len(write.key) + len(write.value or b"") for write in unit)
        is_full = len(pieces[-1]) + len(unit) > TRANSACTION_WRITES_MAX
        if pieces[-1] and (is_full or size + unit_size > TRANSACTION_BYTES_MAX // 2):
            pieces.append([])
            size = 0
        pieces[-1] += unit
        size += unit_size
    return pieces

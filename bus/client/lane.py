"""One partition's batches on their way to its leader: order, sequences and retries.

Event       Condition                               What happens
-----       ---------                               ------------
add         always                                  waits behind the others
take        flowing, room in the window, due        numbered if it is not yet; in flight
on_written  always                                  Delivered, also if earlier ones are in doubt
on_refused  retriable                               back to its place; the lane settles
on_leader   another one, or in another epoch        the pause after a refusal is over
on_refused  out of order, an earlier one is open    the same: it was bound to be refused
on_refused  out of order, it was the next in line   renumbered once, or Failed if in doubt
on_refused  any other error                         Failed; its sequence numbers are a gap
on_cut      too large for its leader                its parts take its place and its numbers
expire      waiting beyond its deadline             Failed; a gap if it was numbered
expire      in flight beyond its deadline           Failed now; its answer decides about the gap
settled     a gap below numbered batches            rewind, or a new epoch (KIP-360)

A lane *settles* after a refusal: nothing is sent until every batch in flight has its answer.
Then what is left goes out again in order, several in flight as before. The broker knows the last
five batches of a producer, so a copy of a written batch is answered as the first one was.

A *gap* is a number that was given to a batch that will not be sent again. If the batch was never
written (definite), nothing numbered after it was either. If it may have been written (doubtful),
then so may those after it that are doubtful too; to send them under other numbers might write
them twice, so they fail. Whatever remains is renumbered from the gap, or from 0 of the next epoch
if an old copy might still arrive: the broker fences the old epoch.

A broker that knows nothing of a producer takes any first number. So the first batch of an epoch
flies alone: two in flight could otherwise be written in the wrong order.

Invariant: parcels leave in the order in which they were added, and an idempotent lane never
has two copies of a parcel that both could be written.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from bus.errors import (
    BusError,
    InvalidProducerEpoch,
    OutOfOrderSequence,
    RequestTimedOut,
)
from bus.model.backoff import doubled
from bus.model.batch import NO_PRODUCER_EPOCH, NO_SEQUENCE
from bus.model.ids import TopicPartition

SEQUENCE_END = 1 << 31  # sequences are int32 and go on from 0
EPOCH_MAX = (1 << 15) - 1
NOBODY = (-1, -1)


@dataclass(slots=True, eq=False)
class Parcel:
    """One batch that takes no more records; the bytes are in `payload`, which is not looked at."""

    count: int
    size: int  # bytes
    deadline_ms: int  # when its delivery fails
    payload: object = None
    order: int = -1  # place in its lane
    sequence: int = NO_SEQUENCE
    epoch: int = NO_PRODUCER_EPOCH
    sends: int = 0
    doubtful: bool = False  # a copy may have been written, or may yet be
    overdue: bool = False  # its delivery failed while its answer was out
    renumbered: bool = False  # the broker had forgotten what came before it
    sent_to: tuple[int, int] = NOBODY  # the leader's node and epoch


@dataclass(frozen=True, slots=True)
class Written:
    """What the leader said of a batch that it wrote; -1 is unknown."""

    base_offset: int = -1
    flushed_offset: int = -1  # everything below is fsynced on the leader
    replicas: int = -1  # how many brokers hold the batch


@dataclass(frozen=True, slots=True)
class Delivered:
    """The parcel is written; tell whoever waits."""

    parcel: Parcel
    written: Written


@dataclass(frozen=True, slots=True)
class Failed:
    """The parcel is given up; tell whoever waits."""

    parcel: Parcel
    error: BusError


Effect = Delivered | Failed


@dataclass(frozen=True, slots=True)
class LaneRules:
    """The options of a producer that a lane obeys."""

    window: int = 5  # batches in flight; the broker remembers five
    idempotent: bool = True
    backoff_ms: int = 50  # before the first retry, doubling
    backoff_ms_max: int = 1000


@dataclass(slots=True, eq=False)
class Lane:
    """The batches of one partition."""

    partition: TopicPartition
    rules: LaneRules
    epoch: int = NO_PRODUCER_EPOCH
    next_sequence: int = 0
    waiting: deque[Parcel] = field(default_factory=deque)  # ascending in `order`
    in_flight: list[Parcel] = field(default_factory=list)  # in the order of sending
    settling: bool = False
    retry_at_ms: int = 0
    _leader: tuple[int, int] = NOBODY  # as far as it was told
    _added: int = 0
    _proven: bool = False  # the leader has written a batch of this epoch
    _written_order: int = -1  # highest place of a parcel that is written
    _gap: Parcel | None = None  # the first whose number nothing fills
    _gap_doubtful: bool = False  # it, or one after it, may have been written

    def add(self, parcel: Parcel) -> None:
        """Put a parcel behind the others."""
        parcel.order = self._added
        self._added += 1
        self.waiting.append(parcel)

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is in flight."""
        return not self.waiting and not self.in_flight

    def has_room(self, now_ms: int) -> bool:
        """Whether a parcel given now would leave at once, if none waited before it."""
        window = self.rules.window if self._proven or not self.rules.idempotent else 1
        return not self.settling and len(self.in_flight) < window and now_ms >= self.retry_at_ms

    def take(self, now_ms: int) -> Parcel | None:
        """The next parcel to send, now in flight; None if none may be sent."""
        if not self.waiting or not self.has_room(now_ms):
            return None
        if self._gap is not None and self.waiting[0].order > self._gap.order:
            return None
        parcel = self.waiting.popleft()
        if self.rules.idempotent and parcel.sequence == NO_SEQUENCE:
            parcel.sequence, parcel.epoch = self.next_sequence, self.epoch
            self.next_sequence = (self.next_sequence + parcel.count) % SEQUENCE_END
        parcel.sends += 1
        self.in_flight.append(parcel)
        return parcel

    def next_due_ms(self, now_ms: int) -> int | None:
        """When `take` or `expire` may next have something to do because of time alone."""
        due = [parcel.deadline_ms for parcel in self.in_flight if not parcel.overdue]
        if self.waiting:
            due.append(self.waiting[0].deadline_ms)
            if self.retry_at_ms > now_ms and not self.settling:
                due.append(self.retry_at_ms)
        return min(due, default=None)

    def on_written(self, parcel: Parcel, written: Written) -> list[Effect]:
        """The leader acknowledged a parcel in flight."""
        self.in_flight.remove(parcel)
        self._proven = True
        self._written_order = max(self._written_order, parcel.order)
        if self._gap is not None and self._gap.order < parcel.order:
            self._gap_doubtful = True
        effects: list[Effect] = [] if parcel.overdue else [Delivered(parcel, written)]
        return effects + self._settle()

    def on_leader(self, leader: tuple[int, int], now_ms: int) -> None:
        """Its node and epoch: a new one is asked without the pause that was for another."""
        if leader != self._leader:
            self._leader = leader
            self.retry_at_ms = min(self.retry_at_ms, now_ms)

    def on_refused(self, parcel: Parcel, error: BusError, now_ms: int) -> list[Effect]:
        """A parcel in flight was answered with an error, or its answer will never come."""
        self.in_flight.remove(parcel)
        self.settling = True
        parcel.doubtful = parcel.doubtful or not type(error).definite
        effects: list[Effect] = []
        if self._may_retry(parcel, error):
            if type(error).retriable:  # else it has to wait for the one before it, and no longer
                self._pause(parcel, now_ms)
            self._put_back(parcel)
        elif self._may_renumber(parcel, error):
            self._open_gap(parcel)
            parcel.renumbered = True
            self._pause(parcel, now_ms)
            self._put_back(parcel)
        else:
            effects += self._give_up(parcel, error)
        return effects + self._settle()

    def on_cut(self, parcel: Parcel, parts: Sequence[Parcel]) -> list[Effect]:
        """A parcel in flight was refused for its size; `parts` hold its records, in their order.

        A copy of it that may have been written keeps them in doubt: its numbers are theirs.
        """
        assert sum(part.count for part in parts) == parcel.count, "no record is lost"
        self.in_flight.remove(parcel)
        self.settling = True
        self._make_places(parcel.order, len(parts) - 1)
        sequence, order = parcel.sequence, parcel.order
        for part in parts:
            part.order, part.sequence, part.epoch = order, sequence, parcel.epoch
            part.sends, part.doubtful = parcel.sends, parcel.doubtful
            part.renumbered = parcel.renumbered
            self._put_back(part)
            order += 1
            if sequence != NO_SEQUENCE:
                sequence = (sequence + part.count) % SEQUENCE_END
        return self._settle()

    def expire(self, now_ms: int) -> list[Effect]:
        """Fail what is beyond its deadline."""
        effects: list[Effect] = []
        for parcel in self.in_flight:
            if parcel.deadline_ms <= now_ms and not parcel.overdue:
                parcel.overdue = True
                effects.append(Failed(parcel, _timed_out(parcel, self.partition)))
        while self.waiting and self.waiting[0].deadline_ms <= now_ms:
            parcel = self.waiting.popleft()
            effects += self._give_up(parcel, _timed_out(parcel, self.partition))
        return effects + self._settle()

    def fail_all(self, error: BusError) -> list[Effect]:
        """Give up everything: the producer closes, or may not go on."""
        effects: list[Effect] = [
            Failed(parcel, error)
            for parcel in (*self.in_flight, *self.waiting)
            if not parcel.overdue
        ]
        for parcel in self.in_flight:
            parcel.overdue = True
        self.waiting.clear()
        return effects

    def _may_retry(self, parcel: Parcel, error: BusError) -> bool:
        if parcel.overdue:
            return False
        if type(error).retriable:
            return True
        return _out_of_order(error) and self._has_earlier(parcel)

    def _has_earlier(self, parcel: Parcel) -> bool:
        """Whether one before it is unanswered or a gap: then its refusal says nothing new."""
        if self._gap is not None and self._gap.order < parcel.order:
            return True
        return any(queue and queue[0].order < parcel.order for queue in self._queues())

    def _queues(self) -> tuple[list[Parcel], deque[Parcel]]:
        return self.in_flight, self.waiting

    def _may_renumber(self, parcel: Parcel, error: BusError) -> bool:
        return (
            _out_of_order(error)
            and self.rules.idempotent
            and not parcel.overdue
            and not parcel.doubtful
            and not parcel.renumbered
        )

    def _pause(self, parcel: Parcel, now_ms: int) -> None:
        if NOBODY not in (parcel.sent_to, self._leader) and parcel.sent_to != self._leader:
            return  # somebody else leads by now
        delay = doubled(self.rules.backoff_ms, parcel.sends - 1, self.rules.backoff_ms_max)
        self.retry_at_ms = max(self.retry_at_ms, now_ms + delay)

    def _put_back(self, parcel: Parcel) -> None:
        place = 0
        while place < len(self.waiting) and self.waiting[place].order < parcel.order:
            place += 1
        self.waiting.insert(place, parcel)

    def _make_places(self, order: int, count: int) -> None:
        """Leave `count` places free behind `order`."""
        known = [*self.in_flight, *self.waiting]
        if self._gap is not None and self._gap not in known:
            known.append(self._gap)
        for parcel in known:
            if parcel.order > order:
                parcel.order += count
        if self._written_order > order:
            self._written_order += count
        self._added += count

    def _give_up(self, parcel: Parcel, error: BusError) -> list[Effect]:
        if parcel.sequence != NO_SEQUENCE:
            self._open_gap(parcel)
        return [] if parcel.overdue else [Failed(parcel, error)]

    def _open_gap(self, parcel: Parcel) -> None:
        if self._gap is None or parcel.order < self._gap.order:
            self._gap = parcel
        if parcel.doubtful or parcel.order < self._written_order:
            self._gap_doubtful = True

    def _settle(self) -> list[Effect]:
        """Once every answer is in: close the gap, if nothing before it is left, and flow again."""
        if self.in_flight:
            self.settling = self.settling or self._gap is not None
            return []
        self.settling = False
        gap = self._gap
        if gap is None or (self.waiting and self.waiting[0].order < gap.order):
            return []
        return self._close_gap(gap.sequence)

    def _close_gap(self, sequence: int) -> list[Effect]:
        effects: list[Effect] = []
        fence, in_doubt = self._gap_doubtful, self._gap_doubtful
        kept: deque[Parcel] = deque()
        for parcel in self.waiting:
            if parcel.doubtful and in_doubt:
                effects.append(Failed(parcel, _in_doubt(parcel, self.partition)))
                continue
            fence = fence or parcel.doubtful or parcel.renumbered
            parcel.sequence, parcel.doubtful = NO_SEQUENCE, False
            kept.append(parcel)
        self.waiting = kept
        self.next_sequence = sequence
        self._gap, self._gap_doubtful = None, False
        return effects + self._raise_epoch() if fence else effects

    def _raise_epoch(self) -> list[Effect]:
        if self.epoch >= EPOCH_MAX:
            return self.fail_all(
                InvalidProducerEpoch(
                    f"{_name(self.partition)}: this producer has used up its epochs; "
                    "open a new producer."
                )
            )
        self.epoch += 1
        self.next_sequence = 0
        self._proven = False
        return []


def _out_of_order(error: BusError) -> bool:
    return isinstance(error, OutOfOrderSequence | InvalidProducerEpoch)


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}/{partition.partition}"


def _timed_out(parcel: Parcel, partition: TopicPartition) -> RequestTimedOut:
    outcome = "it may have been written" if parcel.sends else "it was not written"
    return RequestTimedOut(
        f"A batch of {parcel.count} records for {_name(partition)} was not acknowledged within "
        f"delivery_timeout_ms; {outcome}."
    )


def _in_doubt(parcel: Parcel, partition: TopicPartition) -> OutOfOrderSequence:
    return OutOfOrderSequence(
        f"A batch of {parcel.count} records for {_name(partition)} may or may not have been "
        "written, and one before it is lost; it is not sent again, lest it be there twice."
    )

"""What a consumer asks the brokers for: positions, fetches ahead of the reader, and errors.

Event             Condition                       What happens
-----             ---------                       ------------
assign, seek      to a Start                      an offset is looked up, then fetching begins
assign, seek      to an offset                    fetching begins there; older answers are dropped
lookups           no lookup of it under way       ListOffsets to its leader
fetches           room for its bytes              Fetch to its leader, with all that are due there
on_fetched        records                         Deliver; the next fetch goes on behind them
on_fetched        more answers will follow        the same, but the partition stays in this fetch
on_fetched        a replica is closer             the next fetches go there for a while (KIP-392)
on_fetched        a replica cannot serve us       the next ones go to the leader for a while
on_fetched        not here, not now               Refresh; again after a pause
on_leaders        another one, or another epoch   the pause is over; what is asked of another node
                                                    is not waited for
on_fetched        offset out of range             by the rule: Raise, or look up earliest or latest
on_fetched        another epoch below us          Raise LogTruncated: what was read is gone
on_consumed       always                          its bytes make room again

A partition is in at most one fetch: what comes for an older one is dropped. Several fetches to one
broker may be out, so that one that waits at the end of a partition does not hold up another. After
Raise a partition rests until the reader seeks.

Invariant: `buffered` counts what was delivered and not yet consumed, and stays below
`prefetch_bytes` plus what is in flight.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from bus.client.routing import NO_NODE, Leader
from bus.errors import BusError, LogTruncated, OffsetOutOfRange, UnknownTopicOrPartition
from bus.model.backoff import doubled
from bus.model.ids import TopicPartition

NO_OFFSET = -1
LATEST, EARLIEST = -1, -2  # timestamps of a ListOffsets that mean an end of the log
FETCHES_PER_NODE_MAX = 4
REPLICA_MS = 300_000  # that a replica is read from before the leader is asked again
LEADER_MS = 5_000  # that the leader is read from after a replica has failed
UNKNOWN_MS_MAX = 10_000  # a partition unknown for so long is not there
PAUSE_MS = 50  # before an answer is asked for again, doubling
PAUSE_MS_MAX = 1000

NOBODY = Leader()
RangeRule = Literal["error", "earliest", "latest"]
LeaderOf = Callable[[TopicPartition], Leader]


@dataclass(frozen=True, slots=True)
class FetchRules:
    """The options of a consumer that the fetcher obeys; sizes in bytes."""

    prefetch_bytes: int = 32 << 20
    fetch_bytes: int = 16 << 20  # of one answer
    partition_bytes: int = 8 << 20  # of one partition in one answer
    out_of_range: RangeRule = "error"


@dataclass(slots=True, eq=False)
class Seat:
    """One assigned partition."""

    partition: TopicPartition
    generation: int  # of the reader's last seek; answers to older ones are dropped
    offset: int = NO_OFFSET  # next to ask for
    lookup: int | None = None  # timestamp whose offset is to be found first
    epoch: int = -1  # leader epoch of the last batch that came
    paused: bool = False
    broken: bool = False  # an error was raised; rests until the next seek
    plan: "Plan | None" = None  # the fetch or lookup under way that it is in
    buffered: int = 0
    asked: Leader = NOBODY  # who led when it was last asked for
    replica: int = NO_NODE  # that the leader has sent us to
    replica_until_ms: int = 0
    leader_until_ms: int = 0  # the replica failed: until then the leader is to serve us itself
    retry_at_ms: int = 0
    failures: int = 0  # in a row
    unknown_since_ms: int = -1


@dataclass(frozen=True, slots=True)
class Ask:
    """One partition of a fetch or a lookup."""

    partition: TopicPartition
    generation: int
    offset: int  # or the timestamp to look up
    leader_epoch: int
    last_epoch: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """One request to one broker; it may be answered several times."""

    node: int
    asks: tuple[Ask, ...]
    bytes_max: int = 0
    names_rack: bool = False  # its broker may send us to a replica that is closer


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an answer says of one partition."""

    error: BusError | None = None
    size: int = 0  # bytes of whole batches
    end_offset: int = NO_OFFSET  # behind the last of them
    epoch: int = -1  # leader epoch of the last of them
    start_offset: int = NO_OFFSET  # of the log
    high_watermark: int = NO_OFFSET
    diverged_at: int = NO_OFFSET  # where the leader's log parts from what was read
    preferred: int = NO_NODE  # the replica to read from instead


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand the records of this answer to the reader."""

    ask: Ask


@dataclass(frozen=True, slots=True)
class Raise:
    """The reader's next poll raises this."""

    ask: Ask
    error: BusError


@dataclass(frozen=True, slots=True)
class Refresh:
    """The picture of the cluster may be out of date: this leader has answered so."""

    ask: Ask
    leader: Leader
    cause: BusError


Effect = Deliver | Raise | Refresh


@dataclass(slots=True)
class Fetcher:
    """All assigned partitions of one consumer."""

    rules: FetchRules
    seats: dict[TopicPartition, Seat] = field(default_factory=dict)
    buffered: int = 0
    _out: dict[Plan, None] = field(default_factory=dict)  # fetches under way

    def assign(self, partition: TopicPartition, generation: int, *, paused: bool = False) -> None:
        """Add a partition; it rests until `seek` says where to begin."""
        self.seats[partition] = Seat(partition, generation, paused=paused)

    def unassign(self, partition: TopicPartition) -> None:
        """Drop a partition with what is buffered of it."""
        seat = self.seats.pop(partition, None)
        if seat is not None:
            self.buffered -= seat.buffered

    def seek(
        self,
        partition: TopicPartition,
        generation: int,
        *,
        offset: int = NO_OFFSET,
        lookup: int | None = None,
    ) -> None:
        """Begin again at an offset, or at what a timestamp stands for."""
        old = self.seats.get(partition)
        if old is None:
            return
        self.buffered -= old.buffered
        self.seats[partition] = Seat(partition, generation, offset, lookup, paused=old.paused)

    def pause(self, partitions: Iterable[TopicPartition], paused: bool) -> None:
        """Stop or go on fetching; what is under way still comes."""
        for partition in partitions:
            if partition in self.seats:
                self.seats[partition].paused = paused

    def lookups(self, now_ms: int, leader_of: LeaderOf) -> list[Plan]:
        """ListOffsets to send now."""
        by_node: dict[int, list[Ask]] = {}
        for seat in self._due(now_ms):
            leader = leader_of(seat.partition)
            if seat.lookup is None or leader.node < 0:
                continue
            ask = Ask(seat.partition, seat.generation, seat.lookup, leader.epoch)
            seat.asked = leader
            by_node.setdefault(leader.node, []).append(ask)
        return [self._begun(Plan(node, tuple(asks))) for node, asks in by_node.items()]

    def fetches(self, now_ms: int, leader_of: LeaderOf) -> list[Plan]:
        """Fetches to send now."""
        room = self.rules.prefetch_bytes - self.buffered
        if room <= 0:
            return []
        by_node: dict[tuple[int, bool], list[Ask]] = {}
        for seat in self._due(now_ms):
            if seat.lookup is not None or seat.offset < 0 or seat.paused:
                continue
            if seat.buffered >= self.rules.partition_bytes:
                continue
            leader = leader_of(seat.partition)
            node = seat.replica if now_ms < seat.replica_until_ms else leader.node
            if leader.node < 0 or self._count_out(node) >= FETCHES_PER_NODE_MAX:
                continue
            seat.asked = leader
            ask = Ask(seat.partition, seat.generation, seat.offset, leader.epoch, seat.epoch)
            by_node.setdefault((node, now_ms >= seat.leader_until_ms), []).append(ask)
        size = min(self.rules.fetch_bytes, room)
        plans = [
            self._begun(Plan(node, tuple(asks), size, names_rack))
            for (node, names_rack), asks in by_node.items()
        ]
        self._out.update(dict.fromkeys(plans))
        return plans

    def on_leaders(self, leader_of: LeaderOf, now_ms: int) -> None:
        """The picture is another: who waits for a leader that is none any more need not."""
        for seat in self.seats.values():
            leader = leader_of(seat.partition)
            if leader.node < 0 or leader == seat.asked:
                continue
            seat.replica_until_ms = 0
            if seat.plan is None:
                seat.retry_at_ms = min(seat.retry_at_ms, now_ms)
            elif seat.plan.node != leader.node:
                seat.plan = None

    def leaderless(self, leader_of: LeaderOf) -> bool:
        """Whether some partition cannot be asked for because nobody is known to lead it."""
        return any(leader_of(partition).node < 0 for partition in self.seats)

    def next_due_ms(self, now_ms: int) -> int | None:
        """When a pause after an error ends."""
        due = (
            seat.retry_at_ms
            for seat in self.seats.values()
            if seat.retry_at_ms > now_ms and seat.plan is None and not seat.broken
        )
        return min(due, default=None)

    def on_offset(
        self, plan: Plan, ask: Ask, offset: int, error: BusError | None, now_ms: int
    ) -> list[Effect]:
        """A lookup was answered; an offset of -1 means that no record is that young."""
        seat = self._seat(plan, ask)
        if seat is None:
            return []
        seat.plan = None
        if error is not None:
            return self._on_error(seat, ask, error, now_ms)
        seat.failures, seat.unknown_since_ms = 0, -1
        if offset < 0 and seat.lookup != LATEST:
            seat.lookup = LATEST
        else:
            seat.offset, seat.lookup = max(offset, 0), None
        return []

    def on_plan_done(self, plan: Plan) -> None:
        """A fetch has its last answer, or will have none; before `on_fetched` of that answer."""
        del self._out[plan]

    def asks(self, plan: Plan) -> list[Ask]:
        """What a further answer of a fetch may be for: its partitions, each where it is now."""
        seats = ((self._seat(plan, ask), ask) for ask in plan.asks)
        return [
            Ask(ask.partition, ask.generation, seat.offset, ask.leader_epoch, ask.last_epoch)
            for seat, ask in seats
            if seat is not None
        ]

    def on_fetched(
        self, plan: Plan, ask: Ask, fetched: Fetched, now_ms: int, *, more: bool = False
    ) -> list[Effect]:
        """One partition of an answer; with `more`, the fetch goes on."""
        seat = self._seat(plan, ask)
        if seat is None:
            return []
        if not more or fetched.error is not None or fetched.diverged_at >= 0:
            seat.plan = None
        if fetched.preferred >= 0 and fetched.error is None:
            seat.replica, seat.replica_until_ms = fetched.preferred, now_ms + REPLICA_MS
            seat.plan = None
            return []
        if plan.node != seat.asked.node and (fetched.error is not None or fetched.diverged_at >= 0):
            return self._back_to_leader(seat, now_ms)
        if fetched.diverged_at >= 0:
            return self._break(seat, ask, _truncated(ask, fetched.diverged_at))
        if isinstance(fetched.error, OffsetOutOfRange):
            return self._on_out_of_range(seat, ask, fetched)
        if fetched.error is not None:
            return self._on_error(seat, ask, fetched.error, now_ms)
        seat.failures, seat.unknown_since_ms = 0, -1
        if fetched.size == 0:
            return []
        assert fetched.end_offset > ask.offset, "records end behind the offset that was asked for"
        seat.offset, seat.epoch = fetched.end_offset, fetched.epoch
        seat.buffered += fetched.size
        self.buffered += fetched.size
        return [Deliver(ask)]

    def on_consumed(self, partition: TopicPartition, generation: int, size: int) -> None:
        """The reader is done with `size` bytes."""
        seat = self.seats.get(partition)
        if seat is not None and seat.generation == generation:
            seat.buffered -= size
            self.buffered -= size
            assert seat.buffered >= 0, "nothing is consumed twice"

    def _due(self, now_ms: int) -> list[Seat]:
        return [
            seat
            for seat in self.seats.values()
            if seat.plan is None and not seat.broken and seat.retry_at_ms <= now_ms
        ]

    def _begun(self, plan: Plan) -> Plan:
        for ask in plan.asks:
            self.seats[ask.partition].plan = plan
        return plan

    def _count_out(self, node: int) -> int:
        """Fetches to a node whose answers are still of interest."""
        return sum(plan.node == node and bool(self.asks(plan)) for plan in self._out)

    def _seat(self, plan: Plan, ask: Ask) -> Seat | None:
        """The seat an answer belongs to, or None if the reader has moved on."""
        seat = self.seats.get(ask.partition)
        return seat if seat is not None and seat.plan is plan else None

    def _on_out_of_range(self, seat: Seat, ask: Ask, fetched: Fetched) -> list[Effect]:
        rule = self.rules.out_of_range
        beyond = 0 <= fetched.high_watermark < ask.offset
        if beyond and ask.last_epoch >= 0:
            return self._break(seat, ask, _truncated(ask, fetched.high_watermark))
        if rule == "error":
            return self._break(seat, ask, _out_of_range(ask, fetched))
        seat.offset, seat.epoch = NO_OFFSET, -1
        seat.lookup = EARLIEST if rule == "earliest" else LATEST
        return []

    def _back_to_leader(self, seat: Seat, now_ms: int) -> list[Effect]:
        """A follower cannot say what is wrong, only that it cannot serve us; the leader can."""
        seat.plan, seat.replica_until_ms = None, 0
        seat.leader_until_ms = now_ms + LEADER_MS
        return []

    def _on_error(self, seat: Seat, ask: Ask, error: BusError, now_ms: int) -> list[Effect]:
        named = type(error)(f"{_name(ask.partition)}: {error}")
        if not type(error).retriable:
            return self._break(seat, ask, named)
        if isinstance(error, UnknownTopicOrPartition):
            if seat.unknown_since_ms < 0:
                seat.unknown_since_ms = now_ms
            if now_ms - seat.unknown_since_ms >= UNKNOWN_MS_MAX:
                return self._break(seat, ask, named)
        seat.retry_at_ms = now_ms + doubled(PAUSE_MS, seat.failures, PAUSE_MS_MAX)
        seat.failures += 1
        return [Refresh(ask, seat.asked, error)]

    def _break(self, seat: Seat, ask: Ask, error: BusError) -> list[Effect]:
        seat.broken = True
        return [Raise(ask, error)]


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}/{partition.partition}"


def _truncated(ask: Ask, offset: int) -> LogTruncated:
    return LogTruncated(
        f"{_name(ask.partition)}: the log was cut at offset {offset}, below the position "
        f"{ask.offset}; records read from there on are gone. Seek to {offset} to go on."
    )


def _out_of_range(ask: Ask, fetched: Fetched) -> OffsetOutOfRange:
    return OffsetOutOfRange(
        f"{_name(ask.partition)}: offset {ask.offset} is outside the log, which holds "
        f"[{fetched.start_offset}, {fetched.high_watermark}); seek, or open the consumer with "
        'out_of_range="earliest" or "latest".'
    )

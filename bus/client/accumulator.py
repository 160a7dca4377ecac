"""All batches of a producer on their way: which leave now, to which broker, and when to look again.

Event       What happens
-----       ------------
add         a parcel joins the lane of its partition
on_identity the broker has named this producer: batches may be numbered, so they may leave
take        per leader, at most one parcel of each partition; unknown leaders are listed
on_written  the lane's answer
on_refused  the lane's answer; an error that says "not here" makes the leader stale
on_leader   the lane's answer
on_cut      the lane's answer
expire      every lane's overdue parcels fail

No clock and no socket: facts and the time come in, effects and parcels go out.

Invariant: a partition's parcels are all in one lane, and `count` of them are not yet settled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bus.client.lane import Effect, Lane, LaneRules, Parcel, Written
from bus.errors import BusError
from bus.model.batch import NO_PRODUCER_EPOCH, NO_PRODUCER_ID
from bus.model.ids import TopicPartition

LeaderOf = Callable[[TopicPartition], int | None]


@dataclass(slots=True)
class Shipment:
    """What `take` found: parcels by the broker that leads their partitions."""

    by_node: dict[int, list[tuple[TopicPartition, Parcel]]] = field(default_factory=dict)
    leaderless: list[TopicPartition] = field(default_factory=list)  # something waits for them


class Accumulator:
    """The lanes of one producer."""

    def __init__(self, rules: LaneRules) -> None:
        self.rules = rules
        self.producer_id = NO_PRODUCER_ID
        self.producer_epoch = NO_PRODUCER_EPOCH
        self.lanes: dict[TopicPartition, Lane] = {}
        self._busy: dict[TopicPartition, Lane] = {}  # those with anything in them

    @property
    def needs_identity(self) -> bool:
        """Whether nothing can leave because the producer has no id yet."""
        return self.rules.idempotent and self.producer_id == NO_PRODUCER_ID

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is in flight."""
        return not self._busy

    def on_identity(self, producer_id: int, producer_epoch: int) -> None:
        """The broker gave the producer its id; every lane starts at 0 in this epoch."""
        assert self.producer_id == NO_PRODUCER_ID, "a producer has one id for life"
        self.producer_id, self.producer_epoch = producer_id, producer_epoch
        for lane in self.lanes.values():
            lane.epoch = producer_epoch

    def lane(self, partition: TopicPartition) -> Lane:
        """The partition's lane, made if need be."""
        lane = self.lanes.get(partition)
        if lane is None:
            lane = Lane(partition, self.rules, self.producer_epoch)
            self.lanes[partition] = lane
        return lane

    def add(self, partition: TopicPartition, parcel: Parcel) -> None:
        """Queue a parcel behind those of its partition."""
        lane = self.lane(partition)
        lane.add(parcel)
        self._busy[partition] = lane

    def take(self, now_ms: int, leader_of: LeaderOf) -> Shipment:
        """What may leave now. Call again until it is empty: a partition gives one at a time."""
        shipment = Shipment()
        if self.needs_identity:
            return shipment
        for partition, lane in self._busy.items():
            if not lane.waiting or not lane.has_room(now_ms):
                continue
            node = leader_of(partition)
            if node is None:
                shipment.leaderless.append(partition)
                continue
            parcel = lane.take(now_ms)
            if parcel is not None:
                shipment.by_node.setdefault(node, []).append((partition, parcel))
        return shipment

    def has_room(self, partition: TopicPartition, now_ms: int) -> bool:
        """Whether a parcel added now could leave at once."""
        lane = self.lane(partition)
        return not self.needs_identity and not lane.waiting and lane.has_room(now_ms)

    def pause_ends_ms(self, partition: TopicPartition, now_ms: int) -> int | None:
        """When the pause after a refusal ends, if the partition is in one."""
        retry_at_ms = self.lane(partition).retry_at_ms
        return retry_at_ms if retry_at_ms > now_ms else None

    def on_leader(self, partition: TopicPartition, leader: tuple[int, int], now_ms: int) -> None:
        """The node that leads and its epoch, as they are known now."""
        lane = self._busy.get(partition)
        if lane is not None:
            lane.on_leader(leader, now_ms)

    @property
    def busy(self) -> list[TopicPartition]:
        """Partitions with something that is not settled."""
        return list(self._busy)

    def on_written(
        self, partition: TopicPartition, parcel: Parcel, written: Written
    ) -> list[Effect]:
        """The leader acknowledged a parcel."""
        return self._after(partition, self.lanes[partition].on_written(parcel, written))

    def on_refused(
        self, partition: TopicPartition, parcel: Parcel, error: BusError, now_ms: int
    ) -> list[Effect]:
        """A parcel was answered with an error, or will never be answered."""
        return self._after(partition, self.lanes[partition].on_refused(parcel, error, now_ms))

    def on_cut(
        self, partition: TopicPartition, parcel: Parcel, parts: Sequence[Parcel]
    ) -> list[Effect]:
        """A parcel was too large; `parts` go in its place."""
        return self._after(partition, self.lanes[partition].on_cut(parcel, parts))

    def expire(self, now_ms: int) -> list[Effect]:
        """Fail what is beyond its deadline."""
        effects: list[Effect] = []
        for partition, lane in list(self._busy.items()):
            effects += self._after(partition, lane.expire(now_ms))
        return effects

    def fail_all(self, error: BusError) -> list[Effect]:
        """Give up everything."""
        effects: list[Effect] = []
        for partition, lane in list(self._busy.items()):
            effects += self._after(partition, lane.fail_all(error))
        return effects

    def next_due_ms(self, now_ms: int) -> int | None:
        """When to call `expire` and `take` again, if nothing else happens before."""
        due = (lane.next_due_ms(now_ms) for lane in self._busy.values())
        return min((moment for moment in due if moment is not None), default=None)

    def _after(self, partition: TopicPartition, effects: list[Effect]) -> list[Effect]:
        if self.lanes[partition].idle:
            self._busy.pop(partition, None)
        return effects

"""The in-sync replicas of a partition as its leader knows them: who must hold what is committed.

Event     Condition                                   Follows
-----     ---------                                   -------
begin     this broker leads in a new epoch            nobody has been heard
adopt     a newer partition epoch                     its set counts; what was proposed is over;
                                                      whoever has left it owes us to be heard
hear      a replica's fetch or acknowledgement        what it holds; when it had all
forget    a replica has begun another life            what it held is not known any more
wish      a member has lagged for `lag_ms_max`        the set without it is proposed (R20)
wish      another replica has what it needs to have,  the set with it is proposed (R21)
          and does not owe us to be heard
refused   the authority will not have it so           something else may be proposed

Whoever was proposed counts as if in the set (the *maximal* set, KIP-497) until a newer partition
epoch is known. The answer may be lost, and then the set is larger than the leader knows; and a
refusal may be of one copy of a proposal while an earlier copy is still under way. One proposal is
out at a time (R22); a leader that wants to be rid of who it was refused proposes the set as it is.

An acknowledgement counts if it was heard in this leader's epoch and from the life of the broker
that is known now (R17): what an earlier life held, the broker may have lost.

Whoever has left the set comes back by what is heard of it afterwards, not by what it is known to
hold: where nothing is written, one that cannot be heard holds all that is committed for ever, and
would come and go with each `lag_ms_max`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bus.model.cluster import BrokerLife, PartitionImage
from bus.model.limits import REPLICA_LAG_MS_MAX

NOTHING = -1


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a replica stands with one partition: what its fetch and its acks say (R10, R15)."""

    leader_epoch: int  # of the leader that it follows
    broker_epoch: int  # its life
    last_epoch: int  # of its last batch; -1 if it has none
    end_offset: int
    flushed_offset: int

    def with_flushed(self, flushed_offset: int) -> "Standing":
        """The same, with more of it flushed."""
        return replace(self, flushed_offset=max(self.flushed_offset, flushed_offset))


@dataclass(slots=True)
class Progress:
    """What the leader has heard of one replica, in its own epoch."""

    broker_epoch: int = NOTHING
    end_offset: int = NOTHING
    flushed_offset: int = NOTHING
    caught_up_ms: int = 0  # it holds all that there was then
    mark_offset: int = NOTHING  # where the log ended ...
    mark_ms: int = 0  # ... at this time: once it holds that, it had caught up then
    is_owing: bool = False  # it has left the set, and has not caught up with us since


@dataclass(frozen=True, slots=True)
class Proposal:
    """An in-sync set that the authority is asked for."""

    isr: tuple[int, ...]
    partition_epoch: int  # that it would replace
    added: dict[int, int]  # broker -> its epoch, which must be the same when it is granted


@dataclass(slots=True)
class InSync:
    """The replicas of one partition while this broker leads it."""

    me: int
    image: PartitionImage
    flush_group: bool  # True: only flushed records count (R16)
    lag_ms_max: int = REPLICA_LAG_MS_MAX
    proposal: Proposal | None = None  # that was not answered
    is_enough: bool = field(init=False)  # in sync for the topic: else nothing is committed (R17)
    maximal: frozenset[int] = field(init=False)  # are in sync, or may be for all that is known
    _proposed: set[int] = field(default_factory=set)  # in this partition epoch, by any proposal
    _progress: dict[int, Progress] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._count()

    def begin(self, image: PartitionImage, now_ms: int) -> None:
        """Lead from this record on: nobody has been heard yet, and nobody is late yet (R9)."""
        self._progress = {
            broker: Progress(caught_up_ms=now_ms) for broker in image.replicas if broker != self.me
        }
        self._take(image)

    def adopt(self, image: PartitionImage) -> None:
        """The authority's record has changed; the leader and its epoch have not (R23)."""
        assert image.leader_epoch == self.image.leader_epoch, "another epoch is another beginning"
        if image.partition_epoch > self.image.partition_epoch:
            self._take(image)

    def hear(self, broker: int, standing: Standing, end_offset: int, now_ms: int) -> bool:
        """A replica holds so much, and the log ends at `end_offset`; whether that is news."""
        progress = self._progress.get(broker)
        if progress is None:
            return False
        self.forget(broker, standing.broker_epoch)
        progress.broker_epoch = standing.broker_epoch
        before = progress.end_offset, progress.flushed_offset
        progress.end_offset = max(progress.end_offset, standing.end_offset)
        progress.flushed_offset = max(progress.flushed_offset, standing.flushed_offset)
        self._note_time(progress, end_offset, now_ms)
        return (progress.end_offset, progress.flushed_offset) != before

    def held(self, broker: int) -> int:
        """Where its log ended when it was last heard; NOTHING if it was not."""
        progress = self._progress.get(broker)
        return NOTHING if progress is None else progress.end_offset

    def forget(self, broker: int, life: int) -> None:
        """It lives in this epoch now: what was heard of another life is void."""
        progress = self._progress.get(broker)
        if progress is not None and progress.broker_epoch != life:
            progress.broker_epoch = progress.mark_offset = NOTHING
            progress.end_offset = progress.flushed_offset = NOTHING

    def committed(self, own_offset: int) -> int:
        """What all of the maximal set hold; NOTHING if too few are in sync."""
        if not self.is_enough:
            return NOTHING
        held = own_offset
        for broker in self.maximal:
            if broker != self.me:
                held = min(held, self._counted(self._progress.get(broker)))
        return held

    def wish(
        self, high_watermark: int, start_offset: int, lives: Mapping[int, BrokerLife], now_ms: int
    ) -> Proposal | None:
        """The set that should be, if that is not the one that is, and nothing is out (R20 to R22).

        `start_offset` is where this leader's epoch began; `lives` has all brokers that are known.
        """
        if self.proposal is not None:
            return None
        isr = set(self.image.isr)
        late = {broker for broker in isr if self._is_late(broker, now_ms)}
        needed = max(high_watermark, start_offset)
        outside = self._progress.keys() - isr
        joining = {broker for broker in outside if self._may_join(broker, needed, lives)}
        wanted = (isr - late) | joining
        if wanted == isr and self._proposed <= isr:
            return None
        ordered = tuple(broker for broker in self.image.replicas if broker in wanted)
        added = {broker: lives[broker].epoch for broker in joining}
        self.proposal = Proposal(ordered, self.image.partition_epoch, added)
        self._proposed |= joining
        self._count()
        for broker in joining:  # else, heard long ago, it would have to leave at once
            self._progress[broker].caught_up_ms = now_ms
        return self.proposal

    def refused(self, proposal: Proposal) -> None:
        """The authority will not have it so; another one may be made."""
        if self.proposal == proposal:
            self.proposal = None
            self._count()

    def next_ms(self, now_ms: int) -> int | None:
        """When the next member will be late, or whoever owes us to be heard is to be looked at."""
        if self.proposal is not None:
            return None
        members = (self._progress.get(broker) for broker in self.image.isr)
        times = [each.caught_up_ms + self.lag_ms_max + 1 for each in members if each is not None]
        if any(each.is_owing for each in self._progress.values()):
            times.append(now_ms + self.lag_ms_max // 2)
        return min(times, default=None)

    def _take(self, image: PartitionImage) -> None:
        left = set(self.image.isr).difference(image.isr)
        for broker, progress in self._progress.items():
            if broker in left:
                progress.is_owing, progress.mark_offset = True, NOTHING
        self.image = image
        self.proposal = None
        self._proposed = set()
        for broker in image.replicas:
            if broker != self.me:
                self._progress.setdefault(broker, Progress())
        for broker in self._progress.keys() - set(image.replicas):
            del self._progress[broker]
        self._count()

    def _count(self) -> None:
        """Whom everything committed waits for: asked with each batch, so worked out only here."""
        self.is_enough = len(self.image.isr) >= self.image.min_isr
        self.maximal = frozenset(self._proposed.union(self.image.isr))

    def _note_time(self, progress: Progress, end_offset: int, now_ms: int) -> None:
        """One mark at a time, which stays until it is reached: so a replica that is always a
        little behind is not late, and one that stands still is."""
        holds = self._counted(progress)
        if holds >= end_offset:
            self._caught_up(progress, now_ms)
        elif holds < progress.mark_offset:
            return
        elif progress.mark_offset > NOTHING:
            self._caught_up(progress, progress.mark_ms)
        progress.mark_offset, progress.mark_ms = end_offset, now_ms

    @staticmethod
    def _caught_up(progress: Progress, at_ms: int) -> None:
        """A question that it had asked before it left pays nothing."""
        if at_ms > progress.caught_up_ms:
            progress.caught_up_ms, progress.is_owing = at_ms, False

    def _counted(self, progress: Progress | None) -> int:
        """What a replica holds, as far as it counts towards the high watermark (R16)."""
        if progress is None:
            return NOTHING
        return progress.flushed_offset if self.flush_group else progress.end_offset

    def _is_late(self, broker: int, now_ms: int) -> bool:
        progress = self._progress.get(broker)
        return progress is not None and now_ms - progress.caught_up_ms > self.lag_ms_max

    def _may_join(self, broker: int, needed: int, lives: Mapping[int, BrokerLife]) -> bool:
        """It holds all that is committed, and all that may have been before this epoch (R21).

        To wait until the high watermark is in this epoch, too, would be to wait for ever where too
        few are in sync: it does not move then, and nobody else may join.
        """
        progress, life = self._progress[broker], lives.get(broker)
        is_known = life is not None and life.is_active and life.epoch == progress.broker_epoch
        return is_known and not progress.is_owing and self._counted(progress) >= needed

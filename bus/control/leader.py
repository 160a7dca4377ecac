"""Leader of one partition: what may be written, what is acknowledged, what readers may see.

Event          Condition                          Effect
-----          ---------                          ------
on_elected     always                             Persist (epoch, end offset) before anything (R8)
on_fetch       a replica holds more               commit may advance
on_image       another in-sync set                commit may advance, or its waits are in vain (R18)
on_fetch/tick  another set should be in sync      Propose it (R20, R21)
on_produce     not idempotently next              Answer with the verdict's error
on_produce     duplicate                          Answer as the first time, once committed
on_produce     acks=all and too few in sync       Answer NotEnoughReplicas, nothing written (R18)
on_produce     otherwise                          Append
on_appended    acks 0 or 1                        Answer now
on_appended    flush=os                           commit may advance (R16)
on_flushed     flush=group                        commit may advance (R16)
commit moves   always                             Committed, and Answer what it has passed (R17)
on_tick        an acks=all waits for too long     Answer RequestTimedOut (indefinite)
on_disk_failed always                             Answer StorageError to all; no further writes (S4)

One node is a cluster of one: the in-sync set is {self}, so what it holds (flush=os) or has flushed
(flush=group) is committed. Who is in sync with it otherwise, `insync.py` knows.

Invariant: high_watermark <= end_offset, and neither ever moves back.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from bus.control.effects import Answer, Append, Committed, Effect, EpochEntry, Persist, Propose
from bus.control.insync import InSync, Proposal, Standing
from bus.control.reader_epochs import epoch_error
from bus.control.sequence import Duplicate, Refused, judge
from bus.control.timers import Timers
from bus.errors import (
    NONE,
    FencedLeaderEpoch,
    InvalidRecord,
    InvalidRequiredAcks,
    MessageTooLarge,
    NotEnoughReplicas,
    NotEnoughReplicasAfterAppend,
    NotLeader,
    OffsetNotAvailable,
    RequestTimedOut,
    StorageError,
    UnknownLeaderEpoch,
)
from bus.model.batch import NO_LEADER_EPOCH, BatchInfo
from bus.model.cluster import BrokerLife, PartitionImage
from bus.model.producer import ProducerEntry
from bus.model.replication_errors import StaleBrokerEpoch

ACKS_ALL, ACKS_NONE, ACKS_LEADER = -1, 0, 1


@dataclass(slots=True)
class Pending:
    """A produce between its arrival and its answer."""

    base_offset: int
    end_offset: int
    acks: int
    deadline_ms: int


@dataclass(slots=True)
class Leader:
    """Sans-IO leader: feed it facts and the time, carry out the effects it returns."""

    insync: InSync
    message_bytes_max: int
    epoch: int = NO_LEADER_EPOCH
    end_offset: int = 0
    flushed_offset: int = 0
    high_watermark: int = 0
    epoch_start_offset: int = 0  # LESO: the end offset when this epoch began (R9)
    failed: bool = False  # the disk is; nothing more is written
    resigned: bool = False  # stopping, or the topic was deleted
    _pending: dict[int, Pending] = field(default_factory=dict)
    _waiting: deque[int] = field(default_factory=deque)  # tickets, end offsets ascending
    _timers: Timers[int] = field(default_factory=Timers)

    def on_elected(
        self,
        image: PartitionImage,
        end_offset: int,
        flushed_offset: int,
        high_watermark: int,
        now_ms: int,
    ) -> list[Effect]:
        """Lead as this record says, with the log as it is; `high_watermark` is what is known."""
        epoch = image.leader_epoch
        assert epoch > self.epoch, "leader epochs only rise"
        assert flushed_offset <= end_offset, "nothing is flushed that was not written"
        assert high_watermark <= end_offset, "nothing is committed that was not written"
        self.epoch, self.epoch_start_offset = epoch, end_offset
        self.end_offset, self.flushed_offset = end_offset, flushed_offset
        self.high_watermark = high_watermark
        self.insync.begin(image, now_ms)
        return [Persist(EpochEntry(epoch, end_offset)), *self._advance()]

    def on_image(self, image: PartitionImage) -> list[Effect]:
        """The authority's record of this epoch has changed (R23)."""
        self.insync.adopt(image)
        effects = self._advance()
        if not self.insync.is_enough:
            effects += self._answer_waiting(NotEnoughReplicasAfterAppend.code)
        return effects

    def on_refused(self, proposal: Proposal) -> None:
        """The authority will not have that in-sync set."""
        self.insync.refused(proposal)

    def fetch_error(self, broker: int, standing: Standing, life: BrokerLife | None) -> int:
        """Why a replica is not heard; 0 if it is. `life` is what is known of the broker (R11)."""
        if self.failed or self.resigned:
            return StorageError.code if self.failed else NotLeader.code
        if standing.leader_epoch != self.epoch:
            is_older = standing.leader_epoch < self.epoch
            return FencedLeaderEpoch.code if is_older else UnknownLeaderEpoch.code
        if broker not in self.insync.image.replicas:
            return NotLeader.code
        if life is None or life.epoch != standing.broker_epoch:
            return StaleBrokerEpoch.code
        return NONE

    def on_fetch(
        self, broker: int, standing: Standing, lives: Mapping[int, BrokerLife], now_ms: int
    ) -> list[Effect]:
        """A replica that is heard, and whose log does not diverge, holds so much (R17)."""
        is_news = self.insync.hear(broker, standing, self.end_offset, now_ms)
        effects = self._advance() if is_news else []
        return [*effects, *self.on_lives(lives, now_ms)]

    def on_lives(self, lives: Mapping[int, BrokerLife], now_ms: int) -> list[Effect]:
        """What is known of the brokers may have changed, or time has passed (R20, R21)."""
        if self.failed or self.resigned:
            return []
        wish = self.insync.wish(self.high_watermark, self.epoch_start_offset, lives, now_ms)
        return [] if wish is None else [Propose(wish)]

    def on_produce(
        self,
        ticket: int,
        info: BatchInfo,
        entry: ProducerEntry | None,
        acks: int,
        deadline_ms: int,
    ) -> list[Effect]:
        """A validated batch arrived; `entry` is what the log remembers of its producer."""
        refusal = self._refusal(info, acks)
        if refusal is not None:
            return [Answer(ticket, refusal[0], detail=refusal[1])]
        verdict = judge(entry, info)
        if isinstance(verdict, Refused):
            return [Answer(ticket, verdict.error, detail=verdict.detail)]
        if isinstance(verdict, Duplicate):
            original = verdict.original
            pending = Pending(original.base_offset, original.last_offset + 1, acks, deadline_ms)
            self._pending[ticket] = pending
            return self._settle(ticket, pending)
        base = self.end_offset
        end = base + info.last_offset_delta + 1
        self._pending[ticket] = Pending(base, end, acks, deadline_ms)
        return [Append(ticket, base, self.epoch)]

    def on_appended(self, ticket: int) -> list[Effect]:
        """The batch behind `ticket` stands in the log where Append said."""
        pending = self._pending[ticket]
        assert pending.base_offset == self.end_offset, "appends come in the order of their effects"
        self.end_offset = pending.end_offset
        return [*self._advance(), *self._settle(ticket, pending)]

    def on_append_failed(self, ticket: int, error: int, detail: str) -> list[Effect]:
        """Nothing of `ticket` was written."""
        del self._pending[ticket]
        return [Answer(ticket, error, detail=detail)]

    def on_flushed(self, offset: int) -> list[Effect]:
        """The log is durable below `offset`."""
        assert offset <= self.end_offset, "nothing is flushed that was not written"
        self.flushed_offset = max(self.flushed_offset, offset)
        return self._advance()

    def on_flush_mode(self, flush_group: bool) -> list[Effect]:
        """The topic's flush setting changed; what is committed stays committed."""
        self.insync.flush_group = flush_group
        return self._advance()

    def on_disk_failed(self) -> list[Effect]:
        """The disk failed: whoever waits may or may not be written (S4)."""
        self.failed = True
        return self._answer_all(StorageError.code)

    def on_resigned(self) -> list[Effect]:
        """This broker no longer leads: whoever waits asks the next leader."""
        self.resigned = True
        return self._answer_all(NotLeader.code)

    def on_tick(self, now_ms: int) -> list[Effect]:
        """Give up on what has waited past its deadline; it may still be committed."""
        late = [ticket for ticket in self._timers.due(now_ms) if ticket in self._pending]
        return [self._answer(ticket, RequestTimedOut.code) for ticket in late]

    def next_tick_ms(self) -> int | None:
        """When `on_tick` has something to do."""
        return self._timers.next_ms()

    def epoch_error(self, current_leader_epoch: int) -> int:
        """What a reader with this idea of the epoch is told; 0 if it is right or has none."""
        if self.failed:
            return StorageError.code
        if self.resigned:
            return NotLeader.code
        return epoch_error(current_leader_epoch, self.epoch)

    def offset_error(self) -> int:
        """Whether the end of the visible log may be told yet (R9, KIP-207)."""
        return NONE if self.high_watermark >= self.epoch_start_offset else OffsetNotAvailable.code

    def _refusal(self, info: BatchInfo, acks: int) -> tuple[int, str | None] | None:
        if self.failed:
            return StorageError.code, None
        if self.resigned:
            return NotLeader.code, None
        if acks not in (ACKS_ALL, ACKS_NONE, ACKS_LEADER):
            return InvalidRequiredAcks.code, f"acks is {acks}; 0, 1 and -1 (all) are known."
        if acks == ACKS_ALL and not self.insync.is_enough:
            return NotEnoughReplicas.code, None
        if info.size > self.message_bytes_max:
            return MessageTooLarge.code, (
                f"The batch has {info.size} bytes; max.message.bytes is {self.message_bytes_max}."
            )
        if info.is_control or info.is_transactional:
            return InvalidRecord.code, "Transactions are not served by this broker."
        return None

    def _settle(self, ticket: int, pending: Pending) -> list[Effect]:
        """Answer now, or wait for the high watermark."""
        if ticket not in self._pending:
            return []  # `_advance` has answered it
        if pending.acks != ACKS_ALL or pending.end_offset <= self.high_watermark:
            return [self._answer(ticket, NONE)]
        self._enqueue(ticket, pending)
        self._timers.set(ticket, pending.deadline_ms)
        return []

    def _enqueue(self, ticket: int, pending: Pending) -> None:
        """Keep the queue in order of end offsets: a duplicate may wait for an older batch."""
        place = len(self._waiting)
        while place and self._end_of(self._waiting[place - 1]) > pending.end_offset:
            place -= 1
        self._waiting.insert(place, ticket)

    def _end_of(self, ticket: int) -> int:
        pending = self._pending.get(ticket)
        return pending.end_offset if pending else 0

    def _advance(self) -> list[Effect]:
        own = self.flushed_offset if self.insync.flush_group else self.end_offset
        committed = self.insync.committed(own)
        if committed <= self.high_watermark:
            return []
        assert committed <= self.end_offset, "nothing is committed that was not written"
        self.high_watermark = committed
        effects: list[Effect] = [Committed(committed)]
        while self._waiting and self._end_of(self._waiting[0]) <= committed:
            ticket = self._waiting.popleft()
            if ticket in self._pending:
                effects.append(self._answer(ticket, NONE))
        return effects

    def _answer(self, ticket: int, error: int) -> Answer:
        pending = self._pending.pop(ticket)
        self._timers.cancel(ticket)
        return Answer(ticket, error, pending.base_offset)

    def _answer_waiting(self, error: int) -> list[Effect]:
        waiting, self._waiting = self._waiting, deque()
        return [self._answer(ticket, error) for ticket in waiting if ticket in self._pending]

    def _answer_all(self, error: int) -> list[Effect]:
        self._waiting.clear()
        return [self._answer(ticket, error) for ticket in list(self._pending)]

"""The follower's end of replication: one question a leader at a time, and what its answers change.

    ask      name the partitions that stand elsewhere than the leader was told (R10)
    answer   each partition's machine decides; `_carry_out` is the interpreter of its effects
    ask      at once again; after a while, if the leader gave an error or cannot be reached

After a group commit the leader is told at once, also while the question waits (R15). A lost link
ends the session: the next question names all partitions, and the leader checks each for divergence.

Replicas that are being added are slowed down: when they have brought more than their rate allows
they are left out of the questions for a while.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from bus.broker.counters import Counters
from bus.broker.partition import Partition
from bus.broker.peers import Peers
from bus.broker.streams import Later
from bus.control.effects import Committed, FollowerEffect, Halt, Restart, Take, Trim, Truncate
from bus.control.follower import FetchAnswer
from bus.control.insync import Standing
from bus.control.throttle import Throttle
from bus.errors import NONE, BusError, OffsetOutOfRange
from bus.model.batch import Buffer
from bus.model.cluster import NO_LEADER
from bus.model.ids import PartitionId
from bus.model.limits import (
    REPLICA_BACKOFF_MS,
    REPLICA_FETCH_BYTES,
    REPLICA_FETCH_WAIT_MS,
    REPLICA_PARTITION_BYTES,
)
from bus.ports import Clock
from bus.wire.fetch import (
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    ForgottenTopic,
    PartitionData,
    ReplicaState,
)
from bus.wire.replicas import AckedPartition, AckedTopic, ReplicaAckRequest
from bus.wire.schema import Message

FIRST_EPOCH = 0
UNKNOWN_EPOCH = (-1, -1)
logger = logging.getLogger("busd")


@dataclass(slots=True)
class Link:
    """All that this broker follows one leader in."""

    leader: int
    members: dict[PartitionId, Partition] = field(default_factory=dict)
    told: dict[PartitionId, Standing] = field(default_factory=dict)  # in this session
    changed: dict[PartitionId, None] = field(default_factory=dict)  # may stand elsewhere now
    flushed: dict[PartitionId, None] = field(default_factory=dict)  # since the leader was told
    session_id: int = 0
    epoch: int = FIRST_EPOCH
    asked: int = 0  # questions so far: an answer to an earlier one is not for this session
    is_out: bool = False


class Following:
    """All leaders that this broker follows; on the event loop's thread."""

    def __init__(
        self,
        me: int,
        peers: Peers,
        later: Later,
        counters: Counters,
        broker_epoch: Callable[[], int],
        on_committed: Callable[[Partition], None],
        clock: Clock,
        throttle: Throttle,
    ) -> None:
        """`throttle` is for the replicas that are being added, all together."""
        self._me = me
        self._clock = clock
        self._throttle = throttle
        self._slow: set[PartitionId] = set()  # are being added
        self._is_waiting = False  # for the throttle
        self._peers = peers
        self._later = later
        self._counters = counters
        self._broker_epoch = broker_epoch
        self._on_committed = on_committed
        self._links: dict[int, Link] = {}

    def assign(self, partitions: Iterable[Partition]) -> None:
        """Their roles have changed: ask whom they follow now, and nobody else."""
        asked: set[int] = set()
        for partition in partitions:
            pid = partition.log.partition
            self.drop([pid])
            follower = partition.follower
            if follower is not None and follower.leader != NO_LEADER:
                link = self._links.setdefault(follower.leader, Link(follower.leader))
                link.members[pid] = partition
                link.changed[pid] = None
                asked.add(follower.leader)
        for leader in asked:
            self._ask(self._links[leader])

    def slow_down(self, pid: PartitionId, *, is_added: bool) -> None:
        """Is this replica being added (R24)? What moves must not slow down what is written."""
        if is_added:
            self._slow.add(pid)
        elif pid in self._slow:
            self._slow.remove(pid)
            self._resume([pid])

    def drop(self, pids: Iterable[PartitionId]) -> None:
        """They are not hosted any more."""
        for pid in pids:
            self._slow.discard(pid)
            for link in self._links.values():
                if link.members.pop(pid, None) is not None:
                    link.changed[pid] = None

    def on_link_lost(self, broker: int) -> None:
        """What was under way is lost; ask anew."""
        link = self._links.get(broker)
        if link is not None:
            self._begin_anew(link)

    def on_flushed(self, partition: Partition) -> None:
        """More of it is durable: its leader is told with all that is in this turn."""
        follower = partition.follower
        link = self._links.get(follower.leader) if follower is not None else None
        if link is None or partition.log.partition not in link.members:
            return
        if not link.flushed:
            self._later(0, partial(self._acknowledge, link))
        link.flushed[partition.log.partition] = None
        link.changed[partition.log.partition] = None

    # --- asking ------------------------------------------------------------------------------

    def _ask(self, link: Link) -> None:
        if link.is_out or not link.members:
            return
        changed, link.changed = link.changed, {}
        news: dict[PartitionId, Standing] = {}
        gone: list[PartitionId] = []
        for pid in changed:
            standing = None if self._rests(pid) else self._standing(link.members.get(pid))
            if standing is not None and link.told.get(pid) != standing:
                news[pid] = link.told[pid] = standing
            elif standing is None and link.told.pop(pid, None) is not None:
                gone.append(pid)
        request = FetchRequest(
            replica_state=ReplicaState(self._me, self._broker_epoch()),
            max_wait_ms=REPLICA_FETCH_WAIT_MS,
            min_bytes=1,
            max_bytes=REPLICA_FETCH_BYTES,
            session_id=link.session_id,
            session_epoch=link.epoch,
            topics=_topics(news),
            forgotten_topics_data=_forgotten(gone),
        )
        link.is_out = True
        link.asked += 1
        self._peers.ask(link.leader, request, partial(self._on_answer, link, link.asked))

    def _rests(self, pid: PartitionId) -> bool:
        """It has brought so much that it is left out for a while; then it is asked for again."""
        if pid not in self._slow:
            return False
        wait_ms = self._throttle.wait_ms(self._clock.now_ms())
        if wait_ms and not self._is_waiting:
            self._is_waiting = True
            self._later(wait_ms / 1000, self._go_on)
        return wait_ms > 0

    def _go_on(self) -> None:
        self._is_waiting = False
        self._resume(self._slow)

    def _resume(self, pids: Iterable[PartitionId]) -> None:
        for link in self._links.values():
            found = {pid: None for pid in pids if pid in link.members}
            link.changed.update(found)
            if found:
                self._ask(link)

    def _standing(self, partition: Partition | None) -> Standing | None:
        """Where it stands, if it asks at all."""
        if partition is None or partition.follower is None or partition.store.failed is not None:
            return None
        if partition.log.read_only is not None:  # where it ends says nothing of what it has
            return None
        return partition.follower.standing(self._broker_epoch(), partition.ends)

    def _acknowledge(self, link: Link) -> None:
        flushed, link.flushed = link.flushed, {}
        acked: list[tuple[PartitionId, AckedPartition]] = []
        for pid in flushed:
            partition, told = link.members.get(pid), link.told.get(pid)
            if partition is not None and told is not None:
                end = partition.log.flushed_offset
                acked.append((pid, AckedPartition(pid.partition, told.leader_epoch, end)))
        topics = [
            AckedTopic(topic_id, [part for _, part in group])
            for topic_id, group in groupby(acked, key=lambda each: each[0].topic_id)
        ]
        if topics:
            ack = ReplicaAckRequest(self._broker_epoch(), link.session_id, topics)
            self._peers.tell(link.leader, ack)

    # --- answers -----------------------------------------------------------------------------

    def _on_answer(self, link: Link, asked: int, answer: Message | BusError) -> None:
        if asked != link.asked or not link.is_out:
            return  # the session that it belongs to is over
        link.is_out = False
        if not isinstance(answer, FetchResponse) or answer.error_code != NONE:
            self._begin_anew(link)
            return
        link.session_id = answer.session_id
        link.epoch += 1
        is_well = True
        for topic in answer.responses:
            for data in topic.partitions:
                pid = PartitionId(topic.topic_id, data.partition_index)
                is_well &= self._on_data(link, pid, data)
        if is_well:
            self._ask(link)
        else:
            self._later(REPLICA_BACKOFF_MS / 1000, partial(self._ask, link))

    def _begin_anew(self, link: Link) -> None:
        """In another session, a little later."""
        link.is_out, link.session_id, link.epoch, link.told = False, 0, FIRST_EPOCH, {}
        link.changed = dict.fromkeys(link.members)
        self._later(REPLICA_BACKOFF_MS / 1000, partial(self._ask, link))

    def _on_data(self, link: Link, pid: PartitionId, data: PartitionData) -> bool:
        """Whether all is well; if not, the leader is asked about it as if for the first time."""
        partition, told = link.members.get(pid), link.told.get(pid)
        if partition is None or partition.follower is None or told is None:
            return True
        link.changed[pid] = None
        diverging = data.diverging_epoch
        records = data.records or b""
        if pid in self._slow:
            self._throttle.take(len(records), self._clock.now_ms())
        answer = FetchAnswer(
            told.leader_epoch,
            data.error_code,
            data.high_watermark,
            data.log_start_offset,
            told.end_offset,
            len(records) > 0,
            (diverging.epoch, diverging.end_offset) if diverging is not None else None,
        )
        may_help = data.error_code in (NONE, OffsetOutOfRange.code)
        is_well = may_help and self._take(partition, answer, records)
        if not is_well:
            del link.told[pid]
        return is_well

    def _take(self, partition: Partition, answer: FetchAnswer, records: Buffer) -> bool:
        follower, log = partition.follower, partition.log
        assert follower is not None, "only a follower asks"
        own_epoch = UNKNOWN_EPOCH
        if answer.diverging is not None:
            own_epoch = log.epochs.end_offset_for(answer.diverging[0], log.end_offset)
        effects = follower.on_answer(answer, partition.ends, own_epoch)
        try:
            self._carry_out(partition, effects, records)
        except BusError as error:
            logger.warning("%s: not taken from its leader: %s", partition.name, error)
            return False
        except OSError as error:
            partition.store.on_write_error(error)
            return False
        self._carry_out(partition, follower.on_taken(answer, partition.ends), b"")
        return True

    def _carry_out(
        self, partition: Partition, effects: Sequence[FollowerEffect], records: Buffer
    ) -> None:
        log = partition.log
        for effect in effects:
            if isinstance(effect, Take):
                followed = log.append_fetched(records, effect.epoch)
                self._counters.bytes_replicated += followed.size
                if partition.settings.flush == "group":
                    partition.store.flush(log)
                if followed.refused is not None:
                    raise followed.refused
            elif isinstance(effect, Committed):
                log.high_watermark = effect.high_watermark
                self._on_committed(partition)
            elif isinstance(effect, Truncate):
                logger.warning("%s: cut to offset %d", partition.name, effect.end_offset)
                log.truncate(effect.end_offset, keep=effect.is_kept)
            elif isinstance(effect, Restart):
                logger.warning("%s: begins anew at %d", partition.name, effect.start_offset)
                log.restart_at(effect.start_offset)
            elif isinstance(effect, Trim):
                log.delete_prefix(effect.start_offset)
            elif isinstance(effect, Halt):
                logger.error("%s: halted. %s", partition.name, effect.reason)


def _topics(standings: dict[PartitionId, Standing]) -> list[FetchTopic]:
    return [
        FetchTopic(topic_id=topic_id, partitions=[_asked(*each) for each in group])
        for topic_id, group in groupby(standings.items(), key=lambda each: each[0].topic_id)
    ]


def _asked(pid: PartitionId, standing: Standing) -> FetchPartition:
    return FetchPartition(
        partition=pid.partition,
        current_leader_epoch=standing.leader_epoch,
        fetch_offset=standing.end_offset,
        last_fetched_epoch=standing.last_epoch,
        partition_max_bytes=REPLICA_PARTITION_BYTES,
        flushed_offset=standing.flushed_offset,
    )


def _forgotten(pids: Sequence[PartitionId]) -> list[ForgottenTopic]:
    return [
        ForgottenTopic(topic_id=topic_id, partitions=[pid.partition for pid in group])
        for topic_id, group in groupby(pids, key=lambda pid: pid.topic_id)
    ]

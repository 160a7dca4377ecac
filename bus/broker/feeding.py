"""The leader's end of replication: each follower's one open question, and what there is to answer.

A follower asks for all partitions that this broker leads and it follows in one Fetch (R10), and
names only those where it stands elsewhere than it said before (a session, as KIP-227 has it). The
answer has what is due, and waits until something is:

Due because                                    Waits no longer
-----------                                    ---------------
there are more records                         yes
it asked in another epoch, or from elsewhere   yes
its log parts from the leader's                yes (R12)
the high watermark or the log's start moved    no: it goes along with the next answer
it was in the last answer and was not taken    yes
another session takes the place of this one    yes

The cost of an append or an answer is that of what is due, not of all in the session.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from bus.broker.cold_loads import Pool, load
from bus.broker.context import Reply
from bus.broker.partition import Partition
from bus.broker.replica_reads import Fed, Piece, look, note_read_error, response_of
from bus.broker.runtime import Runtime
from bus.control.insync import Standing
from bus.control.timers import Timers
from bus.errors import NONE, FetchSessionIdNotFound
from bus.model.cluster import BrokerLife
from bus.model.ids import PartitionId
from bus.model.limits import (
    PEER_ANSWER_BUFFERS_MAX,
    REPLICA_FETCH_BYTES,
    REPLICA_FETCH_WAIT_MS,
)
from bus.ports import Clock
from bus.wire.fetch import FetchPartition, FetchRequest, FetchResponse
from bus.wire.replicas import ReplicaAckRequest

FIRST_EPOCH = 0  # of a session: the request names all of its partitions


@dataclass(slots=True)
class Feed:
    """One follower's session."""

    broker: int
    broker_epoch: int
    session_id: int
    epoch: int = FIRST_EPOCH
    members: dict[PartitionId, Fed] = field(default_factory=dict)
    due: dict[PartitionId, None] = field(default_factory=dict)  # in this order
    told: list[PartitionId] = field(default_factory=list)  # by the last answer
    asked_ms: int = 0
    parked: Reply | None = None


class Feeds:
    """All followers of what this broker leads; on the event loop's thread."""

    def __init__(
        self,
        runtime: Runtime,
        clock: Clock,
        pool: Pool,
        lives: Callable[[], Mapping[int, BrokerLife]],
        new_session_id: Callable[[], int],
    ) -> None:
        self._runtime = runtime
        self._clock = clock
        self._pool = pool
        self._lives = lives
        self._new_session_id = new_session_id
        self._feeds: dict[int, Feed] = {}
        self._timers: Timers[int] = Timers()  # by broker, of what is parked

    def fetch(self, broker: int, request: FetchRequest, reply: Reply) -> None:
        """A follower asks; it is answered once something is due, or the time is over."""
        feed = self._admit(broker, request)
        if feed is None:
            reply(FetchResponse(error_code=FetchSessionIdNotFound.code))
            return
        feed.asked_ms = self._clock.now_ms()
        feed.due.update(dict.fromkeys(feed.told))
        feed.told.clear()
        for forgotten in request.forgotten_topics_data:
            for index in forgotten.partitions:
                feed.members.pop(PartitionId(forgotten.topic_id, index), None)
        for topic in request.topics:
            for part in topic.partitions:
                self._place(feed, PartitionId(topic.topic_id, part.partition), part)
        feed.parked = reply
        self._timers.set(broker, feed.asked_ms + min(request.max_wait_ms, REPLICA_FETCH_WAIT_MS))
        self._answer(feed, must=False)

    def acknowledge(self, broker: int, ack: ReplicaAckRequest) -> None:
        """A follower has flushed more of what it was heard to hold (R15)."""
        feed = self._feeds.get(broker)
        if feed is None or feed.session_id != ack.session_id:
            return
        for topic in ack.topics:
            for part in topic.partitions:
                pid = PartitionId(topic.topic_id, part.partition)
                fed = feed.members.get(pid)
                if fed is not None and fed.standing.leader_epoch == part.leader_epoch:
                    flushed = min(part.flushed_offset, fed.standing.end_offset)
                    fed.standing = fed.standing.with_flushed(flushed)
                    self._hear(feed, pid, fed)

    def on_appended(self, partition: Partition) -> None:
        """There are more records."""
        for feed in self._fed_with(partition):
            feed.due[partition.log.partition] = None
            self._answer(feed, must=False)

    def on_changed(self, partition: Partition) -> None:
        """It is led otherwise, or more of it is committed: followers may have to be told."""
        for feed in self._fed_with(partition):
            feed.due[partition.log.partition] = None

    def on_lives_changed(self) -> None:
        """Who was not heard may be now, and the other way round."""
        for feed in list(self._feeds.values()):
            for pid, fed in feed.members.items():
                self._hear(feed, pid, fed)
                feed.due[pid] = None
            self._answer(feed, must=False)

    def hear_again(self, partition: Partition) -> None:
        """Followers whose question is open still stand where they stood: they are not late."""
        pid = partition.log.partition
        for feed in self._fed_with(partition):
            self._hear(feed, pid, feed.members[pid])

    def drop(self, broker: int) -> None:
        """The link to it is gone: what is under way is lost, and a new session will begin."""
        self._feeds.pop(broker, None)
        self._timers.cancel(broker)

    def next_tick_ms(self) -> int | None:
        """When `tick` has something to do."""
        return self._timers.next_ms()

    def tick(self, now_ms: int) -> None:
        """Answer those whose time is over."""
        for broker in self._timers.due(now_ms):
            self._answer(self._feeds[broker], must=True)

    def _admit(self, broker: int, request: FetchRequest) -> Feed | None:
        state = request.replica_state
        feed = self._feeds.get(broker)
        if state is None or state.replica_id != broker:
            return None
        if request.session_epoch == FIRST_EPOCH:
            self._end(feed)
            feed = Feed(broker, state.replica_epoch, self._new_session_id())
            self._feeds[broker] = feed
        elif feed is None or (request.session_id, request.session_epoch) != (
            feed.session_id,
            feed.epoch,
        ):
            return None
        feed.epoch += 1
        return feed

    def _end(self, feed: Feed | None) -> None:
        """Another session takes its place. A question that came late on a new link begins one that
        the follower knows nothing of (R15): it waits for this answer, and is to begin anew."""
        if feed is not None and feed.parked is not None:
            reply, feed.parked = feed.parked, None
            reply(FetchResponse(error_code=FetchSessionIdNotFound.code))

    def _place(self, feed: Feed, pid: PartitionId, part: FetchPartition) -> None:
        """Note where the follower stands with one partition."""
        standing = Standing(
            part.current_leader_epoch,
            feed.broker_epoch,
            part.last_fetched_epoch,
            part.fetch_offset,
            part.flushed_offset,
        )
        partition = self._runtime.partitions.get(pid)
        fed = feed.members[pid] = Fed(pid, partition, standing, part.partition_max_bytes)
        feed.due[pid] = None
        self._hear(feed, pid, fed)

    def _hear(self, feed: Feed, pid: PartitionId, fed: Fed) -> None:
        partition = fed.partition
        if partition is None or self._runtime.partitions.get(pid) is not partition:
            fed.partition = partition = self._runtime.partitions.get(pid)
        if partition is None:
            return
        lives = self._lives()
        if look(fed, feed.broker, lives).is_sound:
            now = feed.asked_ms
            effects = partition.leader.on_fetch(feed.broker, fed.standing, lives, now)
            self._runtime.run(partition, effects)

    def _fed_with(self, partition: Partition) -> Iterable[Feed]:
        pid = partition.log.partition
        return [feed for feed in self._feeds.values() if pid in feed.members]

    def _answer(self, feed: Feed, must: bool) -> None:
        """Answer what is parked, if there is something to wake it for."""
        if feed.parked is None:
            return
        pieces = self._collect(feed)
        if not must and not any(piece.wakes for piece in pieces):
            return
        reply, feed.parked = feed.parked, None
        self._timers.cancel(feed.broker)
        for piece in pieces:
            self._note(feed, piece)
        answer = partial(_send, reply, feed.session_id, pieces)
        load(pieces, self._pool, note_read_error, answer)

    def _note(self, feed: Feed, piece: Piece) -> None:
        """The follower knows it from now on, and asks elsewhere next time, if it takes it."""
        fed = piece.fed
        fed.high_watermark, fed.start_offset = piece.high_watermark, piece.start_offset
        feed.due.pop(fed.pid, None)
        if piece.error == NONE:  # else it asks again by itself
            feed.told.append(fed.pid)

    def _collect(self, feed: Feed) -> list[Piece]:
        """What is due and says something new, as much as fits."""
        lives = self._lives()
        left = REPLICA_FETCH_BYTES
        pieces: list[Piece] = []
        for pid in list(feed.due):
            fed = feed.members.get(pid)
            if fed is None:
                del feed.due[pid]
                continue
            piece = look(fed, feed.broker, lives, left)
            left -= piece.size
            if piece.is_news:
                pieces.append(piece)
            else:
                del feed.due[pid]
            if left <= 0 or len(pieces) == PEER_ANSWER_BUFFERS_MAX:
                break
        return pieces


def _send(reply: Reply, session_id: int, pieces: list[Piece]) -> None:
    reply(response_of(session_id, pieces))

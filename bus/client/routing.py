"""Who leads what: the client's picture of the cluster, and when it must be drawn anew.

Event              What happens
-----              ------------
want(topic)        the topic belongs to the picture from now on; a refresh is due if it is unknown
stale()            an answer contradicted the picture: a refresh is due, after a pause
doubt(partition)   its leader failed: refreshes are due, again and again, until another one is known
trust(partition)   its leader answers after all
learn(partition)   an answer has told a newer leader (KIP-951)
on_metadata        the picture is replaced, topic by topic; older leader epochs do not win
on_failure         the refresh failed: the next one is due after a growing pause
due(now)           the topics to ask for, or None

Facts are plain: `bus.client.cluster` turns wire messages into them. A topic that the cluster does
not know is remembered as missing since when, so that a caller can tell "not yet" from "no".

Invariant: a leader is never replaced by one of an older epoch of the same topic id.
"""

from dataclasses import dataclass, field, replace
from uuid import UUID

from bus.errors import (
    BrokerStopped,
    FencedLeaderEpoch,
    LeaderNotAvailable,
    NetworkError,
    NotLeader,
    RequestTimedOut,
    StorageError,
    UnknownTopicOrPartition,
)
from bus.model.ids import NO_TOPIC_ID, TopicPartition
from bus.model.limits import BATCH_BYTES_MAX_UNTOLD

NO_NODE = -1
PAUSE_MS = 20  # between two refreshes, doubling while they do not help
PAUSE_MS_MAX = 1000
ELSEWHERE = (  # errors that say: not here, or not any more
    NotLeader,
    FencedLeaderEpoch,
    UnknownTopicOrPartition,
    LeaderNotAvailable,
    StorageError,
    NetworkError,
    RequestTimedOut,
    BrokerStopped,
)
DOUBT_PAUSE_MS_MAX = 100  # while a leader is in doubt: a new one may come at any moment
DOUBT_MS_MAX = 10_000  # a leader is in doubt for so long; its partition's next failure goes on
AGE_MS_MAX = 300_000  # a picture older than this is drawn anew: new partitions show


@dataclass(frozen=True, slots=True)
class Leader:
    """Who leads a partition; node -1 while nobody does."""

    node: int = NO_NODE
    epoch: int = -1


@dataclass(frozen=True, slots=True)
class TopicView:
    """A topic as the last answer showed it, partitions in order."""

    name: str
    topic_id: UUID = NO_TOPIC_ID
    leaders: tuple[Leader, ...] = ()
    error: int = 0  # code of a topic that could not be described
    batch_bytes_max: int = BATCH_BYTES_MAX_UNTOLD  # that its leaders take

    @property
    def count(self) -> int:
        """Partitions."""
        return len(self.leaders)


@dataclass(frozen=True, slots=True)
class ClusterView:
    """One answer: where the brokers are, and the topics that were asked for."""

    nodes: dict[int, str]  # id -> endpoint URL
    topics: tuple[TopicView, ...]
    controller: int = NO_NODE


@dataclass(frozen=True, slots=True)
class Missing:
    """A topic that could not be described."""

    since_ms: int  # when that was first so
    error: int  # code of the last answer


@dataclass(slots=True)
class Routing:
    """The picture and its age."""

    nodes: dict[int, str] = field(default_factory=dict)
    topics: dict[str, TopicView] = field(default_factory=dict)
    controller: int = NO_NODE
    missing: dict[str, Missing] = field(default_factory=dict)
    asked: bool = False  # a refresh is on its way
    _wanted: set[str] = field(default_factory=set)
    _due_ms: int | None = None  # when the next refresh may leave; None: none is needed
    _pause_ms: int = PAUSE_MS
    _stale: bool = False
    _doubts: dict[TopicPartition, tuple[Leader, int]] = field(default_factory=dict)  # until when
    _drawn_ms: int = 0

    def want(self, topic: str, now_ms: int) -> TopicView | None:
        """The topic, if it is known; else it will be asked for."""
        view = self.topics.get(topic)
        if topic not in self._wanted:
            self._wanted.add(topic)
            if view is None:
                self._due_ms = now_ms
        elif view is None and self._due_ms is None and not self.asked:
            self._due_ms = now_ms + self._pause_ms
        return view

    def forget(self, topic: str) -> None:
        """The topic is of no interest any more."""
        self._wanted.discard(topic)
        self.topics.pop(topic, None)
        self.missing.pop(topic, None)
        self._doubts = {p: doubt for p, doubt in self._doubts.items() if p.topic != topic}

    def stale(self, now_ms: int) -> None:
        """Something answered "not here", or did not answer."""
        self._stale = True
        if self._due_ms is None and not self.asked:
            self._due_ms = now_ms + self._pause_ms if self._pause_ms > PAUSE_MS else now_ms

    def doubt(self, partition: TopicPartition, leader: Leader, now_ms: int) -> None:
        """This leader did not answer, or answered that it leads no more."""
        if self.leader(partition) == leader and partition not in self._doubts:
            self._doubts[partition] = (leader, now_ms + DOUBT_MS_MAX)
        if partition in self._doubts:
            self.stale(now_ms)

    @property
    def is_doubtful(self) -> bool:
        """Is some leader in doubt?"""
        return bool(self._doubts)

    def trust(self, partition: TopicPartition) -> None:
        """Its leader answers."""
        if self._doubts:
            self._doubts.pop(partition, None)

    def learn(self, partition: TopicPartition, leader: Leader, nodes: dict[int, str]) -> bool:
        """A broker has named a leader, and maybe where it is; whether that is news."""
        view = self.topics.get(partition.topic)
        if leader.node not in self.nodes and leader.node not in nodes:
            return False
        if view is None or leader.epoch <= self.leader(partition).epoch:
            return False
        leaders = list(view.leaders)
        if not 0 <= partition.partition < len(leaders):
            return False
        leaders[partition.partition] = leader
        self.topics[partition.topic] = replace(view, leaders=tuple(leaders))
        self.nodes |= nodes
        self._doubts.pop(partition, None)
        return True

    def due(self, now_ms: int) -> list[str] | None:
        """The topics to ask for now, or None. The caller says how it went."""
        next_due_ms = self.next_due_ms()
        if next_due_ms is None or now_ms < next_due_ms:
            return None
        self.asked, self._due_ms, self._stale = True, None, False
        return sorted(self._wanted)

    def next_due_ms(self) -> int | None:
        """When `due` may next have something, as time goes by."""
        if self.asked or not self._wanted:
            return None
        age_ms = self._drawn_ms + AGE_MS_MAX
        return age_ms if self._due_ms is None else min(self._due_ms, age_ms)

    def on_metadata(self, view: ClusterView, now_ms: int) -> None:
        """An answer came."""
        self.asked = False
        self.nodes, self.controller, self._drawn_ms = dict(view.nodes), view.controller, now_ms
        whole = True
        for topic in view.topics:
            if topic.name not in self._wanted:
                continue
            if topic.error:
                first = self.missing.get(topic.name)
                since_ms = now_ms if first is None else first.since_ms
                self.missing[topic.name] = Missing(since_ms, topic.error)
                if topic.error == UnknownTopicOrPartition.code:
                    self.topics.pop(topic.name, None)
                whole = False
                continue
            self.missing.pop(topic.name, None)
            merged = _merge(self.topics.get(topic.name), topic)
            self.topics[topic.name] = merged
            whole = whole and all(leader.node in self.nodes for leader in merged.leaders)
        self._doubts = {
            partition: (leader, until_ms)
            for partition, (leader, until_ms) in self._doubts.items()
            if self.leader(partition) == leader and now_ms < until_ms
        }
        self._schedule(whole and not self._stale and not self._doubts, now_ms)

    def on_failure(self, now_ms: int) -> None:
        """No answer came, from whomever it was asked."""
        self.asked = False
        self._schedule(False, now_ms)

    def leader_of(self, partition: TopicPartition) -> int | None:
        """The node that leads the partition; None while nobody is known to."""
        leader = self.leader(partition)
        return leader.node if leader.node in self.nodes else None

    def leader(self, partition: TopicPartition) -> Leader:
        """The leader with its epoch; `Leader()` if unknown."""
        view = self.topics.get(partition.topic)
        if view is None or not 0 <= partition.partition < view.count:
            return Leader()
        return view.leaders[partition.partition]

    def _schedule(self, whole: bool, now_ms: int) -> None:
        if whole:
            self._pause_ms = PAUSE_MS
            if self._wanted <= self.topics.keys():
                return
        self._due_ms = now_ms + self._pause_ms
        most_ms = DOUBT_PAUSE_MS_MAX if self._doubts else PAUSE_MS_MAX
        self._pause_ms = min(self._pause_ms * 2, most_ms)


def _merge(old: TopicView | None, new: TopicView) -> TopicView:
    """The new view, but no leader of an epoch older than the one already seen."""
    if old is None or old.topic_id != new.topic_id:
        return new
    leaders = tuple(
        old.leaders[index]
        if index < old.count and leader.epoch < old.leaders[index].epoch
        else leader
        for index, leader in enumerate(new.leaders)
    )
    return replace(new, leaders=leaders)

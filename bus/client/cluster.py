"""The cluster as one client knows it: its picture, kept fresh, and calls to its brokers.

Event                    What happens
-----                    ------------
want(topic), stale()     a Metadata request leaves when `Routing` says that it is due
Metadata answered        the picture is replaced, `on_change` is called; a producer first asks how
                         large a topic's batches may be, if the answer does not tell
Metadata answered again  the same: a broker of busd tells what changes
no broker answers        the next server of the list is asked after a pause
call to a node           by its endpoint in the picture
a broker has gone        its calls fail at once: nobody waits for what will not come

Everything here runs on the I/O thread.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from bus.client.anybody import Anybody
from bus.client.batch_limits import BatchLimits
from bus.client.connection import Connections
from bus.client.link import Connector, Done
from bus.client.routing import ELSEWHERE, ClusterView, Leader, Routing, TopicView
from bus.errors import (
    BrokerUnreachable,
    BusError,
    LeaderNotAvailable,
    NetworkError,
    UnknownTopicOrPartition,
    error_of,
)
from bus.model.endpoint import KAFKA_SCHEME
from bus.model.ids import TopicPartition
from bus.model.limits import BATCH_BYTES_MAX_UNTOLD
from bus.ports import Clock
from bus.wire.hints import LeaderIdAndEpoch, NodeEndpoint
from bus.wire.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataResponseTopic,
)
from bus.wire.schema import Message

METADATA_TIMEOUT_MS = 5_000
UNKNOWN_MS_MAX = 1_000  # a topic unknown for so long is not there
NOT_YET = {UnknownTopicOrPartition.code, LeaderNotAvailable.code}


class Cluster:
    """Routing and connections together."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        servers: tuple[str, ...],
        connect: Connector,
        clock: Clock,
        on_change: Callable[[], None],
        *,
        create_topics: bool = False,
    ) -> None:
        self.routing = Routing()
        self.last_error: BusError | None = None  # why the last refresh failed
        self._loop = loop
        self._servers = servers
        self._clock = clock
        self._on_change = on_change
        self._create_topics = create_topics
        self._connections = Connections(loop, connect)
        self._anybody = Anybody(loop, self._connections, self._endpoints)
        self._limits = BatchLimits()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def want(self, topic: str) -> TopicView | None:
        """The topic, if it is known; else it is asked for and `on_change` tells."""
        view = self.routing.want(topic, self._clock.now_ms())
        if view is None:
            self.refresh_if_due()
        return view

    def stale(self) -> None:
        """An answer contradicted the picture."""
        self.routing.stale(self._clock.now_ms())
        self.refresh_if_due()

    def refused(self, partition: TopicPartition, leader: Leader, error: BusError) -> None:
        """This leader did not do what it was asked; is it the right one?"""
        if isinstance(error, ELSEWHERE):
            self.routing.doubt(partition, leader, self._clock.now_ms())
        else:
            self.routing.stale(self._clock.now_ms())
        self.refresh_if_due()

    def learn(
        self,
        partition: TopicPartition,
        hint: LeaderIdAndEpoch | None,
        nodes: Iterable[NodeEndpoint],
    ) -> None:
        """An answer has named who leads, and maybe where it is (KIP-951)."""
        if hint is not None and hint.leader_id >= 0:
            endpoints = {node.node_id: endpoint_of(node.host, node.port) for node in nodes}
            self.routing.learn(partition, Leader(hint.leader_id, hint.leader_epoch), endpoints)

    def forget_limit(self, topic: str) -> None:
        """A batch was refused for its size, though it kept to what we know."""
        self._limits.forget(topic)
        self.stale()

    def leader(self, partition: TopicPartition) -> Leader:
        """Who leads; `Leader()` if nobody reachable is known to."""
        leader = self.routing.leader(partition)
        return leader if leader.node in self.routing.nodes else Leader()

    def call(self, node: int, request: Message, timeout_ms: int, done: Done) -> None:
        """Send a request to a broker of the picture."""
        endpoint = self.routing.nodes.get(node)
        if endpoint is None:
            self._loop.call_soon(done, NetworkError(f"Broker {node} is not known any more."))
            return
        self._connections.call(endpoint, request, timeout_ms, done)

    def call_at(self, endpoint: str, request: Message, timeout_ms: int, done: Done) -> None:
        """Send a request to a broker that was named by its endpoint."""
        self._connections.call(endpoint, request, timeout_ms, done)

    def call_any(self, request: Message, timeout_ms: int, done: Done) -> None:
        """Send a request to whichever broker is likely to answer."""
        self._anybody.ask(request, timeout_ms, done)

    def refresh_if_due(self) -> None:
        """Ask for the picture if it is time; set the timer for the next look."""
        if self._closed:
            return
        topics = self.routing.due(self._clock.now_ms())
        if topics is not None:
            request = MetadataRequest(
                topics=[MetadataRequestTopic(name=topic) for topic in topics],
                allow_auto_topic_creation=self._create_topics,
                watch=True,
            )
            if self.routing.is_doubtful:
                self._anybody.next_turn()  # whoever was asked before may not know better
            self.call_any(request, METADATA_TIMEOUT_MS, self._on_metadata)
        self._set_timer()

    def refusal(self, topic: str) -> BusError | None:
        """Why there is no such topic; None as long as it may yet show up. From any thread."""
        missing = self.routing.missing.get(topic)
        if missing is None:
            return None
        if missing.error not in NOT_YET:
            return error_of(missing.error)
        if self._clock.now_ms() - missing.since_ms < UNKNOWN_MS_MAX:
            return None
        return UnknownTopicOrPartition(
            f"There is no topic {topic!r}; make it with Admin.create_topic or "
            f"`busd topic create {topic}`."
        )

    def unreachable(self) -> BrokerUnreachable:
        """The sentence for a caller who waited in vain."""
        reason = f" ({self.last_error})" if self.last_error is not None else ""
        return BrokerUnreachable(
            f"No broker at {', '.join(self._servers)} answered{reason}; is busd running there?"
        )

    def close(self) -> None:
        """Let go of all links and timers."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._anybody.close()
        self._connections.close()

    def _endpoints(self) -> list[str]:
        return list(dict.fromkeys([*self.routing.nodes.values(), *self._servers]))

    def _on_metadata(self, answer: Message | BusError) -> None:
        now_ms = self._clock.now_ms()
        if isinstance(answer, MetadataResponse):
            missing = self._limits.missing(answer) if self._create_topics else []
            if missing:
                done = partial(self._on_limits, missing, answer)
                self.call_any(self._limits.request(missing), METADATA_TIMEOUT_MS, done)
                return
            self.last_error = None
            before = set(self.routing.nodes.values())
            self.routing.on_metadata(self._limits.applied(view_of(answer)), now_ms)
            for endpoint in before.difference(self.routing.nodes.values()):
                self._connections.lose(endpoint)
        else:
            self.last_error = answer if isinstance(answer, BusError) else None
            self.routing.on_failure(now_ms)
        self._on_change()
        self.refresh_if_due()

    def _on_limits(
        self, topics: list[str], metadata: MetadataResponse, answer: Message | BusError
    ) -> None:
        self._limits.learn(topics, answer)
        if not self._closed:
            self._on_metadata(metadata)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_ms = self.routing.next_due_ms()
        if due_ms is not None:
            delay = max(due_ms - self._clock.now_ms(), 1) / 1000
            self._timer = self._loop.call_later(delay, self.refresh_if_due)


def view_of(response: MetadataResponse) -> ClusterView:
    """A Metadata answer as the facts that `Routing` works with."""
    nodes = {broker.node_id: endpoint_of(broker.host, broker.port) for broker in response.brokers}
    topics = tuple(_topic_view(topic) for topic in response.topics if topic.name)
    return ClusterView(nodes, topics, response.controller_id)


def endpoint_of(host: str, port: int) -> str:
    """A broker's endpoint as an answer tells it: over ZeroMQ `host` is the whole of it."""
    if "://" in host:
        return host
    return f"{KAFKA_SCHEME}[{host}]:{port}" if ":" in host else f"{KAFKA_SCHEME}{host}:{port}"


def _topic_view(topic: MetadataResponseTopic) -> TopicView:
    assert topic.name, "topics are asked for by name"
    count = max((p.partition_index for p in topic.partitions), default=-1) + 1
    leaders = [Leader()] * min(count, len(topic.partitions))
    for partition in topic.partitions:
        if 0 <= partition.partition_index < len(leaders):
            leaders[partition.partition_index] = Leader(partition.leader_id, partition.leader_epoch)
    told = topic.batch_bytes_max if topic.batch_bytes_max > 0 else BATCH_BYTES_MAX_UNTOLD
    return TopicView(topic.name, topic.topic_id, tuple(leaders), topic.error_code, told)

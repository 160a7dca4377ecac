"""How an admin asks: the right broker, again while it is worth it, and within its time.

Target           Goes to
------           -------
nothing          the controller once one was told to be it, else any broker
leader_of        the partition's leader
coordinator_of   the broker that looks after the group, which is looked up and remembered
node             this broker of the cluster's picture

A call is retried while its error is retriable and the time is not up; what was believed about the
cluster is looked up anew before.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bus.client.cluster import Cluster, endpoint_of, view_of
from bus.client.connection import LOST
from bus.client.link import Connector
from bus.client.routing import NO_NODE, TopicView
from bus.errors import (
    BadSetting,
    BusError,
    NotController,
    error_of,
)
from bus.model.ids import TopicPartition, check_topic_name
from bus.model.replication_errors import BrokerIdNotRegistered
from bus.ports import Clock
from bus.wire.groups import (
    KEY_TYPE_GROUP,
    Coordinator,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
from bus.wire.metadata import MetadataRequest, MetadataResponse
from bus.wire.schema import Message

M = TypeVar("M", bound=Message)
Errors = list[tuple[int, str | None]]  # code and sentence of each part of an answer
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.02, 1.0
COORDINATORS_MAX = 1000  # that are remembered


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes."""

    leader_of: TopicPartition | None = None
    coordinator_of: str | None = None  # a group
    node: int | None = None


ANYWHERE = Target()


class Asking:
    """All methods on the I/O thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        servers: tuple[str, ...],
        connect: Connector,
        timeout_ms: int,
        clock: Clock,
    ) -> None:
        self.timeout_ms = timeout_ms
        self.cluster = Cluster(loop, servers, connect, clock, self._on_change)
        self._loop = loop
        self._clock = clock
        self._changed = asyncio.Event()
        self._coordinators: dict[str, str] = {}  # group -> endpoint

    async def view(self, topic: str) -> TopicView:
        """A topic's partitions, once they are known. Raises UnknownTopicOrPartition."""
        check_topic_name(topic)
        deadline = self._deadline()
        while True:
            self._changed.clear()
            view = self.cluster.want(topic)
            if view is not None:
                return view
            error = self.cluster.refusal(topic)
            if error is not None:
                self.cluster.routing.forget(topic)
                raise error
            try:
                await asyncio.wait_for(self._changed.wait(), deadline - self._loop.time())
            except TimeoutError:
                raise self.cluster.unreachable() from None

    async def nodes(self) -> list[int]:
        """The brokers that there are now."""
        self.learn(await self.ask(MetadataRequest(topics=[]), MetadataResponse, lambda r: []))
        return sorted(self.cluster.routing.nodes)

    async def check_node(self, node: int) -> Target:
        """The way to one broker. Raises BrokerIdNotRegistered if it is not there."""
        if node not in self.cluster.routing.nodes and node not in await self.nodes():
            raise BrokerIdNotRegistered(f"Broker {node} is not there.")
        return Target(node=node)

    def learn(self, answer: MetadataResponse) -> None:
        """Take a Metadata answer into the picture."""
        self.cluster.routing.on_metadata(view_of(answer), self._clock.now_ms())

    async def ask(
        self,
        request: Message,
        kind: type[M],
        errors_of: Callable[[M], Errors],
        target: Target = ANYWHERE,
        *,
        retry: bool = True,
    ) -> M:
        """The answer, once it has no error that is worth another try."""
        deadline = self._deadline()
        pause = PAUSE_SECONDS
        while True:
            answer = await self._call(request, target)
            if isinstance(answer, BusError):
                error, again = answer, True
            else:
                assert isinstance(answer, kind), "an answer is of its request's kind"
                told = next((pair for pair in errors_of(answer) if pair[0]), None)
                if told is None:
                    return answer
                error, again = error_of(*told), retry
            if not (again and type(error).retriable) or self._loop.time() + pause > deadline:
                raise self.cluster.unreachable() if isinstance(answer, LOST) else error
            await self._refresh(error, target)
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)

    def _deadline(self) -> float:
        return self._loop.time() + self.timeout_ms / 1000

    def _on_change(self) -> None:
        self._changed.set()

    async def _call(self, request: Message, target: Target) -> Message | BusError:
        if target.leader_of is not None:
            await self._check_partition(target.leader_of)
        elif target.coordinator_of is not None:
            endpoint = await self._coordinator(target.coordinator_of)
            if isinstance(endpoint, BusError):
                return endpoint
            return await self._send(request, endpoint)
        return await self._send(request, self._node_of(target))

    async def _send(self, request: Message, to: str | int | None) -> Message | BusError:
        """To an endpoint, to a broker of the picture, or to any."""
        future: asyncio.Future[Message | BusError] = self._loop.create_future()

        def done(answer: Message | BusError) -> None:
            if isinstance(answer, BusError):
                self.cluster.last_error = answer
            if not future.done():
                future.set_result(answer)

        if isinstance(to, str):
            self.cluster.call_at(to, request, self.timeout_ms, done)
        elif to is not None:
            self.cluster.call(to, request, self.timeout_ms, done)
        else:
            self.cluster.call_any(request, self.timeout_ms, done)
        return await future

    def _node_of(self, target: Target) -> int | None:
        routing = self.cluster.routing
        if target.node is not None:
            return target.node
        partition = target.leader_of
        node = routing.controller if partition is None else routing.leader(partition).node
        return node if node in routing.nodes else None

    async def _check_partition(self, partition: TopicPartition) -> None:
        view = await self.view(partition.topic)
        if partition.partition >= view.count:
            raise BadSetting(
                f"Topic {view.name!r} has no partition {partition.partition}: "
                f"it has {view.count}, numbered from 0."
            )

    async def _coordinator(self, group: str) -> str | BusError:
        known = self._coordinators.get(group)
        if known is not None:
            return known
        request = FindCoordinatorRequest(group, KEY_TYPE_GROUP, [group])
        answer = await self._send(request, None)
        if isinstance(answer, BusError):
            return answer
        assert isinstance(answer, FindCoordinatorResponse), "an answer is of its request's kind"
        found = _coordinator_of(answer)
        if found.error_code:
            return error_of(found.error_code, found.error_message)
        if len(self._coordinators) >= COORDINATORS_MAX:
            self._coordinators.clear()
        endpoint = self._coordinators[group] = endpoint_of(found.host, found.port)
        return endpoint

    async def _refresh(self, error: BusError, target: Target) -> None:
        """What was believed about the cluster has led to a wrong broker."""
        if target.leader_of is not None:
            self.cluster.stale()
        elif target.coordinator_of is not None:
            self._coordinators.pop(target.coordinator_of, None)
        elif isinstance(error, NotController):
            answer = await self._send(MetadataRequest(topics=[]), self._node_of(ANYWHERE))
            if isinstance(answer, MetadataResponse):
                self.learn(answer)
        else:
            self.cluster.routing.controller = NO_NODE


def _coordinator_of(answer: FindCoordinatorResponse) -> Coordinator:
    """The one that was asked for: from version 4 on it stands in a list."""
    if answer.coordinators:
        return answer.coordinators[0]
    return Coordinator(
        "", answer.node_id, answer.host, answer.port, answer.error_code, answer.error_message
    )

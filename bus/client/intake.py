"""From a user's call to an open batch, as far as it goes without waiting.

Whoever calls waits in its own way (a thread sleeps, a coroutine awaits) for what `Blocked` names,
and then calls again. So the synchronous producer and `bus.aio` share all but the waiting.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bus.adapters.io_thread import IoThread
from bus.client.bell import Bell
from bus.client.delivery import BatchDelivery
from bus.client.link import Connector
from bus.client.options import ProducerOptions
from bus.client.outbox import Headers, Outbox
from bus.client.partitioner import check_partition, next_sticky, partition_of_key
from bus.client.routing import TopicView
from bus.client.sender import Sender
from bus.errors import BadSetting, BufferFull, BusError
from bus.model.batch import Buffer
from bus.model.ids import TopicPartition, check_topic_name
from bus.native.builder import NOW, Delivery
from bus.ports import Clock


@dataclass(frozen=True, slots=True)
class Blocked:
    """What a call waits for before it can be made again."""

    bell: Bell
    ready: Callable[[], bool]
    error: Callable[[], BusError]  # to raise if it waited for too long


class Intake:
    """The user's threads' side of a producer; every method returns at once."""

    def __init__(
        self,
        io: IoThread,
        servers: tuple[str, ...],
        connect: Connector,
        options: ProducerOptions,
        clock: Clock,
    ) -> None:
        self.options = options
        self.picture = Bell()  # rung when the cluster's picture was drawn anew
        self.clock = clock
        self.outbox = Outbox(options.batch_size, options.buffer_bytes, self.wake, self.hurry)
        self.sender = Sender(
            io.loop, servers, connect, options, self.outbox, clock, self.picture.ring
        )
        self._io = io
        self._routing = self.sender.cluster.routing
        self._turns: dict[str, int] = {}  # topic -> how often its sticky partition changed

    def wake(self) -> None:
        """Have the I/O thread take a turn soon."""
        urge = self.sender.urge
        if not urge.woken:
            urge.woken = True
            self._io.post(self.sender.turn)

    def hurry(self) -> None:
        """Have what is open leave without lingering."""
        self.sender.urge.hurry = True
        self.wake()

    def try_send(
        self,
        topic: str,
        value: Buffer | None,
        key: Buffer | None,
        headers: Headers | None,
        timestamp: int | None,
        partition: int | None,
    ) -> Delivery | Blocked:
        """Add one record, or say what to wait for."""
        view = self.view(topic)
        if isinstance(view, Blocked):
            return view
        slots = self.outbox.know(topic, view.count, view.batch_bytes_max)
        sticky = False
        if partition is not None:
            index = check_partition(view, partition)
        elif key is not None:
            index = partition_of_key(key, view.count)
        else:
            sticky, index = True, slots.sticky
            if index < 0:
                index = self._next_sticky(view)
        stamp = NOW if timestamp is None else timestamp
        delivery = self.outbox.append(
            TopicPartition(topic, index), value, key, stamp, headers, self.clock.now_ms(), sticky
        )
        if delivery is not None:
            return delivery
        return Blocked(self.outbox.room, self.outbox.has_room, self._full)

    def try_put(
        self, partition: TopicPartition, records: memoryview, count: int
    ) -> BatchDelivery | Blocked:
        """Add one encoded batch, or say what to wait for."""
        delivery = self.outbox.put(partition, records, count, self.clock.now_ms())
        if delivery is not None:
            return delivery
        size = len(records)
        return Blocked(self.outbox.room, lambda: self.outbox.takes(size), self._full)

    def view(self, topic: str) -> TopicView | Blocked:
        """The topic's partitions. Raises UnknownTopicOrPartition and what else is final."""
        view = self._routing.topics.get(topic)
        if view is not None:
            return view
        if not isinstance(topic, str):
            raise BadSetting(f"topic={topic!r}: it must be a string.")
        check_topic_name(topic)
        error = self.sender.cluster.refusal(topic)
        if error is not None:
            self._io.post(self._routing.forget, topic)
            raise error
        self._io.post(self.sender.cluster.want, topic)
        return Blocked(
            self.picture,
            lambda: topic in self._routing.topics or self.sender.cluster.refusal(topic) is not None,
            self.sender.cluster.unreachable,
        )

    def sticky(self, view: TopicView) -> int:
        """The partition for a batch without keys."""
        slots = self.outbox.know(view.name, view.count, view.batch_bytes_max)
        if 0 <= slots.sticky < view.count:
            return slots.sticky
        return self._next_sticky(view)

    def _next_sticky(self, view: TopicView) -> int:
        turn = self._turns.get(view.name, hash(self) >> 4)
        self._turns[view.name] = turn + 1
        return next_sticky(view, turn)

    def _full(self) -> BufferFull:
        return BufferFull(
            f"The producer's buffer of {self.options.buffer_bytes} bytes stayed full for "
            f"{self.options.max_block_ms} ms; nothing was accepted."
        )

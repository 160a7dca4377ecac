"""A running broker on an event loop: node, disk, ticker and listeners, opened and closed in order.

The daemon (`server.py`) and the embedded broker (`bus/embedded.py`) are both this; they differ in
whose loop it is. Opening and closing happen on that loop's thread.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from functools import partial

from bus.adapters.clock import SystemClock
from bus.adapters.disk.disk import RealDisk
from bus.adapters.malloc import give_back_freed_memory
from bus.adapters.memory import machine_bytes, own_bytes
from bus.adapters.random import SystemRandom
from bus.adapters.read_pool import ReadPool
from bus.adapters.solo import Solo
from bus.adapters.tcp_admission import Admission, Holding, Limits
from bus.broker.context import Context, Reply
from bus.broker.dispatch import SERVED, dispatch
from bus.broker.handlers.forwarded import serve_peer
from bus.broker.kafka_listener import KafkaListener
from bus.broker.listener import ZmqListener
from bus.broker.memory_guard import MemoryGuard, limit_of
from bus.broker.node import Node
from bus.broker.status import Status, status_of
from bus.broker.ticker import Ticker
from bus.errors import BadSetting, BrokerStopped, BusError, UnsafeFilesystem
from bus.model.broker_config import broker_settings
from bus.model.broker_settings import BrokerSettings
from bus.model.endpoint import Endpoint
from bus.model.limits import HELD_BYTES_MAX, HELD_SHARE_OF_MEMORY
from bus.model.listeners import Address, listeners
from bus.wire.registry import api_of
from bus.wire.schema import Message

INPROC = "inproc"
LEAVE_MS_MAX = 10_000  # for others to take over what is led here
LET_GO_SECONDS = 2.0
GIVE_BACK_SECONDS = 1.0  # after a listener was closed ZeroMQ is through with its peers
log = logging.getLogger("busd")


class Service:
    """One broker, serving until `close`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: BrokerSettings) -> None:
        """Recover and serve. Raises BusError or OSError with a sentence; then nothing is open."""
        self._loop = loop
        self.settings = settings
        self.outcome: asyncio.Future[Exception | None] = loop.create_future()  # of the start
        self._ticker: Ticker | None = None  # once its logs stand
        self._closed: asyncio.Future[None] = loop.create_future()
        self.failure: asyncio.Future[Exception] = loop.create_future()  # why it has to end
        self._disks = open_disks(settings)
        try:
            for disk in self._disks:
                loop.add_reader(disk.fileno(), disk.on_readable)
            self._pool = ReadPool(loop)
            self.node = self._member() if settings.cluster else self._alone()
            self.node.served = SERVED
            self._start()
        except BaseException:
            self._close_disks()
            raise

    def _alone(self) -> Node:
        clock, random, later = SystemClock(), SystemRandom(), self._loop.call_later
        store = Solo(*self._disks)
        return Node(self.settings, self._disks, store, clock, random, self._pool, later)

    def _member(self) -> Node:
        from bus.broker.cluster_store import links_of, store_of  # a node alone needs none of it

        loop, settings, clock, random = self._loop, self.settings, SystemClock(), SystemRandom()
        store = store_of(loop, settings, clock, random)
        self._links = links_of(
            loop,
            settings,
            random,
            lambda *asked: self._member_here.handle(*asked),
            lambda *news: self._member_here.on_link(*news),
        )
        disks, pool, later = self._disks, self._pool, loop.call_later
        single = Solo(*disks)
        node = Node(settings, disks, store, clock, random, pool, later, self._links, single)
        assert node.member is not None, "it has links"
        self._member_here = node.member
        node.etcd.versions = store.versions
        node.member.serve = partial(serve_peer, node)
        node.member.on_refused = self._fail
        return node

    def _start(self) -> None:
        name = f"inproc://busd-{os.getpid()}-{id(self):x}"
        self.node.endpoints[INPROC] = Endpoint(name, name, 0)
        self.listeners: list[ZmqListener | KafkaListener] = []
        self._guard: MemoryGuard | None = None  # once it listens
        limits = Limits(self.settings.max_connections, self.settings.max_connections_per_ip)
        self._admission = Admission(limits)
        held_bytes_max = self._memory_limit_bytes() // HELD_SHARE_OF_MEMORY
        self._holding = Holding(min(HELD_BYTES_MAX, held_bytes_max))
        try:
            self._open_listeners()
            self._check_filesystem()
            self.node.start(self._on_started)
            if self.outcome.done() and (error := self.outcome.result()) is not None:
                raise error
        except BaseException:
            self._close_listeners()
            raise
        self._guard_memory()

    def _on_started(self, error: Exception | None) -> None:
        if error is None:
            report = self.node.starting.recovery
            log.info("recovered %d partitions in %d ms", report.partitions, report.elapsed_ms)
            self._ticker = Ticker(self._loop, self.node)
        if not self.outcome.done():
            self.outcome.set_result(error)

    def _fail(self, error: BusError) -> None:
        """It cannot go on as a member of its cluster."""
        self._on_started(error)
        if not self.failure.done():
            self.failure.set_result(error)

    def handle(
        self, request: Message, reply: Reply, peer: str, is_gone: Callable[[], bool]
    ) -> None:
        """Serve a request object, meant as the newest version: the embedded broker's transport."""
        context = Context(api_of(request).max_version, peer, INPROC, is_gone=is_gone)
        dispatch(self.node, context, request, reply)
        self._touch()

    def status(self) -> Status:
        """A snapshot; on the loop's thread."""
        return status_of(
            self.node,
            [listener.status() for listener in self.listeners],
            listener_closed=self._is_out_of_memory(),
        )

    def listen_kafka(self, text: str) -> None:
        """Listen for Kafka's clients there, too: `text` as of the setting kafka.

        Raises BadSetting, OSError or BrokerStopped; then nothing more is open than before.
        """
        if self._is_out_of_memory():
            raise BrokerStopped("The broker has closed its listeners for want of memory.")
        all_of_them = ",".join(filter(None, (self.settings.kafka, text)))
        settings = broker_settings({"kafka": all_of_them}, self.settings)
        count = len(self.listeners)
        try:
            self._open_kafka(listeners(text))
        except BaseException:
            self._close_listeners(count)
            raise
        self.settings = self.node.settings = settings
        self._guard_memory()

    async def leave(self) -> None:
        """Hand over what is led here, if others can take it; `close` comes after it."""
        cluster = self.node.cluster
        if cluster is not None:
            left: asyncio.Future[None] = self._loop.create_future()
            cluster.leave(LEAVE_MS_MAX, partial(left.set_result, None))
            await left

    async def close_all(self) -> None:
        """As `close`, and wait until a store elsewhere is let go of."""
        self.close()
        if self.node.member is not None:
            await asyncio.wait([self._closed], timeout=LET_GO_SECONDS)

    def close(self, *, clean: bool = True) -> None:
        """Stop listening, answer who waits, flush, and note that the stop was clean."""
        if self._ticker is not None:
            self._ticker.close()
        if self._guard is not None:
            self._guard.close()
        try:
            self.node.stop(clean=clean, closed=self._on_closed)
        finally:
            self._close_listeners()
            self._pool.close()
            self._close_disks()

    def _on_closed(self) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    def _touch(self) -> None:
        if self._ticker is not None:
            self._ticker.touch()

    def _close_disks(self) -> None:
        for disk in self._disks:
            self._loop.remove_reader(disk.fileno())
            disk.close()

    def _open_listeners(self) -> None:
        """Bind, in the order of the settings; nobody is heard before the loop's next turn."""
        settings = self.settings
        if settings.listen:
            zmq = ZmqListener(self._loop, self.node, settings.listen, self._touch)
            self.listeners.append(zmq)
        self._open_kafka(listeners(settings.kafka))

    def _open_kafka(self, addresses: Mapping[str, Address]) -> None:
        advertised = listeners(self.settings.advertised_listeners)
        for name, address in addresses.items():
            kafka = KafkaListener(
                self._loop,
                self.node,
                name,
                address,
                advertised.get(name),
                self._admission,
                self._holding,
                self._touch,
            )
            self.listeners.append(kafka)

    def _guard_memory(self) -> None:
        """Only other processes can make it grow without a bound, so only while it listens."""
        if self.listeners and self._guard is None:
            limit = self._memory_limit_bytes()
            self._guard = MemoryGuard(self._loop, limit, own_bytes, self._on_memory_exceeded)

    def _is_out_of_memory(self) -> bool:
        return self._guard is not None and not self.listeners

    def _memory_limit_bytes(self) -> int:
        return limit_of(self.settings.memory_limit_bytes, machine_bytes())

    def _close_listeners(self, first: int = 0) -> None:
        """All from the `first` on."""
        for listener in self.listeners[first:]:
            listener.close()
        del self.listeners[first:]

    def _on_memory_exceeded(self) -> None:
        self._close_listeners()
        self._loop.call_later(GIVE_BACK_SECONDS, give_back_freed_memory)

    def unsafe(self) -> dict[str, str]:
        """Filesystem by path, of the data directories that may lose what was acknowledged."""
        return self.node.unsafe_directories()

    def _check_filesystem(self) -> None:
        if self.settings.accept_filesystem:
            return
        for path, filesystem in self.unsafe().items():
            raise UnsafeFilesystem(
                f"The data directory {path} is on {filesystem}, which is not known to keep what "
                "flush=group promises. Choose ext4 or xfs, or pass --accept-filesystem."
            )


def open_disks(settings: BrokerSettings) -> list[RealDisk]:
    """Lock every data directory. One that cannot be used is left out if that is accepted."""
    disks: list[RealDisk] = []
    try:
        for path in settings.data_directories:
            try:
                disks.append(RealDisk(path))
            except OSError as error:
                sentence = f"The data directory {path} cannot be used: {error.strerror or error}."
                if not settings.accept_missing_data:
                    raise BadSetting(sentence) from None
                log.error("%s", sentence)
        if not disks:
            raise BadSetting("None of the data directories can be used.")
    except BaseException:
        for disk in disks:
            disk.close()
        raise
    return disks

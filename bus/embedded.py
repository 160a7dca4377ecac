"""A broker inside this process: the same log and the same API, without a server or a port.

It runs on the process's one I/O thread, beside the clients' connections. Its own clients hand
it requests as objects, which are never encoded.
"""

import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, TypeVar

from bus.adapters.io_thread import IoThread
from bus.broker.listener import ZMQ
from bus.broker.service import INPROC, Service
from bus.broker.status import Status
from bus.client.admin import Admin
from bus.client.consumer import Consumer
from bus.client.handle import Closing, Handle
from bus.client.link import Done, Link
from bus.client.producer import Producer
from bus.errors import BadSetting, BrokerStopped, BusError, NetworkError
from bus.model.broker_config import broker_settings
from bus.model.broker_settings import BrokerSettings
from bus.wire.schema import Message

CLOSE_SECONDS = 30.0
KAFKA_SCHEME = "kafka://"
Client = TypeVar("Client", Producer, Consumer, Admin)


class Broker(Closing):
    """A durable log in a directory, with producers and consumers in this process.

    `listen`, `kafka` and any other setting of the broker are keywords: dots become underscores.
    Raises BadSetting, DirectoryInUse, CorruptLog or OSError with a sentence.
    """

    def __init__(
        self,
        data: str,
        *,
        listen: str | None = None,
        kafka: str | None = None,
        config: BrokerSettings | None = None,
        **settings: object,
    ) -> None:
        given: dict[str, object] = {"listen": listen or "", "accept_filesystem": True, **settings}
        if kafka is not None:
            given["kafka"] = kafka
        self.settings = broker_settings({**given, "data": data}, config)
        if self.settings.cluster:
            raise BadSetting("A broker inside a program is alone; start `busd serve --cluster`.")
        self._io = IoThread.shared()
        self._service: Service | None = self._io.call(Service, self._io.loop, self.settings)
        self._clients: dict[Handle, None] = {}  # open, in the order they were made
        self._warn_of_filesystem()

    @property
    def url(self) -> str:
        """Where clients of other processes connect, empty without `listen`."""
        return self.status().endpoints.get(ZMQ, "")

    @property
    def kafka_url(self) -> str:
        """Where our own clients connect over Kafka's protocol, empty without `kafka`."""
        urls = self.status().endpoints.values()
        return next((url for url in urls if url.startswith(KAFKA_SCHEME)), "")

    @property
    def bootstrap(self) -> str:
        """HOST:PORT for a Kafka client's bootstrap.servers, empty without `kafka`."""
        return self.kafka_url.removeprefix(KAFKA_SCHEME)

    def listen_kafka(self, address: str = "127.0.0.1:0") -> None:
        """Let Kafka's clients connect from now on: what `kafka` does from the start.

        Raises BadSetting or OSError with a sentence, and then nothing has changed.
        """
        service = self._open_service()
        self._io.call(service.listen_kafka, address)
        self.settings = service.settings

    def producer(self, **options: Any) -> Producer:
        """A producer of this broker; options as of `bus.Producer`."""
        return self._keep(Producer(self._endpoint(), connect=self._connect, **options))

    def consumer(self, **options: Any) -> Consumer:
        """A consumer of this broker; options as of `bus.Consumer`."""
        return self._keep(Consumer(self._endpoint(), connect=self._connect, **options))

    def admin(self, **options: Any) -> Admin:
        """An admin of this broker; options as of `bus.Admin`."""
        return self._keep(Admin(self._endpoint(), connect=self._connect, **options))

    def create_topic(
        self,
        name: str,
        partitions: int | None = None,
        replication_factor: int | None = None,
        config: Mapping[str, str] | None = None,
    ) -> None:
        """As `bus.Admin.create_topic`."""
        with self.admin() as admin:
            admin.create_topic(name, partitions, replication_factor, config)

    def status(self) -> Status:
        """A snapshot of what the broker does."""
        return self._io.call(self._open_service().status)

    def close(self) -> None:
        """Stop cleanly: clients first, then the log; harmless when done before."""
        service = self._service
        if service is None:
            return
        try:
            with ExitStack() as closing:  # each of them, whatever another one raises
                for client in reversed(list(self._clients)):  # the stack turns them round
                    closing.callback(client.close)
        finally:  # only now: closing producers still send
            self._service = None
            self._io.call(service.close, timeout=CLOSE_SECONDS)

    def _open_service(self) -> Service:
        if self._service is None:
            raise BrokerStopped("The broker is closed.")
        return self._service

    def _endpoint(self) -> str:
        return self._io.call(lambda: self._open_service().node.endpoints[INPROC].url)

    def _connect(self, _endpoint: str) -> Link:
        return LocalLink(self)

    def _keep(self, client: Client) -> Client:
        client.stay_in(self._clients)
        return client

    def _warn_of_filesystem(self) -> None:
        for path, filesystem in self._io.call(self._open_service().unsafe).items():
            warnings.warn(
                f"{path} is on {filesystem}: a power failure may lose what was "
                "acknowledged. Deliveries say that their durability is unknown.",
                stacklevel=3,
            )


class LocalLink:
    """A client's way to a broker in the same process: plain calls on the I/O thread."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._open = True

    def call(self, request: Message, done: Done) -> None:
        """Hand `request` over; the answer comes in a later turn of the loop."""
        loop = self._broker._io.loop
        service = self._broker._service
        if service is None:
            loop.call_soon(self._deliver, done, NetworkError("The broker is closed."))
            return

        def reply(answer: Message | None) -> None:
            if answer is not None:
                loop.call_soon(self._deliver, done, answer)

        service.handle(request, reply, f"{INPROC}#{id(self):x}", lambda: not self._open)

    def close(self) -> None:
        """No answer is handed on any more."""
        self._open = False

    def _deliver(self, done: Done, answer: Message | BusError) -> None:
        if self._open:
            done(answer)

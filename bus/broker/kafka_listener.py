"""Requests of Kafka's clients over TCP: frames in, messages to the handlers, frames out.

The same registry, handlers and codec as over ZeroMQ. What differs: answers leave in the order of
the requests, nothing is started behind a request that waits for others (BLOCKING), our own
extensions are neither read nor written, and Metadata tells the address that the client has reached
us by, unless another one is advertised for the listener.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from bus.adapters.tcp_admission import Admission, Holding
from bus.adapters.tcp_connection import TcpConnection
from bus.adapters.tcp_frames import prefixed
from bus.adapters.tcp_order import Turn
from bus.adapters.tcp_server import TcpServer
from bus.broker.context import Context
from bus.broker.node import Node
from bus.broker.reception import API_VERSIONS, Reception
from bus.broker.status import ListenerStatus
from bus.model.batch import Buffer
from bus.model.endpoint import Endpoint, join_host_port
from bus.model.listeners import Address
from bus.wire.frames import decode_request, response_chunks
from bus.wire.header import RequestHeader
from bus.wire.registry import Api
from bus.wire.schema import Message

FETCH, JOIN_GROUP, SYNC_GROUP = 1, 11, 14
BLOCKING = {FETCH, JOIN_GROUP, SYNC_GROUP}  # API keys of requests that wait for others


class KafkaListener:
    """One port for Kafka's clients. Raises OSError with a sentence if it cannot listen."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        node: Node,
        name: str,
        address: Address,
        advertised: Address | None,
        admission: Admission,
        holding: Holding,
        touch: Callable[[], None],
    ) -> None:
        settings = node.settings
        self.name = name
        self._node = node
        self._reception = Reception(node, touch, is_kafka=True)
        self._server = TcpServer(
            loop,
            *address,
            self._on_request,
            admission=admission,
            frame_bytes_max=settings.socket_request_max_bytes,
            holding=holding,
            in_flight_bytes_max=settings.client_in_flight_max_bytes,
            idle_ms=settings.connections_max_idle_ms,
        )
        self._is_advertised = advertised is not None
        self.endpoint = _endpoint(*(advertised or (self._server.host, self._server.port)))
        self._reached: dict[Address, Endpoint] = {}
        node.endpoints[name] = self.endpoint

    def status(self) -> ListenerStatus:
        """Clients that are connected, and what has gone through."""
        traffic = self._server.traffic
        return ListenerStatus(
            self.name,
            len(self._server.connections),
            traffic.connections_in,
            traffic.connections_refused,
            traffic.bytes_in,
            traffic.bytes_out,
        )

    def close(self) -> None:
        """Stop listening and drop the clients."""
        self._node.endpoints.pop(self.name, None)
        self._server.close()

    def _on_request(self, connection: TcpConnection, frame: Buffer, turn: Turn) -> None:
        read = self._reception.read(
            connection, frame, partial(decode_request, frame), partial(_refuse, turn)
        )
        if read is None:
            return
        api, header, request = read
        turn.blocks = api.key in BLOCKING
        context = Context(
            header.api_version,
            connection.name,
            self.name,
            header.client_id,
            lambda: connection.closed,
            connection.address,
            None if self._is_advertised else self._reached_by(connection.local),
            is_kafka=True,
            hang_up=connection.close,
        )
        reply = partial(_reply, turn, api, header)
        self._reception.dispatch(connection, context, request, reply)

    def _reached_by(self, local: Address) -> Endpoint:
        """This address of ours, as an endpoint; as many are kept as the machine has addresses."""
        endpoint = self._reached.get(local)
        if endpoint is None:
            endpoint = self._reached[local] = _endpoint(*local)
        return endpoint


def _reply(turn: Turn, api: Api, header: RequestHeader, response: Message | None) -> None:
    if response is None:
        turn.answer([])
        return
    chunks = response_chunks(api, header.api_version, header.correlation_id, response)
    turn.answer(prefixed(chunks))


def _refuse(turn: Turn, header: RequestHeader, response: Message) -> None:
    turn.answer(prefixed(response_chunks(API_VERSIONS, 0, header.correlation_id, response)))


def _endpoint(host: str, port: int) -> Endpoint:
    return Endpoint(f"kafka://{join_host_port(host, port)}", host, port)

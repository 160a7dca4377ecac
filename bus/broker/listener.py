"""Requests over ZeroMQ: frames in, messages to the handlers, frames out."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bus.adapters.zmq_peer import ZmqPeer
from bus.adapters.zmq_server import ZmqServer
from bus.broker.context import Context
from bus.broker.node import Node
from bus.broker.reception import API_VERSIONS, Reception
from bus.broker.status import ListenerStatus
from bus.model.batch import Buffer
from bus.model.endpoint import Endpoint
from bus.wire.fetch import FetchResponse
from bus.wire.frames import parse_request_frames, response_frames
from bus.wire.header import RequestHeader
from bus.wire.registry import Api
from bus.wire.schema import Message

ZMQ = "zmq"


@dataclass(frozen=True, slots=True)
class Shared:
    """An encoded answer, all but its correlation id."""

    response: FetchResponse
    version: int
    head: bytes
    records: list[Buffer]


class ZmqListener:
    """One ZeroMQ endpoint of a node."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        node: Node,
        url: str,
        touch: Callable[[], None],
        name: str = ZMQ,
    ) -> None:
        self._loop = loop
        self._node = node
        self._name = name
        self._shared: Shared | None = None
        self._serving = False  # in a request, behind which what is shared is forgotten
        self._reception = Reception(node, touch, is_kafka=False)
        self._server = ZmqServer(
            loop,
            url,
            self._on_request,
            credit_bytes=node.settings.client_credit_bytes,
            credit_requests=node.settings.client_credit_requests,
            frame_bytes_max=node.settings.socket_request_max_bytes,
            peers_max=node.settings.max_connections,
        )
        port = self._server.endpoint.rpartition(":")[2]
        self.endpoint = Endpoint(
            self._server.endpoint, self._server.endpoint, int(port) if port.isdecimal() else 0
        )
        node.endpoints[name] = self.endpoint

    def status(self) -> ListenerStatus:
        """Peers that are connected."""
        return ListenerStatus(self._name, len(self._server.peers))

    def close(self) -> None:
        """Stop listening and drop the peers."""
        self._node.endpoints.pop(self._name, None)
        self._server.close()

    def _on_request(self, peer: ZmqPeer, frames: list[memoryview]) -> None:
        read = self._reception.read(
            peer,
            frames[0],
            partial(parse_request_frames, [*frames]),
            partial(self._refuse, peer),
        )
        if read is None:
            return
        api, header, request = read
        context = Context(
            header.api_version, peer.name, self._name, header.client_id, lambda: peer.closed
        )
        reply = partial(self._reply, peer, api, header)
        self._serving = True
        self._reception.dispatch(peer, context, request, reply)
        self._serving, self._shared = False, None

    def _reply(
        self, peer: ZmqPeer, api: Api, header: RequestHeader, response: Message | None
    ) -> None:
        if response is None:
            peer.settle(header.correlation_id)
            return
        peer.reply(self._frames(api, header.api_version, header.correlation_id, response))

    def _frames(
        self, api: Api, version: int, correlation_id: int, response: Message
    ) -> list[Buffer]:
        """An answer of a stream goes to many: it is encoded once, and kept for them."""
        if not isinstance(response, FetchResponse) or not response.more:
            return response_frames(api, version, correlation_id, response)
        shared = self._shared
        if shared is None or shared.response is not response or shared.version != version:
            if shared is None and not self._serving:
                self._loop.call_soon(self._forget_shared)
            frames = response_frames(api, version, correlation_id, response)
            self._shared = shared = Shared(response, version, bytes(frames[0])[4:], frames[1:])
        return [correlation_id.to_bytes(4, "big") + shared.head, *shared.records]

    def _forget_shared(self) -> None:
        self._shared = None

    def _refuse(self, peer: ZmqPeer, header: RequestHeader, response: Message) -> None:
        peer.reply(response_frames(API_VERSIONS, 0, header.correlation_id, response))

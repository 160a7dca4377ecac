"""Requests over ZeroMQ: frames in, messages to the handlers, frames out.

A peer's bytes that are no request end its conversation. An ApiVersions of a version that is not
served is answered at version 0 with the range (KIP-511), any other unserved version ends the
conversation, as Kafka does.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bus.adapters.zmq_peer import ZmqPeer
from bus.adapters.zmq_server import ZmqServer
from bus.broker.context import Context
from bus.broker.dispatch import dispatch
from bus.broker.handlers.metadata import api_versions_response
from bus.broker.node import Node
from bus.errors import FrameError, UnsupportedVersion
from bus.model.batch import Buffer
from bus.model.endpoint import Endpoint
from bus.wire.fetch import FetchResponse
from bus.wire.frames import parse_header, parse_request_frames, response_frames
from bus.wire.header import RequestHeader
from bus.wire.metadata import ApiVersionsRequest
from bus.wire.registry import Api, api_of
from bus.wire.schema import Message

ZMQ = "zmq"
API_VERSIONS = api_of(ApiVersionsRequest)
log = logging.getLogger("busd.listener")


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
        self._touch = touch
        self._served = {api.key: api for api in node.served}
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

    @property
    def connections(self) -> int:
        """Peers that are connected."""
        return len(self._server.peers)

    def close(self) -> None:
        """Stop listening and drop the peers."""
        self._node.endpoints.pop(self._name, None)
        self._server.close()

    def _on_request(self, peer: ZmqPeer, frames: list[memoryview]) -> None:
        try:
            header, request = parse_request_frames([*frames])
        except UnsupportedVersion:
            self._refuse_version(peer, frames)
            return
        except FrameError as error:
            peer.close(str(error))
            return
        api = self._served.get(header.api_key)
        if api is None:
            peer.close(f"API key {header.api_key} is not served")
            return
        context = Context(
            header.api_version, peer.name, self._name, header.client_id, lambda: peer.closed
        )
        try:
            dispatch(self._node, context, request, partial(self._reply, peer, api, header))
        except Exception:
            log.exception("%s: %s failed", peer.name, api.name)
            peer.close("internal error")
        self._touch()

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
        """An answer of a stream goes to many: it is encoded once, and kept for this turn."""
        if not isinstance(response, FetchResponse) or not response.more:
            return response_frames(api, version, correlation_id, response)
        shared = self._shared
        if shared is None or shared.response is not response or shared.version != version:
            if shared is None:
                self._loop.call_soon(self._forget_shared)
            frames = response_frames(api, version, correlation_id, response)
            self._shared = shared = Shared(response, version, bytes(frames[0])[4:], frames[1:])
        return [correlation_id.to_bytes(4, "big") + shared.head, *shared.records]

    def _forget_shared(self) -> None:
        self._shared = None

    def _refuse_version(self, peer: ZmqPeer, frames: list[memoryview]) -> None:
        try:
            header = parse_header(frames[0])
        except FrameError as error:
            peer.close(str(error))
            return
        if header.api_key != API_VERSIONS.key:
            peer.close(f"API key {header.api_key} version {header.api_version} is not served")
            return
        response = api_versions_response(self._node, UnsupportedVersion.code)
        peer.reply(response_frames(API_VERSIONS, 0, header.correlation_id, response))

"""What all listeners do with a request: read it, find its handler, and mind what goes wrong.

what comes                               what is done
----------                               ------------
bytes that are no request                the conversation ends
ApiVersions at a version not served      answered at version 0 (KIP-511): see `refuse_version`
any other key or version not served      the conversation ends, as with Kafka
a handler that raises: our own bug       logged; the conversation ends
an answer that cannot be encoded: so too the same; whoever else was to be told is told
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol

from bus.broker.context import Context, Reply
from bus.broker.dispatch import dispatch
from bus.broker.handlers.metadata import api_versions_response
from bus.broker.node import Node
from bus.errors import FrameError, UnsupportedVersion
from bus.model.batch import Buffer
from bus.wire.frames import parse_header
from bus.wire.header import RequestHeader
from bus.wire.metadata import ApiVersionsRequest
from bus.wire.registry import Api, api_of
from bus.wire.schema import Message

NOT_SERVED = (None, 0, 0)
API_VERSIONS = api_of(ApiVersionsRequest)
log = logging.getLogger("busd.listener")


class Peer(Protocol):
    """Who is at the other end."""

    @property
    def name(self) -> str:
        """For logs."""

    def close(self, reason: str) -> None:
        """End the conversation; the reason is logged."""


class Reception:
    """Where the requests of one listener arrive."""

    def __init__(self, node: Node, touch: Callable[[], None], *, is_kafka: bool) -> None:
        self._node = node
        self._touch = touch  # told after each request
        self._is_kafka = is_kafka
        self._served = {
            api.key: (api, *api.advertised(kafka=is_kafka))
            for api in node.served
            if not (is_kafka and api.is_ours)
        }

    def read(
        self,
        peer: Peer,
        head: Buffer,
        parse: Callable[[], tuple[RequestHeader, Message]],
        refuse: Callable[[RequestHeader, Message], None],
    ) -> tuple[Api, RequestHeader, Message] | None:
        """A request that can be dispatched, or None: then all is done that can be.

        `head` has the header; `refuse` answers an ApiVersions of a version that is not served, at
        version 0.
        """
        try:
            header, request = parse()
        except UnsupportedVersion:
            self._refuse_version(peer, head, refuse)
            return None
        except FrameError as error:
            peer.close(str(error))
            return None
        api, low, high = self._served.get(header.api_key, NOT_SERVED)
        if api is None or not low <= header.api_version <= high:
            peer.close(_not_served(header))
            return None
        return api, header, request

    def dispatch(self, peer: Peer, context: Context, request: Message, reply: Reply) -> None:
        """Hand it to its handler."""
        answer = partial(_answer, peer, type(request).__name__, reply)
        try:
            dispatch(self._node, context, request, answer)
        except Exception:
            log.exception("%s: %s failed", peer.name, type(request).__name__)
            peer.close("internal error")
        self._touch()

    def _refuse_version(
        self, peer: Peer, head: Buffer, refuse: Callable[[RequestHeader, Message], None]
    ) -> None:
        try:
            header = parse_header(head)
        except FrameError as error:
            peer.close(str(error))
            return
        if header.api_key != API_VERSIONS.key:
            peer.close(_not_served(header))
            return
        code = UnsupportedVersion.code
        refuse(header, api_versions_response(self._node, code, is_kafka=self._is_kafka))


def _answer(peer: Peer, name: str, reply: Reply, response: Message | None) -> None:
    """Answers come whenever they do: what is wrong with one must not reach who gives it."""
    try:
        reply(response)
    except (TypeError, ValueError):
        log.exception("%s: the answer to %s cannot be encoded", peer.name, name)
        peer.close("internal error")


def _not_served(header: RequestHeader) -> str:
    return f"API key {header.api_key} version {header.api_version} is not served."

"""A link over ZeroMQ: versions, correlation and credit of one conversation.

state     a call                          an answer               peer lost
-----     ------                          ---------               ---------
opening   waits for ApiVersions' answer   open, or refused        lost
open      leaves, or waits for credit     goes to its caller      lost
lost      NetworkError                    ignored                 -

The conversation opens with ApiVersions; its answer says which versions the broker serves and how
much may be unanswered. What exceeds the credit waits its turn, so requests leave in order.

Invariant: `_unanswered` is the bytes of `_pending`, and within the credit unless one alone is not.
"""

import asyncio
from collections import deque
from dataclasses import dataclass

from bus.adapters.zmq_peers import ZmqLink
from bus.client.link import Connector, Done, Link
from bus.errors import (
    BufferFull,
    BusError,
    FrameError,
    NetworkError,
    UnsupportedVersion,
    error_of,
)
from bus.model.batch import Buffer
from bus.model.limits import CREDIT_BYTES, REQUESTS_UNANSWERED_MAX
from bus.wire.fetch import FetchRequest, FetchResponse
from bus.wire.frames import parse_response_frames, request_frames, response_correlation_id
from bus.wire.header import RequestHeader
from bus.wire.metadata import ApiVersionsRequest, ApiVersionsResponse
from bus.wire.produce import ProduceRequest, ProduceResponse
from bus.wire.registry import Api, api_of
from bus.wire.schema import Message

SOFTWARE, SOFTWARE_VERSION = "busd-python", "1"  # what the broker may log of us
OPENING_VERSION = 3  # of ApiVersions
VERSION_MAX: dict[type[Message], int] = {FetchRequest: 12}  # later ones name topics by id
CORRELATIONS = 1 << 31


@dataclass(slots=True)
class Call:
    """A request that is out, or waits to be."""

    request: Message
    done: Done
    size: int = 0
    version: int = 0


class RemoteLink:
    """One conversation over `tcp://` or `ipc://`."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, endpoint: str, *, client_id: str = "busd"
    ) -> None:
        self.endpoint = endpoint
        self._loop = loop
        self._client_id = client_id
        self._served: dict[int, tuple[int, int]] | None = None  # API key -> versions
        self._credit_bytes = CREDIT_BYTES
        self._credit_requests = REQUESTS_UNANSWERED_MAX
        self._pending: dict[int, Call] = {}
        self._streams: dict[int, Call] = {}  # answered, and to be answered again
        self._unanswered = 0
        self._waiting: deque[Call] = deque()
        self._correlation_id = 0
        self._lost: BusError | None = None
        self._closed = False
        self._link = ZmqLink(loop, endpoint, self._on_message, self._on_down)
        opening = Call(ApiVersionsRequest(SOFTWARE, SOFTWARE_VERSION), self._on_opened)
        opening.version = OPENING_VERSION
        self._send(opening)

    def call(self, request: Message, done: Done) -> None:
        """Send, or queue until the conversation is open and has credit."""
        if self._lost is not None:
            self._loop.call_soon(done, self._lost)
            return
        self._waiting.append(Call(request, done))
        self._flush()

    def close(self) -> None:
        """End the conversation; no `done` is called any more."""
        if not self._closed:
            self._closed = True
            self._lost = self._lost or NetworkError(f"The link to {self.endpoint} is closed.")
            self._pending.clear()
            self._streams.clear()
            self._waiting.clear()
            self._link.close()

    def _flush(self) -> None:
        while self._waiting and self._served is not None and self._lost is None:
            call = self._waiting[0]
            api = api_of(call.request)
            version = self._version(api)
            if isinstance(version, BusError):
                self._waiting.popleft()
                self._loop.call_soon(call.done, version)
                continue
            call.version = version
            if self._pending and not self._has_credit(call):
                return
            self._waiting.popleft()
            self._send(call)

    def _has_credit(self, call: Call) -> bool:
        return (
            len(self._pending) < self._credit_requests
            and self._unanswered + _size_of(call.request) <= self._credit_bytes
        )

    def _version(self, api: Api) -> int | BusError:
        """The highest version that both sides know."""
        assert self._served is not None, "asked only once the conversation is open"
        low, high = self._served.get(api.key, (0, -1))
        version = min(high, api.max_version, VERSION_MAX.get(api.request, api.max_version))
        if version < max(low, api.min_version):
            return UnsupportedVersion(
                f"{self.endpoint} serves {api.name} in versions {low} to {high}; this client "
                f"knows {api.min_version} to {api.max_version}."
            )
        return version

    def _send(self, call: Call) -> None:
        api = api_of(call.request)
        correlation_id = self._correlation_id
        self._correlation_id = (correlation_id + 1) % CORRELATIONS
        header = RequestHeader(api.key, call.version, correlation_id, self._client_id)
        frames = request_frames(header, call.request)
        try:
            self._link.send(frames)
        except BufferFull:
            self._fail(NetworkError(f"{self.endpoint} does not take what is sent."))
            return
        if isinstance(call.request, ProduceRequest) and call.request.acks == 0:
            self._loop.call_soon(call.done, ProduceResponse())
            return
        call.size = sum(map(len, frames))
        self._unanswered += call.size
        self._pending[correlation_id] = call

    def _on_message(self, frames: list[memoryview]) -> None:
        if self._lost is not None:
            return
        try:
            correlation_id = response_correlation_id(frames[0])
            call = self._pending.pop(correlation_id, None) or self._streams.get(correlation_id)
            if call is None:
                return
            api = api_of(call.request)
            _, response = parse_response_frames(api, call.version, list(frames))
            if isinstance(response, FetchResponse) and response.more:
                self._streams[correlation_id] = call
            else:
                self._streams.pop(correlation_id, None)
        except FrameError as error:
            self._fail(NetworkError(f"{self.endpoint} sent what is no answer: {error}"))
            return
        self._unanswered -= call.size
        call.size = 0
        call.done(response)
        self._flush()

    def _on_opened(self, response: Message | BusError) -> None:
        if isinstance(response, BusError):
            return  # whoever waits is told by `_fail`
        assert isinstance(response, ApiVersionsResponse), "the answer is of the request's API"
        if response.error_code:
            self._fail(error_of(response.error_code))
            return
        self._served = {
            served.api_key: (served.min_version, served.max_version) for served in response.api_keys
        }
        if response.credit_bytes > 0:
            self._credit_bytes = response.credit_bytes
        if response.credit_requests > 0:
            self._credit_requests = response.credit_requests

    def _on_down(self, reason: str) -> None:
        self._fail(NetworkError(reason))

    def _fail(self, error: BusError) -> None:
        if self._lost is not None:
            return
        self._lost = error
        calls = [*self._pending.values(), *self._streams.values(), *self._waiting]
        self._pending.clear()
        self._streams.clear()
        self._waiting.clear()
        self._unanswered = 0
        for call in calls:
            self._loop.call_soon(call.done, error)


def _size_of(request: Message) -> int:
    """Bytes of the records, which are nearly all of a request that is large."""
    if not isinstance(request, ProduceRequest):
        return 0
    buffers: list[Buffer | None] = [
        partition.records for topic in request.topic_data for partition in topic.partition_data
    ]
    return sum(len(records) for records in buffers if records is not None)


def connector(client_id: str) -> Connector:
    """Links over ZeroMQ that introduce themselves as `client_id`; for the running loop."""

    def connect(endpoint: str) -> Link:
        return RemoteLink(asyncio.get_running_loop(), endpoint, client_id=client_id)

    return connect

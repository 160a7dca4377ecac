"""One conversation with one broker: versions, correlation and credit, whatever carries it.

state     a call                          an answer               peer lost
-----     ------                          ---------               ---------
opening   waits for ApiVersions' answer   open, or refused        lost
open      leaves, or waits for credit     goes to its caller      lost
lost      NetworkError                    ignored                 -

The conversation opens with ApiVersions; its answer says which versions the broker serves and how
much may be unanswered. A broker that does not know our ApiVersions says which it knows, or
nothing (KIP-511): we ask once more, in a version of its own. What exceeds the credit waits its
turn, so requests leave in order.

Invariant: `_unanswered` is the bytes of `_pending`, and within the credit unless one alone is not.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bus.client.link import GOES_ON, Done
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
from bus.wire.fetch import FetchRequest
from bus.wire.header import RequestHeader
from bus.wire.metadata import ApiVersionsRequest, ApiVersionsResponse
from bus.wire.produce import ProduceRequest, ProduceResponse
from bus.wire.registry import API_VERSIONS, Api, api_of
from bus.wire.schema import Message

SOFTWARE, SOFTWARE_VERSION = "busd-python", "1"  # what the broker may log of us
OPENING_VERSION = 3  # of ApiVersions; the fourth adds nothing that we read
VERSION_MAX: dict[type[Message], int] = {FetchRequest: 12}  # later ones name topics by id
CORRELATIONS = 1 << 31

Read = Callable[[Api, int], Message]  # an answer, read as what it must be; raises FrameError


class Carrier(Protocol):
    """What carries the requests of one conversation to its broker."""

    def send(self, header: RequestHeader, request: Message) -> int:
        """Encode and send; how many bytes that were. Raises BufferFull."""

    def close(self) -> None:
        """Let go of the connection; nothing is told any more."""


@dataclass(slots=True)
class Call:
    """A request that is out, or waits to be."""

    request: Message
    done: Done
    size: int = 0
    version: int = 0


class Conversation:
    """The machine; its owner tells it what came, and it speaks through its carrier."""

    def __init__(
        self, endpoint: str, client_id: str, soon: Callable[..., object], carrier: Carrier
    ) -> None:
        """`soon(fn, *args)` calls after the current call has returned."""
        self.endpoint = endpoint
        self._client_id = client_id
        self._soon = soon
        self._carrier = carrier
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

    @property
    def lost(self) -> bool:
        """Whether it is over."""
        return self._lost is not None

    @property
    def load(self) -> int:
        """Calls that have no answer yet."""
        return len(self._pending) + len(self._waiting)

    def open(self) -> None:
        """Say who we are; once the carrier takes messages."""
        self._ask_versions(OPENING_VERSION)

    def call(self, request: Message, done: Done) -> None:
        """Send, or queue until the conversation is open and has credit."""
        if self._lost is not None:
            self._soon(done, self._lost)
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
            self._carrier.close()

    def on_answer(self, correlation_id: int, read: Read) -> None:
        """An answer came; `read` opens it once it is known to what."""
        if self._lost is not None:
            return
        call = self._pending.pop(correlation_id, None) or self._streams.get(correlation_id)
        if call is None:
            return
        try:
            response = read(api_of(call.request), call.version)
        except FrameError as error:
            self._pending[correlation_id] = call
            self.on_nonsense(error)
            return
        if isinstance(response, GOES_ON) and response.more:
            self._streams[correlation_id] = call
        else:
            self._streams.pop(correlation_id, None)
        self._unanswered -= call.size
        call.size = 0
        call.done(response)
        self._flush()

    def on_nonsense(self, error: FrameError) -> None:
        """What came is no answer."""
        self._fail(NetworkError(f"{self.endpoint} sent what is no answer: {error}"))

    def on_down(self, reason: str) -> None:
        """The peer is lost."""
        self._fail(NetworkError(reason))

    def _flush(self) -> None:
        while self._waiting and self._served is not None and self._lost is None:
            call = self._waiting[0]
            version = self._version(api_of(call.request))
            if isinstance(version, BusError):
                self._waiting.popleft()
                self._soon(call.done, version)
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
                if high >= 0
                else f"{self.endpoint} does not serve {api.name}."
            )
        return version

    def _send(self, call: Call) -> None:
        correlation_id = self._correlation_id
        self._correlation_id = (correlation_id + 1) % CORRELATIONS
        key = api_of(call.request).key
        header = RequestHeader(key, call.version, correlation_id, self._client_id)
        try:
            size = self._carrier.send(header, call.request)
        except BufferFull:
            self._soon(call.done, NetworkError(f"{self.endpoint} does not take what is sent."))
            self._fail(NetworkError(f"{self.endpoint} does not take what is sent."))
            return
        if isinstance(call.request, ProduceRequest) and call.request.acks == 0:
            self._soon(call.done, ProduceResponse())
            return
        call.size = size
        self._unanswered += size
        self._pending[correlation_id] = call

    def _ask_versions(self, version: int) -> None:
        def done(response: Message | BusError) -> None:
            self._on_opened(version, response)

        self._send(Call(ApiVersionsRequest(SOFTWARE, SOFTWARE_VERSION), done, version=version))

    def _on_opened(self, version: int, response: Message | BusError) -> None:
        if isinstance(response, BusError):
            return  # whoever waits is told by `_fail`
        assert isinstance(response, ApiVersionsResponse), "the answer is of the request's API"
        if response.error_code == UnsupportedVersion.code and version > 0:
            served = [key.max_version for key in response.api_keys if key.api_key == API_VERSIONS]
            self._ask_versions(min([version - 1, *(known for known in served if known >= 0)]))
            return
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
            self._soon(call.done, error)


def _size_of(request: Message) -> int:
    """Bytes of the records, which are nearly all of a request that is large."""
    if not isinstance(request, ProduceRequest):
        return 0
    buffers: list[Buffer | None] = [
        partition.records for topic in request.topic_data for partition in topic.partition_data
    ]
    return sum(len(records) for records in buffers if records is not None)

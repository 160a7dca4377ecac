"""A link over Kafka's own protocol: as many connections as it takes that nothing waits in line.

A Kafka broker answers the requests of one connection in their order. So what it may keep waiting
must have nothing behind it:

requests                 connection
--------                 ----------
Fetch                    an idle one of up to FETCH_CONNECTIONS_MAX, else the least busy of them
JoinGroup, SyncGroup     one of their own
all others               one together, in the order of the calls

Each is opened when it is first needed. One that the broker closed while nothing was out on it is
replaced at the next call; whatever was out on a lost one is answered with NetworkError.
"""

import asyncio

from bus.adapters.tcp_link import TcpLink
from bus.client.conversation import Conversation
from bus.client.link import Done
from bus.errors import FrameError
from bus.model.batch import Buffer
from bus.model.endpoint import KAFKA_SCHEME, split_host_port
from bus.wire.fetch import FetchRequest
from bus.wire.frames import decode_response, request_chunks, response_correlation_id
from bus.wire.header import RequestHeader
from bus.wire.registry import Api, api_of
from bus.wire.schema import Message

FETCH_CONNECTIONS_MAX = 4
JOIN_GROUP, SYNC_GROUP = 11, 14  # keys of the requests that wait for other members


class TcpCarrier:
    """Carries one conversation as length-prefixed messages."""

    def __init__(self, loop: asyncio.AbstractEventLoop, endpoint: str, client_id: str) -> None:
        self.talk = Conversation(endpoint, client_id, loop.call_soon, self)
        host, port = split_host_port(endpoint.removeprefix(KAFKA_SCHEME))
        self._link = TcpLink(loop, host, int(port), self._on_message, self.talk.on_down)
        self.talk.open()

    def send(self, header: RequestHeader, request: Message) -> int:
        """As `Carrier.send`."""
        return self._link.send(request_chunks(header, request))

    def close(self) -> None:
        """As `Carrier.close`."""
        self._link.close()

    def _on_message(self, data: Buffer) -> None:
        def read(api: Api, version: int) -> Message:
            return decode_response(api, version, data)[1]

        try:
            correlation_id = response_correlation_id(data)
        except FrameError as error:
            self.talk.on_nonsense(error)
            return
        self.talk.on_answer(correlation_id, read)


class KafkaLink:
    """The conversations with one broker over `kafka://HOST:PORT`."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, endpoint: str, *, client_id: str = "busd"
    ) -> None:
        self._loop = loop
        self._endpoint = endpoint
        self._client_id = client_id
        self._prompt: list[Conversation] = []  # none or one
        self._joins: list[Conversation] = []  # none or one
        self._fetches: list[Conversation] = []

    def call(self, request: Message, done: Done) -> None:
        """As `Link.call`."""
        self._talk_for(request).call(request, done)

    def close(self) -> None:
        """End all conversations; no `done` is called any more."""
        for talks in (self._prompt, self._joins, self._fetches):
            for talk in talks:
                talk.close()

    def _talk_for(self, request: Message) -> Conversation:
        if isinstance(request, FetchRequest):
            return self._least_busy(self._fetches, FETCH_CONNECTIONS_MAX)
        waits = api_of(request).key in (JOIN_GROUP, SYNC_GROUP)
        return self._least_busy(self._joins if waits else self._prompt, 1)

    def _least_busy(self, talks: list[Conversation], most: int) -> Conversation:
        for talk in [talk for talk in talks if talk.lost]:
            talk.close()
            talks.remove(talk)
        if len(talks) < most and all(talk.load for talk in talks):
            talks.append(TcpCarrier(self._loop, self._endpoint, self._client_id).talk)
            return talks[-1]
        return min(talks, key=lambda talk: talk.load)

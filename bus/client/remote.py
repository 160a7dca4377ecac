"""A link over ZeroMQ, and the choice between it and the one over Kafka's protocol."""

import asyncio

from bus.adapters.zmq_peers import ZmqLink
from bus.client.conversation import Conversation
from bus.client.file_link import FileLink
from bus.client.kafka_link import KafkaLink
from bus.client.link import Connector, Done, Link
from bus.errors import FrameError
from bus.model.batch import Buffer
from bus.model.endpoint import KAFKA_SCHEME, is_local
from bus.wire.frames import parse_response_frames, request_frames, response_correlation_id
from bus.wire.header import RequestHeader
from bus.wire.registry import Api
from bus.wire.schema import Message


class ZmqCarrier:
    """Carries one conversation as messages of several frames."""

    def __init__(self, loop: asyncio.AbstractEventLoop, endpoint: str, client_id: str) -> None:
        self.talk = Conversation(endpoint, client_id, loop.call_soon, self)
        self._link = ZmqLink(loop, endpoint, self._on_message, self.talk.on_down)
        self.talk.open()

    def send(self, header: RequestHeader, request: Message) -> int:
        """As `Carrier.send`."""
        frames = request_frames(header, request)
        self._link.send(frames)
        return sum(map(len, frames))

    def close(self) -> None:
        """As `Carrier.close`."""
        self._link.close()

    def _on_message(self, frames: list[memoryview]) -> None:
        buffers: list[Buffer] = list(frames)

        def read(api: Api, version: int) -> Message:
            return parse_response_frames(api, version, buffers)[1]

        try:
            correlation_id = response_correlation_id(frames[0])
        except FrameError as error:
            self.talk.on_nonsense(error)
            return
        self.talk.on_answer(correlation_id, read)


class RemoteLink:
    """One conversation over `tcp://` or `ipc://`."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, endpoint: str, *, client_id: str = "busd"
    ) -> None:
        self._talk = ZmqCarrier(loop, endpoint, client_id).talk

    def call(self, request: Message, done: Done) -> None:
        """As `Link.call`."""
        self._talk.call(request, done)

    def close(self) -> None:
        """End the conversation; no `done` is called any more."""
        self._talk.close()


def connector(client_id: str, read_files: bool = False) -> Connector:
    """Links that introduce themselves as `client_id`; for the running loop.

    With `read_files`, a broker on this machine may answer a Fetch with places in its files.
    """

    def connect(endpoint: str) -> Link:
        loop = asyncio.get_running_loop()
        if endpoint.startswith(KAFKA_SCHEME):
            return KafkaLink(loop, endpoint, client_id=client_id)
        link = RemoteLink(loop, endpoint, client_id=client_id)
        return FileLink(loop, link) if read_files and is_local(endpoint) else link

    return connect

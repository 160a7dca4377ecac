"""The links of a broker to all others, over ZeroMQ: the Peers port, and what comes in from there.

What is registered says whom there is to call, and by which keys they are known. The key that a
connection has proven to have says who is at its other end; what it says of itself must agree.

What the store shows of a broker       Its key, and its link
--------------------------------       ---------------------
its entry                              are those of the entry
no entry: its session has ended, or    as they were: data goes on without the store
  the store is away
another entry of it: another life      are those of the new one; the older link is cut
it is removed                          are gone at once

A broker of the same machine is called by a Unix socket, if that can be reached: the boot id is that
of its kernel, but a container may not see its files. There a connection proves that a process of
our user is at its other end, which could read any broker's secret here: the key is what its hello
says, and it must be that of a broker of this machine.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from functools import partial
from uuid import UUID

from bus.adapters.line_limit import LineLimit
from bus.adapters.zmq_curve import SAME_USER, KeyPair
from bus.adapters.zmq_dial import HEARTBEAT_TIMEOUT_MS, ZmqDial
from bus.adapters.zmq_peer import ZmqPeer
from bus.adapters.zmq_peering import ZmqPeering
from bus.broker.context import Reply
from bus.broker.peer_link import Done, PeerLink
from bus.errors import BrokerUnreachable, BusError, FrameError, UnsupportedVersion
from bus.model.stored_brokers import BrokerRecord
from bus.ports import Random
from bus.wire.admin import (
    AlterConfigsRequest,
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    IncrementalAlterConfigsRequest,
)
from bus.wire.extensions import ONE_WAY
from bus.wire.features import UpdateFeaturesRequest
from bus.wire.fetch import FetchRequest
from bus.wire.frames import parse_request_frames, response_frames
from bus.wire.header import RequestHeader
from bus.wire.metadata import MetadataRequest
from bus.wire.peers import HelloRequest
from bus.wire.registry import PEER_APIS, api_by_key
from bus.wire.schema import Message

Handle = Callable[[int, Message, Reply], None]
OnLink = Callable[[int, bool], None]

PASSED_ON = {  # what clients ask for, and only the controller does
    CreateTopicsRequest,
    DeleteTopicsRequest,
    CreatePartitionsRequest,
    AlterConfigsRequest,
    IncrementalAlterConfigsRequest,
    UpdateFeaturesRequest,
    MetadataRequest,
}
SERVED = frozenset(api.request for api in PEER_APIS) | {FetchRequest} | PASSED_ON
log = logging.getLogger("busd.peers")


class PeerLinks:
    """From the start of a broker to its stop; on the event loop's thread.

    `handle(broker, request, reply)` is called for each request of a broker whose link is up;
    `on_link(broker, is_up)` when one goes up or down.
    """

    endpoint: str  # where other brokers connect to; with the real port
    local_path: str  # where those of this machine do, or empty

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        cluster: str,
        me: int,
        keys: KeyPair,
        url: str,
        random: Random,
        handle: Handle,
        on_link: OnLink,
        epoch: Callable[[], int] = lambda: 0,
        silence_ms: int = HEARTBEAT_TIMEOUT_MS,
        boot_id: str = "",
        local_path: str = "",
    ) -> None:
        """Listen on `url`, tcp://HOST:PORT or tcp://HOST:*. Raises OSError with a sentence.

        Brokers of the machine with this boot id may be called, and call, by Unix sockets: us by
        `local_path`.

        `epoch` is that of this broker's life, as soon as it has one (R1). A link is lost after
        `silence_ms` without a word from libzmq's own thread at the other end.
        """
        self.loop = loop
        self.lines = LineLimit(loop.time)
        self._cluster = cluster
        self._me = me
        self.public_key = keys.public
        self._life = UUID(bytes=random.uuid_bytes())
        self._handle = handle
        self._tell_link = on_link
        self._epoch = epoch
        self._links: dict[int, PeerLink] = {}
        self._senders: dict[ZmqPeer, PeerLink] = {}  # who has said hello, and was not refused
        self.is_closed = False
        self._sockets = ZmqPeering(
            loop, url, keys, self._admits, self._on_request, self._on_gone, silence_ms, local_path
        )
        self.endpoint = self._sockets.endpoint
        self.local_path = self._sockets.local_path
        self._boot_id = boot_id if self.local_path else ""  # who cannot be called does not call

    @property
    def linked(self) -> frozenset[int]:
        """The brokers whose links are up."""
        return frozenset(broker for broker, link in self._links.items() if link.is_up)

    def on_members_changed(
        self, records: Mapping[int, BrokerRecord], removed: Collection[int] = ()
    ) -> None:
        """What the store shows: entries, with their epochs filled in, and who was removed."""
        for broker in removed:
            link = self._links.pop(broker, None)
            if link is not None:
                link.close()
        for broker, record in records.items():
            if broker == self._me or broker in removed or not record.peer_url:
                continue
            link = self._links.get(broker)
            if link is None:
                link = self._links[broker] = PeerLink(self, self._me, broker)
            path = record.peer_path if record.boot_id == self._boot_id != "" else ""
            link.aim(record.peer_url, record.peer_key, record.epoch, path)

    def ask(self, broker: int, request: Message, done: Done) -> None:
        """See Peers."""
        link = self._links.get(broker)
        if link is not None:
            link.ask(request, done)
        else:
            self.answer(done, BrokerUnreachable(f"Broker {broker} is not registered."))

    def tell(self, broker: int, message: Message) -> None:
        """See Peers."""
        link = self._links.get(broker)
        if link is not None:
            link.tell(message)

    def close(self) -> None:
        """Leave; no callback is called any more."""
        if not self.is_closed:
            self.is_closed = True
            for link in self._links.values():
                link.close()
            self._sockets.close()

    # --- what links ask of us (Office) ------------------------------------------------------------

    def hello(self, called: int, link: int, called_life: UUID) -> HelloRequest:
        """Who we are."""
        return HelloRequest(
            self._cluster,
            self._me,
            self._epoch(),
            self._life,
            called,
            link,
            called_life,
            self.public_key,
        )

    def dial(
        self,
        url: str,
        key: str,
        on_open: Callable[[], None],
        on_message: Callable[[list[memoryview]], None],
        on_down: Callable[[str], None],
    ) -> ZmqDial:
        """Connect to a broker, once. Raises BadSetting."""
        return self._sockets.dial(url, key, on_open, on_message, on_down)

    def cut(self, peer: ZmqPeer) -> None:
        """End a connection that another broker has made."""
        self._senders.pop(peer, None)
        if not self.is_closed:
            self._sockets.cut(peer)

    def answer(self, done: Done, error: BusError) -> None:
        """Tell who waits for an answer, a moment later."""
        self.loop.call_soon(self._answer, done, error)

    def _answer(self, done: Done, error: BusError) -> None:
        if not self.is_closed:
            done(error)

    def on_link(self, broker: int, is_up: bool) -> None:
        """A link is up, or down."""
        if not self.is_closed:
            self._tell_link(broker, is_up)

    # --- what comes in ----------------------------------------------------------------------------

    def _admits(self, key: str) -> bool:
        return any(link.key == key for link in self._links.values())

    def _on_gone(self, peer: ZmqPeer) -> None:
        link = self._senders.pop(peer, None)
        if link is not None:
            link.on_gone(peer)

    def _on_request(self, peer: ZmqPeer, frames: list[memoryview]) -> None:
        try:
            header, request = parse_request_frames([*frames])
        except (FrameError, UnsupportedVersion) as error:
            self._misuse(peer, f"it sent what is no request: {error}")
            return
        if isinstance(request, HelloRequest):
            self._greet(peer, header.correlation_id, request)
        elif type(request) not in SERVED:
            self._misuse(peer, f"it sent a {type(request).__name__}, which is not for brokers")
        else:
            self._dispatch(peer, header, request)

    def _greet(self, peer: ZmqPeer, number: int, hello: HelloRequest) -> None:
        link = self._links.get(hello.broker_id)
        if peer in self._senders:
            self._misuse(peer, "it said hello twice")
        elif link is None or not _is_from(link, peer, hello):
            self._misuse(peer, f"it says it is broker {hello.broker_id}, whose key is another")
        elif (hello.cluster, hello.called_id) != (self._cluster, self._me):
            reason = (
                f"this is broker {self._me} of the cluster {self._cluster!r}, and it wants broker "
                f"{hello.called_id} of {hello.cluster[:100]!r}"
            )
            self._log(peer, reason)
            link.refuse(peer, number, reason)
        else:
            self._senders[peer] = link
            link.greet(peer, number, hello)

    def _dispatch(self, peer: ZmqPeer, header: RequestHeader, request: Message) -> None:
        link = self._senders.get(peer)
        if link is None or not link.owns(peer):
            self._misuse(peer, "it asks before it is greeted")
            return
        link.on_question()
        if not link.is_up:
            self._misuse(peer, "it asks before the link is up")
            return
        reply = partial(self._reply, peer, header)
        try:
            self._handle(link.broker, request, reply)
        except Exception:
            log.exception("%s of broker %d failed", type(request).__name__, link.broker)
            self._misuse(peer, "internal error")

    def _reply(self, peer: ZmqPeer, header: RequestHeader, response: Message | None) -> None:
        if peer.closed:
            return
        if response is None or header.correlation_id == ONE_WAY:
            peer.settle(header.correlation_id)
            return
        api = api_by_key(header.api_key)
        try:
            frames = response_frames(api, header.api_version, header.correlation_id, response)
        except (TypeError, ValueError):
            log.exception("%s: the answer to %s cannot be encoded", peer.name, api.name)
            self._misuse(peer, "internal error")
        else:
            peer.reply(frames)

    def _misuse(self, peer: ZmqPeer, reason: str) -> None:
        """End the conversation, with one line about it."""
        link = self._senders.get(peer)
        if link is not None and link.owns(peer):
            link.on_misuse(reason)
        else:
            self._log(peer, reason)
            self.cut(peer)

    def _log(self, peer: ZmqPeer, reason: str) -> None:
        line = self.lines.told(f"Peer {peer.name}: {reason.removesuffix('.')}.")
        if line:
            log.warning("%s", line)


def _is_from(link: PeerLink, peer: ZmqPeer, hello: HelloRequest) -> bool:
    if peer.user == SAME_USER:
        return link.path != "" and link.key == hello.key
    return link.key == peer.user

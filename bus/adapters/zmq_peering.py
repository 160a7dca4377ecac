"""The sockets between one broker and all others: one to be called on, one for each call.

They have a context of their own, so a thread of their own in libzmq, whose heartbeats no client's
traffic holds up, and a Gate of their own. All is encrypted, on loopback too, but what goes by a
Unix socket: whoever could read that could read the brokers' memory and files as well.
"""

import asyncio
from collections.abc import Callable

import zmq

from bus.adapters.zmq_curve import Gate, KeyPair
from bus.adapters.zmq_dial import HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS, ZmqDial
from bus.adapters.zmq_peer import ZmqPeer
from bus.adapters.zmq_server import DOMAIN, ZmqServer
from bus.model.limits import (
    IN_FLIGHT_BYTES_MAX,
    PEER_ASKS_MAX,
    PEER_MESSAGES_HELD_MAX,
    PEER_REQUEST_BYTES_MAX,
)


class ZmqPeering:
    """Owns all of them; on the loop's thread, as its callbacks are."""

    endpoint: str  # with the real port, once bound to tcp://HOST:*
    local_path: str  # of the Unix socket that it listens on as well, or empty

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        url: str,
        keys: KeyPair,
        admits: Callable[[str], bool],
        on_request: Callable[[ZmqPeer, list[memoryview]], None],
        on_gone: Callable[[ZmqPeer], None],
        silence_ms: int = HEARTBEAT_TIMEOUT_MS,
        local_path: str = "",
    ) -> None:
        """`admits` says whether a public key is a broker's. Raises OSError with a sentence.

        Processes of our user may come in by `local_path`, if that can be listened on.
        """
        self._silence_ms = silence_ms
        self._loop = loop
        self._keys = keys
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._gate = Gate(loop, self._context, DOMAIN, admits)
            try:
                self._server = ZmqServer(
                    loop,
                    url,
                    on_request,
                    on_gone,
                    context=self._context,
                    credit_bytes=IN_FLIGHT_BYTES_MAX,
                    credit_requests=PEER_ASKS_MAX,
                    frame_bytes_max=PEER_REQUEST_BYTES_MAX,
                    keys=keys,
                    heartbeat_ms=(HEARTBEAT_MS, silence_ms),
                    messages_max=PEER_MESSAGES_HELD_MAX,
                    local_path=local_path,
                )
            except BaseException:
                self._gate.close()
                raise
        except BaseException:
            self._context.term()
            raise
        self.endpoint = self._server.endpoint
        self.local_path = self._server.local_path

    def dial(
        self,
        url: str,
        key: str,
        on_open: Callable[[], None],
        on_message: Callable[[list[memoryview]], None],
        on_down: Callable[[str], None],
    ) -> ZmqDial:
        """Connect to the broker with this key, once. Raises BadSetting."""
        return ZmqDial(
            self._loop,
            self._context,
            url,
            self._keys,
            key,
            on_open,
            on_message,
            on_down,
            self._silence_ms,
        )

    def cut(self, peer: ZmqPeer) -> None:
        """End the connection of one that called."""
        self._server.cut(peer)

    def close(self) -> None:
        """Close all but the calls, which are closed already."""
        self._server.close()
        self._gate.close()
        self._context.term()

"""One connection to one guarded server, from its beginning to its end; there is no second one.

By tcp:// it is encrypted, and the server proves its key. By ipc:// it is neither: who dials has
looked whose socket it is (bus/adapters/local_socket.py).

monitor event          before    what is done
-------------          ------    ------------
handshake succeeded    dialled   open; on_open
disconnected, closed   any       on_down(reason), once; nothing comes of it any more
(a goodbye came)       open      the same

ZeroMQ would connect again by itself, and hand on what came by the older connection as if it had
come by the newer one. So it may not: who wants another connection dials anew.

A name is looked up on a thread of the loop's pool: libzmq would do it on the one that answers
heartbeats, and all links would be lost while a name server does not answer.

Invariant: after on_down, or `close`, no callback is called.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import zmq
from zmq.utils.monitor import parse_monitor_message

from bus.adapters.local_socket import SCHEME
from bus.adapters.zmq_curve import KeyPair, guard_client, is_key
from bus.adapters.zmq_socket import ZmqSocket, require_libzmq
from bus.errors import BadSetting
from bus.model.batch import Buffer
from bus.model.limits import (
    FRAME_BYTES_MAX,
    PEER_ANSWER_BUFFERS_MAX,
    PEER_ASKS_MAX,
    PEER_MESSAGES_HELD_MAX,
)

CONNECT_MS = 2_000
HANDSHAKE_MS = 2_000
HEARTBEAT_MS = 50  # of libzmq's own thread
HEARTBEAT_TIMEOUT_MS = 200  # without a word from libzmq's thread there: the connection is lost
NEVER = -1  # a second connection

_Address: TypeAlias = tuple[Any, ...]  # as of getaddrinfo

_FAILED = (
    zmq.EVENT_CLOSED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


class ZmqDial:
    """On the loop's thread, as its callbacks are; messages are views of ZeroMQ's memory."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: "zmq.Context[zmq.Socket[bytes]]",
        url: str,
        keys: KeyPair,
        server_key: str,
        on_open: Callable[[], None],
        on_message: Callable[[list[memoryview]], None],
        on_down: Callable[[str], None],
        silence_ms: int = HEARTBEAT_TIMEOUT_MS,
    ) -> None:
        """Raises BadSetting if nobody can be reached that way at all."""
        require_libzmq()
        is_local = url.startswith(SCHEME)
        if not is_local and not is_key(server_key):
            raise BadSetting(f"{server_key!r} is not the key of a broker.")
        self.is_open = False
        self._loop = loop
        self._url = url
        self._on_open = on_open
        self._on_message = on_message
        self._on_down = on_down
        self._is_over = False
        host, port = _place(url) if not is_local else ("", 0)
        dealer = context.socket(zmq.DEALER)
        try:
            _set_options(dealer, silence_ms)
            if not is_local:
                guard_client(dealer, keys, server_key)
            monitor = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | _FAILED)
        except BaseException:
            dealer.close(0)
            raise
        self._dealer = dealer
        frames_max = PEER_ANSWER_BUFFERS_MAX + 1
        self._socket = ZmqSocket(loop, dealer, self._on_frames, frames_max, self._on_too_long)
        self._monitor = ZmqSocket(loop, monitor, self._on_event)
        self._found: asyncio.Future[list[_Address]] | None = None
        if is_local:
            self._connect(url)
        elif _is_numeric(host):
            self._connect(_endpoint(host, port))
        else:
            self._found = loop.run_in_executor(None, _look_up, host, port)
            self._found.add_done_callback(self._on_found)

    def send(self, frames: Sequence[Buffer]) -> None:
        """Send one message on the open connection; raises BufferFull if it does not move."""
        assert self.is_open, "who is not connected is told nothing"
        self._socket.send(frames)

    def close(self) -> None:
        """End it; what was sent may be lost."""
        if not self._is_over:
            self._is_over, self.is_open = True, False
            if self._found is not None:
                self._found.cancel()
            self._dealer.disable_monitor()
            self._monitor.close()
            self._socket.close()

    def _on_found(self, found: "asyncio.Future[list[_Address]]") -> None:
        if self._is_over or found.cancelled():
            return
        if found.exception() is not None or not found.result():
            self._end(f"the name in {self._url} is not known.")
        else:
            address = found.result()[0][4]
            self._connect(_endpoint(str(address[0]), int(address[1])))

    def _connect(self, endpoint: str) -> None:
        self._dealer.setsockopt(zmq.IPV6, int("[" in endpoint))
        try:
            self._dealer.connect(endpoint)
        except zmq.ZMQError as error:
            self._loop.call_soon(self._end, f"{self._url} cannot be connected to: {error}.")

    def _on_frames(self, frames: list[zmq.Frame]) -> None:
        if len(frames) == 1 and not len(frames[0]):
            self._end(f"{self._url} ended the conversation; its log says why.")
        else:
            self._on_message([frame.buffer for frame in frames])

    def _on_too_long(self) -> None:
        self._end(f"{self._url} sent a message of too many frames.")

    def _on_event(self, frames: list[zmq.Frame]) -> None:
        event = int(parse_monitor_message([frame.bytes for frame in frames])["event"])
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self.is_open = True
            self._on_open()
        elif self.is_open:
            self._end(f"{self._url} closed the connection, or does not answer.")
        elif event & (zmq.EVENT_CLOSED | zmq.EVENT_DISCONNECTED):
            self._end(f"{self._url} cannot be reached, or does not know our key.")

    def _end(self, reason: str) -> None:
        if not self._is_over:
            self.close()
            self._on_down(reason)


def _place(url: str) -> tuple[str, int]:
    """Host and port. Raises BadSetting."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.scheme != "tcp":
        raise BadSetting(f"{url!r} is no address of a broker; it is tcp://HOST:PORT.")
    return host, port


def _endpoint(host: str, port: int) -> str:
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _look_up(host: str, port: int) -> list[_Address]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _set_options(dealer: "zmq.Socket[bytes]", silence_ms: int) -> None:
    dealer.setsockopt(zmq.IMMEDIATE, 1)
    dealer.setsockopt(zmq.RECONNECT_IVL, NEVER)
    dealer.setsockopt(zmq.MAXMSGSIZE, FRAME_BYTES_MAX)
    dealer.setsockopt(zmq.RCVHWM, PEER_MESSAGES_HELD_MAX)
    dealer.setsockopt(zmq.SNDHWM, PEER_ASKS_MAX)
    dealer.setsockopt(zmq.CONNECT_TIMEOUT, CONNECT_MS)
    dealer.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    dealer.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    dealer.setsockopt(zmq.HEARTBEAT_TIMEOUT, silence_ms)
    dealer.setsockopt(zmq.LINGER, 0)

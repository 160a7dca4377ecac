"""The client's end of a ZeroMQ conversation: a DEALER that says when its peer is gone.

monitor event          before        what is done
-------------          ------        ------------
handshake succeeded    down          up; parked messages leave
disconnected           up            down; on_down(reason): all that was sent is lost
attempt failed         down          if messages are parked they are dropped and on_down is told
(a goodbye came)       any           connect anew; on_down(reason): the server listens no more

After `on_down` the link goes on by itself: ZeroMQ connects again with a growing pause, and what
is sent meanwhile is parked. A new connection is a new peer to the server, so the caller opens its
conversation anew. IMMEDIATE keeps ZeroMQ from queueing for a peer that is not there.

Invariant: a message handed to `send` is either with a live connection, or parked, or was followed
by an `on_down`.
"""

import asyncio
from collections.abc import Callable, Sequence

import zmq
from zmq.utils.monitor import parse_monitor_message

from bus.adapters.zmq_socket import ZmqSocket, require_libzmq
from bus.errors import BadSetting
from bus.model.batch import Buffer
from bus.model.limits import FRAME_BYTES_MAX, FRAMES_PER_REQUEST_MAX

RECONNECT_MS = 50
RECONNECT_MS_MAX = 1_000
CONNECT_TIMEOUT_MS = 2_000
HANDSHAKE_MS = 2_000
HEARTBEAT_MS = 2_000
HEARTBEAT_TIMEOUT_MS = 6_000
LINGER_MS = 1_000  # requests that want no answer still leave after `close`

_FAILED = (
    zmq.EVENT_CONNECT_RETRIED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_EVENTS = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | _FAILED


class ZmqLink:
    """One connection to one server; on the loop's thread, as its callbacks are.

    `on_message` gets each answer's frames as views of ZeroMQ's memory.
    """

    connected: bool  # is there a peer at the moment?

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        endpoint: str,
        on_message: Callable[[list[memoryview]], None],
        on_down: Callable[[str], None],
        *,
        context: "zmq.Context[zmq.Socket[bytes]] | None" = None,
        frame_bytes_max: int = FRAME_BYTES_MAX,
    ) -> None:
        require_libzmq()
        self.endpoint = endpoint
        self.connected = False
        self._on_message = on_message
        self._on_down = on_down
        dealer = (context or zmq.Context.instance()).socket(zmq.DEALER)
        try:
            _set_options(dealer, frame_bytes_max)
            dealer.setsockopt(zmq.IPV6, int("[" in endpoint))
            monitor = dealer.get_monitor_socket(_EVENTS)  # before connecting: it sees all
            _connect(dealer, monitor, endpoint)
        except BaseException:
            dealer.close(0)
            raise
        self._dealer = dealer
        self._socket = ZmqSocket(loop, dealer, self._on_frames, FRAMES_PER_REQUEST_MAX)
        self._monitor = ZmqSocket(loop, monitor, self._on_event)

    def send(self, frames: Sequence[Buffer]) -> None:
        """Send one message, or park it until there is a connection; raises BufferFull."""
        self._socket.send(frames)

    def close(self) -> None:
        """End the conversation; neither callback is called any more."""
        self._dealer.disable_monitor()
        self._monitor.close()
        self._socket.close(LINGER_MS)

    def _on_frames(self, frames: list[zmq.Frame]) -> None:
        if len(frames) == 1 and not len(frames[0]):
            self._dealer.disconnect(self.endpoint)
            self._dealer.connect(self.endpoint)
            self._go_down(f"{self.endpoint} ended the conversation; its log says why.")
        else:
            self._on_message([frame.buffer for frame in frames])

    def _on_event(self, frames: list[zmq.Frame]) -> None:
        event = int(parse_monitor_message([frame.bytes for frame in frames])["event"])
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self.connected = True
        elif event == zmq.EVENT_DISCONNECTED:
            if self.connected:
                self._go_down(f"{self.endpoint} closed the connection.")
        elif self._socket.parked and not self.connected:
            self._go_down(f"{self.endpoint} cannot be reached.")

    def _go_down(self, reason: str) -> None:
        self.connected = False
        self._socket.drop_parked()
        self._on_down(reason)


def _set_options(dealer: "zmq.Socket[bytes]", frame_bytes_max: int) -> None:
    dealer.setsockopt(zmq.IMMEDIATE, 1)
    dealer.setsockopt(zmq.MAXMSGSIZE, frame_bytes_max)
    dealer.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
    dealer.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MS_MAX)
    dealer.setsockopt(zmq.CONNECT_TIMEOUT, CONNECT_TIMEOUT_MS)
    dealer.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    dealer.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    dealer.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
    dealer.setsockopt(zmq.LINGER, LINGER_MS)


def _connect(dealer: "zmq.Socket[bytes]", monitor: "zmq.Socket[bytes]", endpoint: str) -> None:
    try:
        dealer.connect(endpoint)
    except zmq.ZMQError:
        monitor.close(0)
        raise BadSetting(
            f"{endpoint!r} is no endpoint to connect to; write tcp://HOST:PORT or ipc://PATH."
        ) from None

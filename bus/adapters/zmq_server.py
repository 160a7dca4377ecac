"""The ROUTER that clients, or other brokers, talk to, with an account for each peer.

event                         what is done
-----                         ------------
first message of a peer       an account is opened, unless PEERS_MAX are (then it is ignored)
request                       counted until it is answered, by its correlation id
request beyond twice the      the peer is closed out: what it sends is ignored, logged once
  announced credit
reply                         the request is settled; the bytes count until ZeroMQ has let go
too many bytes unread         the peer is closed out: it asks and does not read
connection gone (monitor),    the account is closed and `on_gone` is told
  or no route for a reply

ZeroMQ offers no way to cut one peer off, so a closed-out peer is sent one empty frame as a
goodbye, keeps its connection and is not listened to; but for a guarded server's, whose connection
is shut down beneath ZeroMQ. Twice the credit is borne because a client
may see an answer before we see that the answer has left. A request of any size is taken from a
peer that has nothing else unanswered.

Bytes that have left are known by lent frames: a frame is lent for each answer of 64 KiB and for
each MiB of smaller ones, and a peer's frames leave in order, so all before a frame that ZeroMQ
has let go of have left too.

A peer over tcp:// is one connection: its identity is drawn by the socket when it connects, and
ROUTER_HANDOVER is off, so nobody can take over another's. A monitor event that a connection has
gone names its descriptor; it is always read before a new account is opened, so that an account
is never closed by the end of an earlier connection with the same descriptor.

A guarded server may listen on a Unix socket as well. It is the same ROUTER: options count for what
is bound after them, so one listener asks for keys and the other for the user.
"""

import asyncio
import errno
import ipaddress
import logging
import os
import socket as posix
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import zmq
from zmq.utils.monitor import parse_monitor_message

from bus.adapters.local_socket import SCHEME, remove_socket
from bus.adapters.zmq_curve import KeyPair, guard_local, guard_server
from bus.adapters.zmq_peer import GOODBYE, ZmqPeer
from bus.adapters.zmq_socket import Sendable, ZmqSocket, require_libzmq
from bus.errors import BadSetting
from bus.model.limits import (
    CREDIT_BYTES,
    FRAME_BYTES_MAX,
    FRAMES_PER_REQUEST_MAX,
    PEERS_MAX,
    REQUESTS_UNANSWERED_MAX,
)

RECEIVE_MESSAGES_MAX = 8  # that libzmq holds for us, a peer
HANDSHAKE_MS = 2_000
HEARTBEAT_MS = 5_000
HEARTBEAT_TIMEOUT_MS = 15_000
GONE_MAX = 1000  # ended conversations of which messages may still be there, and do not count
DOMAIN = "busd"  # of the Gate
CLOSE_SECONDS_MAX = 5.0  # that a listener may take to be gone
LINGER_MS = 500  # answers that were sent before a stop still leave

log = logging.getLogger("bus.zmq")


class ZmqServer:
    """Listens on `endpoint`; on the loop's thread, as its callbacks are.

    `on_request(peer, frames)` gets the frames without the identity, as views of ZeroMQ's memory.
    """

    endpoint: str  # with the real port, once bound to tcp://127.0.0.1:*
    local_path: str  # of the Unix socket that a guarded server listens on as well, or empty

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        endpoint: str,
        on_request: Callable[[ZmqPeer, list[memoryview]], None],
        on_gone: Callable[[ZmqPeer], None] = lambda _: None,
        *,
        context: "zmq.Context[zmq.Socket[bytes]] | None" = None,
        credit_bytes: int = CREDIT_BYTES,
        credit_requests: int = REQUESTS_UNANSWERED_MAX,
        frame_bytes_max: int = FRAME_BYTES_MAX,
        peers_max: int = PEERS_MAX,
        keys: KeyPair | None = None,
        heartbeat_ms: tuple[int, int] = (HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS),
        messages_max: int = RECEIVE_MESSAGES_MAX,
        local_path: str = "",
    ) -> None:
        """With `keys` it is guarded: the context's Gate for DOMAIN says who is let in.

        Only a guarded one has a `local_path`; if that cannot be listened on it does without.
        """
        require_libzmq()
        if keys is None:
            _require_local(endpoint)
        self._on_request = on_request
        self._on_gone = on_gone
        self._credit_bytes = credit_bytes
        self._credit_requests = credit_requests
        self._peers_max = peers_max
        self._peers: dict[bytes, ZmqPeer] = {}
        self._by_fd: dict[int, ZmqPeer] = {}
        self._gone: dict[bytes, None] = {}  # of a guarded server, whose peers choose no identity
        self._refused_some = False
        router = (context or zmq.Context.instance()).socket(zmq.ROUTER)
        try:
            _set_options(router, frame_bytes_max, messages_max, heartbeat_ms)
            if keys is not None:
                guard_server(router, keys, DOMAIN)
            router.setsockopt(zmq.IPV6, int("[" in endpoint))
            _bind(router, endpoint)
            self.endpoint = router.getsockopt_string(zmq.LAST_ENDPOINT)
            self.local_path = _bind_local(router, local_path) if keys is not None else ""
            monitor = router.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED)
        except BaseException:
            router.close(0)
            raise
        self._socket = ZmqSocket(loop, router, self._on_message, FRAMES_PER_REQUEST_MAX)
        self._monitor = ZmqSocket(loop, monitor, self._on_event)
        self._news = monitor
        self._router = router
        self._is_guarded = keys is not None
        self._listeners = [] if endpoint.startswith("inproc://") else [self.endpoint]
        if self.local_path:
            self._listeners.append(SCHEME + self.local_path)
        self._open_count = len(self._listeners)

    @property
    def peers(self) -> list[ZmqPeer]:
        """All that are connected and have asked something."""
        return list(self._peers.values())

    def close(self) -> None:
        """Stop listening and drop the peers; answers already sent have half a second to leave.

        A guarded server's are lost: nobody else can be told apart from its peers' next ones.
        """
        if self._router.closed:
            return
        self._stop_listening()
        self._router.disable_monitor()
        self._monitor.close()
        self._socket.close(0 if self._is_guarded else LINGER_MS)
        for peer in list(self._peers.values()):
            self._forget(peer)

    def _stop_listening(self) -> None:
        """Whoever listens there next finds it free: ZeroMQ closes it on a thread of its own."""
        for listener in self._listeners:
            self._router.unbind(listener)
        deadline = time.monotonic() + CLOSE_SECONDS_MAX
        while self._open_count and (left := deadline - time.monotonic()) > 0:
            self._news.poll(int(left * 1000) + 1)
            self._monitor.receive_now()
        if self.local_path:
            remove_socket(self.local_path)

    def _on_message(self, frames: list[zmq.Frame]) -> None:
        identity = frames[0].bytes
        if identity in self._gone:
            return
        peer = self._peers.get(identity) or self._open(frames)
        if peer is None or peer.closed or len(frames) < 2:
            return
        views = [frame.buffer for frame in frames[1:]]
        if peer.admit(views, self._credit_bytes, self._credit_requests):
            self._on_request(peer, views)

    def _open(self, frames: list[zmq.Frame]) -> ZmqPeer | None:
        self._monitor.receive_now()
        if len(self._peers) >= self._peers_max:
            if not self._refused_some:
                self._refused_some = True
                log.warning("%d peers are connected; further ones are ignored.", self._peers_max)
            return None
        fd, address = _origin(frames[-1])
        earlier = self._by_fd.get(fd)
        if earlier is not None:
            self._forget(earlier)
        identity, user = frames[0].bytes, _user(frames[-1]) if self._is_guarded else ""
        name = f"{address}#{identity.hex()}"
        peer = ZmqPeer(identity, name, fd, self._send, self._hang_up, user)
        self._peers[identity] = peer
        if fd >= 0:
            self._by_fd[fd] = peer
        return peer

    def _send(self, peer: ZmqPeer, frames: Sequence[Sendable]) -> None:
        try:
            self._socket.send(frames)
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._forget(peer)

    def cut(self, peer: ZmqPeer) -> None:
        """End the conversation without a word; `on_gone` is told when the connection is."""
        if not peer.closed:
            self._hang_up(peer)
            peer.gone()

    def _hang_up(self, peer: ZmqPeer) -> None:
        if self._is_guarded and self._peers.get(peer.identity) is peer:
            _shut_down(peer.fd, self._listeners)
        else:
            self._send(peer, [peer.identity, GOODBYE])

    def _on_event(self, frames: list[zmq.Frame]) -> None:
        event = parse_monitor_message([frame.bytes for frame in frames])
        if event["event"] == zmq.EVENT_CLOSED:  # of the listener: no connection is ours to make
            self._open_count -= 1
            return
        peer = self._by_fd.get(int(event["value"]))
        if peer is not None:
            self._forget(peer)

    def _forget(self, peer: ZmqPeer) -> None:
        if self._peers.pop(peer.identity, None) is None:
            return
        if self._by_fd.get(peer.fd) is peer:
            del self._by_fd[peer.fd]
        if self._is_guarded:
            self._gone[peer.identity] = None
            if len(self._gone) > GONE_MAX:
                del self._gone[next(iter(self._gone))]
        peer.gone()
        self._on_gone(peer)


def _origin(frame: zmq.Frame) -> tuple[int, str]:
    """(descriptor or -1, address) of the connection that brought a frame."""
    try:
        fd = frame.get(zmq.SRCFD)
        address = frame.get("Peer-Address")
    except zmq.ZMQError:  # inproc:// has neither
        return -1, "inproc"
    return int(fd), str(address)


def _user(frame: zmq.Frame) -> str:
    """As the Gate calls the sender: by the key that it has proven to have."""
    return str(frame.get("User-Id"))


def _shut_down(fd: int, listeners: Sequence[str]) -> None:
    """Have libzmq find a connection closed, if it is one to our port or socket.

    The descriptor belongs to libzmq, which may close it at any time, and somebody else may be given
    the number: at worst another peer of ours loses its connection, and makes another one.
    """
    try:
        connection = posix.socket(fileno=os.dup(fd))
    except OSError:
        return
    with connection, suppress(OSError):
        name = connection.getsockname()
        end = SCHEME + name if isinstance(name, str) else f":{name[1]}"
        if any(listener.endswith(end) for listener in listeners):
            connection.shutdown(posix.SHUT_RDWR)


def _require_local(endpoint: str) -> None:
    scheme, _, rest = endpoint.partition("://")
    if scheme == "tcp":
        host = rest.rpartition(":")[0].strip("[]")
        if host == "localhost" or _is_loopback(host):
            return
        raise BadSetting(
            f"{endpoint} is not a loopback address: a ZeroMQ port beyond this machine needs keys, "
            "which this version does not offer yet; listen on tcp://127.0.0.1:PORT or ipc://PATH."
        )
    if scheme not in {"ipc", "inproc"} or not rest:
        raise BadSetting(f"{endpoint!r} is no endpoint; write tcp://127.0.0.1:PORT or ipc://PATH.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _set_options(
    router: "zmq.Socket[bytes]",
    frame_bytes_max: int,
    messages_max: int,
    heartbeat_ms: tuple[int, int],
) -> None:
    router.setsockopt(zmq.ROUTER_MANDATORY, 1)
    router.setsockopt(zmq.ROUTER_HANDOVER, 0)
    router.setsockopt(zmq.RCVHWM, messages_max)
    router.setsockopt(zmq.SNDHWM, 0)
    router.setsockopt(zmq.MAXMSGSIZE, frame_bytes_max)
    router.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    router.setsockopt(zmq.HEARTBEAT_IVL, heartbeat_ms[0])
    router.setsockopt(zmq.HEARTBEAT_TIMEOUT, heartbeat_ms[1])
    router.setsockopt(zmq.LINGER, LINGER_MS)


def _bind(router: "zmq.Socket[bytes]", endpoint: str) -> None:
    """Raises OSError with a sentence; ZeroMQ alone would take over a used ipc:// path unasked."""
    if endpoint.startswith("ipc://") and _answers(endpoint.removeprefix("ipc://")):
        raise _os_error(errno.EADDRINUSE, f"{endpoint} is in use by another process.")
    try:
        router.bind(endpoint)
    except zmq.ZMQError as error:
        code = error.errno or 0
        if code == errno.EADDRINUSE:
            sentence = f"{endpoint} is in use by another process; stop it or choose another port."
        elif code == errno.EACCES:
            sentence = f"{endpoint} may not be opened by this user; choose a port above 1023."
        else:
            sentence = f"{endpoint} cannot be listened on: {zmq.strerror(code)}."
        raise _os_error(code, sentence) from None


def _bind_local(router: "zmq.Socket[bytes]", path: str) -> str:
    """The path, if it is listened on now."""
    if not path:
        return ""
    try:
        guard_local(router, DOMAIN)
        _bind(router, SCHEME + path)
    except (OSError, zmq.ZMQError) as error:
        log.warning("%s Brokers of this machine will use the network.", error)
        return ""
    return path


def _answers(path: str) -> bool:
    with posix.socket(posix.AF_UNIX, posix.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _os_error(code: int, sentence: str) -> OSError:
    """An OSError that prints as its sentence alone."""
    error = OSError(sentence)
    error.errno = code
    return error

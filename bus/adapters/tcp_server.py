"""A TCP port and its connections.

event                        what is done
-----                        ------------
a client connects            it is let in, or closed at once if there are too many (Admission)
no descriptors are left      the next is taken after a pause; those that are open go on
a connection is idle         it is closed; not while it waits for us: a parked request is no silence
requests hold too much       who holds most of it is closed; of equals, who has been silent longest
"""

import asyncio
import errno
import logging
import socket

from bus.adapters.line_limit import LineLimit
from bus.adapters.tcp_admission import Admission, Holding
from bus.adapters.tcp_connection import OnRequest, TcpConnection, Traffic
from bus.adapters.tcp_frames import new_scratch
from bus.model.endpoint import join_host_port
from bus.model.limits import (
    ACCEPT_PAUSE_MS,
    ACCEPTS_PER_TURN,
    IDLE_MS,
    IN_FLIGHT_BYTES_MAX,
)

BACKLOG = 1024
NO_DESCRIPTORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
SWEEPS_PER_IDLE_TIME = 10

log = logging.getLogger("busd.tcp")


class TcpServer:
    """Listens on (host, port), port 0 being any free one; on the loop's thread.

    `on_request(connection, frame, turn)` is called for each request; the answer goes to `turn`.
    Raises OSError with a sentence if it cannot listen.
    """

    host: str  # as bound
    port: int

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        host: str,
        port: int,
        on_request: OnRequest,
        *,
        admission: Admission,
        holding: Holding,
        frame_bytes_max: int,
        in_flight_bytes_max: int = IN_FLIGHT_BYTES_MAX,
        idle_ms: int = IDLE_MS,
    ) -> None:
        self._loop = loop
        self._on_request = on_request
        self._admission = admission
        self._frame_bytes_max = frame_bytes_max
        self._holding = holding
        self._in_flight_bytes_max = in_flight_bytes_max
        self._idle_seconds = idle_ms / 1000
        self._scratch = new_scratch()
        self._lines = LineLimit(loop.time)
        self._timer: asyncio.TimerHandle | None = None
        self.traffic = Traffic()
        self.connections: set[TcpConnection] = set()
        self._listening = _listen(host, port)
        self.host, self.port = self._listening.getsockname()[:2]
        loop.add_reader(self._listening, self._on_connect)
        self._sweep_later()

    def close(self) -> None:
        """Stop listening, and end all connections."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()
        for connection in list(self.connections):
            connection.close()

    def _on_connect(self) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                connected, address = self._listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in NO_DESCRIPTORS:
                    self._pause(error)
                    return
                continue  # it has gone again before it was taken
            self._let_in(connected, str(address[0]))

    def _let_in(self, connected: socket.socket, address: str) -> None:
        refusal = self._admission.enter(address)
        if refusal is not None:
            self.traffic.connections_refused += 1
            connected.close()
            self._complain(f"A connection is refused: {refusal}")
            return
        try:
            connected.setblocking(False)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection = TcpConnection(
                self._loop,
                connected,
                self._on_request,
                self._on_gone,
                self._make_room,
                self._holding,
                self.traffic,
                self._scratch,
                self._in_flight_bytes_max,
            )
        except OSError:  # it has gone again
            connected.close()
            self._admission.leave(address)
            return
        connection.allow_frames(self._frame_bytes_max)
        self.traffic.connections_in += 1
        self.connections.add(connection)

    def _on_gone(self, connection: TcpConnection, reason: str) -> None:
        if reason:
            self._complain(f"Connection {connection.name} is closed: {reason}")
        self.connections.discard(connection)
        self._admission.leave(connection.address)

    def _complain(self, line: str) -> None:
        if told := self._lines.told(line):
            log.warning("%s", told)

    def _make_room(self) -> None:
        most = max(self.connections, key=lambda each: (each.held_bytes, -each.active))
        most.close(
            f"The requests of all connections hold {self._holding.bytes} bytes, its own "
            f"{most.held_bytes} of them."
        )

    def _pause(self, error: OSError) -> None:
        log.error("No connection can be taken: %s; raise the limit of open files.", error.strerror)
        self._loop.remove_reader(self._listening)
        self._loop.call_later(ACCEPT_PAUSE_MS / 1000, self._resume)

    def _resume(self) -> None:
        if self._listening.fileno() >= 0:
            self._loop.add_reader(self._listening, self._on_connect)

    def _sweep_later(self) -> None:
        delay = self._idle_seconds / SWEEPS_PER_IDLE_TIME
        self._timer = self._loop.call_later(delay, self._sweep)

    def _sweep(self) -> None:
        before = self._loop.time() - self._idle_seconds
        for connection in list(self.connections):
            if connection.active < before and not connection.is_waiting:
                log.debug("Connection %s is closed: it is idle.", connection.name)
                connection.close()
        self._sweep_later()


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError with a sentence."""
    shown = join_host_port(host, port)
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG
        )
    except socket.gaierror as error:
        raise OSError(f"{shown} cannot be listened on: {error.strerror}.") from None
    family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.setblocking(False)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise _os_error(error.errno or 0, _why(shown, error)) from None
    return listening


def _why(shown: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{shown} is in use by another process; stop it or choose another port."
    if error.errno == errno.EACCES:
        return f"{shown} may not be opened by this user; choose a port above 1023."
    return f"{shown} cannot be listened on: {error.strerror}."


def _os_error(code: int, sentence: str) -> OSError:
    """An OSError that prints as its sentence alone."""
    error = OSError(sentence)
    error.errno = code
    return error

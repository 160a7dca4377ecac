"""The client's links: one an endpoint, made when needed, with deadlines and pauses.

Event                      What happens
-----                      ------------
call, link up              the request leaves; its deadline starts
call, link lost before     NetworkError at once while the pause lasts; then a new link
deadline passes            RequestTimedOut; the link is given up, since answers may be lost
any answer                 the pause is forgotten
link lost                  its calls fail; the pause before the next link doubles

Invariant: every `done` is called exactly once, never from within `call`, and never after `close`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from bus.client.link import Connector, Done, Link
from bus.errors import BrokerStopped, BusError, NetworkError, RequestTimedOut
from bus.wire.schema import Message

PAUSE_MS = 20  # before a second attempt, doubling
PAUSE_MS_MAX = 1000

LOST = (NetworkError, RequestTimedOut, BrokerStopped)


@dataclass(slots=True, eq=False)
class Connection:
    """One endpoint and the link to it, if there is one."""

    endpoint: str
    link: Link | None = None
    pause_ms: int = 0  # 0 while all is well
    retry_at: float = 0.0  # on the loop's clock
    calls: set["PendingCall"] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class PendingCall:
    """A request that is out on a connection."""

    connection: Connection
    link: Link
    done: Done | None
    timer: asyncio.TimerHandle | None = None


class Connections:
    """All links of one client; on the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connect: Connector) -> None:
        self._loop = loop
        self._connect = connect
        self._connections: dict[str, Connection] = {}
        self._closed = False

    def call(self, endpoint: str, request: Message, timeout_ms: int, done: Done) -> None:
        """Send `request` to `endpoint` and answer within `timeout_ms`."""
        connection = self._connections.get(endpoint)
        if connection is None:
            connection = self._connections[endpoint] = Connection(endpoint)
        link = self._link_of(connection)
        if isinstance(link, BusError):
            self._loop.call_soon(self._refuse, done, link)
            return
        call = PendingCall(connection, link, done)
        connection.calls.add(call)
        call.timer = self._loop.call_later(timeout_ms / 1000, self._on_deadline, call, timeout_ms)
        link.call(request, lambda answer: self._on_answer(call, answer))

    def is_usable(self, endpoint: str) -> bool:
        """Whether the last thing heard of the endpoint was not a failure, or its pause is over."""
        connection = self._connections.get(endpoint)
        return connection is None or self._loop.time() >= connection.retry_at

    def close(self) -> None:
        """End every conversation; no `done` is called any more."""
        self._closed = True
        for connection in self._connections.values():
            for call in connection.calls:
                call.done = None
                _disarm(call)
            connection.calls.clear()
            if connection.link is not None:
                connection.link.close()
                connection.link = None

    def _link_of(self, connection: Connection) -> Link | BusError:
        if connection.link is not None:
            return connection.link
        if self._loop.time() < connection.retry_at:
            return NetworkError(f"{connection.endpoint} cannot be reached at the moment.")
        try:
            connection.link = self._connect(connection.endpoint)
        except BusError as error:
            self._pause(connection)
            return error
        return connection.link

    def _on_answer(self, call: PendingCall, answer: Message | BusError) -> None:
        done = self._finish(call)
        if done is None:
            return
        if isinstance(answer, LOST):
            self._give_up(call.connection, call.link)
        else:
            call.connection.pause_ms = 0
        done(answer)

    def _on_deadline(self, call: PendingCall, timeout_ms: int) -> None:
        done = self._finish(call)
        if done is None:
            return
        error = RequestTimedOut(f"{call.connection.endpoint} did not answer in {timeout_ms} ms.")
        self._give_up(call.connection, call.link)
        done(error)

    def _finish(self, call: PendingCall) -> Done | None:
        """The `done` to call, once."""
        done, call.done = call.done, None
        _disarm(call)
        call.connection.calls.discard(call)
        return done

    def _give_up(self, connection: Connection, link: Link) -> None:
        """The link is of no use any more: what is out on it has failed."""
        if connection.link is not link:
            return
        connection.link = None
        self._pause(connection)
        self._loop.call_soon(link.close)  # it may be in the middle of telling us
        error = NetworkError(f"The connection to {connection.endpoint} is lost.")
        for call in [call for call in connection.calls if call.link is link]:
            done = self._finish(call)
            if done is not None:
                self._loop.call_soon(self._refuse, done, error)

    def _pause(self, connection: Connection) -> None:
        connection.pause_ms = min(max(connection.pause_ms * 2, PAUSE_MS), PAUSE_MS_MAX)
        connection.retry_at = self._loop.time() + connection.pause_ms / 1000

    def _refuse(self, done: Callable[[BusError], None], error: BusError) -> None:
        if not self._closed:
            done(error)


def _disarm(call: PendingCall) -> None:
    if call.timer is not None:
        call.timer.cancel()
        call.timer = None

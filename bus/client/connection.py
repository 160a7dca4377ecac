"""The client's links: one an endpoint, made when needed, with deadlines and pauses.

Event                      What happens
-----                      ------------
call, link up              the request leaves; its deadline starts
call, link lost before     NetworkError at once while the pause lasts; then a new link
deadline passes            RequestTimedOut; the link is given up, since answers may be lost
any answer                 the pause is forgotten
answer, more will follow   `done` is called; a stream's silence from here on has a deadline of its
                             own, what is watched may be silent for ever
link lost                  its calls fail; the pause before the next link doubles

Invariant: every `done` gets exactly one last answer, never from within `call` and never after
`close`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import inf

from bus.client.link import GOES_ON, Connector, Done, Link
from bus.errors import BrokerStopped, BusError, NetworkError, RequestTimedOut
from bus.model.limits import STREAM_SILENCE_MS_MAX
from bus.wire.fetch import FetchResponse
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
    calls: dict["PendingCall", None] = field(default_factory=dict)  # in the order of calling


@dataclass(slots=True, eq=False)
class PendingCall:
    """A request that is out on a connection."""

    connection: Connection
    link: Link
    done: Done | None
    timeout_ms: int
    deadline: float = 0.0  # on the loop's clock


class Connections:
    """All links of one client; on the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connect: Connector) -> None:
        self._loop = loop
        self._connect = connect
        self._connections: dict[str, Connection] = {}
        self._timer: asyncio.TimerHandle | None = None  # the next look for calls that are overdue
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
        call = PendingCall(connection, link, done, timeout_ms)
        connection.calls[call] = None
        self._expect(call)
        link.call(request, partial(self._on_answer, call))

    def is_usable(self, endpoint: str) -> bool:
        """Whether the last thing heard of the endpoint was not a failure, or its pause is over."""
        connection = self._connections.get(endpoint)
        return connection is None or self._loop.time() >= connection.retry_at

    def lose(self, endpoint: str) -> None:
        """Its broker has left the cluster: what is out there has failed."""
        connection = self._connections.get(endpoint)
        if connection is not None and connection.link is not None:
            self._give_up(connection, connection.link)

    def close(self) -> None:
        """End every conversation; no `done` is called any more."""
        self._closed = True
        self._set_timer(None)
        for connection in self._connections.values():
            for call in connection.calls:
                call.done = None
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
        more = isinstance(answer, GOES_ON) and answer.more
        if isinstance(answer, FetchResponse) and more:
            call.timeout_ms = STREAM_SILENCE_MS_MAX
            self._expect(call)
        elif more:  # what is watched may never change
            call.deadline = inf
        done = call.done if more else self._finish(call)
        if done is None:
            return
        if isinstance(answer, LOST):
            self._give_up(call.connection, call.link)
        else:
            call.connection.pause_ms = 0
        done(answer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._loop.time()
        for connection in self._connections.values():
            for call in [call for call in connection.calls if call.deadline <= now]:
                self._on_overdue(call)
        calls = (c for connection in self._connections.values() for c in connection.calls)
        self._set_timer(min((c.deadline for c in calls if c.deadline < inf), default=None))

    def _on_overdue(self, call: PendingCall) -> None:
        done = self._finish(call)
        if done is None:
            return
        self._give_up(call.connection, call.link)
        endpoint = call.connection.endpoint
        done(RequestTimedOut(f"{endpoint} did not answer in {call.timeout_ms} ms."))

    def _expect(self, call: PendingCall) -> None:
        """From now on an answer has `timeout_ms` to come."""
        call.deadline = self._loop.time() + call.timeout_ms / 1000
        if self._timer is None or call.deadline < self._timer.when():
            self._set_timer(call.deadline)

    def _set_timer(self, moment: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if moment is None else self._loop.call_at(moment, self._on_timer)

    def _finish(self, call: PendingCall) -> Done | None:
        """The `done` to call, once."""
        done, call.done = call.done, None
        call.connection.calls.pop(call, None)
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

"""One peer of a ZeroMQ server: what it has asked and not been answered, and what it has not read.

amount            grows with          shrinks with
------            ----------          ------------
in_flight_bytes   an admitted request its answer, by correlation id, or `settle`
unread bytes      a reply             ZeroMQ letting go of a lent frame behind it

Requests with a correlation id of -1 are one-way and not counted. A reply whose correlation id is
not pending is a push (a streaming Fetch) and settles nothing.
"""

import logging
import weakref
from collections import deque
from collections.abc import Callable, Sequence

import zmq

from bus.adapters.zmq_socket import COPY_BYTES_MAX, Sendable
from bus.model.batch import Buffer
from bus.model.limits import IN_FLIGHT_BYTES_MAX, MIB, UNREAD_BYTES_MAX

GOODBYE = b""  # the one frame that tells a peer that it is not listened to any more
ONE_WAY = -1
CREDIT_BORNE = 2  # times the announced credit
MARK_BYTES = MIB  # of copied replies between two lent ones

log = logging.getLogger("bus.zmq")


class ZmqPeer:
    """A conversation; all on the loop's thread."""

    __slots__ = (
        "_copied_left",
        "_copied_marked",
        "_copied_sent",
        "_hang_up",
        "_left",
        "_lent_left",
        "_lent_sent",
        "_marks",
        "_pending",
        "_send",
        "closed",
        "fd",
        "identity",
        "in_flight_bytes",
        "name",
        "user",
    )

    def __init__(
        self,
        identity: bytes,
        name: str,
        fd: int,
        send: Callable[["ZmqPeer", Sequence[Sendable]], None],
        hang_up: Callable[["ZmqPeer"], None],
        user: str = "",
    ) -> None:
        self.identity = identity
        self.name = name  # for logs: where the peer comes from
        self.user = user  # the key that it has proven to have, if the server asks for one
        self.fd = fd  # of its connection, or -1
        self.closed = False  # closed out or gone: neither heard nor answered
        self.in_flight_bytes = 0
        self._send = send
        self._hang_up = hang_up
        self._pending: dict[int, int] = {}  # correlation id -> bytes of the request
        # Bytes handed to ZeroMQ and known to have left, by how they were handed over. `_left` is
        # filled on pyzmq's thread, one entry a lent frame; `_marks` says what each stood for.
        self._copied_sent = self._copied_left = self._copied_marked = 0
        self._lent_sent = self._lent_left = 0
        self._marks: deque[tuple[int, int]] = deque()
        self._left: deque[None] = deque()

    @property
    def unanswered(self) -> int:
        """Requests that wait for their answer."""
        return len(self._pending)

    @property
    def unread_bytes(self) -> int:
        """Replies that ZeroMQ still holds, as far as is known."""
        self._count_left()
        return self._copied_sent - self._copied_left + self._lent_sent - self._lent_left

    def reply(self, frames: Sequence[Buffer]) -> None:
        """Send one message; frames may be views of a mapping and are held until sent."""
        if self.closed:
            return
        self.settle(int.from_bytes(memoryview(frames[0])[:4], "big", signed=True))
        self._send(self, [self.identity, *self._account(frames)])
        if len(self._marks) > len(self._left):
            self._check_unread()

    def settle(self, correlation_id: int) -> None:
        """A request is done with; to be called where no answer will come (acks=0)."""
        self.in_flight_bytes -= self._pending.pop(correlation_id, 0)

    def admit(self, frames: Sequence[memoryview], credit_bytes: int, credit_requests: int) -> bool:
        """Take a request into the account; False if it is refused and the peer closed out."""
        correlation_id = int.from_bytes(frames[0][4:8], "big", signed=True)
        if correlation_id == ONE_WAY or len(frames[0]) < 8:
            return True
        size = sum(frame.nbytes for frame in frames)
        pending = self._pending
        if pending:
            if correlation_id in pending:
                self.close(f"it used the correlation id {correlation_id} twice")
                return False
            if len(pending) >= CREDIT_BORNE * credit_requests:
                self.close(f"it has {len(pending)} requests unanswered")
                return False
            if self.in_flight_bytes + size > CREDIT_BORNE * credit_bytes:
                self.close(f"it has {self.in_flight_bytes + size} bytes unanswered")
                return False
        pending[correlation_id] = size
        self.in_flight_bytes += size
        return True

    def close(self, reason: str) -> None:
        """End the conversation and hear no more; `reason` is logged."""
        if not self.closed:
            log.warning("Peer %s is closed out: %s.", self.name, reason)
            self._hang_up(self)
            self.gone()

    def gone(self) -> None:
        """Nothing more comes of it, and nothing goes to it."""
        self.closed = True
        self._pending.clear()
        self.in_flight_bytes = 0

    def _account(self, frames: Sequence[Buffer]) -> list[Sendable]:
        """The frames to send; the last large one, if any, is lent by a view whose end we see."""
        marked: list[Sendable] = list(frames)
        mark = -1
        for index, frame in enumerate(frames):
            size = frame.nbytes if isinstance(frame, memoryview) else len(frame)
            if size < COPY_BYTES_MAX:
                self._copied_sent += size
            else:
                self._lent_sent += size
                mark = index
        if mark >= 0:
            marked[mark] = self._mark(frames[mark])
        elif self._copied_sent - self._copied_marked >= MARK_BYTES:
            marked[0] = zmq.Frame(self._mark(frames[0]), copy=False)
        return marked

    def _mark(self, frame: Buffer) -> memoryview:
        """A view to lend: when it goes, all that was sent up to now has left."""
        view = memoryview(frame)
        weakref.finalize(view, self._left.append, None).atexit = False
        self._copied_marked = self._copied_sent
        self._marks.append((self._copied_sent, self._lent_sent))
        return view

    def _count_left(self) -> None:
        while self._left:
            self._left.popleft()
            self._copied_left, self._lent_left = self._marks.popleft()

    def _check_unread(self) -> None:
        self._count_left()
        copied = self._copied_sent - self._copied_left
        lent = self._lent_sent - self._lent_left
        if copied > IN_FLIGHT_BYTES_MAX or lent > UNREAD_BYTES_MAX:
            self.close("it does not read its answers")

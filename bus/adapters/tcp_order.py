"""The answers of one connection, in the order of their requests; pure.

Event               Effect
-----               ------
open                a request is started: its answer has the next place
answer, in order    it and all that wait right behind it may be sent
answer, too early   it waits for those before it
no answer (acks=0)  its place is given up
a request blocks    nothing may be started behind it until it is answered

Requests start one after the other without waiting, so that several produces share a flush; up to
PENDING_MAX of them. A request that may wait for long (Fetch, JoinGroup, SyncGroup) blocks what is
behind it: Kafka's clients know that, and use a connection of their own for it.
"""

from collections import deque
from collections.abc import Callable

from bus.model.batch import Buffer
from bus.model.limits import REQUESTS_PENDING_MAX


class Turn:
    """One request, and the place of its answer."""

    __slots__ = ("_on_answer", "blocks", "chunks", "is_done", "size")

    def __init__(self, size: int, on_answer: Callable[["Turn"], None]) -> None:
        self.size = size  # of the request, bytes
        self.blocks = False  # nothing is started behind it before it is answered
        self.is_done = False
        self.chunks: list[Buffer] = []  # the answer; none if there is none
        self._on_answer = on_answer

    def answer(self, chunks: list[Buffer]) -> None:
        """Give the answer, once; an empty list if none is sent."""
        assert not self.is_done, "a request is answered once"
        self.chunks, self.is_done = chunks, True
        self._on_answer(self)


class ReplyOrder:
    """The requests of one connection that are not answered yet."""

    __slots__ = ("_on_ready", "_turns", "bytes")

    def __init__(self, on_ready: Callable[[], None]) -> None:
        """`on_ready` is called when `take` has something."""
        self.bytes = 0  # of all requests here
        self._turns: deque[Turn] = deque()
        self._on_ready = on_ready

    def __len__(self) -> int:
        return len(self._turns)

    @property
    def may_start(self) -> bool:
        """Whether another request may be started now."""
        turns = self._turns
        return not turns or (len(turns) < REQUESTS_PENDING_MAX and not turns[-1].blocks)

    def open(self, size: int) -> Turn:
        """Start a request of so many bytes."""
        assert self.may_start, "a request is started only when it may be"
        turn = Turn(size, self._answered)
        self._turns.append(turn)
        self.bytes += size
        return turn

    def take(self) -> list[Buffer] | None:
        """The answers whose turn has come, in pieces; None if no place has become free."""
        turns = self._turns
        if not turns or not turns[0].is_done:
            return None
        ready: list[Buffer] = []
        while turns and turns[0].is_done:
            turn = turns.popleft()
            self.bytes -= turn.size
            ready += turn.chunks
        return ready

    def clear(self) -> None:
        """The connection is gone: what comes now is dropped."""
        self._turns.clear()
        self.bytes = 0

    def _answered(self, turn: Turn) -> None:
        turn.blocks = False
        if self._turns and self._turns[0] is turn:
            self._on_ready()

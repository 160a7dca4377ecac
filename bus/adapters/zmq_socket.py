"""A ZeroMQ socket on an asyncio loop: the one place that knows its file-descriptor rule.

ZMQ_FD is edge-triggered in meaning: it becomes readable when the socket's state may have changed,
and any call on the socket (a send too) may use that signal up. So:

after                what is done
-----                ------------
fd readable          receive until EVENTS says there is no input; then send what is parked
64 messages or 1 ms  call_soon(itself), so that others get their turn
every send           re-read EVENTS; if it can go on, call_soon(itself)
a send would block   park the message; it goes out first when the socket can send again

It can go on if there is input, or if messages are parked and the socket can send: reading EVENTS
takes in both kinds of change, so both are looked at, or the one not looked at would be lost.

Frames below 64 KiB are copied into ZeroMQ, larger ones are lent: the object is kept alive by
pyzmq until ZeroMQ has written it, and then let go on pyzmq's own thread (a thread round trip,
dearer than the copy of a small frame). Received frames are ZeroMQ's own memory: `Frame.buffer`
is a view that keeps it alive. Receiving small frames by copy was measured and is slower, since
it takes a further call to learn whether more parts follow.

Invariant: while messages are parked, nothing is sent past them.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

import zmq
from zmq.backend import Socket as BareSocket

from bus.errors import BufferFull
from bus.model.batch import Buffer
from bus.model.limits import FRAMES_PER_REQUEST_MAX, IN_FLIGHT_BYTES_MAX

LIBZMQ_MIN = (4, 3, 5)
MESSAGES_PER_TURN = 64
TURN_SECONDS = 0.001
COPY_BYTES_MAX = 64 * 1024  # larger frames are lent to ZeroMQ

# pyzmq's constants as plain numbers: an operation on its enums costs more than the call it is for.
_NOBLOCK = int(zmq.NOBLOCK)
_NOBLOCK_MORE = int(zmq.NOBLOCK) | int(zmq.SNDMORE)
_POLLIN = int(zmq.POLLIN)
_POLLOUT = int(zmq.POLLOUT)
_EVENTS = int(zmq.EVENTS)

Sendable: TypeAlias = Buffer | zmq.Frame  # a Frame goes as it is, whatever its size

log = logging.getLogger("bus.zmq")


def require_libzmq() -> None:
    """Raises ImportError with a sentence if pyzmq brings an older libzmq than is safe."""
    found = zmq.zmq_version_info()
    if found < LIBZMQ_MIN:
        raise ImportError(
            f"pyzmq uses libzmq {'.'.join(map(str, found))}, which has known faults; "
            f"4.3.5 is the oldest that busd runs on: pip install --upgrade pyzmq"
        )


def fd_of(socket: "zmq.Socket[bytes]") -> int:
    """The descriptor that signals a change of the socket's state."""
    fd = socket.getsockopt(zmq.FD)
    assert isinstance(fd, int), "ZMQ_FD is a number here"
    return fd


class ZmqSocket:
    """Owns `socket` from now on. Everything here runs on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        socket: "zmq.Socket[bytes]",
        on_message: Callable[[list[zmq.Frame]], None],
        frames_max: int = FRAMES_PER_REQUEST_MAX,
        on_too_long: Callable[[], None] | None = None,
    ) -> None:
        """`on_too_long` is told of a message of more frames, which is dropped."""
        socket.copy_threshold = COPY_BYTES_MAX
        self._loop = loop
        self._socket = socket
        self._on_message = on_message
        self._frames_max = frames_max
        self._on_too_long = on_too_long
        self._parked: deque[Sequence[Sendable]] = deque()
        self._parked_bytes = 0
        self._scheduled = False
        self._turning = False  # in a turn, which looks at EVENTS itself after each message
        self._closed = False
        self._fd = fd_of(socket)
        loop.add_reader(self._fd, self._turn)
        self._schedule()  # input may have come before the reader was added

    @property
    def parked(self) -> int:
        """Messages that wait until the socket can send."""
        return len(self._parked)

    def send(self, frames: Sequence[Sendable]) -> None:
        """Send one message, or park it. Large frames are held until they have been written.

        Raises BufferFull if too much is parked, and zmq.ZMQError (EHOSTUNREACH) from a ROUTER
        that must name a peer that is gone.
        """
        assert not self._closed, "a closed socket sends nothing"
        if self._parked or not self._send_now(frames):
            self._park(frames)
        if not self._turning and not self._scheduled and self._can_go_on():
            self._schedule()

    def drop_parked(self) -> int:
        """Forget what waits to be sent; how many messages that were."""
        count = len(self._parked)
        self._parked.clear()
        self._parked_bytes = 0
        return count

    def receive_now(self) -> None:
        """Hand on all input that is there, without waiting for the loop's turn."""
        while not self._closed:
            frames = self._receive()
            if frames is None:
                return
            self._deliver(frames)

    def close(self, linger_ms: int = 0) -> None:
        """Stop at once; what was sent has `linger_ms` to leave, in the background."""
        if self._closed:
            return
        self._closed = True
        self.drop_parked()
        self._loop.remove_reader(self._fd)
        self._socket.close(linger_ms)

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._turn_again)

    def _turn_again(self) -> None:
        self._scheduled = False
        if not self._closed:
            self._turn()

    def _turn(self) -> None:
        self._turning = True
        try:
            self._take_turn()
        finally:
            self._turning = False

    def _take_turn(self) -> None:
        deadline = time.monotonic() + TURN_SECONDS
        for _ in range(MESSAGES_PER_TURN):
            frames = self._receive()
            if frames is None:
                break
            self._deliver(frames)
            if self._closed:
                return
            if not self._can_go_on():
                break
            if time.monotonic() >= deadline:
                self._schedule()
                break
        else:
            self._schedule()
        if self._parked:
            self._send_parked()

    def _can_go_on(self) -> bool:
        """Re-read EVENTS, which uses the descriptor's signal up: is there anything to do now?"""
        events = BareSocket.get(self._socket, _EVENTS)
        assert isinstance(events, int), "ZMQ_EVENTS is a number"
        return bool(events & (_POLLIN | _POLLOUT if self._parked else _POLLIN))

    def _deliver(self, frames: list[zmq.Frame]) -> None:
        if len(frames) > self._frames_max:
            log.warning("A message of more than %d frames was dropped.", self._frames_max)
            if self._on_too_long is not None:
                self._on_too_long()
            return
        try:
            self._on_message(frames)
        except Exception as error:  # the input behind it must not stall: no edge will come for it
            self._loop.call_exception_handler(
                {"message": "A ZeroMQ message could not be handled", "exception": error}
            )

    def _receive(self) -> list[zmq.Frame] | None:
        """One message, or None; of one with too many frames only the first ones, plus one."""
        receive = BareSocket.recv
        try:
            frame = receive(self._socket, _NOBLOCK, False)
        except zmq.Again:
            return None
        frames = [frame]
        while frame.more:
            frame = receive(self._socket, 0, False)
            if len(frames) <= self._frames_max:
                frames.append(frame)
        return frames

    def _send_now(self, frames: Sequence[Sendable]) -> bool:
        """False if it would block; then nothing has been sent, and all is to be sent again."""
        last = len(frames) - 1
        try:
            for frame in frames[:last]:
                self._send_frame(frame, _NOBLOCK_MORE)
            self._send_frame(frames[last], _NOBLOCK)
        except zmq.Again:
            return False
        return True

    def _send_frame(self, frame: Sendable, flags: int) -> None:
        if type(frame) is bytearray:  # pyzmq would hold the object but let its bytes move
            frame = memoryview(frame)
        BareSocket.send(self._socket, frame, flags, False)

    def _park(self, frames: Sequence[Sendable]) -> None:
        size = _size(frames)
        if self._parked and self._parked_bytes + size > IN_FLIGHT_BYTES_MAX:
            raise BufferFull("Too many bytes wait for a connection; nothing was accepted.")
        self._parked.append(frames)
        self._parked_bytes += size

    def _send_parked(self) -> None:
        while self._parked:
            frames = self._parked[0]
            try:
                if not self._send_now(frames):
                    break
            except zmq.ZMQError:  # its peer is gone
                log.debug("A parked message had no receiver any more.")
            self._parked.popleft()
            self._parked_bytes -= _size(frames)
        if self._can_go_on():
            self._schedule()


def _size(frames: Sequence[Sendable]) -> int:
    return sum(len(frame) for frame in frames)

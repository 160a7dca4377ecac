"""One TCP connection of a server: frames in, answers out in order, and bounds on both.

what                          when it is
----                          ----------
a turn ends                   after ROUNDS_PER_TURN rounds of requests: others have theirs first
a request is started          fewer than REQUESTS_PENDING_MAX are pending, none of them blocks, and
                              at most UNSENT_BYTES_MAX of answers wait to be read by the client
reading rests                 more than one piece of a frame is missing: until a piece has come
reading stops                 a complete request waits that may not be started, or the requests
                              under way have more than `in_flight_bytes_max`; or there are any,
                              and those of all connections hold much
the connection is closed      the client closes it; a frame that cannot be; the handler says so

So what a client can make us hold is bounded: its requests under way, one scratch buffer of frames
behind them, one incomplete frame, and the answers to what was started. Answers hold views of the
log's mappings, which are no memory of ours; they leave by `sendmsg`, so record bytes go from the
page cache to the socket and nowhere else.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from bus.adapters.tcp_admission import Holding
from bus.adapters.tcp_frames import FrameReader
from bus.adapters.tcp_order import ReplyOrder, Turn
from bus.errors import FrameError
from bus.model.batch import Buffer
from bus.model.endpoint import join_host_port
from bus.model.limits import FRAME_BYTES_FIRST_MAX, KIB, UNSENT_BYTES_MAX

PIECE_BYTES = 512 * KIB  # of a long frame, that have to come before we are woken again
ROUNDS_PER_TURN = 4  # of at most REQUESTS_PENDING_MAX requests, before others are served
LONG_BYTES = 64 * KIB  # from which on it is worth to say so
CHUNKS_PER_SEND = 64  # pieces that one system call takes


@dataclass(slots=True)
class Traffic:
    """What has gone through all connections of a server."""

    connections_in: int = 0  # that were taken
    connections_refused: int = 0  # over one of the limits
    bytes_in: int = 0
    bytes_out: int = 0


OnRequest = Callable[["TcpConnection", Buffer, Turn], None]
OnGone = Callable[["TcpConnection", str], None]  # why we have closed it; empty if there is no why
OnFull = Callable[[], None]  # the requests of all connections hold too much


class TcpConnection:
    """A conversation; all on the loop's thread."""

    __slots__ = (
        "_descriptor",
        "_held_bytes",
        "_holding",
        "_in_flight_bytes_max",
        "_is_reading",
        "_is_working",
        "_is_writing",
        "_loop",
        "_low_water",
        "_on_full",
        "_on_gone",
        "_on_request",
        "_order",
        "_out",
        "_reader",
        "_socket",
        "_traffic",
        "_unsent_bytes",
        "active",
        "address",
        "closed",
        "local",
        "name",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connected: socket.socket,
        on_request: OnRequest,
        on_gone: OnGone,
        on_full: OnFull,
        holding: Holding,
        traffic: Traffic,
        scratch: memoryview,
        in_flight_bytes_max: int,
    ) -> None:
        self._loop = loop
        self._socket = connected
        self._descriptor = connected.fileno()
        self._on_request = on_request
        self._on_gone = on_gone
        self._on_full = on_full
        self._holding = holding
        self._traffic = traffic
        self._in_flight_bytes_max = in_flight_bytes_max
        self._reader = FrameReader(FRAME_BYTES_FIRST_MAX, scratch)
        self._order = ReplyOrder(self._on_answer)
        self._out: deque[Buffer] = deque()  # answers that have not left
        self._unsent_bytes = 0  # of them
        self._low_water = 1  # bytes that must have come for the socket to be readable
        self._held_bytes = 0  # that `holding` counts
        self._is_working = False  # requests are being started: answers that come are sent after
        self._is_writing = False  # the socket is full, and will say when it is not
        self._is_reading = True
        self.closed = False
        self.active = loop.time()  # when the last request was complete, or an answer moved
        address = connected.getpeername()
        self.address = str(address[0])
        self.name = join_host_port(*address[:2])
        self.local: tuple[str, int] = connected.getsockname()[:2]  # where the client reached us
        loop.add_reader(self._descriptor, self._on_readable)

    def allow_frames(self, bytes_max: int) -> None:
        """From now on a request may have so many bytes; FRAME_BYTES_FIRST_MAX at first."""
        self._reader.bytes_max = bytes_max

    @property
    def is_waiting(self) -> bool:
        """A request is under way: the silence is ours."""
        return len(self._order) > 0 and not self._out

    @property
    def held_bytes(self) -> int:
        """Memory that its requests have: those under way, those that wait, and half of one."""
        reader = self._reader
        return self._order.bytes + reader.held_bytes + sum(map(len, reader.frames))

    def close(self, reason: str = "") -> None:
        """End it; what has not left is lost. A `reason` is logged."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        self._socket.close()
        self._out.clear()
        self._order.clear()
        self._reader.forget()
        self._count_held()
        self._on_gone(self, reason)

    def _on_readable(self) -> None:
        reader = self._reader
        if reader.frames or self._has_enough():
            self._is_reading = False  # until some of it could be started
            self._loop.remove_reader(self._descriptor)
            return
        try:
            count = self._socket.recv_into(reader.space())
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            count = 0
        if count == 0:
            self.close()
            return
        self._traffic.bytes_in += count
        try:
            reader.received(count)
        except FrameError as error:
            self.close(str(error))
            return
        self._rest_for(reader.missing)
        if reader.frames:
            self.active = self._loop.time()
            self._work()
        else:
            self._count_held()

    def _rest_for(self, missing: int) -> None:
        """Be woken once a piece of the frame is there: each time costs as much as copying it.

        The kernel wakes us earlier if it has no room for so much, or the client leaves.
        """
        low_water = min(missing, PIECE_BYTES) if missing > LONG_BYTES else 1
        if low_water != self._low_water:
            self._low_water = low_water
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, low_water)

    def _has_enough(self) -> bool:
        """Whether its requests under way are all that it may have now; half a frame is finished."""
        under_way = self._order.bytes
        if under_way > self._in_flight_bytes_max:
            return True
        return under_way > 0 and self._holding.is_crowded and not self._reader.held_bytes

    def _work(self) -> None:
        """Start what may be started and send what is answered, until neither goes on.

        After some rounds others get their turn first.
        """
        self._is_working = True
        try:
            for _ in range(ROUNDS_PER_TURN):
                if not self._start_requests() | self._send_answers():
                    break
            else:
                self._loop.call_soon(self._go_on)
        finally:
            self._is_working = False
        self._count_held()
        if not self._is_reading and not self._reader.frames and not self.closed:
            self._is_reading = True
            self._loop.add_reader(self._descriptor, self._on_readable)

    def _go_on(self) -> None:
        if not self.closed:
            self._work()

    def _count_held(self) -> None:
        change = self.held_bytes - self._held_bytes
        self._held_bytes += change
        self._holding.bytes += change
        if change > 0 and self._holding.is_full:
            self._on_full()

    def _start_requests(self) -> bool:
        """Whether any was started."""
        order, frames = self._order, self._reader.frames
        started = False
        while frames and order.may_start and self._unsent_bytes <= UNSENT_BYTES_MAX:
            frame = frames.popleft()
            self._on_request(self, frame, order.open(len(frame)))
            started = True
        return started

    def _send_answers(self) -> bool:
        """Whether there were any; how far they get is the socket's affair."""
        ready = self._order.take()
        if ready is None:
            return False
        for chunk in ready:
            self._out.append(chunk)
            self._unsent_bytes += len(chunk)
        if not self._is_writing:
            self._send()
        return True

    def _on_answer(self) -> None:
        """The answer whose turn it is has come."""
        if not self._is_working:
            self._work()

    def _send(self) -> None:
        """As much as the socket takes."""
        out = self._out
        while out:
            chunks = list(islice(out, CHUNKS_PER_SEND))
            try:
                sent = self._socket.sendmsg(chunks)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                self.close()
                return
            if not self._advance(sent, len(chunks)):
                if not self._is_writing:
                    self._is_writing = True
                    self._loop.add_writer(self._descriptor, self._on_writable)
                return
        if self._is_writing:
            self._is_writing = False
            self._loop.remove_writer(self._descriptor)

    def _advance(self, sent: int, offered: int) -> bool:
        """So many bytes have left; whether those are all of the chunks that were offered."""
        self._unsent_bytes -= sent
        self._traffic.bytes_out += sent
        self.active = self._loop.time()
        out = self._out
        for _ in range(offered):
            first = out.popleft()
            size = len(first)
            if size > sent:
                out.appendleft(memoryview(first)[sent:])
                return False
            sent -= size
        return True

    def _on_writable(self) -> None:
        self._send()
        if not self.closed:
            self._work()

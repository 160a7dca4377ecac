"""The client's end of a TCP connection that carries length-prefixed messages.

state        send                       input                   error, end of input
-----        ----                       -----                   -------------------
connecting   kept, bounded              -                       down
open         leaves, or is kept         on_message, one each    down
down         ignored                    -                       -

A message is a frame of `tcp_frames.py` that is not empty.

`on_down` is told once, and never from within `send` or the constructor. After it there is nothing
left but `close`.
"""

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from bus.adapters.tcp_frames import PREFIX, FrameReader
from bus.errors import BufferFull, FrameError
from bus.model.batch import Buffer
from bus.model.limits import FRAME_BYTES_MAX, IN_FLIGHT_BYTES_MAX

CONNECT_SECONDS = 5.0  # for each address
BUFFERS_PER_SEND = 64
READS_PER_TURN = 16  # then others get their turn
LINGER_SECONDS = 1.0  # requests that want no answer still leave after `close`

Address = tuple[socket.AddressFamily, Any]


class TcpLink:
    """One connection; on the loop's thread, as its callbacks are."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        host: str,
        port: int,
        on_message: Callable[[Buffer], None],
        on_down: Callable[[str], None],
        *,
        frame_bytes_max: int = FRAME_BYTES_MAX,
    ) -> None:
        self._loop = loop
        self._name = f"{host}:{port}"
        self._on_message = on_message
        self._on_down = on_down
        self._socket: socket.socket | None = None
        self._fd = -1
        self._over = False  # down or closed
        self._out: deque[memoryview] = deque()  # not yet written
        self._out_bytes = 0
        self._writing = False  # the loop tells when more can be written
        self._reader = FrameReader(frame_bytes_max, growth=None)
        self._task = loop.create_task(self._connect(host, port))

    def send(self, pieces: Sequence[Buffer]) -> int:
        """Send one message, or keep it; its bytes. Raises BufferFull, and nothing was taken."""
        size = sum(map(len, pieces))
        if self._over:
            return size
        if self._out and self._out_bytes + size > IN_FLIGHT_BYTES_MAX:
            raise BufferFull(f"{self._name} does not take what is sent; nothing was accepted.")
        self._out.append(memoryview(size.to_bytes(PREFIX, "big")))
        self._out.extend(memoryview(piece).cast("B") for piece in pieces if len(piece))
        self._out_bytes += size + PREFIX
        if self._socket is not None and not self._writing:
            self._write(self._socket)
        return size

    def close(self) -> None:
        """End it; neither callback is called any more. What is kept has LINGER_SECONDS to leave."""
        if self._over:
            return
        self._over = True
        if self._out and self._socket is not None:
            self._loop.remove_reader(self._fd)
            self._loop.call_later(LINGER_SECONDS, self._let_go)
        else:
            self._let_go()

    async def _connect(self, host: str, port: int) -> None:
        reason = f"{self._name} cannot be reached"
        for family, address in await self._addresses(host, port):
            made = socket.socket(family, socket.SOCK_STREAM)
            made.setblocking(False)
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._loop.sock_connect(made, address)
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:  # a time-out is one
                reason = f"{self._name} cannot be reached: {_said(error)}"
                made.close()
                continue
            except BaseException:
                made.close()
                raise
            self._opened(made)
            return
        self._go_down(f"{reason}.")

    async def _addresses(self, host: str, port: int) -> list[Address]:
        """Where to try; a name is looked up on another thread."""
        kind = socket.SOCK_STREAM
        try:
            infos = socket.getaddrinfo(host, port, 0, kind, 0, socket.AI_NUMERICHOST)
        except OSError:
            try:
                infos = await self._loop.getaddrinfo(host, port, type=kind)
            except OSError:
                return []
        return [(info[0], info[4]) for info in infos]

    def _opened(self, made: socket.socket) -> None:
        self._socket, self._fd = made, made.fileno()
        self._loop.add_reader(self._fd, self._on_readable, made)
        self._write(made)

    def _write(self, made: socket.socket) -> None:
        """As much as the kernel takes now."""
        out = self._out
        try:
            while out:
                count = made.sendmsg([out[i] for i in range(min(len(out), BUFFERS_PER_SEND))])
                self._out_bytes -= count
                while out and count >= len(out[0]):
                    count -= len(out.popleft())
                if count:
                    out[0] = out[0][count:]
        except BlockingIOError:
            pass
        except OSError as error:
            out.clear()
            self._loop.call_soon(self._go_down, _lost(self._name, error))
        if bool(out) != self._writing:
            self._watch_for_room(made, bool(out))
        if self._over and not out:
            self._let_go()

    def _watch_for_room(self, made: socket.socket, wanted: bool) -> None:
        self._writing = wanted
        if wanted:
            self._loop.add_writer(self._fd, self._write, made)
        else:
            self._loop.remove_writer(self._fd)

    def _on_readable(self, made: socket.socket) -> None:
        try:
            for _ in range(READS_PER_TURN):
                if not self._read(made):
                    return
        except BlockingIOError:
            pass
        except OSError as error:
            self._go_down(_lost(self._name, error))

    def _read(self, made: socket.socket) -> bool:
        """Receive once; False if there is no use in going on."""
        reader = self._reader
        room = reader.space()
        count = made.recv_into(room)
        if not count:
            self._go_down(f"{self._name} closed the connection.")
            return False
        try:
            reader.received(count)
        except FrameError as error:
            self._go_down(f"{self._name} is not understood: {error}")
            return False
        self._take_messages()
        return not self._over and count == len(room)

    def _take_messages(self) -> None:
        """Hand on what is whole."""
        frames = self._reader.frames
        while frames and not self._over:
            message = frames.popleft()
            if message:
                self._on_message(message)
            else:
                self._go_down(f"{self._name} is not understood: it sent an empty message.")

    def _go_down(self, reason: str) -> None:
        if not self._over:
            self._over = True
            self._let_go()
            self._on_down(reason)

    def _let_go(self) -> None:
        self._out.clear()
        self._task.cancel()
        made, self._socket = self._socket, None
        if made is None:
            return
        self._loop.remove_reader(self._fd)
        self._watch_for_room(made, False)
        with contextlib.suppress(OSError):  # a forked child may hold a copy of the descriptor
            made.shutdown(socket.SHUT_RDWR)
        made.close()


def _lost(name: str, error: OSError) -> str:
    return f"The connection to {name} is lost: {_said(error)}."


def _said(error: OSError) -> str:
    """What the system says; a time-out has no number."""
    return os.strerror(error.errno) if error.errno else "no answer"

"""One HTTP/1.1 connection to a member of etcd: one request at a time, and its answer in full.

h11 knows HTTP; here it is fed from a socket. Everything may raise OSError if the connection breaks
and FrameError if what comes is not HTTP, or more of it than allowed: then the connection is over.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from typing import NamedTuple

import h11

from bus.adapters.etcd.settings import EtcdEndpoint
from bus.errors import FrameError

READ_BYTES = 64 * 1024
HEADERS_BYTES_MAX = 16 * 1024
OK = 200


class Reply(NamedTuple):
    """What an HTTP request brought."""

    status: int
    body: bytes


class Connection:
    """Open until `close`; `is_reusable` says whether it may serve another request."""

    def __init__(
        self, endpoint: EtcdEndpoint, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._authority = endpoint.authority
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADERS_BYTES_MAX)

    @classmethod
    async def open(cls, endpoint: EtcdEndpoint, tls: ssl.SSLContext | None) -> "Connection":
        """Connect, and shake hands if there is TLS."""
        reader, writer = await asyncio.open_connection(
            endpoint.host, endpoint.port, ssl=tls, limit=READ_BYTES
        )
        return cls(endpoint, reader, writer)

    @property
    def is_reusable(self) -> bool:
        """Has all of the last answer been read, and may there be another one?"""
        return self._http.our_state is h11.IDLE and not self._reader.at_eof()

    def close(self) -> None:
        """At once, whatever is under way."""
        self._writer.transport.abort()

    async def ask(
        self, path: str, body: bytes | None, headers: dict[str, str], size_max: int
    ) -> Reply:
        """The answer of at most `size_max` bytes; a request without a body is a GET."""
        self._send(path, body, headers)
        status, parts, size = 0, [], 0
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                size += len(event.data)
                if size > size_max:
                    raise FrameError(f"The answer has more than {size_max} bytes.")
                parts.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                self._end()
                return Reply(status, b"".join(parts))

    async def lines(
        self, path: str, body: bytes, headers: dict[str, str], size_max: int
    ) -> AsyncGenerator[Reply, None]:
        """The answer line by line, as it comes; its status stands with each."""
        self._send(path, body, headers)
        status, rest = 0, bytearray()
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                *lines, tail = bytes(event.data).split(b"\n")
                for line in lines:
                    yield Reply(status, bytes(rest) + line)
                    rest.clear()
                rest += tail
                if len(rest) > size_max:
                    raise FrameError(f"A line of the answer has more than {size_max} bytes.")
            elif isinstance(event, h11.EndOfMessage):
                if rest:
                    yield Reply(status, bytes(rest))
                return

    def _send(self, path: str, body: bytes | None, headers: dict[str, str]) -> None:
        fields = {"Host": self._authority, "Accept": "application/json", **headers}
        if body is not None:
            fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        method = "GET" if body is None else "POST"
        request = h11.Request(method=method, target=path, headers=list(fields.items()))
        pieces = [self._http.send(request)]
        if body is not None:
            pieces.append(self._http.send(h11.Data(data=body)))
        pieces.append(self._http.send(h11.EndOfMessage()))
        self._writer.write(b"".join(piece for piece in pieces if piece))

    async def _next(self) -> h11.Event:
        while True:
            try:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    self._http.receive_data(await self._reader.read(READ_BYTES))
                    continue
            except h11.RemoteProtocolError as error:
                if self._reader.at_eof():
                    raise ConnectionResetError("the connection was closed") from None
                raise FrameError(f"What came is not HTTP: {error}.") from None
            if isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                raise ConnectionResetError("the connection was closed")
            assert not isinstance(event, type), "the other two were dealt with"
            return event

    def _end(self) -> None:
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()

"""One member of an etcd over HTTP: its connections, and what its answers mean.

A connection begins with the question for the member's version, so a member that was replaced by
another version is noticed: its old connections broke. Connections are kept for the next request.
"""

import asyncio
import ssl

from bus.adapters.etcd import codec
from bus.adapters.etcd.connection import OK, Connection, Reply
from bus.adapters.etcd.json_parts import quoted
from bus.adapters.etcd.messages import Failure, Kind
from bus.adapters.etcd.settings import EtcdEndpoint
from bus.adapters.etcd.versions import objection
from bus.errors import BusError, FrameError
from bus.model.limits import ETCD_ANSWER_BYTES_MAX, ETCD_CONNECTIONS_MAX

SMALL_BYTES_MAX = 64 * 1024  # of an answer that tells a version
NOT_FOUND = 404


class Unusable(BusError):
    """This member must not be asked."""


class Member:
    """`ETCD_CONNECTIONS_MAX` connections at most, watches aside; more requests wait."""

    def __init__(self, endpoint: EtcdEndpoint, tls: ssl.SSLContext | None) -> None:
        self.url = endpoint.url
        self.version = ""  # as it was told at the last connection
        self._endpoint = endpoint
        self._tls = tls
        self._idle: list[Connection] = []
        self._slots = asyncio.Semaphore(ETCD_CONNECTIONS_MAX)

    async def connect(self) -> Connection:
        """A new connection. Raises OSError, FrameError, or Unusable for a version we refuse."""
        connection = await Connection.open(self._endpoint, self._tls)
        try:
            reply = await connection.ask(codec.VERSION, None, {}, SMALL_BYTES_MAX)
            if reply.status != OK:
                raise FrameError(f"It answers {reply.status} when it is asked for its version.")
            self.version = codec.decode_version(reply.body)
            reason = objection(self.version)
            if reason is not None:
                raise Unusable(f"{self.url} {reason}.")
        except BaseException:
            connection.close()
            raise
        return connection

    async def call(self, path: str, body: bytes, token: str) -> Reply:
        """One request, and its answer. Raises OSError, FrameError or Unusable."""
        async with self._slots:
            connection = self._take() or await self.connect()
            try:
                reply = await connection.ask(path, body, headers(token), ETCD_ANSWER_BYTES_MAX)
            except BaseException:
                connection.close()
                raise
            if connection.is_reusable:
                self._idle.append(connection)
            else:
                connection.close()
            return reply

    def close(self) -> None:
        """Close what is idle; what is under way is closed by who waits for it."""
        while self._idle:
            self._idle.pop().close()

    def failure(self, reply: Reply) -> Failure:
        """What an answer that is an error means."""
        try:
            return codec.decode_failure(reply.body)
        except FrameError:
            said = quoted(reply.body.decode(errors="replace"))
            hint = ""
            if "CommonName" in said:
                hint = " Where etcd asks for passwords, busd's certificate must have no CommonName."
            elif reply.status == NOT_FOUND:
                hint = " Is its JSON gateway (enable-grpc-gateway) switched on?"
            kind = Kind.UNUSABLE if 400 <= reply.status < 500 else Kind.LOST
            return Failure(kind, f"{self.url} answers {reply.status}, {said!r}.{hint}")

    def lost(self, error: Exception, timeout_ms: int) -> Failure:
        """What it means that there was no answer."""
        self.close()  # they may be as broken
        if isinstance(error, TimeoutError):
            return Failure(Kind.LOST, f"{self.url} did not answer within {timeout_ms} ms.")
        kind, reason = Kind.LOST, ""
        if isinstance(error, ssl.SSLCertVerificationError):
            kind, reason = Kind.UNUSABLE, f"its certificate is not trusted ({error.verify_message})"
        elif isinstance(error, ssl.SSLError):
            said = quoted((error.reason or "TLS failed").replace("_", " ").lower())
            kind = Kind.UNUSABLE if "alert" in said else Kind.LOST
            reason = f"it does not take our certificate, or has none ({said})"
        elif isinstance(error, FrameError):
            reason = f"what answers there is no etcd: {error}".rstrip(".")
        elif isinstance(error, OSError):
            reason = error.strerror or str(error) or "the connection broke"
        return Failure(kind, f"{self.url} cannot be used: {reason}.")

    def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_reusable:
                return connection
            connection.close()
        return None


def headers(token: str) -> dict[str, str]:
    """Of a request of somebody who has logged in, if there is a token."""
    return {"Authorization": token} if token else {}

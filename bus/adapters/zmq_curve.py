"""CURVE: the keys of ZeroMQ connections, and the gate that says whose are let in.

A connection is encrypted, and each end proves that it has the secret of its public key. Without a
handler for ZAP a CURVE server takes any client's key; so there is always a Gate, and the domain is
enforced: libzmq then refuses everybody where no Gate answers.

On a Unix socket there are no keys (NULL): who connects is known by its user, whom the kernel names
(SO_PEERCRED). Only our own is let in: libzmq accepts no other one (IPC_FILTER_UID), and the Gate
looks again at the address, which ends with the user where the C library can name a Unix socket.

ZAP 1.0 (RFC 27), on a ROUTER at inproc://zeromq.zap.01 of the sockets' own context:

    asked    identity, empty, version, request id, domain, address, routing id, mechanism, key
             (no key with NULL; the address is localhost:USER:GROUP:PROCESS, or empty)
    answer   identity, empty, version, request id, status, text, user id, metadata (none)

The user id of a key that is let in is that key in Z85, which each message of the connection then
carries as its property User-Id: whatever a peer says of itself, this is what it has proven. With
NULL it is SAME_USER, which is no key.
"""

import asyncio
import ctypes
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field

import zmq
from zmq.utils import z85

from bus.adapters.line_limit import LineLimit
from bus.adapters.zmq_socket import ZmqSocket

ZAP_URL = "inproc://zeromq.zap.01"
VERSION = b"1.0"
MECHANISM = b"CURVE"
NO_MECHANISM = b"NULL"
SAME_USER = "same user"
KEY_BYTES = 32
KEY_LENGTH = 40  # characters of Z85

log = logging.getLogger("bus.zmq")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """In Z85. Whoever has the secret is taken for its owner."""

    public: str
    secret: str = field(repr=False)

    @classmethod
    def make(cls) -> "KeyPair":
        """A new one, at random."""
        public, secret = zmq.curve_keypair()
        return cls(public.decode(), secret.decode())

    @classmethod
    def of_secret(cls, secret: str) -> "KeyPair":
        """Raises ValueError if it is no secret key."""
        if not is_key(secret):
            raise ValueError("a key has 40 characters of Z85")
        return cls(zmq.curve_public(secret.encode()).decode(), secret)


def is_key(text: str) -> bool:
    """Could this be a key in Z85?"""
    return len(text) == KEY_LENGTH and all(ord(sign) in z85.Z85MAP for sign in text)


def guard_server(socket: "zmq.Socket[bytes]", keys: KeyPair, domain: str) -> None:
    """Let in only whom the context's Gate for this domain does; before binding."""
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret.encode())
    socket.setsockopt(zmq.ZAP_DOMAIN, domain.encode())
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)


def guard_local(socket: "zmq.Socket[bytes]", domain: str) -> None:
    """Let in our own user alone; before binding a Unix socket.

    Raises zmq.ZMQError if libzmq cannot tell users apart.
    """
    socket.setsockopt(zmq.CURVE_SERVER, 0)
    socket.setsockopt(zmq.IPC_FILTER_UID, ctypes.c_int32(os.geteuid()).value)  # as pyzmq takes it
    socket.setsockopt(zmq.ZAP_DOMAIN, domain.encode())
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)


def guard_client(socket: "zmq.Socket[bytes]", keys: KeyPair, server_key: str) -> None:
    """Speak to nobody but the owner of `server_key`; before connecting."""
    socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.public.encode())
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret.encode())
    socket.setsockopt(zmq.CURVE_SERVERKEY, server_key.encode())


class Gate:
    """Answers libzmq on the loop's thread, during each handshake with a guarded server."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: "zmq.Context[zmq.Socket[bytes]]",
        domain: str,
        admits: Callable[[str], bool],
    ) -> None:
        """`admits` is given a public key. There is one Gate a context."""
        self._domain = domain.encode()
        self._admits = admits
        self._lines = LineLimit(loop.time)
        router = context.socket(zmq.ROUTER)
        try:
            router.bind(ZAP_URL)
        except BaseException:
            router.close(0)
            raise
        self._socket = ZmqSocket(loop, router, self._on_request)

    def close(self) -> None:
        """Nobody is let in any more."""
        self._socket.close()

    def _on_request(self, frames: list[zmq.Frame]) -> None:
        parts = [frame.bytes for frame in frames]
        key = self._key_of(parts[2:])
        user = key if key is not None and self._admits(key) else self._local_user(parts[2:])
        if user is None:
            address = parts[5].decode(errors="replace") if len(parts) > 5 else "?"
            line = self._lines.told(f"{address} is refused: its key {key} belongs to no broker.")
            if line:
                log.warning("%s", line)
        status = (b"400", b"", b"") if user is None else (b"200", b"", user.encode())
        self._socket.send([*parts[:2], VERSION, *parts[3:4], *status, b""])

    def _key_of(self, asked: list[bytes]) -> str | None:
        if len(asked) != 7:
            return None
        version, _, domain, _, _, mechanism, key = asked
        if (version, domain, mechanism) != (VERSION, self._domain, MECHANISM):
            return None
        return z85.encode(key).decode() if len(key) == KEY_BYTES else None

    def _local_user(self, asked: list[bytes]) -> str | None:
        if len(asked) != 6:
            return None
        version, _, domain, address, _, mechanism = asked
        if (version, domain, mechanism) != (VERSION, self._domain, NO_MECHANISM):
            return None
        host, *ids = address.split(b":")
        is_ours = (host, len(ids), ids[:1]) == (b"localhost", 3, [b"%d" % os.geteuid()])
        return SAME_USER if is_ours or not address else None

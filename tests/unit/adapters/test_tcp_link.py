"""The client's TCP link carries whole messages both ways, and says once that it is down."""

import asyncio
import socket
from contextlib import closing

import pytest

from bus.adapters.tcp_link import TcpLink
from bus.errors import BufferFull
from bus.model.limits import IN_FLIGHT_BYTES_MAX
from tests.fixtures.waiting import SECONDS


class Server:
    """A listening socket and the one connection to it, played by the test."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.peer = None

    def accept(self):
        self.listener.settimeout(SECONDS)
        self.peer = self.listener.accept()[0]
        self.peer.settimeout(SECONDS)
        return self.peer

    def close(self) -> None:
        self.listener.close()
        if self.peer is not None:
            self.peer.close()


class Caller:
    def __init__(self) -> None:
        self.messages, self.downs = [], []

    def on_message(self, data) -> None:
        self.messages.append(bytes(data))


@pytest.fixture
def server():
    with closing(Server()) as made:
        yield made


@pytest.fixture
def caller():
    return Caller()


@pytest.fixture
def link(driven, server, caller):
    made = TcpLink(driven.loop, "127.0.0.1", server.port, caller.on_message, caller.downs.append)
    with closing(made):
        yield made


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message


def received(peer, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += peer.recv(size - len(data))
    return data


def test_what_was_sent_before_there_was_a_connection_arrives_in_order(driven, server, link):
    link.send([b"one", bytearray(b"two")])
    link.send([b"three"])
    driven.until(lambda: link._socket is not None)
    assert received(server.accept(), 19) == framed(b"onetwo") + framed(b"three")


def test_messages_come_whole_however_their_bytes_come(driven, server, caller, link):
    driven.until(lambda: link._socket is not None)
    peer = server.accept()
    stream = framed(b"first") + framed(b"second")
    for end in range(1, len(stream) + 1):
        peer.sendall(stream[end - 1 : end])
        driven.loop.run_until_complete(asyncio.sleep(0))
    driven.until(lambda: len(caller.messages) == 2)
    assert caller.messages == [b"first", b"second"]


def test_a_large_message_comes_whole_between_small_ones(driven, server, caller, link):
    driven.until(lambda: link._socket is not None)
    peer = server.accept()
    large = bytes(range(256)) * 1000
    peer.setblocking(True)
    peer.sendall(framed(b"before") + framed(large[:200_000]) + framed(b"after"))
    driven.until(lambda: len(caller.messages) == 3)
    assert caller.messages == [b"before", large[:200_000], b"after"]


@pytest.mark.parametrize("size", [0, -1, 1 << 30])
def test_a_length_out_of_bounds_ends_the_connection(driven, server, caller, link, size):
    driven.until(lambda: link._socket is not None)
    server.accept().sendall(size.to_bytes(4, "big", signed=True))
    driven.until(lambda: caller.downs)
    assert "is not understood" in caller.downs[0]
    assert "an empty message" in caller.downs[0] if size == 0 else str(size) in caller.downs[0]


def test_a_server_that_closes_is_told_once(driven, server, caller, link):
    driven.until(lambda: link._socket is not None)
    server.accept().close()
    driven.until(lambda: caller.downs)
    link.send([b"to nobody"])
    assert caller.downs == [f"127.0.0.1:{server.port} closed the connection."]


def test_nobody_at_the_port_is_a_sentence(driven, caller):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with closing(TcpLink(driven.loop, "127.0.0.1", port, caller.on_message, caller.downs.append)):
        driven.until(lambda: caller.downs)
    assert caller.downs == [f"127.0.0.1:{port} cannot be reached: Connection refused."]


def test_what_a_server_does_not_take_is_kept_up_to_a_bound(link):
    half = bytes(IN_FLIGHT_BYTES_MAX // 2 + 1)
    link.send([half])
    with pytest.raises(BufferFull):
        link.send([half])


def test_what_is_kept_leaves_after_close(driven, server, link):
    driven.until(lambda: link._socket is not None)
    peer = server.accept()
    message = bytes(20 << 20)  # more than the kernel keeps for a peer that does not read
    link.send([message])
    link.close()
    peer.setblocking(False)
    seen = 0

    def read() -> bool:
        nonlocal seen
        try:
            while data := peer.recv(1 << 20):
                seen += len(data)
        except BlockingIOError:
            return False
        return True

    driven.until(read)
    assert seen == len(message) + 4

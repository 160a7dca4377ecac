"""The client's link says when its peer is gone, and comes back by itself."""

import pytest
import zmq

from bus.adapters.zmq_peers import ZmqLink
from bus.errors import BadSetting


class Server:
    """A plain ROUTER on a path, played by the test."""

    def __init__(self, context, endpoint: str) -> None:
        self.socket = context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(endpoint)

    def take(self) -> list[bytes] | None:
        try:
            return self.socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None

    def close(self) -> None:
        self.socket.close()


class Caller:
    """What the link told us."""

    def __init__(self) -> None:
        self.messages: list[list[bytes]] = []
        self.downs: list[str] = []

    def on_message(self, frames) -> None:
        self.messages.append([bytes(frame) for frame in frames])


@pytest.fixture
def endpoint(tmp_path) -> str:
    return f"ipc://{tmp_path}/bus"


@pytest.fixture
def caller():
    return Caller()


@pytest.fixture
def link(driven, caller, endpoint):
    link = ZmqLink(
        driven.loop, endpoint, caller.on_message, caller.downs.append, context=driven.context
    )
    yield link
    link.close()


@pytest.fixture
def serve(driven, endpoint):
    servers = []

    def make() -> Server:
        servers.append(Server(driven.context, endpoint))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def test_a_question_is_answered(driven, caller, serve, link) -> None:
    server = serve()
    driven.until(lambda: link.connected)
    link.send([b"question", b"x" * 100_000])
    taken = []
    driven.until(lambda: taken.append(server.take()) or taken[-1])
    assert taken[-1][1:] == [b"question", b"x" * 100_000]
    server.socket.send_multipart([taken[-1][0], b"answer"])
    driven.until(lambda: caller.messages)
    assert caller.messages == [[b"answer"]]
    assert caller.downs == []


def test_a_server_that_goes_is_noticed_and_one_that_comes_back_is_found(
    driven, caller, serve, link
) -> None:
    server = serve()
    driven.until(lambda: link.connected)
    server.close()
    driven.until(lambda: caller.downs)
    assert "closed the connection" in caller.downs[0]
    server = serve()
    driven.until(lambda: link.connected)
    link.send([b"again"])
    driven.until(server.take)


def test_what_was_sent_to_nobody_is_reported_and_never_sent_later(
    driven, caller, serve, link
) -> None:
    link.send([b"early"])
    driven.until(lambda: caller.downs)
    assert "cannot be reached" in caller.downs[0]
    server = serve()
    driven.until(lambda: link.connected)
    link.send([b"late"])
    taken = []
    driven.until(lambda: taken.append(server.take()) or taken[-1])
    assert taken[-1][1:] == [b"late"]


def test_a_silent_failure_to_connect_reports_nothing_while_nothing_was_sent(
    driven, caller, link, serve
) -> None:
    link.send([b"early"])
    driven.until(lambda: caller.downs)
    serve()
    driven.until(lambda: link.connected)
    assert len(caller.downs) == 1


def test_a_server_that_says_goodbye_is_connected_to_anew(driven, caller, serve, link) -> None:
    server = serve()
    driven.until(lambda: link.connected)
    link.send([b"question"])
    taken = []
    driven.until(lambda: taken.append(server.take()) or taken[-1])
    identity = taken[-1][0]
    server.socket.send_multipart([identity, b""])
    driven.until(lambda: caller.downs)
    assert "ended the conversation" in caller.downs[0]
    driven.until(lambda: link.connected)
    link.send([b"again"])
    driven.until(lambda: taken.append(server.take()) or taken[-1])
    assert taken[-1][0] != identity
    assert caller.messages == []


def test_closing_calls_nobody_back(driven, caller, serve, endpoint) -> None:
    server = serve()
    link = ZmqLink(
        driven.loop, endpoint, caller.on_message, caller.downs.append, context=driven.context
    )
    driven.until(lambda: link.connected)
    link.close()
    server.close()
    turns = []
    driven.until(lambda: turns.append(1) or len(turns) > 20)
    assert caller.downs == []


def test_what_is_no_endpoint_is_refused(driven, caller) -> None:
    with pytest.raises(BadSetting, match="endpoint"):
        ZmqLink(driven.loop, "nonsense", caller.on_message, caller.downs.append)

"""The server answers its peers, keeps their accounts, and forgets those that are gone."""

import errno
import socket
import struct

import pytest
import zmq

from bus.adapters.zmq_server import ZmqServer
from bus.errors import BadSetting


def request(correlation_id: int) -> bytes:
    """The beginning of a request header: key, version, correlation id."""
    return struct.pack(">hhi", 0, 9, correlation_id)


def answer(correlation_id: int) -> bytes:
    return struct.pack(">i", correlation_id)


class Broker:
    """Remembers what it was asked; answers when the test says so."""

    def __init__(self) -> None:
        self.asked = []
        self.gone = []

    def on_request(self, peer, frames) -> None:
        self.asked.append((peer, [bytes(frame) for frame in frames]))


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def listen(driven, broker):
    servers = []

    def make(endpoint: str = "tcp://127.0.0.1:*", **options) -> ZmqServer:
        options = {"context": driven.context, **options}
        server = ZmqServer(driven.loop, endpoint, broker.on_request, broker.gone.append, **options)
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def dial(driven):
    def make(endpoint: str) -> zmq.Socket:
        dealer = driven.context.socket(zmq.DEALER)
        dealer.linger = 0
        dealer.connect(endpoint)
        return dealer

    return make


@pytest.fixture(params=["tcp", "ipc"])
def endpoint(request, tmp_path) -> str:
    return "tcp://127.0.0.1:*" if request.param == "tcp" else f"ipc://{tmp_path}/bus"


def test_a_request_is_handed_on_and_its_answer_comes_back(
    driven, broker, listen, dial, endpoint
) -> None:
    dealer = dial(listen(endpoint).endpoint)
    dealer.send_multipart([request(7), b"records"])
    driven.until(lambda: broker.asked)
    peer, frames = broker.asked[0]
    assert frames == [request(7), b"records"]
    peer.reply([answer(7), b"r" * 100_000])
    driven.until(lambda: dealer.poll(0))
    assert dealer.recv_multipart() == [answer(7), b"r" * 100_000]
    dealer.close()


def test_a_request_counts_until_it_is_answered(driven, broker, listen, dial) -> None:
    dealer = dial(listen().endpoint)
    dealer.send_multipart([request(1), b"x" * 100])
    dealer.send_multipart([request(2)])
    driven.until(lambda: len(broker.asked) == 2)
    peer = broker.asked[0][0]
    assert (peer.unanswered, peer.in_flight_bytes) == (2, 116)
    peer.reply([answer(2)])
    assert (peer.unanswered, peer.in_flight_bytes) == (1, 108)
    peer.settle(1)
    assert (peer.unanswered, peer.in_flight_bytes) == (0, 0)
    dealer.close()


def test_a_peer_beyond_twice_its_credit_is_not_heard_any_more(driven, broker, listen, dial) -> None:
    server = listen(credit_requests=2)
    dealer, other = dial(server.endpoint), dial(server.endpoint)
    for number in range(6):
        dealer.send(request(number))
    driven.until(lambda: broker.asked and broker.asked[0][0].closed)
    assert len(broker.asked) == 4
    driven.until(lambda: dealer.poll(0))
    assert dealer.recv_multipart() == [b""]
    other.send(request(0))
    driven.until(lambda: len(broker.asked) == 5)
    assert not broker.asked[4][0].closed
    dealer.close()
    other.close()


def test_a_large_request_is_taken_from_a_peer_with_nothing_unanswered(
    driven, broker, listen, dial
) -> None:
    dealer = dial(listen(credit_bytes=100).endpoint)
    dealer.send_multipart([request(1), bytes(10_000)])
    dealer.send_multipart([request(2), bytes(10_000)])
    driven.until(lambda: broker.asked and broker.asked[0][0].closed)
    assert len(broker.asked) == 1
    dealer.close()


def test_a_peer_that_does_not_read_its_answers_is_closed_out(driven, broker, listen, dial) -> None:
    dealer = dial(listen().endpoint)
    dealer.rcvhwm = 1
    dealer.send(request(1))
    driven.until(lambda: broker.asked)
    peer = broker.asked[0][0]
    for _ in range(70):
        if not peer.closed:
            for _ in range(20):
                peer.reply([answer(-1), bytes(60_000)])
    assert peer.closed
    dealer.close()


def test_answers_that_were_read_do_not_count_against_a_peer(driven, broker, listen, dial) -> None:
    dealer = dial(listen().endpoint)
    dealer.send(request(1))
    driven.until(lambda: broker.asked)
    peer = broker.asked[0][0]
    peer.reply([answer(1), bytes(1 << 20)])
    driven.until(lambda: dealer.poll(0))
    dealer.recv_multipart()
    driven.until(lambda: peer.unread_bytes == 0)
    dealer.close()


def test_a_peer_that_hangs_up_is_forgotten(driven, broker, listen, dial, endpoint) -> None:
    server = listen(endpoint)
    for number in range(3):
        dealer = dial(server.endpoint)
        dealer.send(request(1))
        driven.until(lambda count=number: len(broker.asked) == count + 1)
        assert len(server.peers) == 1
        dealer.close()
        driven.until(lambda count=number: len(broker.gone) == count + 1)
        assert server.peers == []


def test_an_answer_to_a_peer_that_is_gone_is_dropped(driven, broker, listen, dial) -> None:
    server = listen()
    dealer = dial(server.endpoint)
    dealer.send(request(1))
    driven.until(lambda: broker.asked)
    dealer.close()
    driven.until(lambda: broker.gone)
    broker.asked[0][0].reply([answer(1)])


def test_peers_beyond_the_limit_are_ignored(driven, broker, listen, dial) -> None:
    server = listen(peers_max=1)
    first, second = dial(server.endpoint), dial(server.endpoint)
    first.send(request(1))
    driven.until(lambda: broker.asked)
    second.send(request(2))
    first.send(request(3))
    driven.until(lambda: len(broker.asked) == 2)
    assert [frames for _, frames in broker.asked] == [[request(1)], [request(3)]]
    first.close()
    second.close()


def test_a_frame_beyond_the_limit_ends_the_connection(driven, broker, listen, dial) -> None:
    server = listen(frame_bytes_max=1000)
    dealer = dial(server.endpoint)
    dealer.send(request(1))
    driven.until(lambda: broker.asked)
    dealer.send(bytes(2000))
    driven.until(lambda: broker.gone)
    dealer.close()


def test_once_a_listener_is_closed_another_one_can_take_its_place(listen, endpoint) -> None:
    for _ in range(50):
        server = listen(endpoint)
        endpoint = server.endpoint
        server.close()


def test_a_used_port_is_refused_with_a_sentence(listen) -> None:
    server = listen()
    with pytest.raises(OSError, match="in use") as caught:
        listen(server.endpoint)
    assert caught.value.errno == errno.EADDRINUSE
    assert str(caught.value).startswith(server.endpoint)


def test_a_used_path_is_refused_and_not_taken_over(listen, tmp_path) -> None:
    listen(f"ipc://{tmp_path}/bus")
    with pytest.raises(OSError, match="in use"):
        listen(f"ipc://{tmp_path}/bus")


@pytest.mark.parametrize("endpoint", ["tcp://0.0.0.0:7901", "tcp://*:7901", "tcp://10.0.0.1:1"])
def test_a_port_beyond_loopback_is_refused(listen, endpoint) -> None:
    with pytest.raises(BadSetting, match="loopback"):
        listen(endpoint)


@pytest.mark.parametrize("endpoint", ["", "nonsense", "udp://127.0.0.1:1", "ipc://"])
def test_what_is_no_endpoint_is_refused(listen, endpoint) -> None:
    with pytest.raises(BadSetting, match="endpoint"):
        listen(endpoint)


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", bytes(64), b"\xff" * 64])
def test_bytes_that_are_no_zeromq_open_no_account(driven, broker, listen, dial, garbage) -> None:
    server = listen()
    host, _, port = server.endpoint.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port))) as stranger:
        stranger.sendall(garbage)
        dealer = dial(server.endpoint)
        dealer.send(request(1))
        driven.until(lambda: broker.asked)
    assert len(server.peers) == 1
    dealer.close()


def test_a_request_too_short_for_a_header_is_handed_on_uncounted(
    driven, broker, listen, dial
) -> None:
    dealer = dial(listen().endpoint)
    dealer.send_multipart([b"", b"x"])
    driven.until(lambda: broker.asked)
    peer, frames = broker.asked[0]
    assert frames == [b"", b"x"]
    assert peer.unanswered == 0
    dealer.close()

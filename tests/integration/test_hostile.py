"""Bytes that are no request: an error or a closed conversation, and everyone else is served."""

import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

import bus
from bus.errors import UnsupportedVersion
from bus.wire.frames import parse_response_frames, request_frames
from bus.wire.header import RequestHeader
from bus.wire.metadata import ApiVersionsRequest, ApiVersionsResponse, MetadataRequest
from bus.wire.registry import API_BY_KEY, api_of

SILENCE_MS = 300  # long enough for an answer that is not coming
ANSWER_MS = 60_000
GOODBYE = [b""]  # the conversation is closed


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker with a topic "t", listening on a free port."""
    data = tmp_path_factory.mktemp("data")
    with bus.Broker(str(data), listen="tcp://127.0.0.1:*") as broker:
        broker.create_topic("t")
        yield broker.url


@pytest.fixture
def peer(url: str) -> Iterator["zmq.Socket[bytes]"]:
    """A raw connection."""
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(url)
    yield socket
    socket.close()
    context.term()


def answer_of(peer: "zmq.Socket[bytes]", frames: list[bytes], wait_ms: int) -> list[bytes] | None:
    peer.send_multipart(frames)
    return peer.recv_multipart() if peer.poll(wait_ms) else None


def still_serves(url: str) -> bool:
    with bus.Producer(url) as producer:
        return producer.send("t", b"alive").result(60) >= 0


def header(api_key: int, version: int, correlation_id: int = 1) -> bytes:
    return struct.pack(">hhih", api_key, version, correlation_id, -1)


@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [b"garbage"],
        [b"\xff" * 1000],
        [header(3, 12)],  # the body is missing
        [header(3, 12) + b"\x00\xff\xff\xff\xff\x0f"],  # claims 2^32 topics
        [header(0, 9) + b"\x00" * 40, b"", b"", b""],  # frames are left over
        [header(999, 0)],  # no such request
        [header(3, 99)],  # no such version
        [header(3, 12)] + [b"x"] * 100,  # too many frames
    ],
    ids=range(9),
)
def test_what_is_no_request_ends_the_conversation_and_harms_nobody(
    url: str, peer: "zmq.Socket[bytes]", frames: list[bytes]
) -> None:
    assert answer_of(peer, frames, SILENCE_MS) in (None, GOODBYE)
    assert still_serves(url)


def test_an_unknown_version_of_api_versions_is_answered_with_the_range(
    peer: "zmq.Socket[bytes]",
) -> None:
    frames = answer_of(peer, [header(18, 77, 5)], ANSWER_MS)
    assert frames is not None
    api = api_of(ApiVersionsRequest)
    correlation_id, answer = parse_response_frames(api, 0, [*frames])
    assert isinstance(answer, ApiVersionsResponse)
    assert correlation_id == 5
    assert answer.error_code == UnsupportedVersion.code
    assert any(entry.api_key == 18 for entry in answer.api_keys)


def test_random_bytes_harm_nobody(url: str, peer: "zmq.Socket[bytes]") -> None:
    chance = random.Random(20)
    for _ in range(300):
        parts = chance.randrange(1, 5)
        peer.send_multipart([chance.randbytes(chance.randrange(200)) for _ in range(parts)])
    assert still_serves(url)


def test_damaged_requests_harm_nobody(url: str) -> None:
    chance = random.Random(21)
    context = zmq.Context()
    for api in API_BY_KEY.values():
        whole = bytes(
            request_frames(RequestHeader(api.key, api.max_version, 7, "x"), api.request())[0]
        )
        for _ in range(20):  # each on a connection of its own: the first bad one may end it
            damaged = bytearray(whole)
            damaged[chance.randrange(8, len(damaged))] ^= 1 << chance.randrange(8)
            socket = context.socket(zmq.DEALER)
            socket.setsockopt(zmq.LINGER, 100)
            socket.connect(url)
            socket.send(bytes(damaged))
            socket.close()
    context.term()
    assert still_serves(url)


def test_a_request_larger_than_the_limit_ends_the_connection(tmp_path: Path) -> None:
    small = {"socket_request_max_bytes": 4096, "listen": "tcp://127.0.0.1:*"}
    with bus.Broker(str(tmp_path), **small) as broker:
        context = zmq.Context()
        socket = context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(broker.url)
        request = bytes(request_frames(RequestHeader(3, 12, 1, None), MetadataRequest())[0])
        assert answer_of(socket, [request], ANSWER_MS) is not None
        assert answer_of(socket, [request + b"\x00" * 5000], SILENCE_MS) is None
        socket.close()
        context.term()
        with bus.Admin(broker.url) as admin:
            assert admin.list_topics() == []

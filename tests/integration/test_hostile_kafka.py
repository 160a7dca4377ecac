"""Hostile bytes at the port for Kafka's clients: refused, forgotten, and all others are served."""

import contextlib
import os
import random
import resource
import socket
import struct
import sys
import time

import pytest

from bus.errors import UnsupportedVersion
from bus.wire.frames import decode_response, encode_request
from bus.wire.header import RequestHeader
from bus.wire.metadata import MetadataRequest
from bus.wire.registry import API_BY_KEY
from tests.fixtures.crafted import frames
from tests.fixtures.kafka_peer import KafkaPeer, header_of, hello
from tests.fixtures.sound_requests import Memory
from tests.fixtures.waiting import wait_until
from tests.integration.hostile_clients import MIB, Besieged, is_closed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

CRAFTED_SECONDS = float(os.environ.get("CRAFTED_SECONDS", "4"))
GREEDY_SECONDS = 3  # to send what the broker does not read any more
IDLE_MS = 3000


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    besieged = Besieged(tmp_path_factory.mktemp("besieged"))
    yield besieged
    log = besieged.end()
    assert "Traceback" not in log
    assert "internal error" not in log


def prefixed(frame: bytes) -> bytes:
    return len(frame).to_bytes(4, "big") + frame


@pytest.mark.parametrize("size", [-1, -(1 << 31), (1 << 31) - 1, 100 * MIB + 1])
def test_a_length_that_cannot_be_ends_the_connection(broker, size):
    with broker.connect() as connection:
        connection.sendall(struct.pack(">i", size) + b"x" * 100)
        assert is_closed(connection)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: busd\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(512),
        b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48),
        prefixed(b""),
        prefixed(b"x"),
        prefixed(random.Random(5).randbytes(5000)),
        prefixed(header_of(3, 12, 1) + b"\x00\xff\xff\xff\xff\x0f"),
        prefixed(header_of(999, 0, 1)),
        prefixed(header_of(-1, 0, 1)),
        prefixed(header_of(0, 2, 1) + bytes(40)),
        prefixed(header_of(1, 13, 1) + bytes(40)),
        prefixed(header_of(3, 99, 1)),
        prefixed(header_of(17, 1, 1) + b"\x00\x05PLAIN"),
        prefixed(header_of(18, -1, 1))[:-2],
    ],
    ids=range(14),
)
def test_what_is_no_request_ends_the_connection(broker, data):
    with broker.connect() as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        assert is_closed(connection)
    broker.serve_somebody()


def test_an_unknown_version_of_api_versions_is_answered_with_the_range(broker):
    with KafkaPeer(broker.bootstrap) as peer:
        peer.send_frame(header_of(18, 77, 5))
        number, answer = decode_response(API_BY_KEY[18], 0, peer.receive_frame())
        assert (number, answer.error_code) == (5, UnsupportedVersion.code)
        assert [(key.api_key, key.max_version) for key in answer.api_keys] == [(18, 4)]
        assert peer.ask(hello()).error_code == 0, "the conversation goes on"


def test_half_a_frame_costs_what_was_sent_of_it_and_is_served_when_it_is_whole(broker):
    request = encode_request(RequestHeader(3, 12, 1, "slow"), MetadataRequest(topics=[]))
    whole = prefixed(request + bytes(8000))  # what follows the fields is passed over
    before = broker.memory
    with broker.connections(400) as waiting:
        for connection in waiting:
            connection.sendall(whole[:1000])
        broker.serve_somebody()
        assert broker.memory - before < 16 * MIB
        waiting[0].sendall(whole[1000:])
        size = int.from_bytes(waiting[0].recv(4), "big")
        assert size > 20
    assert broker.is_alone()


def test_a_great_length_with_little_behind_it_allocates_little(broker):
    before = broker.memory
    with broker.connections(200) as waiting:
        for connection in waiting:
            connection.sendall(struct.pack(">i", 100 * MIB) + bytes(10_000))
        broker.serve_somebody()
        assert broker.memory - before < 200 * 4 * 10_000 + 16 * MIB


def test_halves_of_frames_hold_no_more_than_their_share_in_all(tmp_path):
    limit = 256 * MIB  # a quarter of it is for requests
    broker = Besieged(tmp_path, "--set", f"memory.limit.bytes={limit}")
    try:
        before = broker.memory
        with broker.connections(60) as greedy:
            for connection in greedy:
                connection.settimeout(GREEDY_SECONDS)
                with contextlib.suppress(OSError):  # it may be closed by then
                    connection.sendall(struct.pack(">i", 90 * MIB) + bytes(4 * MIB))
            broker.serve_somebody()
            assert broker.memory - before < 64 * MIB + 32 * MIB
            assert broker.sockets > 4, "some of them may stay"
        assert broker.is_alone()
        assert "requests of all connections hold" in broker.log
    finally:
        assert "Traceback" not in broker.end()


def test_who_does_not_read_his_answers_is_not_served_more(broker):
    request = prefixed(encode_request(RequestHeader(18, 3, 1, "deaf"), hello()))
    before = broker.memory
    with broker.connections(8) as deaf:
        for connection in deaf:
            connection.settimeout(0.2)
            try:
                for _ in range(60):
                    connection.sendall(request * 1000)
            except TimeoutError:
                pass
        broker.serve_somebody()
        assert broker.memory - before < 48 * MIB


def test_4000_connections_come_and_go(broker):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4500:
        pytest.skip("this machine allows fewer than 4,500 open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4500), hard))
    assert broker.is_alone()
    before = broker.memory
    with broker.connections(4000):
        assert wait_until(lambda: broker.sockets > 4000)
        broker.serve_somebody()
        assert broker.memory - before < 100 * MIB
    assert broker.is_alone()
    held = broker.memory
    with broker.connections(4000):
        assert wait_until(lambda: broker.sockets > 4000)
    assert broker.is_alone()
    assert broker.memory - held < 16 * MIB, "the next 4,000 leave nothing more behind"
    broker.serve_somebody()


def test_a_slow_client_is_served_and_one_that_never_ends_is_closed(tmp_path):
    broker = Besieged(tmp_path, "--set", f"connections.max.idle.ms={IDLE_MS}")
    try:
        request = prefixed(encode_request(RequestHeader(18, 3, 1, "slow"), hello()))
        with broker.connect() as slow, broker.connect() as endless:
            endless.sendall(struct.pack(">i", 1000))
            for byte in request:
                slow.sendall(bytes([byte]))
                endless.sendall(b"x")
                time.sleep(0.005)
            assert slow.recv(4)
            assert wait_until(lambda: not trickle(endless)), "bytes came all the time"
    finally:
        assert "Traceback" not in broker.end()


def trickle(connection) -> bool:
    """One more byte; False once the other end has closed."""
    try:
        connection.sendall(b"x")
    except OSError:
        return False
    return True


def test_clients_out_of_their_minds_harm_nobody(broker):
    chance = random.Random(int(os.environ.get("SEED", "11")))
    deadline = time.monotonic() + CRAFTED_SECONDS
    programs, before = 0, 0
    while programs <= 50 or time.monotonic() < deadline:
        for frame in conversation(chance):
            with broker.connect() as connection:
                send(connection, frame)
        programs += 1
        if programs == 50:
            before = broker.memory
        if programs % 50 == 0:
            broker.serve_somebody()
    broker.serve_somebody()
    assert broker.memory - before < 64 * MIB


def conversation(chance: random.Random) -> list[bytes]:
    return list(frames(chance.randbytes(chance.randrange(300)), Memory()))


def send(connection, frame: bytes) -> None:
    """A frame, and what is said of it within a moment."""
    connection.settimeout(0.02)
    try:
        connection.sendall(prefixed(frame))
        connection.recv(65536)
    except OSError:
        pass

"""Keys are what they say, and the gate lets in whom it is told to."""

import os

import pytest
import zmq

from bus.adapters.zmq_curve import (
    SAME_USER,
    ZAP_URL,
    Gate,
    KeyPair,
    guard_client,
    guard_server,
    is_key,
)

KEY = bytes(range(32))
Z85 = zmq.utils.z85.encode(KEY).decode()
ASKED = [b"1.0", b"7", b"door", b"10.0.0.1", b"", b"CURVE", KEY]


@pytest.fixture
def known():
    return {Z85}


@pytest.fixture
def gate(driven, known):
    gate = Gate(driven.loop, driven.context, "door", known.__contains__)
    yield gate
    gate.close()


@pytest.fixture
def ask(driven, gate):
    """As libzmq asks."""
    asker = driven.context.socket(zmq.REQ)
    asker.linger = 0
    asker.connect(ZAP_URL)

    def make(*parts):
        asker.send_multipart(parts)
        driven.until(lambda: asker.poll(0))
        return asker.recv_multipart()

    yield make
    asker.close()


def test_a_pair_is_known_by_its_secret():
    keys = KeyPair.make()
    assert KeyPair.of_secret(keys.secret) == keys
    assert is_key(keys.public)
    assert keys.secret not in repr(keys)


@pytest.mark.parametrize("text", ["", "a", "a" * 39, "a" * 41, "~" * 40, "\u00e9" * 40])
def test_what_is_no_key_is_told(text):
    assert not is_key(text)
    with pytest.raises(ValueError, match="40 characters"):
        KeyPair.of_secret(text)


def test_a_key_that_is_known_is_let_in_under_its_own_name(ask):
    assert ask(*ASKED) == [b"1.0", b"7", b"200", b"", Z85.encode(), b""]


@pytest.mark.parametrize(
    ("part", "value"),
    [(0, b"2.0"), (2, b"window"), (2, b""), (5, b"NULL"), (6, KEY[::-1]), (6, KEY[:-1]), (6, b"")],
)
def test_all_others_are_not(ask, part, value):
    asked = list(ASKED)
    asked[part] = value
    assert ask(*asked) == [b"1.0", b"7", b"400", b"", b"", b""]


OWN_ADDRESS = b"localhost:%d:7:8" % os.geteuid()


@pytest.mark.parametrize("address", [OWN_ADDRESS, b""])  # empty: libzmq has looked alone
def test_our_own_user_is_let_in_by_a_unix_socket(ask, address):
    answer = ask(b"1.0", b"7", b"door", address, b"", b"NULL")
    assert answer == [b"1.0", b"7", b"200", b"", SAME_USER.encode(), b""]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (0, b"2.0"),
        (2, b"window"),
        (5, b"PLAIN"),
        *((3, address) for address in (
            b"10.0.0.1", b"localhost", b"localhost:%d:7:8" % (os.geteuid() + 1),
            b"x" + OWN_ADDRESS, OWN_ADDRESS + b":9", b"localhost::7:8", b"localhost:7:8",
        )),
    ],
)  # fmt: skip
def test_whoever_is_not_our_user_is_not(ask, part, value):
    asked = [b"1.0", b"7", b"door", OWN_ADDRESS, b"", b"NULL"]
    asked[part] = value
    assert ask(*asked) == [b"1.0", b"7", b"400", b"", b"", b""]


@pytest.mark.parametrize("count", [2, 6, 8])
def test_a_question_of_another_shape_is_answered_with_no(ask, count):
    assert ask(*[*ASKED, b"more"][:count])[2] == b"400"


def test_who_is_let_in_is_decided_anew_each_time(ask, known):
    known.clear()
    assert ask(*ASKED)[2] == b"400"


def test_without_a_gate_a_guarded_server_lets_nobody_in(driven):
    server, client = driven.context.socket(zmq.ROUTER), driven.context.socket(zmq.DEALER)
    keys = KeyPair.make()
    guard_server(server, keys, "door")
    server.bind("tcp://127.0.0.1:*")
    guard_client(client, KeyPair.make(), keys.public)
    events = client.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
    client.connect(server.getsockopt_string(zmq.LAST_ENDPOINT))
    driven.until(lambda: events.poll(0))
    event = zmq.utils.monitor.recv_monitor_message(events)
    assert event["event"] == zmq.EVENT_DISCONNECTED
    client.disable_monitor()
    for socket in (events, client, server):
        socket.close(0)

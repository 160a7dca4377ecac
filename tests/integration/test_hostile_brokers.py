"""Whoever reaches the port for brokers and is none, or is one and means harm."""

import logging
import socket
import struct
from contextlib import ExitStack, suppress
from uuid import UUID

import pytest

from bus.adapters.zmq_curve import KeyPair
from bus.adapters.zmq_peering import ZmqPeering
from bus.model.stored_brokers import BrokerRecord
from bus.wire.extensions import ONE_WAY
from bus.wire.fetch import FetchRequest
from bus.wire.frames import parse_request_frames, parse_response_frames, request_frames
from bus.wire.header import RequestHeader
from bus.wire.peers import BeatRequest, HelloRequest, HelloResponse
from bus.wire.produce import ProduceRequest
from bus.wire.registry import api_of
from bus.wire.replicas import BrokerReportRequest, BrokerReportResponse
from tests.fixtures.peer_world import ANYWHERE, PeerWorld
from tests.fixtures.raw_peer import GREETING, RawPeer
from tests.fixtures.waiting import SECONDS

CURVE_GREETING = GREETING.replace(b"NULL".ljust(20, b"\0"), b"CURVE".ljust(20, b"\0"))
ENDLESS_BYTES = 64 << 20  # of a message without an end


@pytest.fixture
def world():
    world = PeerWorld()
    world.link(1, 2)
    yield world
    world.close()


class Rogue:
    """It is registered as broker 3, has the key of it, and is no broker of ours."""

    def __init__(self, world, me=3):
        self.world, self.keys = world, KeyPair.make()
        self.answers, self.asked, self.downs, self.opened = [], [], [], []
        self.dial = None
        self.sockets = ZmqPeering(
            world.loop, ANYWHERE, self.keys, lambda _: True, self._on_request, lambda _: None
        )
        record = BrokerRecord({}, "", "", peer_url=self.sockets.endpoint, peer_key=self.keys.public)
        self.me = me
        world.records[me] = record
        world.tell()

    def call(self, target=1):
        there = self.world[target].record
        self.dial = self.sockets.dial(
            there.peer_url, there.peer_key, lambda: self.opened.append(True), self._on_answer,
            self.downs.append,
        )  # fmt: skip
        self.world.until(lambda: self.opened or self.downs)

    def say(self, request, number=1):
        api = api_of(request)
        self.send(request_frames(RequestHeader(api.key, api.max_version, number), request))

    def send(self, frames):
        self.dial.send(frames)

    def hello(self, **changed):
        """As broker 1 expects it: the answer to its call."""
        _, hello = self.called
        right = {
            "cluster": "test",
            "broker_id": self.me,
            "called_id": 1,
            "link": hello.link,
            "called_life": hello.life,
        }
        self.say(HelloRequest(**right | changed), 0)

    @property
    def called(self):
        """Broker 1's connection to us, and its hello; broker 2 calls as well."""
        calls = [(peer, hello) for peer, hello in self.asked if getattr(hello, "broker_id", 0) == 1]
        return calls[-1] if calls else None

    def link(self):
        """Be linked to broker 1, which calls us as it has the lower id."""
        self.world.until(lambda: self.called)
        self.call()
        self.hello()
        self.world.until(lambda: self.me in self.world[1].links.linked)

    def reason(self):
        """Why a hello was refused."""
        self.world.until(lambda: self.answers)
        api = api_of(HelloResponse)
        return parse_response_frames(api, api.max_version, self.answers[0])[1].reason

    def is_cut(self):
        self.world.until(lambda: self.downs)
        return self.me not in self.world[1].links.linked

    def close(self):
        if self.dial is not None:
            self.dial.close()
        self.sockets.close()

    def _on_request(self, peer, frames):
        self.asked.append((peer, parse_request_frames([*frames])[1]))

    def _on_answer(self, frames):
        self.answers.append([bytes(frame) for frame in frames])


@pytest.fixture
def rogue(world):
    made = Rogue(world)
    yield made
    made.close()


def all_goes_on(world):
    answers = world.ask(2, 1, BrokerReportRequest(2))
    world.until(lambda: answers)
    return answers == [BrokerReportResponse(1)]


# --- without a key -----------------------------------------------------------------------------


def test_a_message_without_an_end_gets_nowhere_without_a_key(world):
    sent = 0
    with RawPeer(world[1].links.endpoint) as peer:
        peer._socket.settimeout(SECONDS)
        with suppress(OSError):
            while sent < ENDLESS_BYTES:
                peer.send_part(bytes(1 << 20))
                sent += 1 << 20
    assert sent < ENDLESS_BYTES, "libzmq has closed the connection"
    assert all_goes_on(world)


def test_handshakes_that_do_not_go_on_are_ended(world):
    host, _, port = world[1].links.endpoint.removeprefix("tcp://").rpartition(":")
    with ExitStack() as stack:
        begun = []
        for sent in (b"", b"\xff", CURVE_GREETING, CURVE_GREETING + b"\x04\xff" * 99):
            begun.append(stack.enter_context(socket.create_connection((host, int(port)), SECONDS)))
            begun[-1].sendall(sent)
        for connection in begun:
            with suppress(ConnectionResetError):
                while connection.recv(1000):
                    pass
    assert all_goes_on(world)


def test_a_key_that_nobody_has_registered_is_refused_with_one_line(world, rogue, caplog):
    rogue.keys = KeyPair.make()
    rogue.sockets._keys = rogue.keys
    rogue.call()
    assert rogue.downs
    assert not rogue.opened
    assert f"its key {rogue.keys.public} belongs to no broker" in caplog.text


# --- with the key of a broker ------------------------------------------------------------------


def test_the_right_greeting_is_accepted(world, rogue):
    rogue.link()
    rogue.say(BrokerReportRequest(3), 1)
    world.until(lambda: world[1].asked)
    assert world[1].asked[0][0] == 3


@pytest.mark.parametrize("claimed", [2, 1, 77, -1])
def test_nobody_is_believed_to_be_another_broker(world, rogue, claimed, caplog):
    world.until(lambda: rogue.called)
    rogue.call()
    rogue.hello(broker_id=claimed)
    assert rogue.is_cut()
    assert f"it says it is broker {claimed}, whose key is another" in caplog.text
    assert world[1].links.linked == {2}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"cluster": "other"}, "this is broker 1 of the cluster 'test', and it wants broker 1"),
        ({"called_id": 2}, "it wants broker 2 of 'test'"),
        ({"link": 99}, "the call that this answers is over"),
        ({"called_life": UUID(int=5)}, "the call that this answers is over"),
    ],
)
def test_a_wrong_greeting_is_refused_with_a_sentence_and_then_cut(world, rogue, changed, reason):
    world.until(lambda: rogue.called)
    rogue.call()
    rogue.hello(**changed)
    assert reason in rogue.reason()
    assert rogue.is_cut()


def test_an_earlier_life_is_refused(world, rogue):
    world.records[3] = BrokerRecord({}, "", "", 9, rogue.sockets.endpoint, rogue.keys.public)
    world.tell()
    world.until(lambda: rogue.called)
    rogue.call()
    rogue.hello(broker_epoch=8)
    assert "a later life" in rogue.reason()


def test_nothing_is_taken_before_the_greeting(world, rogue):
    rogue.call()
    rogue.say(BeatRequest(1), ONE_WAY)
    assert rogue.is_cut()
    assert world[1].asked == []


@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [b"\0"],
        [bytes(8)],
        [b"\xff" * 100],
        [struct.pack(">hhi", 20_003, 0, ONE_WAY)],
        [struct.pack(">hhi", 20_003, 99, ONE_WAY) + bytes(10)],
        [struct.pack(">hhihb", 20_003, 0, ONE_WAY, -1, 0) + bytes(5), b"left over"],
        [b"x"] * 60,
    ],
)
def test_bytes_that_are_no_message_end_the_link_with_one_line(world, rogue, frames, caplog):
    rogue.link()
    caplog.clear()
    caplog.set_level(logging.WARNING)
    rogue.send(frames)
    assert rogue.is_cut()
    lines = [r.message for r in caplog.records if "broker 3" in r.message]
    assert len(lines) == 1, lines
    assert all_goes_on(world)


@pytest.mark.parametrize("request_", [ProduceRequest(), HelloRequest("test", 3)])
def test_what_is_not_for_brokers_ends_the_link(world, rogue, request_):
    rogue.link()
    rogue.say(request_)
    assert rogue.is_cut()
    assert world[1].asked == []


@pytest.mark.parametrize("answer", [bytes(4), b"\0\0\0\x07", b"", b"\0", b"\xff" * 8])
def test_an_answer_to_nothing_ends_the_link(world, rogue, answer):
    rogue.link()
    peer, _ = rogue.called
    peer._send(peer, [peer.identity, answer, b"more"])
    assert rogue.is_cut()
    assert all_goes_on(world)


def test_an_answer_that_cannot_be_read_ends_the_link(world, rogue):
    rogue.link()
    answers = world.ask(1, 3, FetchRequest())
    peer, _ = rogue.called
    world.until(lambda: peer.unanswered > 1)
    peer.reply([(1).to_bytes(4, "big") + b"\xff" * 50])
    world.until(lambda: answers)
    assert rogue.is_cut()


def test_whose_key_is_revoked_is_cut_off_at_once_and_stays_outside(world, rogue, caplog):
    rogue.link()
    del world.records[3]
    for me in (1, 2):
        world[me].links.on_members_changed(world.records, {3})
    assert rogue.is_cut()
    rogue.downs, rogue.opened = [], []
    rogue.call()
    assert not rogue.opened
    assert "belongs to no broker" in caplog.text

"""Links of brokers of one machine: by Unix sockets where they can, else by the network."""

import os
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from bus.adapters.zmq_curve import SAME_USER, KeyPair
from bus.adapters.zmq_peering import ZmqPeering
from bus.wire.frames import request_frames
from bus.wire.header import RequestHeader
from bus.wire.peers import HelloRequest
from bus.wire.registry import api_of
from bus.wire.replicas import BrokerReportRequest, BrokerReportResponse
from tests.fixtures.peer_world import ANYWHERE, PeerWorld

NOBODY = 65534
CALLS_AS = """
import os, sys
import zmq
from zmq.utils.monitor import recv_monitor_message
os.setuid(int(sys.argv[2]))
dealer = zmq.Context().socket(zmq.DEALER)
dealer.linger = 0
asked = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED
events = dealer.get_monitor_socket(asked)
dealer.connect(f"ipc://{sys.argv[1]}")
print(recv_monitor_message(events)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED, flush=True)
os._exit(0)
"""


@pytest.fixture
def world():
    world = PeerWorld(is_local=True)
    yield world
    world.close()


def ways(world, me):
    """How others have come in to this broker: by what they are known."""
    return {
        world[me].links._senders[peer].broker: "ipc" if peer.user == SAME_USER else "tcp"
        for peer in world[me].links._senders
    }


def until_linked_by(world, way):
    """All are, both ways; and what is asked is answered."""
    world.until_linked()
    for me, broker in world.brokers.items():
        others = [other for other in world.brokers if other != me]
        for other in others:
            answer = world.answer(me, other, BrokerReportRequest(me))
            assert answer == BrokerReportResponse(other)
        assert ways(world, me) == dict.fromkeys(others, way)
        assert broker.links.linked == frozenset(others)


def test_brokers_of_one_machine_and_user_use_its_sockets(world):
    world.link(1, 2, 3)
    until_linked_by(world, "ipc")


def test_a_broker_of_another_machine_is_linked_by_the_network(world):
    for me in (1, 2):
        world.start(me)
        world.records[me] = replace(world[me].record, boot_id=f"of {me}")
        world[me].links._boot_id = f"of {me}"
    world.tell()
    until_linked_by(world, "tcp")


@pytest.mark.parametrize("hidden", [[1], [2], [1, 2]])
def test_a_socket_that_cannot_be_seen_is_done_without(world, hidden):
    for me in (1, 2):
        world.start(me)
        path = f"/of/another/container/{me}" if me in hidden else world[me].record.peer_path
        world.records[me] = replace(world[me].record, peer_path=path)
    world.tell()
    world.until_linked()
    for me in (1, 2):
        assert ways(world, me) == {3 - me: "tcp" if me in hidden else "ipc"}


def test_a_broker_without_a_socket_is_linked_by_the_network(world, caplog):
    world.start(1)
    world.start(2, path="/no/such/place")
    world.register()
    assert "use the network" in caplog.text
    until_linked_by(world, "tcp")


def test_where_it_is_switched_off_all_use_the_network(world):
    for me in (1, 2):
        world.start(me, path="")
    world.register()
    until_linked_by(world, "tcp")


def test_a_link_that_is_cut_comes_again_by_the_same_way(world):
    world.link(1, 2)
    for me in (1, 2):
        world[me].links._links[3 - me]._end("for this test")
        world.until(lambda me=me: (me, False) in world[3 - me].links_seen)
        until_linked_by(world, "ipc")


def test_a_socket_that_a_killed_broker_left_behind_is_in_nobody_s_way(world):
    world.link(1, 2)
    path = world[2].record.peer_path
    world.stop(2)
    os.mkdir(os.path.dirname(path), 0o700)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    world.until(lambda: not world[1].links.linked)
    world.start(2)
    assert not os.path.exists(path)
    assert os.path.exists(world[2].record.peer_path)
    world.register()
    until_linked_by(world, "ipc")


def test_a_broker_that_stops_takes_its_socket_along(world):
    path = world.start(1).record.peer_path
    assert os.path.exists(path)
    world.stop(1)
    assert not os.path.exists(path)


class Caller:
    """A process of our user that is no broker."""

    def __init__(self, world, target=1):
        self.world, self.downs, self.opened = world, [], []
        keys = KeyPair.make()
        self.sockets = ZmqPeering(
            world.loop, ANYWHERE, keys, lambda _: True, lambda *_: None, lambda _: None
        )
        url = f"ipc://{world[target].record.peer_path}"
        self.dial = self.sockets.dial(
            url, "", lambda: self.opened.append(True), lambda _: None, self.downs.append
        )
        world.until(lambda: self.opened or self.downs)

    def say(self, request):
        api = api_of(request)
        self.dial.send(request_frames(RequestHeader(api.key, api.max_version, 0), request))

    def close(self):
        self.dial.close()
        self.sockets.close()


@pytest.fixture
def caller(world):
    world.link(1, 2)
    caller = Caller(world)
    yield caller
    caller.close()


@pytest.mark.parametrize("broker", [2, 3, 4])
def test_who_says_the_key_of_another_broker_than_it_names_is_cut_off(world, caller, broker, caplog):
    """2 has another key, 3 is of another machine, 4 is not known at all."""
    keys = KeyPair.make()
    elsewhere = replace(world[2].record, boot_id="other", peer_key=keys.public)
    world[1].links.on_members_changed({3: elsewhere})
    caller.say(HelloRequest("test", broker, called_id=1, link=1, key=keys.public))
    world.until(lambda: caller.downs)
    assert f"it says it is broker {broker}, whose key is another" in caplog.text
    assert world[1].links.linked == {2}


def test_who_asks_before_it_says_hello_is_cut_off(world, caller):
    caller.say(BrokerReportRequest(2))
    world.until(lambda: caller.downs)
    assert world[1].asked == []


@pytest.mark.parametrize("user", [os.geteuid(), NOBODY])
def test_another_user_is_refused_even_where_the_directory_is_open(world, user):
    if os.geteuid() != 0 and user == NOBODY:
        pytest.skip("only root can be another user")
    path = world.start(1).record.peer_path
    for each in (world.data, os.path.dirname(os.path.dirname(path)), os.path.dirname(path)):
        os.chmod(each, 0o711)
    os.chmod(path, 0o777)
    command = [sys.executable, "-c", CALLS_AS, path, str(user)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as there:
        world.until(lambda: there.poll() is not None)
        assert there.stdout.read().decode().strip() == str(user == os.geteuid())

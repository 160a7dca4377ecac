"""Links between brokers when the network, or the process at the other end, does its worst."""

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from bus.adapters.zmq_curve import KeyPair
from bus.adapters.zmq_dial import HEARTBEAT_TIMEOUT_MS
from bus.errors import BrokerUnreachable
from bus.model.stored_brokers import BrokerRecord
from bus.wire.replicas import BrokerReportRequest, BrokerReportResponse
from tests.fixtures.cutting_proxy import CuttingProxy
from tests.fixtures.peer_world import BOOT, PeerWorld

ROUNDS = 20  # of which one must do, on a machine that may starve any thread for a while
GIL_SECONDS = 1.1


@pytest.fixture
def world(request):
    world = PeerWorld(is_local=getattr(request, "param", False))
    yield world
    world.close()


on_both_ways = pytest.mark.parametrize("world", [False, True], ids=["tcp", "ipc"], indirect=True)


class Child:
    """Another broker, in a process of its own."""

    def __init__(self, world, me, other):
        self.keys, self.world = KeyPair.make(), world
        self.news = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fixtures.peer_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        os.set_blocking(self.process.stdout.fileno(), False)
        self._rest = b""
        world.loop.add_reader(self.process.stdout.fileno(), self._on_readable)
        there = world[other].record
        self.say(
            me=me, secret=self.keys.secret, path=world.path(me) if world.data else "",
            other=other, url=there.peer_url, key=there.peer_key, there=there.peer_path,
        )  # fmt: skip
        world.until(lambda: self.news)
        url, path = self.news[0]["url"], self.news[0]["path"]
        self.record = BrokerRecord({}, "", BOOT, 0, url, self.keys.public, path)

    def say(self, **words):
        self.process.stdin.write(json.dumps(words).encode() + b"\n")
        self.process.stdin.flush()

    def hold_gil(self):
        """Until it is done."""
        before = len(self.held)
        self.say(hold=GIL_SECONDS)
        self.world.until(lambda: len(self.held) > before)

    @property
    def held(self):
        return [news for news in self.news if "held" in news]

    def signal(self, number):
        self.process.send_signal(number)

    def close(self):
        self.world.loop.remove_reader(self.process.stdout.fileno())
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def _on_readable(self):
        *lines, self._rest = (self._rest + (self.process.stdout.read() or b"")).split(b"\n")
        self.news += map(json.loads, lines)


@pytest.fixture
def child(world):
    """Broker 2 in another process, linked to broker 1 here, at the pace of a real one."""
    world.start(1, silence_ms=HEARTBEAT_TIMEOUT_MS)
    made = Child(world, 2, 1)
    world[1].links.on_members_changed({2: made.record})
    world.until(lambda: world[1].links.linked)
    yield made
    made.close()


def downs(world):
    return sum(not is_up for _, is_up in world[1].links_seen)


@on_both_ways
def test_a_process_that_is_killed_is_missed(world, child):
    child.signal(signal.SIGKILL)
    world.until(lambda: not world[1].links.linked)


@on_both_ways
def test_a_process_that_stands_still_is_missed_within_a_second(world, child):
    for _ in range(ROUNDS):
        world.until(lambda: world[1].links.linked)
        child.signal(signal.SIGSTOP)
        began = time.monotonic()
        world.until(lambda: not world[1].links.linked)
        took = time.monotonic() - began
        child.signal(signal.SIGCONT)
        if took < 1:
            return
    raise AssertionError("it was never missed in time")


@on_both_ways
def test_what_was_asked_of_a_process_that_stands_still_fails_and_is_not_answered_later(
    world, child
):
    child.signal(signal.SIGSTOP)
    answers = world.ask(1, 2, BrokerReportRequest(1))
    world.until(lambda: answers)
    assert isinstance(answers[0], BrokerUnreachable)
    child.signal(signal.SIGCONT)
    again = None
    while not isinstance(again, BrokerReportResponse):
        world.until(lambda: world[1].links.linked)
        again = world.answer(1, 2, BrokerReportRequest(1))
    assert len(answers) == 1


@on_both_ways
def test_a_process_that_holds_the_gil_for_a_second_is_not_missed(world, child):
    for _ in range(ROUNDS):
        world.until(lambda: world[1].links.linked)
        before = downs(world)
        child.hold_gil()
        if downs(world) == before:
            return
    raise AssertionError("it was missed each time")


@on_both_ways
def test_we_hold_the_gil_for_a_second_ourselves_and_miss_nobody(world, child):
    for _ in range(ROUNDS):
        world.until(lambda: world[1].links.linked)
        before = downs(world)
        ctypes.PyDLL(None).usleep(int(GIL_SECONDS * 1_000_000))
        world.answer(1, 2, BrokerReportRequest(1))
        if downs(world) == before:
            return
    raise AssertionError("it was missed each time")


class Proxied:
    """Brokers 1 and 2, that reach each other through a proxy each."""

    def __init__(self, world):
        self.world, self.proxies = world, {}
        records = {}
        for me in (1, 2):
            broker = world.start(me)
            self.proxies[me] = CuttingProxy(broker.links.endpoint)
            world.loop.run_until_complete(self.proxies[me].open())
            url, key = self.proxies[me].url, broker.keys.public
            records[me] = BrokerRecord({}, "", BOOT, peer_url=url, peer_key=key)
        world.records = records
        world.tell()
        world.until_linked()

    def close(self):
        async def close():
            await asyncio.gather(*(proxy.close() for proxy in self.proxies.values()))

        self.world.loop.run_until_complete(close())


@pytest.fixture
def proxied(world):
    made = Proxied(world)
    yield made
    made.close()


@pytest.mark.parametrize("cut", [1, 2])
def test_when_one_of_its_connections_is_cut_the_link_is_lost_at_both_ends_and_comes_again(
    world, proxied, cut
):
    for count in (1, 2, 3):
        world[1].holds = world[2].holds = True
        asked = [(1, 2), (2, 1)]
        lost = [world.ask(*each, BrokerReportRequest()) for each in asked]
        proxied.proxies[cut].cut()
        world.until(partial(all, lost))
        world[1].holds = world[2].holds = False
        world.until_linked()
        assert all(isinstance(each[0], BrokerUnreachable) for each in lost)
        for me, other in asked:
            want = [(other, True), *[(other, False), (other, True)] * count]
            assert world[me].links_seen == want
            assert world.answer(me, other, BrokerReportRequest()) == BrokerReportResponse(other)


@pytest.mark.parametrize("refused", [1, 2])
def test_a_link_needs_both_of_its_connections(world, proxied, refused, caplog):
    proxied.proxies[refused].refuses = True
    proxied.proxies[refused].cut()
    world.until(lambda: not world[1].links.linked and not world[2].links.linked)
    world.until(lambda: "cannot be reached" in caplog.text)
    assert not world[1].links.linked
    proxied.proxies[refused].refuses = False
    world.until_linked()

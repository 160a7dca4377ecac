"""Who is taken for dead, by whom, and what follows."""

import pytest

from bus.broker.membership import NOBODY
from bus.broker.watching import TAKE_AGAIN_MS, Watching
from bus.control.liveness import ISOLATED_MS, OPINION_MS, STUCK_MS
from bus.model.cluster import BrokerLife
from bus.model.limits import BEAT_MS
from bus.wire.peers import BeatRequest, InquiryRequest
from tests.fixtures.timeline import Timeline


class Term:
    """What the controller's machine was told."""

    def __init__(self):
        self.told = []

    def on_silent(self, broker):
        self.told.append(("silent", broker))

    def on_heard(self, broker):
        self.told.append(("heard", broker))


class Member:
    """What a broker knows of the others."""

    def __init__(self, brokers):
        self.lives = {broker: BrokerLife(broker, True) for broker in brokers}
        self.controller = NOBODY
        self.controlling = None
        self.is_accepted = True
        self.taken = 0

    def take_control(self):
        self.taken += 1


class Broker:
    """One that watches, in a world of such."""

    def __init__(self, world, me, brokers):
        self.world, self.me = world, me
        self.member = Member(brokers)
        self.stuck_ms = 0
        self.sent = []
        self.is_paused = False
        self.watching = Watching(
            me, self.member, self, world.time, self.later, lambda: self.stuck_ms
        )

    def later(self, seconds, call):
        def run():
            if self.is_paused:
                self.held.append(call)
            else:
                call()

        return self.world.time.later(seconds, run)

    def pause(self):
        self.is_paused, self.held = True, []

    def go_on(self):
        self.is_paused = False
        for call in self.held:
            call()

    def tell(self, broker, message):
        self.sent.append((broker, message))
        self.world.carry(self.me, broker, message)

    @property
    def told(self):
        return self.member.controlling.told


class World:
    """Brokers 1 to 3, each linked to each; broker 1 controls."""

    def __init__(self):
        self.time = Timeline()
        self.brokers = {}
        everyone = (1, 2, 3)
        for me in everyone:
            self.brokers[me] = Broker(self, me, everyone)
        for me in everyone:
            for other in everyone:
                if me != other:
                    self.brokers[me].watching.on_link(other, True)
        self.control(1)

    def __getitem__(self, broker):
        return self.brokers[broker]

    def control(self, controller):
        for me, broker in self.brokers.items():
            broker.member.controller = controller
            broker.member.controlling = Term() if me == controller else None
            broker.watching.on_members_changed()

    def carry(self, source, target, message):
        there = self.brokers[target]
        self.time.later(0.001, lambda: there.is_paused or there.watching.handle(source, message))

    def lose(self, one, other):
        """Their link goes down, at both ends."""
        for me, peer in ((one, other), (other, one)):
            if not self[me].is_paused:
                self[me].watching.on_link(peer, False)

    def join(self, one, other):
        self[one].watching.on_link(other, True)
        self[other].watching.on_link(one, True)


@pytest.fixture
def world():
    world = World()
    yield world
    for broker in world.brokers.values():
        broker.watching.close()


def test_while_all_is_well_nobody_is_silent(world):
    world.time.pass_ms(10 * STUCK_MS)
    assert world[1].told == []
    assert world[2].member.taken == world[3].member.taken == 0


def test_all_beat_to_the_controller_and_it_beats_to_all(world):
    for broker in world.brokers.values():
        broker.sent.clear()
    world.time.pass_ms(10 * BEAT_MS)
    beats = {
        me: {to for to, message in broker.sent if isinstance(message, BeatRequest)}
        for me, broker in world.brokers.items()
    }
    assert beats == {1: {2, 3}, 2: {1}, 3: {1}}


def test_one_that_all_have_lost_is_fenced_before_an_opinion_would_be_overdue(world):
    world[2].pause()
    world.lose(1, 2)
    world.lose(3, 2)
    world.time.pass_ms(OPINION_MS // 2)
    assert world[1].told == [("silent", 2)]


def test_one_that_another_loses_a_little_later_is_fenced_then(world):
    world[2].pause()
    world.lose(1, 2)
    world.time.pass_ms(30)
    assert world[1].told == [], "broker 3 hears it"
    world.lose(3, 2)
    world.time.pass_ms(5)
    assert world[1].told == [("silent", 2)]


def test_one_that_another_hears_is_fenced_later(world):
    world.lose(1, 2)
    world.time.pass_ms(ISOLATED_MS - 50)
    assert world[1].told == []
    world.time.pass_ms(100)
    assert world[1].told == [("silent", 2)]


def test_one_that_is_back_is_heard(world):
    world.lose(1, 2)
    world.time.pass_ms(2 * ISOLATED_MS)
    world.join(1, 2)
    assert world[1].told == [("silent", 2), ("heard", 2)]


def test_one_whose_loop_stands_still_is_fenced_though_its_links_stand(world):
    world[2].pause()
    world.time.pass_ms(STUCK_MS + 2 * BEAT_MS)
    assert world[1].told == [("silent", 2)]


@pytest.mark.parametrize("broker", [1, 2])
def test_one_whose_disk_stands_still_is_fenced_the_controller_too(world, broker):
    world[broker].stuck_ms = STUCK_MS
    world.time.pass_ms(2 * BEAT_MS)
    assert world[1].told == [("silent", broker)]
    world[broker].stuck_ms = 0
    world.time.pass_ms(2 * BEAT_MS)
    assert world[1].told[1:] == [("heard", broker)]


def test_a_controller_that_stood_still_itself_blames_nobody(world):
    world[1].pause()
    world.time.pass_ms(3 * STUCK_MS)
    world[1].go_on()
    world.time.pass_ms(STUCK_MS)
    assert world[1].told == []


def test_control_is_taken_from_one_that_all_have_lost(world):
    world[1].pause()
    world.lose(2, 1)
    world.lose(3, 1)
    world.time.pass_ms(OPINION_MS // 2)
    assert (world[2].member.taken, world[3].member.taken) == (1, 1)


def test_control_is_taken_again_while_the_store_does_not_show_it(world):
    world[1].pause()
    world.lose(2, 1)
    world.lose(3, 1)
    world.time.pass_ms(TAKE_AGAIN_MS + 2 * BEAT_MS)
    assert world[2].member.taken == 2
    world.control(2)
    world.time.pass_ms(3 * TAKE_AGAIN_MS)
    assert world[2].member.taken == 2
    assert world[2].told == [("silent", 1)], "it watches all by itself, from the beginning"


def test_control_is_taken_from_one_whose_loop_stands_still(world):
    world[1].pause()
    world.time.pass_ms(STUCK_MS + 2 * BEAT_MS)
    assert world[2].member.taken >= 1


def test_control_is_not_taken_from_one_that_another_hears(world):
    world.lose(2, 1)
    world.time.pass_ms(2 * ISOLATED_MS)
    assert world[2].member.taken == 0


def test_one_that_is_not_accepted_takes_no_control(world):
    world[2].member.is_accepted = False
    world.lose(2, 1)
    world.lose(3, 1)
    world.time.pass_ms(2 * ISOLATED_MS)
    assert world[2].member.taken == 0


def test_a_broker_that_nobody_knows_takes_no_memory(world):
    for number in range(100, 200):
        world[1].watching.handle(2, InquiryRequest(number))
    assert not world[1].watching._inquirers


def test_what_is_nothing_of_the_kind_is_left_to_others(world):
    assert not world[1].watching.handle(2, object())

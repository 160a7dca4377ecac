"""Brokers ask and tell each other over real sockets, and know when they cannot."""

import logging
from uuid import UUID

import pytest

from bus.errors import BrokerUnreachable
from bus.wire.fetch import FetchableTopicResponse, FetchRequest, FetchResponse, PartitionData
from bus.wire.peers import BeatRequest
from bus.wire.replicas import BrokerReportRequest, BrokerReportResponse
from tests.fixtures.peer_world import PeerWorld


@pytest.fixture
def world():
    world = PeerWorld()
    yield world
    world.close()


def test_all_that_know_each_other_are_linked(world):
    world.link(1, 2, 3)
    assert sorted(world[2].links_seen) == [(1, True), (3, True)]


@pytest.mark.parametrize(("source", "target"), [(1, 2), (2, 1)])
def test_a_question_is_answered(world, source, target):
    world.link(1, 2)
    answers = world.ask(source, target, BrokerReportRequest(source, 5, "boot"))
    world.until(lambda: answers)
    assert answers == [BrokerReportResponse(target)]
    assert world[target].asked[0][:2] == (source, BrokerReportRequest(source, 5, "boot"))


def test_what_is_told_has_no_answer_and_keeps_its_order(world):
    world.link(1, 2)
    for number in range(100):
        world[1].links.tell(2, BeatRequest(number))
    world.until(lambda: len(world[2].asked) == 100)
    assert [request.stuck_ms for _, request, _ in world[2].asked] == list(range(100))


def test_records_come_as_they_are(world):
    world.link(1, 2)
    world[2].holds = True
    records = [bytes([number]) * size for number, size in enumerate((0, 10, 200_000, 1 << 20))]
    parts = [PartitionData(number, records=each) for number, each in enumerate(records)]
    answers = world.ask(1, 2, FetchRequest())
    world.until(lambda: world[2].asked)
    _, _, reply = world[2].asked[0]
    reply(FetchResponse(responses=[FetchableTopicResponse(topic_id=UUID(int=1), partitions=parts)]))
    world.until(lambda: answers)
    (topic,) = answers[0].responses
    assert [bytes(part.records) for part in topic.partitions] == records


def test_whoever_is_not_linked_cannot_be_asked(world):
    world.start(1)
    answers = world.ask(1, 2, BrokerReportRequest(1))
    world[1].links.tell(2, BeatRequest(1))
    assert answers == [], "later, never at once"
    world.until(lambda: answers)
    assert isinstance(answers[0], BrokerUnreachable)


def test_when_a_broker_ends_all_that_was_asked_of_it_fails(world, caplog):
    caplog.set_level(logging.CRITICAL)
    world.link(1, 2)
    world[2].holds = True
    answers = world.ask(1, 2, BrokerReportRequest(1))
    world.until(lambda: world[2].asked)
    world.stop(2)
    world.until(lambda: answers)
    assert isinstance(answers[0], BrokerUnreachable)
    assert world[1].links_seen == [(2, True), (2, False)]


@pytest.mark.parametrize("broker", [1, 2])
def test_another_life_is_linked_anew_and_hears_nothing_of_the_older(world, broker):
    world.link(1, 2)
    other = 3 - broker
    world.stop(broker)
    for number in range(10):
        world[other].links.tell(broker, BeatRequest(number))
    world.start(broker)
    world.register()
    world.until_linked()
    answers = world.ask(other, broker, BrokerReportRequest(other))
    world.until(lambda: answers)
    assert [type(request) for _, request, _ in world[broker].asked] == [BrokerReportRequest]
    assert world[other].links_seen == [(broker, True), (broker, False), (broker, True)]

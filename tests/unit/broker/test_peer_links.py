"""Brokers ask and tell each other over real sockets, and know when they cannot."""

import logging
from dataclasses import replace
from uuid import UUID

import pytest

from bus.broker.handlers.forwarded import OF_PEERS
from bus.broker.peer_links import SERVED
from bus.errors import BrokerUnreachable, BufferFull
from bus.wire.fetch import FetchableTopicResponse, FetchRequest, FetchResponse, PartitionData
from bus.wire.peers import BeatRequest
from bus.wire.replicas import BrokerReportRequest, BrokerReportResponse
from tests.fixtures.peer_world import PeerWorld


@pytest.fixture(params=[False, True], ids=["tcp", "ipc"])
def world(request):
    world = PeerWorld(is_local=request.param)
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


def test_a_handler_that_fails_ends_the_link_and_not_the_broker(world, caplog):
    world.link(1, 2)

    def fail(*_):
        raise RuntimeError("a bug")

    world[2].links._handle, sound = fail, world[2].links._handle
    answers = world.ask(1, 2, BrokerReportRequest(1))
    world.until(lambda: answers)
    assert isinstance(answers[0], BrokerUnreachable)
    assert "a bug" in caplog.text
    world[2].links._handle = sound
    world.until_linked()


def test_an_answer_that_cannot_be_encoded_ends_the_link(world, caplog):
    world.link(1, 2)
    world[2].holds = True
    answers = world.ask(1, 2, BrokerReportRequest(1))
    world.until(lambda: world[2].asked)
    world[2].asked[0][2](BrokerReportResponse("no number"))
    world.until(lambda: answers)
    assert isinstance(answers[0], BrokerUnreachable)
    assert "cannot be encoded" in caplog.text


def test_an_answer_to_a_question_of_an_older_link_goes_nowhere(world):
    world.link(1, 2)
    world[2].holds = True
    lost = world.ask(1, 2, BrokerReportRequest(1))
    world.until(lambda: world[2].asked)
    _, _, reply = world[2].asked[0]
    world[1].links._links[2]._end("for this test")
    world.until(lambda: lost and world[2].links_seen[-1] == (1, False))
    world.until_linked()
    reply(BrokerReportResponse(99))
    world[2].holds = False
    answers = world.ask(1, 2, BrokerReportRequest(1))
    world.until(lambda: answers)
    assert answers == [BrokerReportResponse(2)]
    assert isinstance(lost[0], BrokerUnreachable)
    assert len(lost) == 1


def test_more_than_so_many_questions_are_not_asked_at_once(world, monkeypatch):
    monkeypatch.setattr("bus.broker.peer_link.PEER_ASKS_MAX", 3)
    world.link(1, 2)
    world.answer(1, 2, BrokerReportRequest(1))  # so the greeting is answered, too
    world[2].holds = True
    answers = [world.ask(1, 2, BrokerReportRequest(1)) for _ in range(4)]
    world.until(lambda: answers[3])
    assert isinstance(answers[3][0], BufferFull)
    assert not any(answers[:3])


def test_a_broker_that_moves_is_called_where_it_is_now(world):
    world.link(1, 2)
    world.stop(2)
    world.start(2)
    world.register()
    world.until_linked()


def test_a_broker_whose_entry_has_vanished_keeps_its_link(world):
    world.link(1, 2)
    world[1].links.on_members_changed({})
    answers = world.ask(1, 2, BrokerReportRequest(1))
    world.until(lambda: answers)
    assert answers == [BrokerReportResponse(2)]
    world[1].links._links[2]._end("for this test")
    world.until_linked()


def test_a_broker_that_was_removed_is_cut_off_and_not_let_in_again(world, caplog):
    world.link(1, 2, 3)
    del world.records[2]
    for me in (1, 3):
        world[me].links.on_members_changed(world.records, {2})
    world.until(lambda: not world[2].links.linked)
    world.until(lambda: "its key" in caplog.text or "whose key" in caplog.text)
    assert world[1].links.linked == {3}
    assert world[3].links.linked == {1}


@pytest.mark.parametrize("broker", [1, 2])
def test_a_broker_with_another_key_leaves_the_older_one_outside(world, broker, caplog):
    world.link(1, 2)
    older, other = world.brokers.pop(broker), 3 - broker
    del world.keys[broker]
    world.start(broker)
    world.register()
    world.until_linked()
    world.until(lambda: not older.links.linked)
    older.links.on_members_changed({other: world[other].record})
    world.until(lambda: older.links_seen[-1][1] is False)
    assert world[other].links.linked == {broker}
    older.close()


def test_a_later_life_that_is_registered_ends_the_link_of_an_earlier_one(world):
    world.start(1, epoch=5)
    world.start(2, epoch=6)
    world.register()
    world.until_linked()
    later = replace(world[2].record, epoch=9)
    world[1].links.on_members_changed({2: later})
    world.until(lambda: (2, False) in world[1].links_seen)
    world.until(lambda: world[1].links._links[2]._told)
    assert world[1].links.linked == frozenset()
    world[2].epoch = 9
    world.until_linked()


def test_a_life_that_is_not_registered_yet_is_linked_by_its_key(world):
    world.start(1, epoch=5)
    world.start(2)
    world.records[2] = replace(world[2].record, epoch=3)
    world.records[1] = world[1].record
    world.tell()
    world.until_linked()
    world.records[2] = replace(world[2].record, epoch=7)
    world.tell()
    assert world[1].links.linked == {2}, "it was registered since, and is the same"


def test_one_that_has_just_registered_is_called_at_once(world, monkeypatch):
    monkeypatch.setattr("bus.broker.peer_link.AGAIN_S_MAX", 1000.0)
    world.link(1, 2)
    link, url = world[1].links._links[2], world[2].links.endpoint
    link._failures = 16
    world.stop(2)
    world.until(lambda: link._failures > 16)
    world.start(2, epoch=3, url=url)
    world.register()
    world.until_linked()


def test_after_the_end_nobody_is_told_anything(world):
    world.link(1, 2)
    broker = world[1]
    answers = world.ask(1, 2, BrokerReportRequest(1))
    before = list(broker.links_seen)
    world.stop(1)
    world.until(lambda: (1, False) in world[2].links_seen)
    assert answers == []
    assert broker.links_seen == before
    broker.links.ask(2, BrokerReportRequest(1), answers.append)
    broker.links.tell(2, BeatRequest(1))
    broker.close()


def test_what_is_passed_on_to_the_controller_is_taken_from_brokers():
    assert OF_PEERS.keys() <= SERVED

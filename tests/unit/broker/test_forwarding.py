"""What only the controller does, asked of it from any broker: each line of the table."""

from dataclasses import dataclass, field

import pytest

from bus.broker.forwarding import Forwarding
from bus.errors import (
    BrokerUnreachable,
    InvalidTopic,
    NotController,
    RequestTimedOut,
)
from bus.wire.admin import (
    CreatableTopic,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from bus.wire.metadata import MetadataRequest, MetadataResponse, MetadataResponseTopic
from tests.fixtures.timeline import Timeline

REQUEST = CreateTopicsRequest([CreatableTopic("t")])


@dataclass
class Members:
    controller: int = 2
    controlling: object = None


@dataclass
class Copy:
    revision: int = 5


@dataclass
class Links:
    asked: list = field(default_factory=list)

    def ask(self, broker, request, done):
        self.asked.append((broker, request, done))


class Office:
    """Broker 1."""

    def __init__(self) -> None:
        self.time = Timeline()
        self.members, self.copy, self.links = Members(), Copy(), Links()
        self.told: list = []
        self.forwarding = Forwarding(
            1, self.members, self.copy, self.links, self.time, self.time.later
        )

    def ask(self) -> None:
        self.forwarding.ask(REQUEST, 1000, self.told.append)

    def answer(self, answer: object) -> None:
        _, _, done = self.links.asked.pop()
        done(answer)


@pytest.fixture
def office() -> Office:
    return Office()


def done_at(revision: int, error: int = 0) -> CreateTopicsResponse:
    return CreateTopicsResponse(
        topics=[CreatableTopicResult(name="t", error_code=error, configs=[])], revision=revision
    )


def test_who_controls_does_it_himself(office: Office) -> None:
    office.members.controlling = object()
    office.ask()
    assert (office.told, office.links.asked) == ([None], [])


def test_another_one_is_asked(office: Office) -> None:
    office.ask()
    assert office.links.asked[0][:2] == (2, REQUEST)
    answer = done_at(5)
    office.answer(answer)
    assert office.told == [answer]


def test_an_answer_waits_for_this_brokers_copy_of_the_store(office: Office) -> None:
    office.ask()
    office.answer(done_at(7))
    assert office.told == []
    office.copy.revision = 7
    office.forwarding.on_news()
    assert len(office.told) == 1


def test_a_copy_that_stays_behind_is_told(office: Office) -> None:
    office.ask()
    office.answer(done_at(7))
    office.time.pass_ms(1000)
    (error,) = office.told
    assert isinstance(error, RequestTimedOut)
    office.copy.revision = 7
    office.forwarding.on_news()
    assert len(office.told) == 1


def test_while_nobody_controls_it_is_asked_again(office: Office) -> None:
    office.members.controller = -1
    office.ask()
    office.time.pass_ms(300)
    assert (office.told, office.links.asked) == ([], [])
    office.members.controller = 3
    office.time.pass_ms(200)
    assert office.links.asked[0][0] == 3


def test_who_controls_no_more_is_not_believed(office: Office) -> None:
    office.ask()
    office.answer(done_at(0, NotController.code))
    assert office.told == []
    office.members.controller = 3
    office.time.pass_ms(200)
    assert office.links.asked[0][0] == 3


def test_it_is_not_asked_for_ever(office: Office) -> None:
    office.members.controller = -1
    office.ask()
    office.time.pass_ms(1200)
    (error,) = office.told
    assert isinstance(error, NotController)


def test_of_one_that_is_not_reached_nobody_knows_what_it_did(office: Office) -> None:
    office.ask()
    office.answer(BrokerUnreachable())
    (error,) = office.told
    assert isinstance(error, RequestTimedOut)


@pytest.mark.parametrize(("code", "error"), [(0, None), (InvalidTopic.code, InvalidTopic)])
def test_a_topic_is_made_as_somebodys_first_use_makes_it(office: Office, code, error) -> None:
    office.forwarding.make("t", lambda done: done(None), office.told.append)
    request = office.links.asked[0][1]
    assert isinstance(request, MetadataRequest)
    assert request.allow_auto_topic_creation
    office.answer(MetadataResponse(topics=[MetadataResponseTopic(name="t", error_code=code)]))
    (told,) = office.told
    assert told is None if error is None else isinstance(told, error)


def test_the_controller_makes_it_here(office: Office) -> None:
    office.members.controlling = object()
    office.forwarding.make("t", lambda done: done(None), office.told.append)
    assert office.told == [None]

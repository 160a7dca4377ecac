"""A conversation agrees on versions, keeps to the credit, and gives each call one answer."""

import pytest

from bus.client.conversation import Conversation
from bus.errors import BufferFull, FrameError, NetworkError, UnsupportedVersion
from bus.wire.fetch import FetchRequest, FetchResponse
from bus.wire.metadata import (
    ApiVersion,
    ApiVersionsResponse,
    MetadataRequest,
    MetadataResponse,
)
from bus.wire.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)

SERVED = [ApiVersion(0, 3, 9), ApiVersion(1, 4, 17), ApiVersion(3, 0, 12), ApiVersion(18, 0, 3)]


class Stage:
    """The machine's carrier, its clock's `soon`, and its peer."""

    def __init__(self):
        self.sent, self.answers, self.later, self.full, self.closed = [], [], [], False, False
        self.talk = Conversation("kafka://a:1", "me", self.soon, self)
        self.talk.open()

    def soon(self, fn, *args):
        self.later.append((fn, args))

    def send(self, header, request):
        if self.full:
            raise BufferFull
        self.sent.append((header, request))
        return 100

    def close(self):
        self.closed = True

    def run(self):
        while self.later:
            fn, args = self.later.pop(0)
            fn(*args)

    def call(self, request=None):
        self.talk.call(request or MetadataRequest(), self.answers.append)

    def answer(self, response, index=-1):
        self.talk.on_answer(self.sent[index][0].correlation_id, lambda api, version: response)

    def opened(self, **facts):
        self.answer(ApiVersionsResponse(0, SERVED, **facts))
        return self


def produce(size, acks=-1):
    data = PartitionProduceData(0, bytes(size))
    return ProduceRequest(acks=acks, topic_data=[TopicProduceData("t", [data])])


def versions(stage):
    return [(header.api_key, header.api_version) for header, _ in stage.sent]


def test_calls_wait_for_the_versions_and_leave_in_order_in_the_highest_common_one():
    stage = Stage()
    stage.call()
    stage.call(FetchRequest())
    assert versions(stage) == [(18, 3)]
    stage.opened()
    assert versions(stage) == [(18, 3), (3, 12), (1, 12)]


def test_a_broker_that_knows_an_older_opening_is_asked_in_that():
    stage = Stage()
    stage.call()
    stage.answer(ApiVersionsResponse(UnsupportedVersion.code, [ApiVersion(18, 0, 1)]))
    stage.opened()
    assert versions(stage) == [(18, 3), (18, 1), (3, 12)]


def test_a_broker_that_does_not_say_which_openings_it_knows_is_asked_in_ever_older_ones():
    stage = Stage()
    for _ in range(3):
        stage.answer(ApiVersionsResponse(UnsupportedVersion.code))
    assert [version for _, version in versions(stage)] == [3, 2, 1, 0]
    stage.call()
    stage.answer(ApiVersionsResponse(UnsupportedVersion.code))
    stage.run()
    assert isinstance(stage.answers[0], UnsupportedVersion)


def test_what_the_broker_does_not_serve_is_refused_and_holds_nothing_up():
    stage = Stage()
    stage.answer(ApiVersionsResponse(0, [ApiVersion(3, 0, 12), ApiVersion(0, 20, 21)]))
    stage.call(FetchRequest())
    stage.call(produce(1))
    stage.call()
    stage.run()
    assert [str(answer) for answer in stage.answers] == [
        "kafka://a:1 does not serve Fetch.",
        "kafka://a:1 serves Produce in versions 20 to 21; this client knows 3 to 11.",
    ]
    assert versions(stage)[-1] == (3, 12)


def test_no_more_requests_are_out_than_the_broker_gives_credit_for():
    stage = Stage().opened(credit_requests=2)
    for _ in range(3):
        stage.call()
    assert len(stage.sent) == 3
    stage.answer(MetadataResponse())
    assert len(stage.sent) == 4


def test_a_large_request_goes_alone():
    stage = Stage().opened(credit_bytes=1000)
    stage.call()
    stage.call(produce(2000))
    assert len(stage.sent) == 2
    stage.answer(MetadataResponse())
    assert len(stage.sent) == 3


def test_a_produce_without_acknowledgement_is_over_once_it_is_sent():
    stage = Stage().opened()
    stage.call(produce(10, acks=0))
    stage.run()
    assert stage.answers == [ProduceResponse()]
    assert stage.talk.load == 0


def test_a_fetch_may_be_answered_many_times():
    stage = Stage().opened()
    stage.call(FetchRequest())
    for more in (True, True, False, False):
        stage.answer(FetchResponse(more=more))
    assert [answer.more for answer in stage.answers] == [True, True, False]


def test_a_lost_peer_fails_what_is_out_and_what_is_asked_later():
    stage = Stage().opened()
    stage.call()
    stage.talk.on_down("It went away.")
    stage.call()
    stage.answer(MetadataResponse(), index=1)
    stage.run()
    assert [str(answer) for answer in stage.answers] == ["It went away."] * 2


@pytest.mark.parametrize("when", ["read", "number"])
def test_what_is_no_answer_ends_the_conversation(when):
    stage = Stage().opened()
    stage.call()

    def read(api, version):
        raise FrameError("Too short.")

    if when == "read":
        stage.talk.on_answer(stage.sent[-1][0].correlation_id, read)
    else:
        stage.talk.on_nonsense(FrameError("Too short."))
    stage.run()
    assert isinstance(stage.answers[0], NetworkError)
    assert stage.talk.lost


def test_a_carrier_that_takes_no_more_ends_the_conversation():
    stage = Stage().opened()
    stage.call()
    stage.full = True
    stage.call()
    stage.run()
    assert [type(answer) for answer in stage.answers] == [NetworkError, NetworkError]


def test_nobody_is_called_after_close():
    stage = Stage().opened()
    stage.call()
    stage.talk.close()
    stage.answer(MetadataResponse())
    stage.run()
    assert stage.closed
    assert not stage.answers

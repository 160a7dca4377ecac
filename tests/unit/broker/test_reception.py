"""What goes wrong with one request ends its conversation, and nothing else."""

from functools import partial

import pytest

from bus.broker.context import Context
from bus.broker.reception import Reception
from bus.wire.brokers import DrainBrokerRequest
from bus.wire.frames import decode_request, encode_request, encode_response
from bus.wire.header import RequestHeader
from bus.wire.metadata import ApiVersionsRequest, MetadataRequest
from bus.wire.registry import api_of
from tests.fixtures.kafka_peer import header_of
from tests.fixtures.node import Bench

METADATA = api_of(MetadataRequest)


class Peer:
    name = "somebody"

    def __init__(self) -> None:
        self.closed_because = ""

    def close(self, reason: str) -> None:
        self.closed_because = reason


@pytest.fixture
def reception(bench: Bench) -> Reception:
    return Reception(bench.node, lambda: None, is_kafka=True)


def read(reception: Reception, peer: Peer, frame: bytes, refused: list):
    return reception.read(
        peer, frame, partial(decode_request, frame), lambda *answer: refused.append(answer)
    )


def test_a_request_is_read_with_its_header(reception: Reception) -> None:
    peer = Peer()
    frame = encode_request(RequestHeader(3, 9, 7, "c"), MetadataRequest(topics=[]))
    api, header, request = read(reception, peer, frame, [])
    assert (api, header.correlation_id, request) == (METADATA, 7, MetadataRequest(topics=[]))
    assert peer.closed_because == ""


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        header_of(3, 9, 1),  # the body is missing
        header_of(999, 0, 1),
        header_of(3, 99, 1),
        header_of(1, 17, 1),
    ],
)
def test_what_is_not_served_ends_the_conversation(reception: Reception, frame: bytes) -> None:
    peer, refused = Peer(), []
    assert read(reception, peer, frame, refused) is None
    assert peer.closed_because
    assert refused == []


@pytest.mark.parametrize("is_kafka", [False, True])
def test_requests_of_ours_are_taken_where_kafka_is_not_spoken(bench: Bench, is_kafka: bool) -> None:
    reception = Reception(bench.node, lambda: None, is_kafka=is_kafka)
    peer, drain = Peer(), api_of(DrainBrokerRequest)
    frame = encode_request(RequestHeader(drain.key, 0, 7, "c"), DrainBrokerRequest())
    found = read(reception, peer, frame, [])
    assert (found is None, bool(peer.closed_because)) == (is_kafka, is_kafka)


def test_an_unknown_api_versions_is_refused_by_an_answer(reception: Reception) -> None:
    peer, refused = Peer(), []
    assert read(reception, peer, header_of(18, 77, 5), refused) is None
    ((header, answer),) = refused
    assert header.correlation_id == 5
    assert [key.api_key for key in answer.api_keys] == [api_of(ApiVersionsRequest).key]
    assert peer.closed_because == ""


def test_an_answer_that_cannot_be_encoded_ends_its_conversation_alone(
    reception: Reception, caplog: pytest.LogCaptureFixture
) -> None:
    peer = Peer()

    def reply(answer) -> None:
        answer.brokers = None
        encode_response(METADATA, 9, 1, answer)

    reception.dispatch(peer, Context(9, "somebody", "zmq"), MetadataRequest(topics=[]), reply)
    assert peer.closed_because == "internal error"
    assert "cannot be encoded" in caplog.text

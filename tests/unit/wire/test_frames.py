"""Do whole messages have the form that TCP and ZeroMQ ask for?"""

import pytest

from bus.errors import FrameError, UnsupportedVersion
from bus.wire.fetch import FetchableTopicResponse, FetchResponse, PartitionData
from bus.wire.frames import (
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    parse_header,
    parse_request_frames,
    parse_response_frames,
    request_frames,
    response_chunks,
    response_correlation_id,
    response_frames,
)
from bus.wire.header import RequestHeader
from bus.wire.metadata import ApiVersion, ApiVersionsResponse
from bus.wire.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from bus.wire.registry import API_BY_KEY

PRODUCE, FETCH, API_VERSIONS = API_BY_KEY[0], API_BY_KEY[1], API_BY_KEY[18]
HEADER = RequestHeader(0, 9, 5, "me")


def produce(*records):
    partitions = [PartitionProduceData(index, data) for index, data in enumerate(records)]
    return ProduceRequest(acks=-1, topic_data=[TopicProduceData("t", partitions)])


def parts(message):
    return [part.records for part in message.topic_data[0].partition_data]


def test_over_tcp_records_stand_in_their_place():
    data = encode_request(HEADER, produce(b"first", b"second"))
    assert data.index(b"\x06first") < data.index(b"\x07second")


def test_over_zeromq_records_follow_in_frames_of_their_own():
    first, second = b"first", memoryview(b"second")
    frames = request_frames(HEADER, produce(first, None, second))
    assert frames[1] is first
    assert frames[2] is second
    assert b"first" not in frames[0]
    assert parts(parse_request_frames(frames)[1]) == [b"first", None, b"second"]


def test_empty_records_have_a_frame_and_null_has_none():
    frames = request_frames(HEADER, produce(b"", None))
    assert len(frames) == 2
    assert parts(parse_request_frames(frames)[1]) == [b"", None]


def test_records_are_views_of_what_was_received():
    received = bytearray(encode_request(HEADER, produce(b"abc")))
    (view,) = parts(decode_request(received)[1])
    received[received.index(b"abc")] = ord("x")
    assert view == b"xbc"


def test_any_contiguous_buffer_serves_as_records():
    for data in (b"abcd", bytearray(b"abcd"), memoryview(b"abcd").cast("I")):
        assert parts(decode_request(encode_request(HEADER, produce(data)))[1]) == [b"abcd"]
        frames = request_frames(HEADER, produce(data))
        assert parts(parse_request_frames(frames)[1])[0].nbytes == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frames: frames[:2], "is missing"),
        (lambda frames: [*frames, b"more"], "1 frames are left over"),
        (lambda frames: [frames[0], frames[1] + b"x", frames[2]], "5 bytes are claimed"),
        (lambda frames: [], "no frames"),
    ],
)
def test_frames_that_do_not_agree_are_refused(change, message):
    frames = request_frames(HEADER, produce(b"first", b"second"))
    with pytest.raises(FrameError, match=message):
        parse_request_frames(change(frames))


def test_a_request_of_an_unknown_version_still_shows_its_header():
    data = b"\x00\x12\x00\x63\x00\x00\x00\x07\x00\x02me" + b"whatever follows"
    with pytest.raises(UnsupportedVersion):
        decode_request(data)
    assert parse_header(data) == RequestHeader(18, 99, 7, "me")


def test_an_unknown_request_is_refused_as_unsupported():
    with pytest.raises(UnsupportedVersion):
        decode_request(b"\x03\xe7\x00\x00\x00\x00\x00\x07\xff\xff")


def test_unknown_tags_of_a_request_header_are_passed_over():
    plain = encode_request(HEADER, produce(b"x"))
    start = len(b"\x00\x00\x00\x09\x00\x00\x00\x05\x00\x02me")
    assert plain[start] == 0
    tagged = plain[:start] + b"\x02" + b"\x05\x01a" + b"\x63\x00" + plain[start + 1 :]
    assert decode_request(tagged) == decode_request(plain)


def test_the_answer_to_api_versions_can_be_read_without_knowing_its_version():
    assert encode_response(API_VERSIONS, 4, 7, ApiVersionsResponse())[4:6] == b"\x00\x00"
    data = encode_response(API_VERSIONS, 0, 7, ApiVersionsResponse(35, [ApiVersion(18, 0, 4)]))
    assert decode_response(API_VERSIONS, 4, data)[1].api_keys == [ApiVersion(18, 0, 4)]


def test_a_flexible_response_has_tags_in_its_header():
    data = encode_response(PRODUCE, 9, 7, ProduceResponse())
    assert data[:6] == b"\x00\x00\x00\x07\x00\x01"
    assert response_correlation_id(data) == 7


def test_our_additions_travel_over_zeromq_by_default_and_over_tcp_only_when_asked():
    part = PartitionProduceResponse(base_offset=10, flushed_offset=12, replicas=3)
    response = ProduceResponse([TopicProduceResponse("t", [part])])
    frames = response_frames(PRODUCE, 11, 7, response)
    assert parse_response_frames(PRODUCE, 11, frames) == (7, response)
    _, plain = decode_response(PRODUCE, 11, encode_response(PRODUCE, 11, 7, response), True)
    assert plain.responses[0].partition_responses[0].flushed_offset == -1


def test_chunks_hold_the_records_uncopied():
    data = memoryview(b"records")
    topic = FetchableTopicResponse("t", partitions=[PartitionData(records=data)])
    chunks = response_chunks(FETCH, 11, 7, FetchResponse(responses=[topic]))
    assert chunks[-1] is data
    assert b"".join(chunks) == encode_response(FETCH, 11, 7, FetchResponse(responses=[topic]))


def test_bytes_behind_the_fields_of_a_request_are_ignored_as_kafka_does():
    plain = encode_request(HEADER, produce(b"abcd"))
    assert parts(decode_request(plain + b"more")[1]) == [b"abcd"]


def test_the_metadata_of_all_topics_is_read_as_librdkafka_asks_for_it():
    asked = "0003000c00000003000772646b61666b610000000000010000"  # its array's length has 4 bytes
    header, request = decode_request(bytes.fromhex(asked))
    assert (header.api_version, request.topics) == (12, None)

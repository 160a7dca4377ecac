"""Are the headers those of Kafka's request header 1 and 2?"""

import pytest

from bus.errors import FrameError
from bus.model.limits import CLIENT_ID_LENGTH_MAX
from bus.native.encoder import Encoder
from bus.wire.frames import parse_header
from bus.wire.header import REQUEST_HEADER, RESPONSE_HEADER, RequestHeader, ResponseHeader


def written(program, header):
    encoder = Encoder()
    encoder.write(program, header)
    return encoder.joined()


def test_a_request_header_is_key_version_number_and_name():
    data = written(REQUEST_HEADER, RequestHeader(18, 4, 7, "me"))
    assert data == b"\x00\x12\x00\x04\x00\x00\x00\x07\x00\x02me"


def test_the_client_may_be_nameless():
    data = written(REQUEST_HEADER, RequestHeader(18, 4, 7, None))
    assert data.endswith(b"\x00\x00\x00\x07\xff\xff")
    assert parse_header(data).client_id is None


def test_a_response_header_is_the_number():
    assert written(RESPONSE_HEADER, ResponseHeader(-1)) == b"\xff\xff\xff\xff"


def test_the_name_has_a_limit():
    data = written(REQUEST_HEADER, RequestHeader(18, 4, 7, "x" * (CLIENT_ID_LENGTH_MAX + 1)))
    with pytest.raises(FrameError, match="client id"):
        parse_header(data)

"""Messages from the wire: requests and responses, in one piece and in ZeroMQ's frames."""

from collections.abc import Iterable
from contextlib import suppress

from bus.errors import FrameError, UnsupportedVersion
from bus.wire.frames import (
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    parse_header,
    parse_request_frames,
    parse_response_frames,
    request_frames,
    response_correlation_id,
    response_frames,
)
from bus.wire.header import RequestHeader
from tests.fixtures.messages import ALL_FORMS, sample
from tests.fuzz.targets.exact import exact

HEADER = RequestHeader(0, 0, 7, "fuzz")
ASKED = [form for form in ALL_FORMS if form[2]]
ANSWERED = [form for form in ALL_FORMS if not form[2]]


def requests(data: bytes) -> None:
    """What can be read can be written, and read again to the same."""
    with suppress(FrameError):
        parse_header(exact(data))
    try:
        header, request = decode_request(exact(data))
    except (FrameError, UnsupportedVersion):
        return
    again = encode_request(header, request)
    assert decode_request(again) == (header, request)


def responses(data: bytes) -> None:
    """The first byte chooses api and version; the rest is the response."""
    api, version, _ = ANSWERED[data[0] % len(ANSWERED)] if data else ANSWERED[0]
    with suppress(FrameError):
        response_correlation_id(exact(data[1:]))
    try:
        number, response = decode_response(api, version, exact(data[1:]))
    except FrameError:
        return
    with suppress(FrameError):  # a version 0 answer to ApiVersions came in, see KIP-511
        again = encode_response(api, version, number, response)
        decode_response(api, version, again)


def frames(data: bytes) -> None:
    """ZeroMQ's form: the first byte is 255 for a request, else it chooses the response."""
    parts = split(data[1:])
    with suppress(FrameError, UnsupportedVersion):
        if data[:1] == b"\xff":
            header, request = parse_request_frames([exact(part) for part in parts])
            again = request_frames(header, request)
            assert parse_request_frames([bytes(part) for part in again]) == (header, request)
        elif data:
            api, version, _ = ANSWERED[data[0] % len(ANSWERED)]
            parse_response_frames(api, version, [exact(part) for part in parts])


def split(data: bytes) -> list[bytes]:
    """Frames from one run of bytes: each begins with its size in two bytes."""
    parts, position = [], 0
    while position + 2 <= len(data):
        size = int.from_bytes(data[position : position + 2], "big")
        parts.append(data[position + 2 : position + 2 + size])
        position += 2 + size
    return parts


def joined(parts: Iterable[bytes]) -> bytes:
    """The other way round."""
    return b"".join(len(part).to_bytes(2, "big") + bytes(part) for part in parts)


def header_of(form: tuple) -> RequestHeader:
    return RequestHeader(form[0].key, form[1], 7, "fuzz")


def request_seeds() -> Iterable[bytes]:
    for form in ASKED:
        yield encode_request(header_of(form), sample(form))


def response_seeds() -> Iterable[bytes]:
    for number, form in enumerate(ANSWERED):
        yield bytes([number]) + encode_response(form[0], form[1], 7, sample(form))


def frames_seeds() -> Iterable[bytes]:
    for form in ASKED:
        yield b"\xff" + joined(request_frames(header_of(form), sample(form)))
    for number, form in enumerate(ANSWERED):
        yield bytes([number]) + joined(response_frames(form[0], form[1], 7, sample(form)))

"""Whole requests and responses: to bytes for TCP, to frames for ZeroMQ, and back.

    TCP      one piece: header, body. The transport adds and removes the int32 length before it.
    ZeroMQ   frame 0: header and body, in which a RECORDS field is only its length, encoded as in
             its version; frame 1 + k: the bytes of the k-th RECORDS field that is not null.

Lengths must agree with their frames and no frame may be left over; but a request over TCP may have
more bytes than its fields, which are ignored as Kafka does (librdkafka asks for the metadata of all
topics that way). Nothing is copied in the ZeroMQ form: encoding hands on the buffers it was given,
decoding gives views of the frames.

Our own additions (`bus.wire.extensions`) travel over ZeroMQ only; so `extensions` is off by
default in the TCP functions and on in those of frames.

Bytes that are no message raise FrameError; a key or version that is not served raises
UnsupportedVersion, and `parse_header` still reads the header of such a request.
"""

from bus.errors import FrameError, UnsupportedVersion
from bus.model.batch import Buffer
from bus.model.limits import (
    CLIENT_ID_LENGTH_MAX,
    REQUEST_ELEMENTS_MAX,
    RESPONSE_ELEMENTS_MAX,
)
from bus.native.decoder import Decoder
from bus.native.encoder import Encoder
from bus.wire.header import REQUEST_HEADER, RESPONSE_HEADER, RequestHeader, ResponseHeader
from bus.wire.registry import API_VERSIONS, Api, api_by_key, api_of
from bus.wire.schema import Message

# --- Requests ------------------------------------------------------------------------------


def encode_request(header: RequestHeader, request: Message, extensions: bool = False) -> bytes:
    """The TCP form, without its length."""
    return _request_encoder(header, request, extensions).joined()


def request_chunks(
    header: RequestHeader, request: Message, extensions: bool = False
) -> list[Buffer]:
    """The TCP form in pieces to be sent one after the other; RECORDS are not copied."""
    return _request_encoder(header, request, extensions).chunks()


def request_frames(
    header: RequestHeader, request: Message, extensions: bool = True
) -> list[Buffer]:
    """The ZeroMQ form."""
    return _request_encoder(header, request, extensions).frames()


def decode_request(data: Buffer, extensions: bool = False) -> tuple[RequestHeader, Message]:
    """Read the TCP form, without its length; RECORDS are views of `data`."""
    return _read_request(Decoder(data, None, REQUEST_ELEMENTS_MAX), extensions)


def parse_request_frames(
    frames: list[Buffer], extensions: bool = True
) -> tuple[RequestHeader, Message]:
    """Read the ZeroMQ form; RECORDS are views of the frames."""
    decoder = _frames_decoder(frames, REQUEST_ELEMENTS_MAX)
    read = _read_request(decoder, extensions)
    decoder.finish()
    return read


def parse_header(data: Buffer) -> RequestHeader:
    """Read the header alone, of any request at any version, in either form."""
    return _read_header(Decoder(data))


def _request_encoder(header: RequestHeader, request: Message, extensions: bool) -> Encoder:
    api = api_of(request)
    assert header.api_key == api.key, f"the header's key is not that of {api.name}"
    program = api.request_program(header.api_version, extensions)
    encoder = Encoder()
    encoder.write(REQUEST_HEADER, header)
    if program.compact:
        encoder.write_no_tags()
    encoder.write(program, request)
    return encoder


def _read_header(decoder: Decoder) -> RequestHeader:
    header = decoder.read(REQUEST_HEADER)
    assert isinstance(header, RequestHeader)
    if header.client_id is not None and len(header.client_id) > CLIENT_ID_LENGTH_MAX:
        raise FrameError(f"The client id is longer than {CLIENT_ID_LENGTH_MAX} characters.")
    return header


def _read_request(decoder: Decoder, extensions: bool) -> tuple[RequestHeader, Message]:
    header = _read_header(decoder)
    program = api_by_key(header.api_key).request_program(header.api_version, extensions)
    if program.compact:
        decoder.skip_tags()
    request = decoder.read(program)
    assert isinstance(request, Message)
    return header, request


# --- Responses -----------------------------------------------------------------------------


def encode_response(
    api: Api, version: int, correlation_id: int, response: Message, extensions: bool = False
) -> bytes:
    """The TCP form, without its length."""
    return _response_encoder(api, version, correlation_id, response, extensions).joined()


def response_chunks(
    api: Api, version: int, correlation_id: int, response: Message, extensions: bool = False
) -> list[Buffer]:
    """The TCP form in pieces to be sent one after the other; RECORDS are not copied."""
    return _response_encoder(api, version, correlation_id, response, extensions).chunks()


def response_frames(
    api: Api, version: int, correlation_id: int, response: Message, extensions: bool = True
) -> list[Buffer]:
    """The ZeroMQ form."""
    return _response_encoder(api, version, correlation_id, response, extensions).frames()


def response_correlation_id(data: Buffer) -> int:
    """Which request a response answers; enough to find the version it must be read at."""
    header = Decoder(data).read(RESPONSE_HEADER)
    assert isinstance(header, ResponseHeader)
    return header.correlation_id


def decode_response(
    api: Api, version: int, data: Buffer, extensions: bool = False
) -> tuple[int, Message]:
    """Read the TCP form, without its length; RECORDS are views of `data`."""
    return _read_response(api, version, Decoder(data, None, RESPONSE_ELEMENTS_MAX), extensions)


def parse_response_frames(
    api: Api, version: int, frames: list[Buffer], extensions: bool = True
) -> tuple[int, Message]:
    """Read the ZeroMQ form; RECORDS are views of the frames."""
    decoder = _frames_decoder(frames, RESPONSE_ELEMENTS_MAX)
    return _read_response(api, version, decoder, extensions)


def _response_encoder(
    api: Api, version: int, correlation_id: int, response: Message, extensions: bool
) -> Encoder:
    program = api.response_program(version, extensions)
    encoder = Encoder()
    encoder.write(RESPONSE_HEADER, ResponseHeader(correlation_id))
    if api.has_flexible_answer_header(version):
        encoder.write_no_tags()
    encoder.write(program, response)
    return encoder


def _read_response(
    api: Api, version: int, decoder: Decoder, extensions: bool
) -> tuple[int, Message]:
    header = decoder.read(RESPONSE_HEADER)
    assert isinstance(header, ResponseHeader)
    if api.has_flexible_answer_header(version):
        decoder.skip_tags()
    elif api.key == API_VERSIONS and decoder.peek_int16() == UnsupportedVersion.code:
        version = 0  # KIP-511: who does not know our version answers in the oldest
    response = decoder.read(api.response_program(version, extensions))
    decoder.finish()
    assert isinstance(response, Message)
    return header.correlation_id, response


def _frames_decoder(frames: list[Buffer], elements_max: int) -> Decoder:
    if not frames:
        raise FrameError("The message has no frames.")
    return Decoder(frames[0], frames[1:], elements_max)

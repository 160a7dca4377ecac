"""Can bytes hurt us? They may only be read, or refused with a FrameError that costs nothing."""

import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import FrameError, UnsupportedVersion
from bus.native.decoder import Decoder
from bus.native.encoder import Encoder
from bus.wire.frames import decode_request, parse_header, parse_request_frames
from tests.fixtures.messages import ALL_FORMS, form_id, messages, program_of, sample

NEWEST = [form for form in ALL_FORMS if form[1] in {form[0].max_version, form[0].min_version}]
HUGE_CLASSIC = [b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff\xff\xff\xfe"]
HUGE_COMPACT = [b"\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x08", b"\xff\xff\xff\xff\xff\x01"]


def encoded(form, message):
    encoder = Encoder()
    encoder.write(program_of(form), message)
    return encoder.joined()


def read(form, data):
    decoder = Decoder(data)
    message = decoder.read(program_of(form))
    decoder.finish()
    return message


@pytest.mark.parametrize("form", ALL_FORMS, ids=form_id)
def test_every_truncation_is_refused(form):
    data = encoded(form, sample(form))
    assert read(form, data) == sample(form)
    for size in range(len(data)):
        with pytest.raises(FrameError):
            read(form, bytes(data[:size]))


@pytest.mark.parametrize("form", ALL_FORMS, ids=form_id)
def test_a_byte_too_many_is_refused(form):
    with pytest.raises(FrameError, match="left over"):
        read(form, encoded(form, sample(form)) + b"\0")


@pytest.mark.parametrize("form", NEWEST, ids=form_id)
def test_a_huge_number_anywhere_allocates_nothing(form):
    data = encoded(form, sample(form))
    tracemalloc.start()
    try:
        for position in range(len(data)):
            for number in HUGE_CLASSIC + HUGE_COMPACT:
                try_to_read(form, data[:position] + number + data[position + len(number) :])
                try_to_read(form, data[:position] + number + data[position + 1 :])
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def try_to_read(form, data):
    with suppress(FrameError):
        read(form, data)


@pytest.mark.parametrize("form", NEWEST, ids=form_id)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_can_be_read_can_be_written_and_read_again(form, data):
    raw = bytearray(encoded(form, data.draw(messages(form))))
    for _ in range(data.draw(st.integers(0, 4)) if raw else 0):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        message = read(form, bytes(raw))
    except FrameError:
        return
    assert read(form, encoded(form, message)) == message


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=100))
def test_garbage_is_refused(data):
    for function in (decode_request, parse_header):
        with suppress(FrameError, UnsupportedVersion):
            function(data)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ALL_FORMS), st.lists(st.binary(max_size=60), min_size=1, max_size=4))
def test_garbage_frames_are_refused(form, frames):
    api, version, _ = form
    head = api.key.to_bytes(2, "big") + version.to_bytes(2, "big") + bytes(4) + b"\xff\xff"
    with suppress(FrameError):
        parse_request_frames([head + frames[0], *frames[1:]])


def test_25_bytes_that_claim_four_billion_elements_are_refused():
    header = b"\x00\x00\x00\x0b" + b"\x00\x00\x00\x01" + b"\x00\x01c" + b"\x00"
    body = b"\x00" + b"\xff\xff" + b"\x00\x00\x75\x30" + b"\xff\xff\xff\xff\x0f" + b"\x00"
    assert len(header + body) == 25
    with pytest.raises(FrameError, match=r"ProduceRequest\.topic_data: 4294967294 elements"):
        decode_request(header + body)

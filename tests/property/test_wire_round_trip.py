"""Is what was written read back as it was, for every message at every version?"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from tests.fixtures.messages import ALL_FORMS, form_id, messages

REQUESTS = [form for form in ALL_FORMS if form[2]]
RESPONSES = [form for form in ALL_FORMS if not form[2]]
INT32 = st.integers(-(1 << 31), (1 << 31) - 1)
CLIENT_IDS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
some = settings(max_examples=10, deadline=None)


@pytest.mark.parametrize("form", REQUESTS, ids=form_id)
@pytest.mark.parametrize("extensions", [False, True])
@some
@given(data=st.data())
def test_a_request_survives_both_forms(form, extensions, data):
    api, version, _ = form
    header = RequestHeader(api.key, version, data.draw(INT32), data.draw(CLIENT_IDS))
    request = data.draw(messages(form, extensions))
    whole = encode_request(header, request, extensions)
    frames = request_frames(header, request, extensions)
    assert decode_request(whole, extensions) == (header, request)
    assert parse_request_frames(frames, extensions) == (header, request)
    assert parse_header(whole) == parse_header(frames[0]) == header


@pytest.mark.parametrize("form", RESPONSES, ids=form_id)
@pytest.mark.parametrize("extensions", [False, True])
@some
@given(data=st.data())
def test_a_response_survives_both_forms(form, extensions, data):
    api, version, _ = form
    number = data.draw(INT32)
    response = data.draw(messages(form, extensions))
    if api.name == "ApiVersions" and response.error_code == 35:
        response.error_code = 0  # that one is read as version 0 (KIP-511)
    whole = encode_response(api, version, number, response, extensions)
    frames = response_frames(api, version, number, response, extensions)
    assert decode_response(api, version, whole, extensions) == (number, response)
    assert parse_response_frames(api, version, frames, extensions) == (number, response)
    assert response_correlation_id(whole) == response_correlation_id(frames[0]) == number
    assert b"".join(response_chunks(api, version, number, response, extensions)) == whole


@pytest.mark.parametrize("form", RESPONSES, ids=form_id)
@some
@given(data=st.data())
def test_our_additions_are_passed_over_by_who_does_not_know_them(form, data):
    api, version, _ = form
    response = data.draw(messages(form, extensions=True))
    if api.name == "ApiVersions" and response.error_code == 35:
        response.error_code = 0
    plain = encode_response(api, version, 1, response, extensions=False)
    extended = encode_response(api, version, 1, response, extensions=True)
    assert decode_response(api, version, extended) == decode_response(api, version, plain)

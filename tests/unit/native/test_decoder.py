"""Does the decoder stay within its frame, and say where the bytes are wrong?"""

from dataclasses import dataclass
from uuid import UUID

import pytest

from bus.errors import FrameError
from bus.native.codec import Program
from bus.native.decoder import Decoder
from tests.fixtures.guarded import guarded
from tests.fixtures.messages import FORMS, form_id, program_of, sample
from tests.golden.test_wire import written


@dataclass(slots=True)
class Box:
    value: object = None


def box(kind, element=None, nullable=False, compact=True, tag=-1, default=None):
    return Program(Box, compact, (("value", kind, element, nullable, tag, default, None),))


def read(program, data, **options):
    decoder = Decoder(data, **options)
    message = decoder.read(program)
    decoder.finish()
    return message.value


@pytest.mark.parametrize("form", FORMS, ids=form_id)
def test_no_byte_behind_the_frame_is_touched(form):
    data, program = written(form), program_of(form, extensions=True)
    assert Decoder(guarded(data)).read(program) == sample(form, extensions=True)
    for size in range(0, len(data), 7):
        with pytest.raises(FrameError):
            Decoder(guarded(data[:size])).read(program)


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        ("int8", b"\x80", -128),
        ("int16", b"\x80\x00", -(1 << 15)),
        ("int32", b"\xff\xff\xff\xff", -1),
        ("int64", b"\x80" + bytes(7), -(1 << 63)),
        ("uint16", b"\xff\xff", 65535),
        ("uint32", b"\xff\xff\xff\xff", (1 << 32) - 1),
        ("float64", b"\x3f\xf8" + bytes(6), 1.5),
        ("bool", b"\x02", True),
        ("uuid", bytes(15) + b"\x01", UUID(int=1)),
    ],
)
def test_numbers_are_big_endian(kind, data, value):
    assert read(box(kind, compact=False), data) == value


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xff\xff\xff\x1f", "longer than 32 bits"),
        (b"\x80\x80\x80\x80\x80\x00", "longer than 32 bits"),
        (b"\x80", "1 bytes are claimed, 0 are left"),
        (b"\x05ab", "4 bytes are claimed, 2 are left"),
        (b"\x00", "may not be null"),
        (b"\x03\xc3\x28", "not UTF-8"),
    ],
)
def test_a_bad_string_is_refused_with_its_place(data, message):
    with pytest.raises(FrameError, match=rf"Box\.value: .*{message}"):
        read(box("string"), data)


def test_a_length_below_null_is_refused():
    with pytest.raises(FrameError, match="the length -2 is negative"):
        read(box("string", compact=False, nullable=True), b"\xff\xfe")


def test_a_count_is_held_against_the_smallest_elements():
    assert read(box("array", "int32"), b"\x03" + bytes(8) + b"\0") == [0, 0]
    with pytest.raises(FrameError, match="2 elements are claimed, 7 bytes are left"):
        read(box("array", "int32"), b"\x03" + bytes(7))


def test_all_arrays_together_have_a_limit():
    data = b"\x04" + bytes(3) + b"\0"
    assert read(box("array", "int8"), data, elements_max=3) == [0, 0, 0]
    with pytest.raises(FrameError, match="too many"):
        read(box("array", "int8"), data, elements_max=2)


def test_elements_are_not_null_because_their_array_may_be():
    program = box("array", "string", nullable=True)
    assert read(program, b"\x00\x00") is None
    with pytest.raises(FrameError, match="may not be null"):
        read(program, b"\x02\x00\x00")


def test_structs_in_a_nullable_array_have_no_null_byte():
    program = box("array", box("int8", compact=False), nullable=True, compact=False)
    assert read(program, b"\x00\x00\x00\x01\xff") == [Box(-1)]


def test_unknown_tags_are_passed_over():
    program = box("int8", tag=1, default=7)
    assert read(program, b"\x00") == 7
    assert read(program, b"\x02\x00\x03abc\x01\x01\x05") == 5
    assert read(program, b"\x01\xff\xff\xff\xff\x0f\x00") == 7


def test_a_known_tag_must_fill_its_size():
    with pytest.raises(FrameError, match="left over in its tag"):
        read(box("int8", tag=1), b"\x01\x01\x02\x05\x05")
    with pytest.raises(FrameError, match="are left"):
        read(box("int16", tag=1), b"\x01\x01\x01\x05\x05")


def test_what_follows_the_message_is_refused():
    with pytest.raises(FrameError, match="1 bytes are left over"):
        read(box("int8", compact=False), b"\x01\x02")


def test_records_are_views_whatever_the_frame_is():
    for data in (b"\x04abc\x00", bytearray(b"\x04abc\x00"), memoryview(b"\x04abc\x00").cast("b")):
        value = read(box("records"), data)
        assert isinstance(value, memoryview)
        assert value.tobytes() == b"abc"


def test_an_empty_frame_is_refused():
    for data in (b"", bytearray(), memoryview(b"")):
        with pytest.raises(FrameError):
            read(box("int8"), data)


def test_an_identifier_is_right_however_many_came_before():
    for number in range(3000):
        identifier = UUID(int=number << 64)
        assert read(box("uuid"), identifier.bytes + b"\0") == identifier


def test_peeking_reads_nothing():
    decoder = Decoder(b"\x00\x23")
    assert decoder.peek_int16() == decoder.peek_int16() == 35

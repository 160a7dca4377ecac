"""Does the encoder write what fits, and name the field of what does not?"""

from dataclasses import dataclass
from enum import IntEnum

import pytest

from bus.native.codec import Program
from bus.native.encoder import Encoder


@dataclass(slots=True)
class Box:
    value: object = None


class Derived(Box):
    pass


class Level(IntEnum):
    HIGH = 3


def box(kind, element=None, nullable=False, compact=True, tag=-1, default=None):
    return Program(Box, compact, (("value", kind, element, nullable, tag, default, None),))


def write(program, value):
    encoder = Encoder()
    encoder.write(program, Box(value))
    return encoder.joined()


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        ("int8", 128, ValueError),
        ("int16", -(1 << 15) - 1, ValueError),
        ("int32", 1 << 31, ValueError),
        ("int64", 1 << 63, ValueError),
        ("uint16", -1, ValueError),
        ("uint32", 1 << 32, ValueError),
        ("int32", 1.5, TypeError),
        ("int32", None, TypeError),
        ("string", b"bytes", TypeError),
        ("string", None, ValueError),
        ("bytes", "text", TypeError),
        ("records", [1], TypeError),
        ("uuid", bytes(16), TypeError),
        ("array", 5, TypeError),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(kind, value, error):
    with pytest.raises(error, match=r"Box\.value: "):
        write(box(kind, "int8" if kind == "array" else None), value)


def test_a_string_has_the_length_that_its_encoding_can_say():
    with pytest.raises(ValueError, match="do not fit"):
        write(box("string", compact=False), "x" * (1 << 15))
    assert len(write(box("string"), "x" * (1 << 15))) == (1 << 15) + 3 + 1


def test_a_message_of_another_class_is_refused():
    with pytest.raises(TypeError, match="Box expected, not Level"):
        Encoder().write(box("int8"), Level.HIGH)


def test_whatever_counts_as_an_integer_is_written():
    assert write(box("int8", compact=False), Level.HIGH) == b"\x03"
    assert write(box("int8", compact=False), True) == b"\x01"


def test_a_tuple_is_as_good_as_a_list():
    assert write(box("array", "int8"), (1, 2)) == write(box("array", "int8"), [1, 2])


def test_a_derived_message_is_written_like_its_base():
    encoder = Encoder()
    encoder.write(box("int8", compact=False), Derived(5))
    assert encoder.joined() == b"\x05"


@pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 16383, 16384, 100_000])
def test_a_tag_of_any_size_has_its_size_before_it(size):
    data = write(box("bytes", tag=3), b"x" * size)
    assert data[:2] == b"\x01\x03"
    content, rest = unsigned(data[2:])
    assert content == len(rest)
    length, value = unsigned(rest)
    assert length == size + 1
    assert value == b"x" * size


def unsigned(data):
    value = shift = 0
    for position, byte in enumerate(data):
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, data[position + 1 :]
    raise AssertionError("no end")


def test_records_stay_outside_until_they_are_joined():
    encoder, first, second = Encoder(), b"first", bytearray(b"second")
    for value in (first, None, second):
        encoder.write(box("records", nullable=True, compact=False), Box(value))
    lengths = b"\x00\x00\x00\x05", b"\xff\xff\xff\xff\x00\x00\x00\x06"
    assert encoder.frames() == [b"".join(lengths), first, second]
    assert encoder.frames()[2] is second
    assert encoder.chunks() == [lengths[0], first, lengths[1], second]
    assert encoder.joined() == lengths[0] + first + lengths[1] + second


def test_records_with_gaps_are_refused():
    with pytest.raises(BufferError):
        write(box("records"), memoryview(b"abcd")[::2])


def test_a_message_may_be_larger_than_the_first_buffer():
    names = [f"name{number}" for number in range(10_000)]
    data = write(box("array", "string", compact=False), names)
    assert len(data) == 4 + sum(2 + len(name) for name in names)

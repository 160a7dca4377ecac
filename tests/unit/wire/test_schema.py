"""Does a table say which version holds what?"""

from dataclasses import dataclass
from uuid import UUID

import pytest

from bus.native.decoder import Decoder
from bus.native.encoder import Encoder
from bus.wire.schema import (
    EXTENSION_TAG_MIN,
    array,
    binary,
    boolean,
    float64,
    int8,
    int32,
    int64,
    nullable_array,
    nullable_binary,
    nullable_string,
    optional,
    program,
    uint16,
    uuid,
)


@dataclass(slots=True)
class Point:
    x: int = int8()
    y: int = int8(-1, since=2)


@dataclass(slots=True)
class Everything:
    flag: bool = boolean()
    port: int = uint16()
    rate: float = float64()
    raw: bytes = binary()
    maybe_raw: bytes | None = nullable_binary()
    name: str | None = nullable_string("", nullable=2)
    gone: int = int32(7, until=2)
    ident: UUID = uuid()
    points: list[Point] = array(Point)
    numbers: list[int] = array("int64")
    names: list[str] | None = nullable_array("string", nullable=1)
    point: Point | None = optional(Point, since=2)
    tagged: Point | None = optional(Point, since=3, tag=0)
    hints: list[Point] = array(Point, since=3, tag=2)
    ours: int = int64(-1, tag=EXTENSION_TAG_MIN)


def written(message, version, flexible=False, extensions=False):
    encoder = Encoder()
    encoder.write(program(type(message), version, flexible, extensions), message)
    return encoder.joined()


def read(table, data, version, flexible=False, extensions=False):
    decoder = Decoder(data)
    message = decoder.read(program(table, version, flexible, extensions))
    decoder.finish()
    return message


def test_a_field_is_written_from_its_first_version_on():
    assert written(Point(1, 2), 1) == b"\x01"
    assert written(Point(1, 2), 2) == b"\x01\x02"


def test_a_field_that_the_version_lacks_reads_as_its_default():
    assert read(Point, b"\x05", 1) == Point(5, -1)


def test_a_field_ends_before_its_last_version():
    assert read(Everything, written(Everything(gone=9), 1), 1).gone == 9
    assert read(Everything, written(Everything(gone=9), 2), 2).gone == 7


def test_null_is_refused_before_the_version_that_knows_it():
    with pytest.raises(ValueError, match=r"Everything\.name: it may not be None"):
        written(Everything(name=None), 1)
    assert read(Everything, written(Everything(name=None), 2), 2).name is None


def test_null_and_empty_are_not_the_same():
    for flexible in (False, True):
        for names in (None, []):
            data = written(Everything(names=names), 1, flexible)
            assert read(Everything, data, 1, flexible).names == names


def test_every_kind_survives_both_encodings():
    message = Everything(
        flag=True,
        port=65535,
        rate=-0.5,
        raw=b"\x00\xff",
        maybe_raw=b"",
        name="Z\u00fcrich",
        ident=UUID(int=5),
        points=[Point(1, 2), Point(3, 4)],
        numbers=[1 << 62, -1],
        names=["a", ""],
        point=Point(5, 6),
    )
    for flexible in (False, True):
        data = written(message, 3, flexible)
        assert read(Everything, data, 3, flexible) == message


def test_tagged_fields_stand_in_the_compact_encoding_only():
    message = Everything(tagged=Point(1, 2), hints=[Point(3, 4)])
    assert written(message, 3, False) == written(Everything(), 3, False)
    assert read(Everything, written(message, 3, True), 3, True) == message


def test_a_tagged_field_at_its_default_is_not_written():
    assert written(Everything(), 3, True)[-1:] == b"\x00"
    assert (
        len(written(Everything(ours=5), 3, True, True)) == len(written(Everything(), 3, True)) + 11
    )


def test_our_tags_are_written_only_when_asked_for():
    message = Everything(ours=5)
    assert written(message, 3, True) == written(Everything(), 3, True)
    extended = written(message, 3, True, extensions=True)
    assert read(Everything, extended, 3, True, extensions=True) == message
    assert read(Everything, extended, 3, True) == Everything()


def test_a_program_is_compiled_once():
    assert program(Point, 1, False) is program(Point, 1, False)
    assert program(Point, 1, False) is not program(Point, 1, True)


def test_each_message_has_lists_of_its_own():
    one, another = (read(Everything, written(Everything(), 3, True), 3, True) for _ in range(2))
    one.hints.append(Point())
    assert another.hints == Everything().hints == []

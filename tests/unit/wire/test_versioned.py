"""Does a struct begin with its version, and is a version that is not known told?"""

from dataclasses import dataclass

import pytest

from bus.errors import FrameError
from bus.wire.schema import int8
from bus.wire.versioned import Versioned, version_of


@dataclass(slots=True)
class Point:
    x: int = int8()
    y: int = int8(since=1)


POINT = Versioned(Point, 2, flexible_since=2)
OPEN = Versioned(Point, 1, open_ended=True)


def test_the_version_stands_first():
    assert POINT.encode(Point(1, 2), 1) == b"\x00\x01\x01\x02"
    assert POINT.encode(Point(1, 2), 2) == b"\x00\x02\x01\x02\x00"


def test_it_is_read_at_the_version_that_it_says():
    for version, point in enumerate((Point(1), Point(1, 2), Point(1, 2))):
        assert POINT.decode(POINT.encode(point, version)) == point


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x03\x01\x02", b"\xff\xff\x01", b"\x00\x01"])
def test_what_cannot_be_read_is_refused(data):
    with pytest.raises(FrameError):
        POINT.decode(data)


def test_what_is_left_over_is_refused_unless_the_table_is_open():
    with pytest.raises(FrameError, match="left over"):
        POINT.decode(b"\x00\x01\x01\x02\x03")
    assert OPEN.decode(b"\x00\x07\x01\x02\x03") == Point(1, 2)


def test_a_version_is_signed():
    assert version_of(memoryview(b"\xff\xfe...")) == -2

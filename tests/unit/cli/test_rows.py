"""Lines, CSV and NDJSON as records."""

import io
from collections.abc import Iterator

import pytest

from bus.cli.failure import UserError
from bus.cli.rows import Chunk, Layout, delimited, lines, ndjson, timestamp_ms

PLAIN = Layout()


def values(chunks: Iterator[Chunk]) -> list[bytes | None]:
    return [value for chunk in chunks for value in chunk.values]


def only(chunks: Iterator[Chunk]) -> Chunk:
    (chunk,) = chunks
    return chunk


class SlowPipe(io.RawIOBase):
    """Gives what was written to it piece by piece."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__()
        self._pieces = list(pieces)

    def read1(self, _size: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def test_a_line_is_a_record() -> None:
    assert values(lines(io.BytesIO(b"a\nb\r\n\nc"), "f", PLAIN)) == [b"a", b"b", b"", b"c"]


def test_a_line_leaves_as_soon_as_it_is_there() -> None:
    chunks = lines(SlowPipe(b"a\nb", b"c\n"), "f", PLAIN)
    assert [chunk.values for chunk in chunks] == [[b"a"], [b"bc"]]


def test_a_separator_parts_key_and_value() -> None:
    chunk = only(lines(io.BytesIO(b"k=v=w\nx\n"), "f", Layout(key_separator=b"=")))
    assert (chunk.keys, chunk.values) == ([b"k", None], [b"v=w", b"x"])


def test_a_row_of_csv_becomes_a_json_object() -> None:
    chunk = only(delimited(io.BytesIO(b"a,b\n1,x y\n"), "f", PLAIN))
    assert chunk.values == [b'{"a":"1","b":"x y"}']


def test_columns_may_be_key_value_and_timestamp() -> None:
    layout = Layout(key="k", value="v", timestamp="t")
    chunk = only(delimited(io.BytesIO(b"t,k,v\n5,a,1\n6,,2\n"), "f", layout))
    assert (chunk.values, chunk.keys) == ([b"1", b"2"], [b"a", None])
    assert list(chunk.timestamps or ()) == [5, 6]


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    chunk = only(delimited(io.BytesIO(b"\xef\xbb\xbfa\n1\n"), "f", Layout(value="a")))
    assert chunk.values == [b"1"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no header line"),
        (b"a,b\n1\n", "row 1 has 1 columns, the header 2"),
        (b"a,b\n1,2,3\n", "row 1 has 3 columns, the header 2"),
        (b"\x7fELF\x02\x01\x00\x00\n\x00", "not CSV"),
        (b"a\n\xff\xfe\n", "not UTF-8"),
        (b'a\n"x', "not CSV"),
        (b"a,a\n1,2\n", "two columns of the same name"),
    ],
)
def test_what_is_no_csv_is_refused_with_the_place(data: bytes, why: str) -> None:
    with pytest.raises(UserError, match=why):
        values(delimited(io.BytesIO(data), "f", PLAIN))


def test_a_missing_column_is_refused_with_those_there_are() -> None:
    with pytest.raises(UserError, match=r"f has no column 'c'; it has a, b\."):
        values(delimited(io.BytesIO(b"a,b\n"), "f", Layout(key="c")))


def test_a_line_of_ndjson_stays_as_it_is() -> None:
    data = b'{"a": 1}\n\n{"a":2}\n'
    assert values(ndjson(io.BytesIO(data), "f", PLAIN)) == [b'{"a": 1}', b'{"a":2}']


def test_fields_may_be_key_value_and_timestamp() -> None:
    data = b'{"k": 1, "v": "x", "t": "1970-01-01T00:00:01Z"}\n{"k": null, "v": [1], "t": 2}\n'
    chunk = only(ndjson(io.BytesIO(data), "f", Layout("k", "v", "t")))
    assert (chunk.values, chunk.keys) == ([b"x", b"[1]"], [b"1", None])
    assert list(chunk.timestamps or ()) == [1000, 2]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"{}\n{x\n", "line 2 is not JSON"),
        (b"[]\n", "line 1 is not a JSON object"),
        (b"{}\n", "line 1 has no field 'k'"),
    ],
)
def test_what_is_no_ndjson_is_refused_with_the_line(data: bytes, why: str) -> None:
    with pytest.raises(UserError, match=why):
        values(ndjson(io.BytesIO(data), "f", Layout(key="k") if why.endswith("'k'") else PLAIN))


@pytest.mark.parametrize(
    ("given", "ms"),
    [
        (5, 5),
        ("1700000000000", 1_700_000_000_000),
        ("1970-01-01", 0),
        ("1970-01-01T00:00:00.5+00:00", 500),
        ("1969-12-31T19:00:00-05:00", 0),
    ],
)
def test_a_time_is_milliseconds_or_iso_8601(given: object, ms: int) -> None:
    assert timestamp_ms(given, "f") == ms


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(UserError, match="f: 'soon' is no timestamp"):
        timestamp_ms("soon", "f")

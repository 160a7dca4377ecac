"""Records as lines."""

import io
import json
from argparse import Namespace
from dataclasses import dataclass, field

import pytest

from bus.cli.consume import write


@dataclass
class Batch:
    """What `poll_batch` gives, as far as it is printed."""

    values: list[bytes | None]
    keys: list[bytes | None]
    topic: str = "t"
    partition: int = 3
    offsets: list[int] = field(default_factory=lambda: [7, 8])
    timestamps: list[int] = field(default_factory=lambda: [1, 2])


def printed(form: str) -> bytes:
    out = io.BytesIO()
    batch = Batch([b"v", None], [b"k", None])
    write(out, batch, 2, Namespace(format=form, key_separator="="))
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "text"), [("value", b"v\n\n"), ("key", b"k\n\n"), ("key-value", b"k=v\n=\n")]
)
def test_a_record_is_a_line_and_null_is_empty(form: str, text: bytes) -> None:
    assert printed(form) == text


def test_json_tells_where_the_record_stands() -> None:
    first, second = map(json.loads, printed("json").splitlines())
    assert first == {
        "topic": "t",
        "partition": 3,
        "offset": 7,
        "timestamp": 1,
        "key": "k",
        "value": "v",
    }
    assert (second["offset"], second["key"], second["value"]) == (8, None, None)

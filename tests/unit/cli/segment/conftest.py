"""A partition's directory with two segments, as a clean stop leaves them."""

from argparse import Namespace
from pathlib import Path

import pytest

from tests.fixtures.batches import assemble, record

TOPIC_ID = "6f0c3b0e-9d0c-4b7a-9a57-2f2f0d0f5a11"


def segment(base_offset: int, *values: bytes) -> bytes:
    """One batch a value."""
    return b"".join(
        assemble(record(0, value, b"k"), 1, base_offset=base_offset + place)
        for place, value in enumerate(values)
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory: offsets 0 to 3 in two segments."""
    directory = tmp_path / "topics" / TOPIC_ID / "0"
    directory.mkdir(parents=True)
    (directory / f"{0:020}.log").write_bytes(segment(0, b"a", b"b"))
    (directory / f"{2:020}.log").write_bytes(segment(2, b"c"))
    return tmp_path


@pytest.fixture
def last(data: Path) -> Path:
    """The active segment's file."""
    return data / "topics" / TOPIC_ID / "0" / f"{2:020}.log"


@pytest.fixture
def first(last: Path) -> Path:
    """The closed segment's file."""
    return last.with_name(f"{0:020}.log")


def options(path: Path, **given: object) -> Namespace:
    """As the command line gives them."""
    plain = {"topic": None, "partition": None, "start": 0, "max": None, "records": False}
    return Namespace(**{**plain, "path": str(path), "accept_loss": False, **given})

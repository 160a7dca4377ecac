"""A node for each test, and the requests that most of them need."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.node import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "data")
    yield made
    made.close()

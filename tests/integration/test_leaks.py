"""The public API in a loop gives back what it takes; and a leak would be seen."""

import subprocess
import sys

import pytest

from tests.integration.loops import WORK


def found(name: str) -> str:
    """By a process of its own: nothing else takes or frees memory there."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.integration.loops", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", WORK)
def test_a_loop_over_the_api_leaves_nothing_behind(name: str) -> None:
    assert found(name) == ""


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("planted_object", "memory blocks"),
        ("planted_reference", "references to bytes"),
        ("planted_native_object", "memory blocks"),
        ("planted_native_memory", "anonymous memory"),
    ],
)
def test_a_leak_is_seen(name: str, what: str) -> None:
    assert what in found(name)

"""SIGKILL at full rate: every acknowledged record is there once, in order, at its offset."""

import os
from pathlib import Path

import pytest

from tests.crash.rounds import run_rounds

ROUNDS = 10  # of each flush mode; `python -m tests.crash` does any number


@pytest.mark.crash
@pytest.mark.parametrize("flush", ["group", "os"])
def test_nothing_acknowledged_is_lost_doubled_or_reordered(tmp_path: Path, flush: str) -> None:
    seed = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    print(f"SEED={seed}")
    for problems in run_rounds(tmp_path, seed, ROUNDS, flush):
        assert problems == []

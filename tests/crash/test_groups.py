"""SIGKILL of broker and members in rebalances: one owner a partition, nothing back or skipped."""

import os
from pathlib import Path

import pytest

from tests.crash.group_rounds import run_group_rounds

ROUNDS = 3  # `./run soak groups` does any number


@pytest.mark.crash
def test_no_rebalance_that_breaks_off_loses_or_shares_anything(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    print(f"SEED={seed}")
    for problems in run_group_rounds(tmp_path, seed, ROUNDS):
        assert problems == []

"""SIGKILL of broker and members in rebalances: one owner a partition, nothing back or skipped."""

import os
from pathlib import Path

import pytest

from tests.crash.group_rounds import run_first_rounds, run_group_rounds

ROUNDS, FIRST_ROUNDS = 3, 2  # `./run soak groups first_groups` does any number


@pytest.mark.crash
def test_no_rebalance_that_breaks_off_loses_or_shares_anything(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    print(f"SEED={seed}")
    for problems in run_group_rounds(tmp_path, seed, ROUNDS):
        assert problems == []


@pytest.mark.crash
def test_a_group_without_positions_begins_through_kills_and_skips_nothing(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    print(f"SEED={seed}")
    for problems in run_first_rounds(tmp_path, seed, FIRST_ROUNDS):
        assert problems == []

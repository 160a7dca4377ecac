"""Damage of every kind to every kind of file: opened or refused, never silent, nothing deleted."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.campaign import FAMILIES, HARMS, draw, run_campaign

CASES = 400  # `python -m tests.crash --damage` does any number


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """In memory where that is possible: hundreds of directories are written and synced."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as made:
        yield Path(made)


def test_damage_is_met_with_an_answer_and_costs_nothing_else(folder: Path) -> None:
    seed = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(3), "big")
    print(f"SEED={seed}")
    wrong = [problem for problems in run_campaign(folder, seed, CASES) for problem in problems]
    assert wrong == []


def test_the_campaign_does_every_harm_to_every_kind_of_file(folder: Path) -> None:
    told = "; ".join(draw(folder, seed).told for seed in range(3000))
    assert [harm for harm in HARMS if f": {harm}" not in told] == []
    kinds = [kind for family in FAMILIES.values() for kind in family]
    assert [kind for kind in kinds if f"{kind}: " not in told] == []

"""Three real brokers, with their etcd, at full rate: whatever is broken, nothing is lost."""

from pathlib import Path

import pytest

from tests.chaos.rounds import run_chaos
from tests.fixtures.etcd import need_etcd
from tests.fixtures.fresh_seed import fresh_seed

ROUNDS = 4  # `./run chaos --rounds N` does any number

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]


def test_nothing_acknowledged_is_lost_doubled_or_reordered_in_a_cluster(tmp_path: Path) -> None:
    need_etcd()
    seed = fresh_seed()
    print(f"SEED={seed}")
    for each in run_chaos(tmp_path, seed, ROUNDS):
        assert each.problems == []

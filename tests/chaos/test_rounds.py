"""Three real brokers, with their etcd, under load: whatever is broken, nothing is lost."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.chaos.families import FAMILIES
from tests.chaos.rounds import run_chaos
from tests.fixtures.etcd import need_etcd
from tests.fixtures.fresh_seed import fresh_seed
from tests.soak.turns import chaos

ROUNDS = 4  # `./run chaos --rounds N` does any number
ONE_OF = ("chaos_partitions", "chaos_power")  # the others take longer

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]


def test_nothing_acknowledged_is_lost_doubled_or_reordered_in_a_cluster(tmp_path: Path) -> None:
    need_etcd()
    seed = fresh_seed()
    print(f"SEED={seed}")
    with closing(run_chaos(tmp_path, seed, ROUNDS)) as rounds:
        for each in rounds:
            assert each.problems == []


def test_nothing_is_lost_whatever_happens_to_networks_and_disks() -> None:
    """One round of one family, by the commit; `./run soak` does all."""
    seed = fresh_seed()
    name = ONE_OF[seed % len(ONE_OF)]
    print(f"{name} SEED={seed}")
    if why := FAMILIES[name].why_not():
        pytest.skip(why)
    assert [found for found in chaos(name, 1, seed) if found] == []

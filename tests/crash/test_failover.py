"""kill -9 of each of three brokers in turn: our clients lose nothing, and see nothing twice."""

import shutil
from pathlib import Path

import pytest

from tests.crash.failover import SHORT, run_kills
from tests.fixtures.busd_cluster import BusdCluster
from tests.fixtures.etcd import SKIP_REASON

KILLS = 3  # `./run soak failover_busd` does any number


@pytest.mark.crash
@pytest.mark.skipif(shutil.which("etcd") is None, reason=SKIP_REASON)
def test_producers_readers_and_groups_go_on_over_kills(tmp_path: Path) -> None:
    with BusdCluster(tmp_path) as brokers:
        for problems in run_kills(brokers, KILLS, print, SHORT):
            assert problems == []

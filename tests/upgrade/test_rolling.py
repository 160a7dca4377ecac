"""One of three brokers runs the version before this one, and is upgraded under load."""

from pathlib import Path

import pytest

from tests.fixtures.etcd import need_etcd
from tests.upgrade.earlier import ABSENT, earlier_version, is_there
from tests.upgrade.rolling import upgrade

pytestmark = pytest.mark.timeout(600)


def test_a_broker_of_the_earlier_version_is_upgraded_and_nothing_is_lost(tmp_path: Path) -> None:
    need_etcd()
    if not is_there():
        pytest.skip(ABSENT)
    assert upgrade(tmp_path, earlier_version(), {1}, print) == []

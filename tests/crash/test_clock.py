"""The wall clock jumps by years while a broker works: no record minds."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import bus
from bus.testing.history import History
from tests.crash.daemon import Daemon
from tests.crash.fake_time import FakeTime, library
from tests.crash.load import Load, following, read_to_end

YEAR = 365 * 24 * 3600
ROUNDS = 4
RECORDS = 10_000  # between two jumps
TOPIC = "clock"
CONFIG = {"segment.bytes": "262144", "retention.ms": "86400000", "segment.ms": "86400000"}

pytestmark = pytest.mark.crash


@pytest.fixture
def fake_time(tmp_path: Path) -> FakeTime:
    if library() is None:
        pytest.skip("libfaketime is not installed")
    return FakeTime(tmp_path)


def test_a_process_sees_the_jumps(fake_time: FakeTime) -> None:
    program = "import time; print(time.time(), time.monotonic())"
    seen = []
    for seconds in (0, YEAR):
        fake_time.jump(seconds)
        environment = os.environ | fake_time.environment
        said = subprocess.check_output([sys.executable, "-c", program], env=environment, text=True)
        seen.append([float(number) for number in said.split()])
    assert seen[1][0] - seen[0][0] > YEAR - 60
    assert seen[1][1] - seen[0][1] < 60


def test_nothing_is_lost_doubled_or_deleted_when_the_clock_jumps(
    tmp_path: Path, fake_time: FakeTime
) -> None:
    seed = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    print(f"SEED={seed}")
    chance = random.Random(seed)
    daemon = Daemon(tmp_path / "data", environment=fake_time.environment).start()
    try:
        with bus.Admin(daemon.url) as admin:
            admin.create_topic(TOPIC, partitions=1, config=CONFIG)
        load, whole = Load(daemon.url, TOPIC), History()
        for _ in range(ROUNDS):
            history = following(whole)
            for _ in range(3):
                load.produce(history, RECORDS)
                fake_time.jump(chance.randint(0, 3) * YEAR)
            load.produce(history, RECORDS)
            fake_time.jump(0)  # a start believes what it sees
            daemon.kill()
            daemon.start()
            load.settle(history)
            whole.acknowledged += history.acknowledged
        load.producer.close()
        read_to_end(daemon.url, TOPIC, whole)
        assert len(whole.read) >= ROUNDS * 4 * RECORDS
        assert whole.verdict() == []
    finally:
        daemon.kill()

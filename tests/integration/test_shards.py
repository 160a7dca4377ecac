"""`busd serve --shards`: several brokers as one host."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bus
from bus.cli.ports import ANY, choose
from tests.fixtures.etcd import need_etcd

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are found by Linux's /proc"),
]
PATIENCE_SECONDS = 120


class Host:
    """One `busd serve --shards 2`, and what it has said."""

    def __init__(self, directory: Path) -> None:
        port = choose(ANY, 6, set())
        command = [sys.executable, "-m", "bus.cli.main", "serve", "--shards", "2", "--bootstrap"]
        command += ["--cluster", "shards", "--data", str(directory / "data")]
        command += ["--listen", f"tcp://127.0.0.1:{port}"]
        command += ["--etcd-listen", f"127.0.0.1:{port + 4}"]
        self.urls = [f"tcp://127.0.0.1:{port + number}" for number in range(2)]
        with open(directory / "log", "wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)

    def wait_until_ready(self) -> None:
        line = self.process.stdout.readline().decode()
        assert line.startswith("ready "), line
        assert "shards=2" in line

    def shards(self) -> set[int]:
        """Processes of ours."""
        parent = self.process.pid
        text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        return set(map(int, text.split()))

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        if self.process.poll() is None:
            self.stop()
        self.process.stdout.close()


@pytest.fixture
def host(tmp_path):
    need_etcd()
    started = Host(tmp_path)
    yield started
    started.close()


def until(is_so) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < end, "it has not come about"
        time.sleep(0.02)


def is_in_sync(admin: bus.Admin) -> bool:
    try:
        topic = admin.describe_topic("t")
    except bus.BusError:
        return False
    return all(len(partition.isr) == 2 for partition in topic.partitions)


def test_a_shard_that_is_killed_is_started_again_and_nothing_is_lost(host):
    host.wait_until_ready()
    before = host.shards()
    assert len(before) == 2
    with bus.Admin(host.urls, timeout_ms=2000) as admin, bus.Producer(host.urls) as producer:
        admin.create_topic("t", partitions=4)
        sent = [producer.send("t", b"before %d" % number) for number in range(40)]
        for delivery in sent:
            delivery.result(PATIENCE_SECONDS)
        leaders = {partition.leader for partition in admin.describe_topic("t").partitions}
        assert leaders == {1, 2}
        os.kill(min(before), signal.SIGKILL)
        sent = [producer.send("t", b"after %d" % number) for number in range(40)]
        for delivery in sent:
            delivery.result(PATIENCE_SECONDS)
        until(lambda: len(host.shards() - before) == 1)
        until(lambda: is_in_sync(admin))
    with bus.Consumer(host.urls) as consumer:
        consumer.subscribe("t")
        found = []
        until(lambda: found.extend(consumer.poll_batch(timeout=1).values) or len(found) >= 80)
    wanted = [b"%s %d" % (when, number) for when in (b"before", b"after") for number in range(40)]
    assert sorted(found) == sorted(wanted)
    shards = host.shards()
    assert host.stop() == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in shards)

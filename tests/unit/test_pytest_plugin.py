"""The fixture `bus_broker`, as the pytest of somebody else's project has it."""

import subprocess
import sys

import pytest

PYTEST = [sys.executable, "-W", "error", "-m", "pytest", "-p", "no:cacheprovider"]
STRICT = ["-v", "-W", "error", "--strict-markers"]

PROJECT = """
import sys
import pytest
import bus

pytestmark = pytest.mark.bus_broker(num_partitions=2, node_id=7)

def test_imports():
    ours = {name for name in sys.modules if name.partition(".")[0] == "bus"}
    assert ours == {"bus", "bus.pytest_plugin"}
    assert not {"zmq", "numpy", "prometheus_client"} & sys.modules.keys()

@pytest.mark.parametrize("turn", [1, 2])
def test_own(bus_broker, turn):
    bus_broker.create_topic("t")

@pytest.mark.bus_broker(num_partitions=3)
def test_marker(bus_broker):
    assert bus_broker.status().node_id == 7
    bus_broker.create_topic("t")
    assert len(bus_broker.admin().offsets("t")) == 3

def test_left_open(bus_broker):
    bus_broker.producer().send("t", b"v")
    producer = bus.Producer(bus_broker.kafka_url)
    producer.send("t", b"w").result(60)
    consumer = bus.Consumer(bus_broker.kafka_url, group="g")
    consumer.subscribe("t")
    assert consumer.poll_batch(timeout=60)
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What pytest says of the project."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "test_theirs.py").write_text(PROJECT)
    command = [*PYTEST, *STRICT]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=250)
    return done.stdout + done.stderr


def test_who_does_not_use_it_imports_nothing_of_ours(told):
    assert "test_imports PASSED" in told, told


def test_each_test_has_a_broker_of_its_own(told):
    assert "test_own[1] PASSED" in told, told
    assert "test_own[2] PASSED" in told, told


def test_the_nearest_marker_says_what_a_setting_is(told):
    assert "test_marker PASSED" in told, told


def test_clients_that_were_left_open_raise_no_warning(told):
    assert "test_left_open PASSED" in told, told
    assert "5 passed" in told
    assert "arning" not in told


def test_bus_itself_needs_no_pytest():
    program = "import sys, bus; bus.Broker; assert 'pytest' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_pytest_s_help_tells_of_the_marker(pytestconfig):
    assert any("bus_broker(**settings)" in line for line in pytestconfig.getini("markers"))

"""A single node pays for no cluster: what one loads until its first record is acknowledged."""

import subprocess
import sys

import pytest

FIRST_RECORD = """
import sys
import bus
with bus.Broker(sys.argv[1]) as broker, broker.producer(linger_ms=0) as producer:
    producer.send("first", b"x").result(60)
    print(*sys.modules)
"""
OF_CLUSTERS = (  # each where others come with it
    "bus.adapters.etcd",
    "bus.adapters.zmq_dial",
    "bus.adapters.zmq_peering",
    "bus.broker.cluster",
    "bus.broker.cluster_store",
    "bus.broker.controlling",
    "bus.broker.feeding",
    "bus.broker.following",
    "bus.broker.forwarding",
    "bus.broker.member",
    "bus.broker.membership",
    "bus.broker.peer_links",
    "bus.broker.peers",
    "bus.broker.replication",
    "bus.broker.watching",
    "bus.control.controller",
    "bus.control.election",
    "bus.control.liveness",
    "bus.control.mover",
)


def loaded_by(program: str, *arguments: str) -> set[str]:
    """The modules that it names."""
    command = [sys.executable, "-c", program, *arguments]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    return loaded_by(FIRST_RECORD, str(tmp_path_factory.mktemp("one") / "data"))


@pytest.mark.parametrize("name", OF_CLUSTERS)
def test_a_single_node_does_not_load(name: str, loaded: set[str]) -> None:
    assert "bus.broker.alone" in loaded
    assert name not in loaded


def test_what_it_does_not_load_is_there() -> None:
    """Who renames a module tells this test."""
    program = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    loaded_by(program, *OF_CLUSTERS)


def test_a_daemon_composes_no_cluster_before_its_settings_name_one() -> None:
    program = "import bus.broker.server, sys; print(*sys.modules)"
    assert not set(OF_CLUSTERS) & loaded_by(program)

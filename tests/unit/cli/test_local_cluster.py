"""How a cluster of this machine finds its ports again, and what it says if it cannot."""

import socket

import pytest

from bus.cli.failure import UserError
from bus.cli.local_cluster import LocalCluster
from bus.cli.ports import ANY, choose, is_free


@pytest.fixture
def taken():
    """A port that somebody listens on."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_a_port_that_is_listened_on_is_not_free(taken):
    assert not is_free(taken)


def test_where_the_wanted_port_is_taken_another_one_is_chosen(taken):
    assert choose(taken, 1, set()) != taken


def test_a_port_that_another_broker_has_is_not_chosen():
    port = choose(ANY, 2, set())
    assert choose(port, 2, {port + 1}) not in (port, port + 1)


def test_ports_stay_from_one_start_to_the_next(tmp_path):
    first = LocalCluster(str(tmp_path), 3)
    assert LocalCluster(str(tmp_path), 3).urls == first.urls


def test_more_brokers_get_ports_of_their_own(tmp_path):
    LocalCluster(str(tmp_path), 2)
    ports = [p for b in LocalCluster(str(tmp_path), 4).brokers.values() for p in b.ports.values()]
    assert len(set(ports)) == len(ports)


def test_a_cluster_that_runs_already_is_told(tmp_path):
    port = LocalCluster(str(tmp_path), 1).brokers[1].ports["listen"]
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        with pytest.raises(UserError, match=f"Port {port} is in use; .* run already"):
            LocalCluster(str(tmp_path), 1)


@pytest.mark.parametrize("content", ["", "[1]", '[{"listen": 1}]', '{"a": 1}'])
def test_a_folder_of_something_else_is_told(tmp_path, content):
    (tmp_path / "ports.json").write_text(content)
    with pytest.raises(UserError, match="cannot be read"):
        LocalCluster(str(tmp_path), 1)

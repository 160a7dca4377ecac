"""How the level of a cluster is told."""

from bus.cli.cluster_level import can_be_raised_to, level_line
from bus.client.admin_cluster import BrokerDescription, ClusterDescription
from bus.model.features import Levels


def cluster(level, *known):
    brokers = (
        BrokerDescription(n, f"tcp://m{n}:7901", None, levels) for n, levels in enumerate(known, 1)
    )
    return ClusterDescription("abc", 1, tuple(brokers), level)


def test_a_level_that_no_broker_exceeds_is_told_alone():
    assert level_line(cluster(2, Levels(1, 2), Levels(1, 2))) == "level 2"


def test_a_cluster_that_could_be_raised_is_told_how():
    line = level_line(cluster(1, Levels(1, 2), Levels(1, 3)))
    assert line.startswith("level 1, and all brokers know level 2: raise it by `busd cluster")


def test_amid_an_upgrade_it_is_told_whom_the_level_waits_for():
    found = cluster(1, Levels(1, 2), Levels(1, 1), Levels(1, 1))
    assert can_be_raised_to(found) is None
    assert level_line(found) == "level 1; level 2 has to wait for a newer version on: 2, 3"


def test_servers_that_tell_no_level_are_passed_over():
    assert level_line(cluster(None, None, None)) == ""
    assert can_be_raised_to(cluster(None, None)) is None

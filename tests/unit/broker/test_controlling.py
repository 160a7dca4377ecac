"""Leaders that may lack records: from the command to the logs of those that come back (R13)."""

import pytest

from bus.broker.controlling import pieces_of
from bus.control.commands import UncleanElection
from bus.errors import NONE
from bus.model.ids import PartitionId
from bus.model.limits import TRANSACTION_BYTES_MAX, TRANSACTION_WRITES_MAX
from bus.model.recoveries import Cause
from bus.ports import Write
from tests.fixtures.small_cluster import TOPIC_ID, SmallCluster

PID = PartitionId(TOPIC_ID, 0)


def begun(flush):
    cluster = SmallCluster(flush=flush)
    cluster.until(lambda: len(cluster.image().isr) == 3 and is_accepted(cluster))
    return cluster


def is_accepted(cluster):
    return all(broker.cluster.members.is_accepted for broker in cluster.living())


def acknowledge(cluster, *values):
    answers = cluster.produce(*values)
    cluster.until(lambda: answers)
    assert answers[0].error == NONE


def recoveries(cluster):
    (broker, *_) = cluster.living()
    return broker.cluster._metadata.recoveries[PID]


def left_alone(cluster):
    """Broker 3 lacks what was acknowledged last, and the others are dead; their disks."""
    acknowledge(cluster, b"one")
    cluster.until(lambda: cluster.brokers[3].partition.log.end_offset == 1)
    cluster.cut |= {frozenset({other, 3}) for other in (1, 2)}
    cluster.produce(b"two", b"three")
    cluster.until(lambda: 3 not in cluster.image().isr)
    cluster.until(lambda: cluster.leader().partition.log.high_watermark == 3)
    disks = {broker: cluster.kill(broker) for broker in (1, 2)}
    cluster.cut.clear()
    cluster.until(lambda: cluster.controller() is cluster.brokers[3])
    cluster.run(100)
    assert cluster.leader() is None
    return disks


def elected(cluster):
    told = []
    election = UncleanElection(PID, "admin", 3, (1, 2), 1, 3)
    controlling = cluster.controller().cluster.members.controlling
    controlling.elect_unclean([(election, lambda *outcome: told.append(outcome))])
    cluster.until(lambda: told)
    return told


def test_after_an_unclean_election_those_who_held_more_are_cut_and_what_is_cut_is_kept():
    cluster = begun("group")
    disks = left_alone(cluster)
    assert elected(cluster) == [(NONE, None)]
    cluster.until(lambda: cluster.leader() is not None)
    (record,) = recoveries(cluster)
    assert (record.leader, record.cause, record.end_offset) == (3, Cause.OPERATOR, 1)
    assert record.at_ms == cluster.time.wall_ms()
    assert cluster.brokers[3].runtime.counters.recoveries == {Cause.OPERATOR: 1}
    for broker, disk in disks.items():
        cluster.start(broker, disk)
    cluster.until(lambda: len(cluster.image().isr) == 3)
    acknowledge(cluster, b"four")
    assert {broker.partition.log.end_offset for broker in cluster.living()} == {2}
    assert all(cluster.brokers[broker].partition.log.cut_bytes > 0 for broker in disks)


@pytest.mark.parametrize(
    ("units", "sizes"),
    [
        ([1] * (TRANSACTION_WRITES_MAX + 1), [TRANSACTION_WRITES_MAX, 1]),
        ([1] * (TRANSACTION_WRITES_MAX - 1) + [2], [TRANSACTION_WRITES_MAX - 1, 2]),
        ([], [0]),
    ],
)
def test_what_stands_together_is_written_together(units, sizes):
    pieces = pieces_of([[Write("k", b"")] * count for count in units])
    assert [len(piece) for piece in pieces] == sizes


def test_large_values_go_one_after_another():
    half = Write("k", bytes(TRANSACTION_BYTES_MAX // 2))
    assert [len(piece) for piece in pieces_of([[half], [half]])] == [1, 1]

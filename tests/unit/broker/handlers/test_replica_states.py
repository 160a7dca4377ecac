"""DescribeReplicas: a partition's record, the log here, and what was lost of it."""

from bus.errors import NONE, UnknownTopicOrPartition
from bus.model.ids import PartitionId
from bus.model.recoveries import Cause, RecoveryRecord
from bus.wire.replica_states import DescribeReplicasRequest, RecoveryState, StatesTopic
from tests.fixtures.node import Bench


def test_a_partition_is_told_with_its_log_and_its_recoveries(bench: Bench) -> None:
    bench.create_topic("t")
    topic = bench.node.metadata.image.topics["t"]
    record = RecoveryRecord(6, 1, Cause.OPERATOR, (2,), (3,), (), 9, 11, "ann", 1234)
    bench.node.metadata.recoveries = {PartitionId(topic.topic_id, 0): (record,)}
    answer = bench.ask(DescribeReplicasRequest([StatesTopic("t", [0])]))
    (state,) = answer.topics[0].partitions
    assert (state.error_code, state.leader, state.isr, state.elr) == (NONE, 1, [1], [])
    assert (state.start_offset, state.end_offset, state.last_epoch) == (0, 0, -1)
    assert state.recoveries == [
        RecoveryState(6, 1, "operator", "ann", 1234, [2], [3], [], 9, 11),
    ]


def test_one_that_there_is_not_is_told(bench: Bench) -> None:
    answer = bench.ask(DescribeReplicasRequest([StatesTopic("no", [0])]))
    assert answer.topics[0].partitions[0].error_code == UnknownTopicOrPartition.code

"""DescribeReplicas (key 20102, ours): partitions' records, and what the broker asked holds of them.

Each replica tells how far its own log goes, so that an operator sees what would be lost with whom.
"""

from bus.wire.schema import (
    Message,
    array,
    int16,
    int32,
    int64,
    nullable_string,
    string,
    table,
)

NOT_HELD = -1


@table
class StatesTopic:
    """Partitions of one topic."""

    name: str = string()
    partitions: list[int] = array("int32")


@table
class DescribeReplicasRequest(Message):
    """What is known of these, and held of them?"""

    topics: list[StatesTopic] = array(StatesTopic)


@table
class RecoveryState:
    """One election of a leader that may lack records (bus/model/recoveries.py)."""

    leader_epoch: int = int32()
    leader: int = int32()
    cause: str = string()
    by: str = string()
    at_ms: int = int64()
    isr: list[int] = array("int32")
    elr: list[int] = array("int32")
    last_elr: list[int] = array("int32")
    end_offset: int = int64(-1)
    seen_offset: int = int64(-1)


@table
class PartitionState:
    """One partition: its record, and this broker's log of it."""

    partition_index: int = int32()
    error_code: int = int16()
    leader: int = int32(-1)
    leader_epoch: int = int32(-1)
    replicas: list[int] = array("int32")
    isr: list[int] = array("int32")
    elr: list[int] = array("int32")  # eligible leaders besides isr (KIP-966)
    last_elr: list[int] = array("int32")
    start_offset: int = int64(NOT_HELD)
    end_offset: int = int64(NOT_HELD)
    flushed_offset: int = int64(NOT_HELD)
    high_watermark: int = int64(NOT_HELD)
    last_epoch: int = int32(-1)  # of the last batch
    halted: str | None = nullable_string()  # why it takes nothing more (R13)
    recoveries: list[RecoveryState] = array(RecoveryState)  # the newest last


@table
class StatesTopicResult:
    """Of one topic."""

    name: str = string()
    partitions: list[PartitionState] = array(PartitionState)


@table
class DescribeReplicasResponse(Message):
    """What is known of them."""

    error_code: int = int16()
    error_message: str | None = nullable_string()
    topics: list[StatesTopicResult] = array(StatesTopicResult)

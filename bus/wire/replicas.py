"""What brokers say to each other beside Fetch: acknowledgements, in-sync sets and reports.

All are ours (bus/wire/extensions.py): AlterPartition asks for what Kafka's asks for, and no more.
Clients are served none of them.
"""

from uuid import UUID

from bus.wire.schema import Message, array, boolean, int16, int32, int64, string, table, uuid

# --- ReplicaAck: one way, from a follower to its leader (R15) ----------------------------------


@table
class AckedPartition:
    """How much of what it holds of one partition a follower has flushed."""

    partition: int = int32()
    leader_epoch: int = int32()
    flushed_offset: int = int64()


@table
class AckedTopic:
    """The partitions of one topic."""

    topic_id: UUID = uuid()
    partitions: list[AckedPartition] = array(AckedPartition)


@table
class ReplicaAckRequest(Message):
    """A follower has flushed; acknowledgements are cumulative, and belong to a fetch session."""

    broker_epoch: int = int64()
    session_id: int = int32()
    topics: list[AckedTopic] = array(AckedTopic)


@table
class ReplicaAckResponse(Message):
    """There is none."""


# --- AlterPartition: from a leader to the controller (R4) --------------------------------------


@table
class BrokerState:
    """A member of the set that is asked for, and the life that it was heard in."""

    broker_id: int = int32()
    broker_epoch: int = int64(-1)


@table
class AlteredPartition:
    """The set that a leader asks for."""

    partition_index: int = int32()
    leader_epoch: int = int32()
    new_isr_with_epochs: list[BrokerState] = array(BrokerState)
    leader_recovery_state: int = int16()
    partition_epoch: int = int32()


@table
class AlteredTopic:
    """The partitions of one topic."""

    topic_id: UUID = uuid()
    partitions: list[AlteredPartition] = array(AlteredPartition)


@table
class AlterPartitionRequest(Message):
    """A leader asks for other in-sync sets."""

    broker_id: int = int32()
    broker_epoch: int = int64(-1)
    topics: list[AlteredTopic] = array(AlteredTopic)


@table
class AlterPartitionResult:
    """What came of one."""

    partition_index: int = int32()
    error_code: int = int16()


@table
class AlterTopicResult:
    """The partitions of one topic."""

    topic_id: UUID = uuid()
    partitions: list[AlterPartitionResult] = array(AlterPartitionResult)


@table
class AlterPartitionResponse(Message):
    """What came of them; the records themselves come by the coordination store."""

    error_code: int = int16()
    topics: list[AlterTopicResult] = array(AlterTopicResult)


# --- BrokerReport: from a broker that has started to the controller (R2) -----------------------


@table
class SuspectPartition:
    """One of which something may be lost, and how far its log goes."""

    partition: int = int32()
    last_epoch: int = int32(-1)
    end_offset: int = int64()


@table
class SuspectTopic:
    """Partitions of one topic."""

    topic_id: UUID = uuid()
    partitions: list[SuspectPartition] = array(SuspectPartition)


@table
class BrokerReportRequest(Message):
    """A broker has recovered what it holds, and asks to be counted on."""

    broker_id: int = int32()
    broker_epoch: int = int64()
    boot_id: str = string()
    disk_ids: list[UUID] = array("uuid")
    suspects: list[SuspectTopic] = array(SuspectTopic)


@table
class BrokerReportResponse(Message):
    """It was heard; what comes of it is told by the coordination store."""

    error_code: int = int16()


# --- BrokerLeave: from a broker that will stop to the controller ---------------------------------


@table
class BrokerLeaveRequest(Message):
    """A broker will stop, and waits until others have taken over what it leads."""

    broker_id: int = int32()
    broker_epoch: int = int64()
    is_due: bool = boolean()  # it waits no longer


@table
class BrokerLeaveResponse(Message):
    """It was heard; that it may go is told by the coordination store."""

    error_code: int = int16()

"""AlterPartitionReassignments and ListPartitionReassignments (keys 45 and 46, version 0)."""

from bus.wire.schema import (
    Message,
    array,
    int16,
    int32,
    nullable_array,
    nullable_string,
    string,
    table,
)

# --- AlterPartitionReassignments -----------------------------------------------------------


@table
class ReassignablePartition:
    """Who shall hold it, the preferred leader first; None cancels what is under way."""

    partition_index: int = int32()
    replicas: list[int] | None = nullable_array("int32")


@table
class ReassignableTopic:
    """Partitions of one topic."""

    name: str = string()
    partitions: list[ReassignablePartition] = array(ReassignablePartition)


@table
class AlterPartitionReassignmentsRequest(Message):
    """Have other brokers hold partitions."""

    timeout_ms: int = int32(60_000)
    topics: list[ReassignableTopic] = array(ReassignableTopic)


@table
class ReassignablePartitionResponse:
    """Whether one has begun."""

    partition_index: int = int32()
    error_code: int = int16()
    error_message: str | None = nullable_string()


@table
class ReassignableTopicResponse:
    """Of one topic."""

    name: str = string()
    partitions: list[ReassignablePartitionResponse] = array(ReassignablePartitionResponse)


@table
class AlterPartitionReassignmentsResponse(Message):
    """What has begun."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = nullable_string()
    responses: list[ReassignableTopicResponse] = array(ReassignableTopicResponse)


# --- ListPartitionReassignments ------------------------------------------------------------


@table
class ListPartitionReassignmentsTopics:
    """Partitions of one topic."""

    name: str = string()
    partition_indexes: list[int] = array("int32")


@table
class ListPartitionReassignmentsRequest(Message):
    """What is under way; None is for all topics."""

    timeout_ms: int = int32(60_000)
    topics: list[ListPartitionReassignmentsTopics] | None = nullable_array(
        ListPartitionReassignmentsTopics
    )


@table
class OngoingPartitionReassignment:
    """One partition whose replicas are being exchanged."""

    partition_index: int = int32()
    replicas: list[int] = array("int32")  # those that come and those that go included
    adding_replicas: list[int] = array("int32")
    removing_replicas: list[int] = array("int32")


@table
class OngoingTopicReassignment:
    """Of one topic."""

    name: str = string()
    partitions: list[OngoingPartitionReassignment] = array(OngoingPartitionReassignment)


@table
class ListPartitionReassignmentsResponse(Message):
    """What is under way."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = nullable_string()
    topics: list[OngoingTopicReassignment] = array(OngoingTopicReassignment)

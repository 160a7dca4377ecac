"""OffsetCommit, OffsetFetch and OffsetDelete: how far groups have come.

Keys 8 (versions 2 to 8), 9 (1 to 8) and 47 (0).
"""

from bus.wire.schema import (
    Message,
    array,
    boolean,
    int16,
    int32,
    int64,
    nullable_array,
    nullable_string,
    string,
    table,
)

NO_OFFSET = -1  # of a partition for which nothing is committed

# --- OffsetCommit --------------------------------------------------------------------------


@table
class OffsetCommitRequestPartition:
    """The next offset to be read of one partition."""

    partition_index: int = int32()
    committed_offset: int = int64()
    committed_leader_epoch: int = int32(-1, since=6)
    committed_metadata: str | None = nullable_string()


@table
class OffsetCommitRequestTopic:
    """The partitions of one topic."""

    name: str = string()
    partitions: list[OffsetCommitRequestPartition] = array(OffsetCommitRequestPartition)


@table
class OffsetCommitRequest(Message):
    """Keep positions for a group. Generation -1 without a member is a commit from outside."""

    group_id: str = string()
    generation_id_or_member_epoch: int = int32(-1)
    member_id: str = string()
    group_instance_id: str | None = nullable_string(since=7)
    retention_time_ms: int = int64(-1, until=5)  # -1: the broker's
    topics: list[OffsetCommitRequestTopic] = array(OffsetCommitRequestTopic)


@table
class OffsetCommitResponsePartition:
    """What became of one partition's position."""

    partition_index: int = int32()
    error_code: int = int16()


@table
class OffsetCommitResponseTopic:
    """What became of one topic's positions."""

    name: str = string()
    partitions: list[OffsetCommitResponsePartition] = array(OffsetCommitResponsePartition)


@table
class OffsetCommitResponse(Message):
    """What became of each position."""

    throttle_time_ms: int = int32(since=3)
    topics: list[OffsetCommitResponseTopic] = array(OffsetCommitResponseTopic)


# --- OffsetFetch ---------------------------------------------------------------------------


@table
class OffsetFetchRequestTopic:
    """Partitions of one topic (up to version 7)."""

    name: str = string()
    partition_indexes: list[int] = array("int32")


@table
class OffsetFetchRequestTopics:
    """Partitions of one topic (from version 8 on)."""

    name: str = string()
    partition_indexes: list[int] = array("int32")


@table
class OffsetFetchRequestGroup:
    """What is asked of one group; None is all that it has committed."""

    group_id: str = string()
    topics: list[OffsetFetchRequestTopics] | None = nullable_array(OffsetFetchRequestTopics)


@table
class OffsetFetchRequest(Message):
    """Ask how far a group has come, or from version 8 on, several; None is all partitions."""

    group_id: str = string(until=8)
    topics: list[OffsetFetchRequestTopic] | None = nullable_array(
        OffsetFetchRequestTopic, nullable=2, until=8
    )
    groups: list[OffsetFetchRequestGroup] = array(OffsetFetchRequestGroup, since=8)
    require_stable: bool = boolean(since=7)  # an open transaction's commit is an error


@table
class OffsetFetchResponsePartition:
    """The next offset to be read of one partition (up to version 7); -1 if there is none."""

    partition_index: int = int32()
    committed_offset: int = int64(NO_OFFSET)
    committed_leader_epoch: int = int32(-1, since=5)
    metadata: str | None = nullable_string("")
    error_code: int = int16()


@table
class OffsetFetchResponseTopic:
    """The positions in one topic (up to version 7)."""

    name: str = string()
    partitions: list[OffsetFetchResponsePartition] = array(OffsetFetchResponsePartition)


@table
class OffsetFetchResponsePartitions:
    """The next offset to be read of one partition (from version 8 on); -1 if there is none."""

    partition_index: int = int32()
    committed_offset: int = int64(NO_OFFSET)
    committed_leader_epoch: int = int32(-1)
    metadata: str | None = nullable_string("")
    error_code: int = int16()


@table
class OffsetFetchResponseTopics:
    """The positions in one topic (from version 8 on)."""

    name: str = string()
    partitions: list[OffsetFetchResponsePartitions] = array(OffsetFetchResponsePartitions)


@table
class OffsetFetchResponseGroup:
    """How far one group has come."""

    group_id: str = string()
    topics: list[OffsetFetchResponseTopics] = array(OffsetFetchResponseTopics)
    error_code: int = int16()


@table
class OffsetFetchResponse(Message):
    """How far the group, or from version 8 on each group, has come."""

    throttle_time_ms: int = int32(since=3)
    topics: list[OffsetFetchResponseTopic] = array(OffsetFetchResponseTopic, until=8)
    error_code: int = int16(since=2, until=8)
    groups: list[OffsetFetchResponseGroup] = array(OffsetFetchResponseGroup, since=8)


# --- OffsetDelete --------------------------------------------------------------------------


@table
class OffsetDeleteRequestPartition:
    """One partition."""

    partition_index: int = int32()


@table
class OffsetDeleteRequestTopic:
    """The partitions of one topic."""

    name: str = string()
    partitions: list[OffsetDeleteRequestPartition] = array(OffsetDeleteRequestPartition)


@table
class OffsetDeleteRequest(Message):
    """Forget a group's positions."""

    group_id: str = string()
    topics: list[OffsetDeleteRequestTopic] = array(OffsetDeleteRequestTopic)


@table
class OffsetDeleteResponsePartition:
    """What became of one partition's position."""

    partition_index: int = int32()
    error_code: int = int16()


@table
class OffsetDeleteResponseTopic:
    """What became of one topic's positions."""

    name: str = string()
    partitions: list[OffsetDeleteResponsePartition] = array(OffsetDeleteResponsePartition)


@table
class OffsetDeleteResponse(Message):
    """What became of each position."""

    error_code: int = int16()
    throttle_time_ms: int = int32()
    topics: list[OffsetDeleteResponseTopic] = array(OffsetDeleteResponseTopic)

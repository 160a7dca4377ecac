"""Fetch (key 1, versions 4 to 16): read record batches from partitions; waits for new ones.

Topics are named up to version 12 and identified from version 13 on.
"""

from uuid import UUID

from bus.model.batch import Buffer
from bus.wire.extensions import CREDIT_BYTES, FILE_RANGE, HOST, MORE, REPLICA_FLUSHED_OFFSET
from bus.wire.hints import LeaderIdAndEpoch, NodeEndpoint
from bus.wire.schema import (
    Message,
    array,
    boolean,
    int8,
    int16,
    int32,
    int64,
    nullable_array,
    nullable_string,
    optional,
    records,
    string,
    table,
    uuid,
)


@table
class ReplicaState:
    """Which follower asks, and its incarnation."""

    replica_id: int = int32(-1)
    replica_epoch: int = int64(-1)


@table
class FetchPartition:
    """Where to read one partition from, and how much of it."""

    partition: int = int32()
    current_leader_epoch: int = int32(-1, since=9)
    fetch_offset: int = int64()
    last_fetched_epoch: int = int32(-1, since=12)
    log_start_offset: int = int64(-1, since=5)
    partition_max_bytes: int = int32()
    flushed_offset: int = int64(-1, tag=REPLICA_FLUSHED_OFFSET)


@table
class FetchTopic:
    """The partitions to read of one topic."""

    topic: str = string(until=13)
    topic_id: UUID = uuid(since=13)
    partitions: list[FetchPartition] = array(FetchPartition)


@table
class ForgottenTopic:
    """Partitions that leave the fetch session (KIP-227)."""

    topic: str = string(since=7, until=13)
    topic_id: UUID = uuid(since=13)
    partitions: list[int] = array("int32", since=7)


@table
class FetchRequest(Message):
    """Read; the answer waits up to `max_wait_ms` for `min_bytes`."""

    cluster_id: str | None = nullable_string(since=12, tag=0)
    replica_id: int = int32(-1, until=15)
    replica_state: ReplicaState | None = optional(ReplicaState, since=15, tag=1)
    max_wait_ms: int = int32()
    min_bytes: int = int32()
    max_bytes: int = int32(0x7FFFFFFF)
    isolation_level: int = int8()  # 0 read uncommitted, 1 read committed
    session_id: int = int32(since=7)
    session_epoch: int = int32(-1, since=7)
    topics: list[FetchTopic] = array(FetchTopic)
    forgotten_topics_data: list[ForgottenTopic] = array(ForgottenTopic, since=7)
    rack_id: str = string(since=11)
    credit_bytes: int = int64(-1, tag=CREDIT_BYTES)
    host: str = string(tag=HOST)


@table
class EpochEndOffset:
    """Where the leader's log leaves the reader's: the last epoch they share, and its end."""

    epoch: int = int32(-1)
    end_offset: int = int64(-1)


@table
class SnapshotId:
    """A snapshot to be read first (only Kafka's metadata log has them)."""

    end_offset: int = int64(-1)
    epoch: int = int32(-1)


@table
class AbortedTransaction:
    """Records of this producer from here on, up to its abort marker, do not count."""

    producer_id: int = int64()
    first_offset: int = int64()


@table
class FileRange:
    """Where the records stand: a reader on the same machine reads them there by itself.

    From `position` on there are whole batches, of which the first may lie below the offset asked
    for. Those that end above the offset `below` are not committed, and not to be looked at.
    """

    path: str = string()  # absolute
    identity: str = string()  # what tells the file from any other of the machine
    position: int = int64()
    size: int = int32()
    below: int = int64()


@table
class PartitionData:
    """What was read of one partition."""

    partition_index: int = int32()
    error_code: int = int16()
    high_watermark: int = int64()
    last_stable_offset: int = int64(-1)
    log_start_offset: int = int64(-1, since=5)
    diverging_epoch: EpochEndOffset | None = optional(EpochEndOffset, since=12, tag=0)
    current_leader: LeaderIdAndEpoch | None = optional(LeaderIdAndEpoch, since=12, tag=1)
    snapshot_id: SnapshotId | None = optional(SnapshotId, since=12, tag=2)
    aborted_transactions: list[AbortedTransaction] | None = nullable_array(AbortedTransaction)
    preferred_read_replica: int = int32(-1, since=11)
    records: Buffer | None = records()  # whole batches, but the last may be cut
    file_range: FileRange | None = optional(FileRange, tag=FILE_RANGE)


@table
class FetchableTopicResponse:
    """What was read of one topic."""

    topic: str = string(until=13)
    topic_id: UUID = uuid(since=13)
    partitions: list[PartitionData] = array(PartitionData)


@table
class FetchResponse(Message):
    """What was read."""

    throttle_time_ms: int = int32()
    error_code: int = int16(since=7)
    session_id: int = int32(since=7)
    responses: list[FetchableTopicResponse] = array(FetchableTopicResponse)
    node_endpoints: list[NodeEndpoint] = array(NodeEndpoint, since=16, tag=0)
    more: bool = boolean(tag=MORE)

"""ListOffsets, DeleteRecords and OffsetForLeaderEpoch: where a log begins, ends and divides.

Keys 2 (versions 1 to 7), 21 (0 to 2) and 23 (2 to 4).
"""

from bus.wire.schema import Message, array, int8, int16, int32, int64, string, table

LATEST = -1  # timestamp that asks for the end of what the reader may see
EARLIEST = -2  # timestamp that asks for the first offset
MAX_TIMESTAMP = -3  # timestamp that asks for the record with the greatest one (version 7)

# --- ListOffsets ---------------------------------------------------------------------------


@table
class ListOffsetsPartition:
    """Which offset of one partition is asked for."""

    partition_index: int = int32()
    current_leader_epoch: int = int32(-1, since=4)
    timestamp: int = int64()  # ms since the epoch, or one of the constants above


@table
class ListOffsetsTopic:
    """The partitions of one topic."""

    name: str = string()
    partitions: list[ListOffsetsPartition] = array(ListOffsetsPartition)


@table
class ListOffsetsRequest(Message):
    """The first offset whose record is at or after a time."""

    replica_id: int = int32(-1)
    isolation_level: int = int8(since=2)  # 0 read uncommitted, 1 read committed
    topics: list[ListOffsetsTopic] = array(ListOffsetsTopic)


@table
class ListOffsetsPartitionResponse:
    """What was found; offset and timestamp are -1 if there is no such record."""

    partition_index: int = int32()
    error_code: int = int16()
    timestamp: int = int64(-1)
    offset: int = int64(-1)
    leader_epoch: int = int32(-1, since=4)


@table
class ListOffsetsTopicResponse:
    """What was found in one topic."""

    name: str = string()
    partitions: list[ListOffsetsPartitionResponse] = array(ListOffsetsPartitionResponse)


@table
class ListOffsetsResponse(Message):
    """What was found."""

    throttle_time_ms: int = int32(since=2)
    topics: list[ListOffsetsTopicResponse] = array(ListOffsetsTopicResponse)


# --- DeleteRecords -------------------------------------------------------------------------


@table
class DeleteRecordsPartition:
    """Delete below this offset; -1 is the high watermark."""

    partition_index: int = int32()
    offset: int = int64()


@table
class DeleteRecordsTopic:
    """The partitions of one topic."""

    name: str = string()
    partitions: list[DeleteRecordsPartition] = array(DeleteRecordsPartition)


@table
class DeleteRecordsRequest(Message):
    """Give up the oldest records of partitions."""

    topics: list[DeleteRecordsTopic] = array(DeleteRecordsTopic)
    timeout_ms: int = int32()


@table
class DeleteRecordsPartitionResult:
    """Where one partition begins now."""

    partition_index: int = int32()
    low_watermark: int = int64()
    error_code: int = int16()


@table
class DeleteRecordsTopicResult:
    """Where the partitions of one topic begin now."""

    name: str = string()
    partitions: list[DeleteRecordsPartitionResult] = array(DeleteRecordsPartitionResult)


@table
class DeleteRecordsResponse(Message):
    """Where the partitions begin now."""

    throttle_time_ms: int = int32()
    topics: list[DeleteRecordsTopicResult] = array(DeleteRecordsTopicResult)


# --- OffsetForLeaderEpoch ------------------------------------------------------------------


@table
class OffsetForLeaderPartition:
    """Which epoch of one partition is asked for."""

    partition: int = int32()
    current_leader_epoch: int = int32(-1)
    leader_epoch: int = int32()


@table
class OffsetForLeaderTopic:
    """The partitions of one topic."""

    topic: str = string()
    partitions: list[OffsetForLeaderPartition] = array(OffsetForLeaderPartition)


@table
class OffsetForLeaderEpochRequest(Message):
    """Where does an epoch end in your log? (KIP-101, KIP-320)"""

    replica_id: int = int32(-2, since=3)  # -2: a consumer that may not say so
    topics: list[OffsetForLeaderTopic] = array(OffsetForLeaderTopic)


@table
class EpochEndOffset:
    """The greatest epoch up to the one asked for, and its end; -1 in both if there is none."""

    error_code: int = int16()
    partition: int = int32()
    leader_epoch: int = int32(-1)
    end_offset: int = int64(-1)


@table
class OffsetForLeaderTopicResult:
    """The ends in one topic."""

    topic: str = string()
    partitions: list[EpochEndOffset] = array(EpochEndOffset)


@table
class OffsetForLeaderEpochResponse(Message):
    """Where the epochs end."""

    throttle_time_ms: int = int32()
    topics: list[OffsetForLeaderTopicResult] = array(OffsetForLeaderTopicResult)

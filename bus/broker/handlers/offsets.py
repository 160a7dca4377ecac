"""ListOffsets, OffsetForLeaderEpoch, DeleteRecords: where a log begins, ends and divides."""

from bus.broker.context import Context, Reply
from bus.broker.leaders import absence
from bus.broker.node import Node
from bus.broker.partition import Partition
from bus.errors import (
    NONE,
    BusError,
    InvalidTopic,
    OffsetOutOfRange,
    StorageError,
)
from bus.model.batch import NO_LEADER_EPOCH
from bus.model.ids import INTERNAL_TOPICS
from bus.wire.offsets import (
    DeleteRecordsPartitionResult,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopicResult,
    EpochEndOffset,
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
)

LATEST, EARLIEST, MAX_TIMESTAMP = -1, -2, -3  # protocol: ListOffsets, special timestamps
UP_TO_HIGH_WATERMARK = -1  # protocol: DeleteRecords


def list_offsets(node: Node, context: Context, request: ListOffsetsRequest, reply: Reply) -> None:
    """Serve one ListOffsets."""
    response = ListOffsetsResponse()
    for topic in request.topics:
        answers = [_list_one(node, topic.name, asked) for asked in topic.partitions]
        response.topics.append(ListOffsetsTopicResponse(name=topic.name, partitions=answers))
    reply(response)


def _list_one(node: Node, topic: str, asked: ListOffsetsPartition) -> ListOffsetsPartitionResponse:
    answer = ListOffsetsPartitionResponse(partition_index=asked.partition_index)
    answer.offset = answer.timestamp = answer.leader_epoch = -1
    partition = node.runtime.find(topic, asked.partition_index)
    if partition is None:
        answer.error_code = absence(node, topic, asked.partition_index)
        return answer
    leader = partition.leader
    answer.error_code = leader.epoch_error(asked.current_leader_epoch) or leader.offset_error()
    if answer.error_code != NONE:
        return answer
    try:
        answer.timestamp, answer.offset = _locate(partition, asked.timestamp)
    except BusError as error:
        answer.error_code = error.code
        return answer
    except OSError:
        answer.error_code = StorageError.code
        return answer
    if answer.offset >= 0:
        known = partition.log.epochs.epoch_at(answer.offset)
        answer.leader_epoch = leader.epoch if asked.timestamp == LATEST or known < 0 else known
    return answer


def _locate(partition: Partition, timestamp: int) -> tuple[int, int]:
    """(timestamp, offset) of what is asked for, both -1 if there is nothing."""
    log, visible = partition.log, partition.leader.high_watermark
    found: tuple[int, int] | None
    if timestamp == LATEST:
        return -1, visible
    if timestamp == EARLIEST:
        return -1, log.start_offset
    found = log.last_timestamp() if timestamp == MAX_TIMESTAMP else None
    if timestamp >= 0:
        found = log.offset_for_timestamp(timestamp)
    if found is None or found[1] >= visible:
        return -1, -1
    return found


def offset_for_leader_epoch(
    node: Node, context: Context, request: OffsetForLeaderEpochRequest, reply: Reply
) -> None:
    """Serve one OffsetForLeaderEpoch: a reader compares its log with ours (KIP-320)."""
    response = OffsetForLeaderEpochResponse()
    for topic in request.topics:
        answers = [_epoch_end(node, topic.topic, asked) for asked in topic.partitions]
        response.topics.append(OffsetForLeaderTopicResult(topic.topic, answers))
    reply(response)


def _epoch_end(node: Node, topic: str, asked: OffsetForLeaderPartition) -> EpochEndOffset:
    answer = EpochEndOffset(partition=asked.partition)
    partition = node.runtime.find(topic, asked.partition)
    if partition is None:
        answer.error_code = absence(node, topic, asked.partition)
        return answer
    leader, epochs = partition.leader, partition.log.epochs
    answer.error_code = leader.epoch_error(asked.current_leader_epoch) or leader.offset_error()
    if answer.error_code != NONE or not 0 <= asked.leader_epoch <= leader.epoch:
        return answer
    if asked.leader_epoch == leader.epoch:  # it may have written nothing yet
        answer.leader_epoch, answer.end_offset = leader.epoch, leader.end_offset
        return answer
    found = epochs.end_offset_for(asked.leader_epoch, leader.end_offset)
    if found[0] < 0:  # older than all that is kept: as if it ended where that begins
        found = asked.leader_epoch, partition.log.start_offset
    answer.leader_epoch, answer.end_offset = found
    return answer


def delete_records(
    node: Node, context: Context, request: DeleteRecordsRequest, reply: Reply
) -> None:
    """Serve one DeleteRecords: move a log's start up."""
    response = DeleteRecordsResponse()
    for topic in request.topics:
        results = [
            _delete_one(node, topic.name, asked.partition_index, asked.offset)
            for asked in topic.partitions
        ]
        response.topics.append(DeleteRecordsTopicResult(name=topic.name, partitions=results))
    reply(response)


def _delete_one(node: Node, topic: str, index: int, offset: int) -> DeleteRecordsPartitionResult:
    result = DeleteRecordsPartitionResult(partition_index=index, low_watermark=-1)
    partition = node.runtime.find(topic, index)
    if partition is None:
        result.error_code = absence(node, topic, index)
        return result
    result.error_code = partition.leader.epoch_error(NO_LEADER_EPOCH)
    if result.error_code != NONE:
        return result
    if topic in INTERNAL_TOPICS:
        result.error_code = InvalidTopic.code
        return result
    visible = partition.leader.high_watermark
    target = visible if offset == UP_TO_HIGH_WATERMARK else offset
    if not 0 <= target <= visible:
        result.error_code = OffsetOutOfRange.code
        return result
    try:
        partition.log.delete_prefix(max(target, partition.log.start_offset))
    except BusError as error:
        result.error_code = error.code
        return result
    except OSError as error:
        partition.store.on_write_error(error)
        result.error_code = StorageError.code
        return result
    result.low_watermark = partition.log.start_offset
    return result

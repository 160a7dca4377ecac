"""DescribeReplicas: partitions' records as any broker knows them, and this one's logs of them."""

from bus.broker.context import Context, Reply
from bus.broker.node import Node
from bus.errors import UnknownTopicOrPartition
from bus.model.cluster import TopicImage
from bus.model.ids import PartitionId
from bus.model.recoveries import RecoveryRecord
from bus.wire.replica_states import (
    DescribeReplicasRequest,
    DescribeReplicasResponse,
    PartitionState,
    RecoveryState,
    StatesTopicResult,
)


def describe_replicas(
    node: Node, context: Context, request: DescribeReplicasRequest, reply: Reply
) -> None:
    """Serve one DescribeReplicas."""
    response = DescribeReplicasResponse()
    for asked in request.topics:
        topic = node.metadata.image.topics.get(asked.name)
        states = [_state(node, topic, index) for index in asked.partitions]
        response.topics.append(StatesTopicResult(asked.name, states))
    reply(response)


def _state(node: Node, topic: TopicImage | None, index: int) -> PartitionState:
    if topic is None or not 0 <= index < len(topic.partitions):
        node.count_error(UnknownTopicOrPartition.code)
        return PartitionState(index, UnknownTopicOrPartition.code)
    pid, image = PartitionId(topic.topic_id, index), topic.partitions[index]
    state = PartitionState(
        index,
        leader=image.leader,
        leader_epoch=image.leader_epoch,
        replicas=list(image.replicas),
        isr=list(image.isr),
        elr=list(image.elr),
        last_elr=list(image.last_elr),
        recoveries=[_recovery(each) for each in node.metadata.recoveries.get(pid, ())],
    )
    partition = node.runtime.partitions.get(pid)
    if partition is not None:
        ends = partition.ends
        state.start_offset, state.end_offset = ends.start_offset, ends.end_offset
        state.flushed_offset, state.last_epoch = ends.flushed_offset, ends.last_epoch
        state.high_watermark = partition.log.high_watermark
        state.halted = partition.follower.halted if partition.follower is not None else None
    return state


def _recovery(record: RecoveryRecord) -> RecoveryState:
    return RecoveryState(
        record.leader_epoch,
        record.leader,
        record.cause,
        record.by,
        record.at_ms,
        list(record.isr),
        list(record.elr),
        list(record.last_elr),
        record.end_offset,
        record.seen_offset,
    )
